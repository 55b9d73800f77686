/**
 * What a browser was sent to the practice tenant for: which application sent it, where it goes back to, who signs in.
 * Shared by sign-in and admin consent.
 */
import { AadstsProblem } from '../aadsts.ts';
import type { Call, Reply } from '../reply.ts';
import type { TenantState } from '../tenant-state.ts';
import type { PracticeAccount } from './accounts.ts';

/** A request whose application and redirect URI are good, so that the application may be told of problems. */
export interface Errand {
  readonly state: TenantState;
  readonly call: Call;
  readonly redirectUri: string;
  /** The request's own `state`; null when it had none. */
  readonly returned: string | null;
  readonly form: URLSearchParams;
}

/** The errand of a request. @throws AadstsProblem that must be shown here: the application is unknown or the URI not its own. */
export function errandOf(state: TenantState, call: Call): Errand {
  const { application } = state;
  const query = call.url.searchParams;
  const clientId = query.get('client_id');
  if (clientId === null) throw new AadstsProblem(900144, 'client_id');
  if (!isOurs(state, clientId)) throw new AadstsProblem(700016, clientId);
  const redirectUri = query.get('redirect_uri');
  if (redirectUri === null) throw new AadstsProblem(900144, 'redirect_uri');
  if (!application.redirectUris.includes(redirectUri)) throw new AadstsProblem(50011, redirectUri);
  if (state.switches.applicationDisabled) throw new AadstsProblem(7000112);
  const form = new URLSearchParams(call.method === 'POST' ? call.body : '');
  return { state, call, redirectUri, returned: query.get('state'), form };
}

/** Whether an application id is the registered one. */
export function isOurs({ application }: TenantState, clientId: string): boolean {
  return application.registered && clientId.toLowerCase() === application.applicationId.toLowerCase();
}

/** Who signs in; null when nobody was chosen yet. @throws AadstsProblem for somebody who cannot. */
export function accountOf({ state, form }: Errand): PracticeAccount | null {
  const name = form.get('account')?.trim().toLowerCase();
  if (name === undefined) return null;
  const account = state.accounts.find(({ userPrincipalName }) => userPrincipalName.toLowerCase() === name);
  if (account !== undefined) return account;
  const domain = name.slice(name.indexOf('@') + 1);
  const ours = state.directory.domains.some((known) => known.name.toLowerCase() === domain);
  throw new AadstsProblem(ours ? 50034 : 50020, name);
}

/** Sends the browser back to the application with `fields` and the request's state. */
export function backWith({ redirectUri, returned }: Errand, fields: Readonly<Record<string, string>>): Reply {
  const headers = {
    location: addressWith(redirectUri, fields, returned),
    'cache-control': 'no-store, no-cache',
  };
  return { status: 302, headers };
}

/** The redirect URI with `fields` in its query. */
export function addressWith(
  redirectUri: string,
  fields: Readonly<Record<string, string>>,
  returned: string | null,
): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
  if (returned !== null) url.searchParams.set('state', returned);
  return url.href;
}
