/**
 * The part of the control socket that lets people into the console.
 *
 *   POST /v1/console/link                       a one-time link, for the command
 *   POST /v1/console/link/use {link}            uses it up
 *   POST /v1/console/applications               through which applications one can sign in
 *   POST /v1/console/redeem {tenant, code, …}   trades an authorisation code for an identity token
 *   POST /v1/console/keys {tenant}              the keys that identity tokens of a tenant are signed with
 *   POST /v1/console/accounts/list              who was remembered
 *   POST /v1/console/accounts {tenant, object, name, role}      remembers somebody
 *   POST /v1/console/accounts/forget {tenant, object}
 *
 * All but the first are for the console alone, which has a token.
 */
import type { Context, Hono } from 'hono';
import { type Acting, type ControlEnv, isConsole } from './acting.ts';

/** An authorisation code (RFC 6749 section 4.1.2) with what belongs to it. */
export interface CodeToRedeem {
  readonly tenant: string;
  readonly code: string;
  /** PKCE (RFC 7636). */
  readonly verifier: string;
  readonly redirectUri: string;
  readonly nonce: string;
}

/** Somebody to remember. */
export interface RememberedAccount {
  readonly tenant: string;
  readonly object: string;
  readonly name: string;
  readonly role: 'admin' | 'reader';
}

/** Each function is given by the composition root. */
export interface ConsoleFunctions {
  link(by: Acting): Promise<unknown>;
  useLink(link: string): Promise<unknown>;
  applications(): Promise<unknown>;
  redeem(code: CodeToRedeem): Promise<unknown>;
  keys(tenant: string): Promise<unknown>;
  accounts(): Promise<unknown>;
  remember(account: RememberedAccount, by: Acting): Promise<unknown>;
  forget(account: Pick<RememberedAccount, 'tenant' | 'object'>, by: Acting): Promise<unknown>;
}

/** Adds the routes. `token` null: there is no console, and nobody may ask for what is its own. */
export function consoleRoutes(app: Hono<ControlEnv>, answer: ConsoleFunctions, token: string | null): void {
  app.post('/v1/console/link', async (context) => context.json(await answer.link(context.get('by'))));
  app.use('/v1/console/*', async (context, next) => {
    if (isConsole(context, token)) return next();
    return context.json({ error: 'only the console may ask for this' }, 403);
  });
  const post = <Key extends string>(
    path: string,
    keys: readonly Key[],
    run: (texts: Readonly<Record<Key, string>>, by: Acting) => Promise<unknown>,
  ): void => {
    app.post(path, async (context) => {
      const texts = await textsOf(context, keys);
      if (texts === null) return context.json({ error: `${keys.join(', ')} must be strings` }, 400);
      return context.json((await run(texts, context.get('by'))) ?? null);
    });
  };
  post('/v1/console/applications', [], answer.applications);
  post('/v1/console/accounts/list', [], answer.accounts);
  post('/v1/console/link/use', ['link'], ({ link }) => answer.useLink(link));
  post('/v1/console/redeem', ['tenant', 'code', 'verifier', 'redirectUri', 'nonce'], answer.redeem);
  post('/v1/console/keys', ['tenant'], ({ tenant }) => answer.keys(tenant));
  post('/v1/console/accounts/forget', ['tenant', 'object'], answer.forget);
  post('/v1/console/accounts', ['tenant', 'object', 'name', 'role'], async ({ role, ...account }, by) => {
    if (role !== 'admin' && role !== 'reader') throw new Error('role must be admin or reader');
    return answer.remember({ ...account, role }, by);
  });
}

async function textsOf<Key extends string>(
  context: Context,
  keys: readonly Key[],
): Promise<Readonly<Record<Key, string>> | null> {
  const body: unknown = await context.req.json().catch(() => null);
  const given = Object(body) as Record<string, unknown>;
  const pairs = keys.map((key) => [key, given[key]] as const);
  if (!pairs.every(([, value]) => typeof value === 'string')) return null;
  return Object.fromEntries(pairs) as Record<Key, string>;
}
