/**
 * Pages without a process: a site over a fake daemon, and a browser that is signed in.
 *
 *   const rig = siteRig({ answers: { 'GET /v1/status': () => STATUS } });
 *   const answer = await rig.get('/status');             // in English; rig.get(path, { language: 'ja' }) in Japanese
 *   await rig.post('/recipients/override', { match: 'a@b.example' });
 *   expect(rig.calls).toContainEqual({ method: 'POST', path: '/v1/overrides', body: …, actor: { who: …, from: … } });
 */
import type { Hono } from 'hono';
import { assembleConsole } from '../../src/console/assemble.ts';
import { DaemonUnreachable } from '../../src/console/control-client.ts';
import type { ConsoleNews } from '../../src/console/ipc.ts';
import type { Actor, Daemon } from '../../src/console/site/daemon.ts';
import type { OpenEnv, Section, SectionParts } from '../../src/console/site/section.ts';
import { sectionsOf } from '../../src/console/site/sections.ts';
import type { Sessions } from '../../src/console/site/sessions.ts';
import type { Account, Language, Visitor } from '../../src/console/site/visit.ts';

/** Sees and changes everything. */
export const ADMIN: Visitor = { who: 'console link', name: 'console link', role: 'admin', tenants: null };
/** Sees everything, changes nothing. */
export const READER: Visitor = { who: 'Rie Reader', name: 'Rie Reader', role: 'reader', tenants: null };

/** An admin of one tenant only. */
export function adminOf(tenant: string): Visitor {
  return { who: `Ada Admin of ${tenant}`, name: 'Ada Admin', role: 'admin', tenants: [tenant] };
}

/** What the fake daemon was asked. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'LINES';
  readonly path: string;
  readonly body?: unknown;
  readonly actor?: Actor | undefined;
}

/** By `METHOD /path` without the query. A list answers `lines`. An Error is thrown. */
export type Answers = Readonly<Record<string, (body: unknown, path: string) => unknown>>;

export interface RigOptions {
  readonly answers?: Answers;
  /** null: nobody is signed in. */
  readonly visitor?: Visitor | null;
  readonly sections?: (parts: SectionParts) => readonly Section[];
  readonly publicUrl?: string;
  readonly admins?: readonly Account[];
  readonly readers?: readonly Account[];
  readonly now?: () => number;
}

export interface AskOptions {
  readonly language?: Language;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SiteRig {
  readonly app: Hono<OpenEnv>;
  readonly calls: readonly Call[];
  /** What the daemon was told of comings and goings. */
  readonly news: readonly ConsoleNews[];
  readonly csrf: string;
  readonly sessions: Sessions;
  get(path: string, options?: AskOptions): Promise<Response>;
  /** Posts a form with its CSRF field; a file is a `File`. */
  post(path: string, fields: Fields, options?: AskOptions): Promise<Response>;
}

/** By name; or as a list, in which a name may come twice. */
export type Fields =
  | Readonly<Record<string, string | File>>
  | ReadonlyArray<readonly [string, string | File]>;

/** What a daemon answers before anything was set up. */
const NOBODY: Answers = {
  'POST /v1/console/applications': () => [],
  'POST /v1/console/accounts/list': () => [],
};

const HOST = 'localhost:8025';
/** Where the signed-in browser of a rig is. */
export const FROM = '192.0.2.7';

/** A site whose browser is signed in as `visitor`, an admin of everything unless given. */
export function siteRig(options: RigOptions = {}): SiteRig {
  const { answers = {}, visitor = ADMIN, now = Date.now } = options;
  const calls: Call[] = [];
  const news: ConsoleNews[] = [];
  const { app, sessions, cookies, publicUrl } = assembleConsole({
    settings: {
      host: '127.0.0.1',
      port: 8025,
      publicUrl: options.publicUrl ?? null,
      session: 8 * 3_600_000,
      sessionIdle: 3_600_000,
      admins: options.admins ?? [],
      readers: options.readers ?? [],
      loginOrigins: ['https://login.microsoftonline.com'],
    },
    daemon: fakeDaemon({ ...NOBODY, ...answers }, calls),
    sections: options.sections ?? sectionsOf,
    tell: (each) => news.push(each),
    clientAddress: () => FROM,
    now,
  });
  const open = visitor === null ? null : sessions.open(visitor, now());
  const cookie: Record<string, string> = open ? { cookie: `${cookies.session}=${open.cookie}` } : {};
  const headersOf = ({ language = 'en', headers = {} }: AskOptions = {}) => ({
    host: HOST,
    'accept-language': language,
    ...cookie,
    ...headers,
  });
  return {
    app,
    calls,
    news,
    sessions,
    csrf: open?.session.csrf ?? '',
    get: async (path, ask) => app.request(path, { headers: headersOf(ask) }),
    async post(path, fields, ask) {
      const body = formData(open?.session.csrf ?? '', fields);
      const origin = { origin: publicUrl, 'sec-fetch-site': 'same-origin' };
      return app.request(path, { method: 'POST', headers: { ...origin, ...headersOf(ask) }, body });
    },
  };
}

function formData(csrf: string, fields: Fields): FormData {
  const pairs = Array.isArray(fields) ? (fields as ReadonlyArray<readonly [string, string | File]>) : null;
  const body = new FormData();
  if (pairs || !('csrf' in fields)) body.set('csrf', csrf);
  for (const [name, value] of pairs ?? Object.entries(fields)) body.append(name, value);
  return body;
}

function fakeDaemon(answers: Answers, calls: Call[]): Daemon {
  const answer = (method: 'GET' | 'POST', path: string, body: unknown): unknown => {
    const given = answers[`${method} ${path.split('?')[0]}`];
    if (!given) throw new DaemonUnreachable(`the fake daemon has no answer to ${method} ${path}`);
    const value = given(body, path);
    if (value instanceof Error) throw value;
    // As over the socket: what JSON does not carry is lost.
    return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as unknown);
  };
  return {
    async get(path) {
      calls.push({ method: 'GET', path });
      return answer('GET', path, null);
    },
    async post(path, body, actor) {
      calls.push({ method: 'POST', path, body, actor });
      return answer('POST', path, body);
    },
    async *lines(path, body, actor) {
      calls.push({ method: 'LINES', path, body, actor });
      const value = answer('POST', path, body);
      yield* Array.isArray(value) ? (value as unknown[]) : [value];
    },
  };
}
