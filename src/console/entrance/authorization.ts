/**
 * What goes to Microsoft's authorization endpoint and what comes back from it (RFC 6749 section 4.1.1 and 4.1.2, PKCE: RFC
 * 7636 section 4.3, OpenID Connect Core 1.0 section 3.1.2). Pure.
 */
import { createHash } from 'node:crypto';
import type { Application } from './daemon-side.ts';
import type { Problem } from './problem.ts';

/** One sign-in. */
export interface AuthorizationRequest {
  readonly application: Application;
  /** PKCE. */
  readonly verifier: string;
  readonly nonce: string;
  /** Microsoft lets the person choose the account even when only one is signed in there. */
  readonly choose: boolean;
}

/** The query with each parameter once; null when one is there twice, because readers differ in which of them counts. */
export function singleParameters(url: string): ReadonlyMap<string, string> | null {
  const pairs = [...new URL(url).searchParams];
  const parameters = new Map(pairs);
  return parameters.size === pairs.length ? parameters : null;
}

/** Where a browser is sent to sign in; `callback` is the redirect URI. */
export function authorizeUrl(begun: AuthorizationRequest, state: string, callback: string): string {
  const { application, verifier, nonce, choose } = begun;
  const url = new URL(`/${application.tenant}/oauth2/v2.0/authorize`, application.login);
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  url.search = new URLSearchParams({
    client_id: application.applicationId,
    response_type: 'code',
    response_mode: 'query',
    redirect_uri: callback,
    scope: 'openid profile',
    state,
    nonce,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...(choose ? { prompt: 'select_account' } : {}),
  }).toString();
  return url.href;
}

/** What an error that came back means. `description` is Microsoft's text, and may be empty. */
export function errorFrom(error: string, description: string): Problem {
  if (/AADSTS65004/.test(description) || (error === 'access_denied' && !/AADSTS/.test(description))) {
    return { kind: 'declined' };
  }
  // The first sentence; trace id and time follow.
  const [text = ''] = `${description || error}`.split(/\r?\n| Trace ID:/);
  return { kind: 'microsoft', text: text.slice(0, 400), hint: '' };
}
