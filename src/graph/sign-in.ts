/**
 * A person's sign-in through a tenant's application (OpenID Connect Core 1.0 section 3.1): the code is redeemed with
 * the application's credential by an MSAL client that is thrown away, because MSAL would keep the person's refresh
 * token. MSAL verifies nothing of the identity token but its nonce; whoever asked verifies the rest.
 */
import { FailureError, failed, type Outcome } from './failure.ts';
import type { Http } from './http.ts';
import { isRecord } from './objects.ts';
import { signInFailure } from './sign-in-error.ts';
import type { Client } from './tokens.ts';

/** An authorisation code (RFC 6749 section 4.1.2) and what was sent to get it. */
export interface Code {
  readonly code: string;
  /** PKCE (RFC 7636). */
  readonly verifier: string;
  readonly redirectUri: string;
  readonly nonce: string;
}

/** Redeems a code. The value is the identity token as it came. */
export async function redeemCode(
  { app, net }: Client,
  asked: Code,
  now: () => number,
): Promise<Outcome<string>> {
  const { code, verifier, redirectUri, nonce } = asked;
  net.last = null;
  try {
    const request = { code, codeVerifier: verifier, redirectUri, nonce, scopes: ['openid', 'profile'] };
    const result = await app.acquireTokenByCode(request);
    if (result.idToken) return { ok: true, value: result.idToken };
    return failed('protocol', 'no-identity-token', 'Entra ID answered without an identity token');
  } catch (error) {
    if (error instanceof FailureError) return { ok: false, failure: error.failure };
    return { ok: false, failure: signInFailure(error, net.last, now()) };
  }
}

/** The keys (RFC 7517) that a tenant's identity tokens are signed with, as they came. `login` is a base URL. */
export async function fetchSigningKeys(http: Http, login: string, tenant: string): Promise<Outcome<unknown>> {
  const url = `${new URL(login).origin}/${tenant}/discovery/v2.0/keys`;
  const reply = await http.request(url, { method: 'GET', headers: { accept: 'application/json' } });
  if (!reply.ok) return reply;
  const { status, text } = reply.value;
  if (status !== 200) return failed('server', `http-${status}`, `the signing keys: HTTP ${status}`);
  const set = parsed(text);
  if (isRecord(set) && Array.isArray(set.keys)) return { ok: true, value: set };
  return failed('protocol', 'no-keys', 'the signing keys: the answer is no JSON Web Key Set');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
