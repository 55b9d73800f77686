/** What the entrance asks of the daemon, with the form of each answer checked. */
import type { JSONWebKeySet } from 'jose';
import type { Actor, Daemon } from '../site/daemon.ts';
import type { Account } from '../site/visit.ts';

/** An application through which one can sign in. */
export interface Application {
  readonly tenant: string;
  readonly applicationId: string;
  /** Base URL of the login service. */
  readonly login: string;
  /** A credential is in use. */
  readonly ready: boolean;
  /** What the tenant is called by people. */
  readonly domains: readonly string[];
}

/** Somebody who was remembered. */
export interface Remembered extends Account {
  readonly name: string;
  readonly role: 'admin' | 'reader';
  /** Ms since 1970. */
  readonly since: number;
}

/** What to do about a sign-in that did not work. */
export interface SignInProblem {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export type Redeemed =
  | { readonly ok: true; readonly token: string }
  | { readonly ok: false; readonly problem: SignInProblem };

export interface CodeToRedeem {
  readonly tenant: string;
  readonly code: string;
  readonly verifier: string;
  readonly redirectUri: string;
  readonly nonce: string;
}

/** The daemon's part of coming in. Each function throws what {@link Daemon} throws. */
export interface DaemonSide {
  /** At most one question to the daemon in a few seconds, however many strangers look at the sign-in page. */
  applications(): Promise<readonly Application[]>;
  useLink(link: string): Promise<'good' | 'late' | 'unknown'>;
  redeem(code: CodeToRedeem): Promise<Redeemed>;
  /** @throws Error when they cannot be had. */
  keys(tenant: string): Promise<JSONWebKeySet>;
  remembered(): Promise<readonly Remembered[]>;
  remember(account: Omit<Remembered, 'since'>, actor: Actor): Promise<void>;
  forget(account: Account, actor: Actor): Promise<void>;
}

/** For how long the list of applications is good, ms. */
const APPLICATIONS_TIME = 3_000;

/** For calls that change nothing: the daemon wants the console's token with them all the same. */
const CONSOLE: Actor = { who: 'console', from: '' };

/** Over a daemon. `now` in ms. */
export function daemonSide(daemon: Daemon, now: () => number): DaemonSide {
  let list: { readonly at: number; readonly found: Promise<readonly Application[]> } | null = null;
  return {
    applications() {
      if (list && now() - list.at < APPLICATIONS_TIME) return list.found;
      const found = daemon.post('/v1/console/applications', {}, CONSOLE).then(applicationsIn);
      list = { at: now(), found };
      return found;
    },
    async useLink(link) {
      const answer = await daemon.post('/v1/console/link/use', { link }, CONSOLE);
      const use = field(answer, 'use');
      return use === 'good' || use === 'late' ? use : 'unknown';
    },
    redeem: async (code) => redeemedIn(await daemon.post('/v1/console/redeem', code, CONSOLE)),
    async keys(tenant) {
      const answer = await daemon.post('/v1/console/keys', { tenant }, CONSOLE);
      const keys = field(field(answer, 'value'), 'keys');
      if (Array.isArray(keys)) return { keys };
      throw new Error(problemIn(field(answer, 'error')).message);
    },
    remembered: async () => rememberedIn(await daemon.post('/v1/console/accounts/list', {}, CONSOLE)),
    async remember({ tenant, object, name, role }, actor) {
      await daemon.post('/v1/console/accounts', { tenant, object, name, role }, actor);
    },
    async forget({ tenant, object }, actor) {
      await daemon.post('/v1/console/accounts/forget', { tenant, object }, actor);
    },
  };
}

function field(value: unknown, name: string): unknown {
  return (Object(value) as Record<string, unknown>)[name];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function applicationsIn(answer: unknown): readonly Application[] {
  return list(answer).map((each) => ({
    tenant: String(field(each, 'tenant')).toLowerCase(),
    applicationId: String(field(each, 'applicationId')).toLowerCase(),
    login: String(field(each, 'login')),
    ready: field(each, 'ready') === true,
    domains: list(field(each, 'domains')).map(String),
  }));
}

function redeemedIn(answer: unknown): Redeemed {
  const token = field(answer, 'value');
  if (field(answer, 'ok') === true && typeof token === 'string') return { ok: true, token };
  return { ok: false, problem: problemIn(field(answer, 'error')) };
}

function problemIn(error: unknown): SignInProblem {
  const text = (name: string): string => {
    const value = field(error, name);
    return typeof value === 'string' ? value : '';
  };
  return { code: text('code'), message: text('message') || 'no reason given', hint: text('hint') };
}

function rememberedIn(answer: unknown): readonly Remembered[] {
  return list(answer).map((each) => ({
    tenant: String(field(each, 'tenant')),
    object: String(field(each, 'object')),
    name: String(field(each, 'name')),
    role: field(each, 'role') === 'admin' ? 'admin' : 'reader',
    since: Number(field(each, 'since')),
  }));
}
