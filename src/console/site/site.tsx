/**
 * The console put together: what every request passes on its way to a page. In this order: host, headers, files, who
 * and which language, what anybody may open, the gate, for a POST where it comes from and its CSRF field, the areas.
 */
import { type Context, Hono, type MiddlewareHandler, type Next } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { getCookie } from 'hono/cookie';
import { isOurHost, isOurPost, ownPath, type SiteAddress } from './address.ts';
import { assetRoutes } from './assets.ts';
import type { Cookies } from './cookies.ts';
import { CSRF_FIELD } from './form.tsx';
import { securityHeaders } from './headers.ts';
import { acceptedLanguage, languageNamed } from './language.ts';
import type { OpenEnv, Section, SiteEnv } from './section.ts';
import type { Session, Sessions } from './sessions.ts';
import { answerTrouble, isFault, Refused } from './trouble.tsx';
import type { Visit } from './visit.ts';

/** What the console is put together from. */
export interface SiteParts {
  readonly address: SiteAddress;
  readonly sessions: Sessions;
  readonly cookies: Cookies;
  readonly sections: readonly Section[];
  /** Origins of login services that a form may lead to. */
  readonly loginOrigins: readonly string[];
  readonly assets: URL;
  /** Adds the ways in: link, sign-in, callback. */
  readonly entrance: (app: Hono<OpenEnv>) => void;
  /** Told at each sign-out. */
  readonly left: (visit: Visit) => void;
  /** Told of every error that is neither a refusal nor a silent daemon. */
  readonly fault: (path: string, error: Error) => void;
  readonly clientAddress: (context: Context) => string;
  readonly now: () => number;
}

/** Largest body unless an area says otherwise, bytes. */
const BODY = 64 * 1024;

/** The console as a function from request to answer. */
export function createSite(parts: SiteParts): Hono<OpenEnv> {
  const app = new Hono<OpenEnv>();
  const headers = securityHeaders({ publicUrl: parts.address.publicUrl, loginOrigins: parts.loginOrigins });
  app.use(async (context, next) => {
    await next();
    for (const [name, value] of headers) context.res.headers.set(name, value);
    if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
  });
  app.use(async (context, next) => {
    if (isOurHost(parts.address, context.req.header('host'))) return next();
    const hint = 'Open the console under its public_url, or set public_url in [console].';
    return context.text(`This host name is not that of the console. ${hint}\n`, 421);
  });
  app.use(arrive(parts));
  app.onError((error, context) => {
    if (isFault(error)) parts.fault(context.req.path, error);
    return answerTrouble(error, context);
  });
  app.notFound((context) => answerTrouble(new Refused('notFound', 404), context));
  assetRoutes(app, parts.assets);
  languageRoute(app, parts.cookies);
  parts.entrance(app);
  for (const section of parts.sections) section.mountOpen?.(app.basePath(section.path));
  app.route('/', gated(parts));
  return app;
}

/** Everything behind the gate. */
function gated(parts: SiteParts): Hono<SiteEnv> {
  const app = new Hono<SiteEnv>();
  app.use(gate);
  app.use(checkPost(parts));
  app.use(askBanners(parts));
  app.get('/', async (context) => context.redirect(await startOf(parts.sections, context.get('visit')), 303));
  app.post('/sign-out', (context) => {
    const cookie = getCookie(context, parts.cookies.session);
    if (cookie !== undefined) parts.sessions.close(cookie);
    parts.cookies.drop(context, parts.cookies.session);
    parts.left(context.get('visit'));
    return context.redirect('/sign-in', 303);
  });
  for (const section of parts.sections) {
    app.use(`${section.path}/*`, async (context, next) => {
      if (section.adminOnly && context.get('visit').visitor.role !== 'admin')
        throw new Refused('notAllowed', 403);
      return next();
    });
    section.mount(app.basePath(section.path));
  }
  return app;
}

