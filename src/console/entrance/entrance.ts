/**
 * The ways in: a one-time link, and Sign in with Microsoft (RFC 6749 section 4.1 with PKCE, RFC 7636; OpenID Connect
 * Core 1.0 section 3.1). What begins here is bound to the browser by a cookie, and good once.
 */
import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import type { ConsoleNews } from '../ipc.ts';
import type { Attempts } from '../site/attempts.ts';
import type { Cookies } from '../site/cookies.ts';
import { openOneShots } from '../site/one-shot.ts';
import type { OpenEnv } from '../site/section.ts';
import type { Sessions } from '../site/sessions.ts';
import { Refused } from '../site/trouble.tsx';
import { type Account, mayChange, type Visit, type Visitor } from '../site/visit.ts';
import { roleOf, visitorFrom } from './authorise.ts';
import { authorizeUrl, errorFrom, singleParameters } from './authorization.ts';
import type { Application, DaemonSide } from './daemon-side.ts';
import { type Person, verifyIdentity } from './identity-token.ts';
import { keyStore } from './keys.ts';
import { type Arrivals, type Problem, whyText } from './problem.ts';

export interface EntranceParts {
  readonly publicUrl: string;
  readonly cookies: Cookies;
  readonly sessions: Sessions;
  readonly attempts: Attempts;
  readonly arrivals: Arrivals;
  readonly side: DaemonSide;
  readonly admins: readonly Account[];
  readonly readers: readonly Account[];
  readonly tell: (news: ConsoleNews) => void;
  readonly now: () => number;
}

/** What is to happen after a sign-in. */
export interface SignInAsk {
  readonly tenant: string;
  /** A path of ours. */
  readonly to: string;
  /** Microsoft lets the person choose the account even when only one is signed in there. */
  readonly choose: boolean;
  /** Remember whoever signs in: asked for by an administrator in a session of theirs. */
  readonly remember: { readonly role: 'admin' | 'reader'; readonly by: Visit } | null;
}

export interface Entrance {
  /** Opens a session by a one-time link. The answer leads to the start page, or to the sign-in page with a problem. */
  useLink(context: Context<OpenEnv>, link: string): Promise<Response>;
  /** Leads to Microsoft's sign-in page. */
  begin(context: Context<OpenEnv>, ask: SignInAsk): Promise<Response>;
  /** The way back from there. The answer always leads to a clean address: neither code nor state stays in the history. */
  finish(context: Context<OpenEnv>): Promise<Response>;
}

/** Path of the redirect URI. */
export const CALLBACK_PATH = '/oauth/callback';

/** What a state stands for. */
interface Begun extends SignInAsk {
  readonly application: Application;
  readonly isOnlyTenant: boolean;
  readonly verifier: string;
  readonly nonce: string;
}

type Result = { readonly ok: true; readonly to: string } | { readonly ok: false; readonly problem: Problem };

/** The ways in. */
export function openEntrance(parts: EntranceParts): Entrance {
  const { arrivals, cookies, side, now } = parts;
  const states = openOneShots<Begun>(now);
  const keys = keyStore(side.keys, now);
  const callback = `${parts.publicUrl}${CALLBACK_PATH}`;

  const back = (context: Context<OpenEnv>, how: 'link' | 'microsoft', result: Result): Response => {
    if (result.ok) return context.redirect(result.to, 303);
    arrivals.note(context, result.problem);
    const { from } = context.get('arrival');
    const account = result.problem.kind === 'account' ? result.problem.account : null;
    parts.tell({ news: 'refused', how, from, why: whyText(result.problem), account });
    return context.redirect('/sign-in', 303);
  };
  const enter = (context: Context<OpenEnv>, visitor: Visitor, how: 'link' | 'microsoft'): void => {
    const old = getCookie(context, cookies.session);
    if (old !== undefined) parts.sessions.close(old);
    cookies.keep(context, cookies.session, parts.sessions.open(visitor, now()).cookie, null);
    arrivals.forget(context);
    cookies.drop(context, cookies.arrival);
    const { who, role } = visitor;
    parts.tell({ news: 'sign-in', who, role, how, from: context.get('arrival').from });
  };
  const finished = async (context: Context<OpenEnv>): Promise<Result> => {
    const parameters = singleParameters(context.req.url);
    if (parameters === null) return refused({ kind: 'state' });
    const begun = states.take(parameters.get('state') ?? '', arrivals.of(context));
    if (!begun.ok) return refused({ kind: 'state' });
    // An error comes first: what else came with it means nothing.
    const error = parameters.get('error');
    if (error !== undefined) return refused(errorFrom(error, parameters.get('error_description') ?? ''));
    const identity = await identify(parts, keys, begun.value, parameters.get('code') ?? '', callback);
    if (!identity.ok) return identity;
    return admit(parts, context, begun.value, identity.person, enter);
  };
  return {
    async useLink(context, link) {
      attempt(parts, context, 'link');
      const use = await side.useLink(link);
      if (use !== 'good') return back(context, 'link', refused({ kind: 'link', why: use }));
      const name = 'console link';
      enter(context, { who: name, name, role: 'admin', tenants: null }, 'link');
      return back(context, 'link', { ok: true, to: '/' });
    },
    async begin(context, ask) {
      attempt(parts, context, 'microsoft');
      const all = await side.applications();
      const application = all.find(({ tenant, ready }) => tenant === ask.tenant && ready);
      if (!application) return back(context, 'microsoft', refused(NO_APPLICATION));
      arrivals.forget(context);
      const begun = {
        ...ask,
        application,
        isOnlyTenant: all.length === 1,
        verifier: token(),
        nonce: token(),
      };
      const state = states.issue(begun, arrivals.known(context));
      return context.redirect(authorizeUrl(begun, state, callback), 303);
    },
    async finish(context) {
      const result = await finished(context);
      // A state that was issued has been counted when it was.
      if (!result.ok && result.problem.kind === 'state') attempt(parts, context, 'microsoft');
      return back(context, 'microsoft', result);
    },
  };
}