/** Finds out who asks and in which language. */
function arrive(parts: SiteParts): MiddlewareHandler<OpenEnv> {
  const { sessions, sections, cookies, now } = parts;
  return (context, next) => {
    const cookie = getCookie(context, cookies.session);
    const session = cookie === undefined ? null : sessions.find(cookie, now());
    const language =
      languageNamed(getCookie(context, cookies.language)) ??
      acceptedLanguage(context.req.header('accept-language'));
    const from = parts.clientAddress(context);
    const visit = session && visitOf(session, language, from);
    context.set('arrival', { language, from, visit });
    context.set('frame', {
      sections,
      path: context.req.path,
      banners: [],
      here: `${context.req.path}${new URL(context.req.url).search}`,
      takeNotice() {
        const notice = session?.notice ?? null;
        if (session) session.notice = null;
        return notice;
      },
      leaveNotice(notice) {
        if (session) session.notice = notice;
      },
    });
    return next();
  };
}

function visitOf(session: Session, language: Visit['language'], from: string): Visit {
  const { visitor, csrf, name } = session;
  return { language, from, visitor, csrf, session: name };
}

/** Where a visit begins: with what an area says comes first, otherwise with the state. */
async function startOf(sections: readonly Section[], visit: Visit): Promise<string> {
  const first = await Promise.all(sections.map((section) => section.start?.(visit).catch(() => null)));
  return first.find((path) => typeof path === 'string') ?? '/status';
}

/** How long a page waits for what stands above it, ms. */
const BANNER_WAIT = 300;

/** Asks the areas what stands above the page. One that fails or is slow says nothing. */
function askBanners({ sections }: SiteParts): MiddlewareHandler<SiteEnv> {
  return async (context, next) => {
    const visit = context.get('visit');
    const asked = sections.flatMap((section) => section.banner?.(visit).catch(() => null) ?? []);
    if (context.req.method === 'GET' && asked.length > 0) {
      const late = new Promise<null>((resolve) => setTimeout(resolve, BANNER_WAIT, null).unref());
      context.get('frame').banners = await Promise.all(asked.map((each) => Promise.race([each, late])));
    }
    return next();
  };
}

/** Lets those pass who are signed in. A GET is led to the sign-in; what was posted is lost. */
function gate(context: Context<SiteEnv>, next: Next) {
  const { visit } = context.get('arrival');
  if (visit === null) {
    const to = context.req.method === 'GET' && context.req.path !== '/' ? context.req.path : null;
    const query = to === null ? '' : `?to=${encodeURIComponent(to)}`;
    return Promise.resolve(context.redirect(`/sign-in${query}`, 303));
  }
  context.set('visit', visit);
  return next();
}

/** Reads a POST only from our own pages, from an admin (readers may sign out), up to the limit, with its CSRF field. */
function checkPost({ address, sections }: SiteParts): MiddlewareHandler<SiteEnv> {
  const limits = new Map(
    sections.flatMap(({ path, uploads = {} }) =>
      Object.entries(uploads).map(([below, size]) => [`${path}${below}`, size] as const),
    ),
  );
  return async (context, next) => {
    const { method, path } = context.req;
    if (method === 'GET' || method === 'HEAD') return next();
    if (method !== 'POST') throw new Refused('notFound', 405);
    const header = (name: string) => context.req.header(name);
    const sent = { host: header('host'), origin: header('origin'), fetchSite: header('sec-fetch-site') };
    if (!isOurPost(address, sent)) throw new Refused('badForm', 403);
    const { visitor } = context.get('visit');
    if (visitor.role !== 'admin' && path !== '/sign-out') throw new Refused('adminOnly', 403);
    const limit = bodyLimit({
      maxSize: limits.get(path) ?? BODY,
      onError: () => {
        throw new Refused('tooLarge', 413);
      },
    });
    return limit(context, async () => {
      await readForm(context);
      await next();
    });
  };
}

async function readForm(context: Context<SiteEnv>): Promise<void> {
  const form = await context.req.formData().catch(() => null);
  if (form?.get(CSRF_FIELD) !== context.get('visit').csrf) throw new Refused('badForm', 403);
  form.delete(CSRF_FIELD);
  context.set('form', form);
}

function languageRoute(app: Hono<OpenEnv>, cookies: Cookies): void {
  app.get('/language/:language', (context) => {
    const language = languageNamed(context.req.param('language'));
    if (language === null) throw new Refused('notFound', 404);
    cookies.keep(context, cookies.language, language, 365 * 86_400);
    return context.redirect(ownPath(context.req.query('to')), 303);
  });
}