const NO_APPLICATION: Problem = {
  kind: 'microsoft',
  text: 'The application of this tenant has no working credential.',
  hint: 'Enter with a one-time link and look at the OAuth settings.',
};

function refused(problem: Problem): Result {
  return { ok: false, problem };
}

/** Counts an attempt. @throws Refused 429 when there were too many; of a row of them the log hears once. */
function attempt(
  { attempts, tell }: EntranceParts,
  context: Context<OpenEnv>,
  how: 'link' | 'microsoft',
): void {
  const { from } = context.get('arrival');
  const outcome = attempts.attempt(from, performance.now());
  if (outcome === 'allowed') return;
  if (outcome === 'refused') tell({ news: 'refused', how, from, why: 'too many attempts', account: null });
  throw new Refused('tooMany', 429);
}

const WRONG_NONCE = 'the token is not for us: nonce is wrong';

type Identified =
  | { readonly ok: true; readonly person: Person }
  | { readonly ok: false; readonly problem: Problem };

async function identify(
  { side, now }: EntranceParts,
  keys: ReturnType<typeof keyStore>,
  { application, verifier, nonce }: Begun,
  code: string,
  redirectUri: string,
): Promise<Identified> {
  const { tenant, applicationId, login } = application;
  const redeemed = await side.redeem({ tenant, code, verifier, redirectUri, nonce });
  if (!redeemed.ok) {
    const { code: fault, message, hint } = redeemed.problem;
    // MSAL looks at the nonce before we do.
    if (fault === 'nonce_mismatch') return { ok: false, problem: { kind: 'identity', why: WRONG_NONCE } };
    return { ok: false, problem: { kind: 'microsoft', text: message, hint } };
  }
  const source = (fresh: boolean) => keys(tenant, fresh);
  const verified = await verifyIdentity(
    redeemed.token,
    source,
    { tenant, applicationId, login, nonce },
    now(),
  );
  if (verified.ok) return verified;
  return { ok: false, problem: { kind: 'identity', why: verified.why } };
}

/** Remembers the person when an administrator asked for that, then lets in who may enter. */
async function admit(
  parts: EntranceParts,
  context: Context<OpenEnv>,
  begun: Begun,
  person: Person,
  enter: (context: Context<OpenEnv>, visitor: Visitor, how: 'microsoft') => void,
): Promise<Result> {
  const { side, admins, readers } = parts;
  const { tenant, object, name } = person;
  const { visit, from } = context.get('arrival');
  const { remember } = begun;
  if (remember !== null) {
    // The session that asked must be the one that is signed in still.
    const asks = visit?.session === remember.by.session && mayChange(visit.visitor, tenant);
    if (!asks) return refused({ kind: 'state' });
    await side.remember({ tenant, object, name, role: remember.role }, { who: visit.visitor.who, from });
  }
  const role = roleOf(person, { admins, readers, remembered: await side.remembered() });
  if (role === null) return refused({ kind: 'account', account: { tenant, object }, name });
  enter(context, visitorFrom(person, role, begun.isOnlyTenant), 'microsoft');
  return { ok: true, to: begun.to };
}

function token(): string {
  return randomBytes(32).toString('base64url');
}
