/**
 * The authorization endpoint (RFC 6749 section 4.1.1, OpenID Connect Core 1.0 section 3.1.2) with PKCE S256
 * (RFC 7636); `response_type=code` and `response_mode=query` only.
 * Reference: Microsoft identity platform, OAuth 2.0 authorization code flow.
 */
import { randomUUID } from 'node:crypto';
import { AadstsProblem, aadstsText } from '../aadsts.ts';
import type { Call, Reply } from '../reply.ts';
import type { TenantState } from '../tenant-state.ts';
import type { PracticeAccount } from './accounts.ts';
import type { Errand } from './errand.ts';
import { accountOf, backWith, errandOf } from './errand.ts';
import { clientInfo } from './id-token.ts';
import { accountPage, consentPage, signedOutPage } from './pages.ts';

/** Problems that the application is told of; every other one is shown on a page. */
const TOLD: Readonly<Record<number, string>> = {
  50058: 'login_required',
  65001: 'consent_required',
  65004: 'access_denied',
  70007: 'invalid_request',
  70011: 'invalid_scope',
  700054: 'unsupported_response_type',
  501491: 'invalid_request',
  9002313: 'invalid_request',
  90033: 'temporarily_unavailable',
  50000: 'server_error',
};

/** `GET` shows the account picker, `POST` is what was chosen there. */
export function authorize(state: TenantState, call: Call): Reply {
  const errand = errandOf(state, call);
  try {
    checkRequest(call.url.searchParams);
    return step(errand);
  } catch (error) {
    if (!(error instanceof AadstsProblem)) throw error;
    return told(errand, error, {});
  }
}

/** The problem as the application learns it, with `more` in the query. @throws AadstsProblem again when it must not learn it. */
export function told(errand: Errand, problem: AadstsProblem, more: Readonly<Record<string, string>>): Reply {
  const error = TOLD[problem.code];
  if (error === undefined) throw problem;
  const { application, tenantId, now } = errand.state;
  const subject = { app: application.applicationId, tenant: tenantId, detail: problem.detail };
  const { description } = aadstsText(problem.code, subject, errand.call, now());
  return backWith(errand, { ...more, error, error_description: description });
}

/** `…/oauth2/v2.0/logout`: back to a registered address, or a page that says so. */
export function signOut({ application, displayName }: TenantState, call: Call): Reply {
  const address = call.url.searchParams.get('post_logout_redirect_uri');
  if (address === null || !application.redirectUris.includes(address)) return signedOutPage(displayName);
  return { status: 302, headers: { location: address } };
}

function step(errand: Errand): Reply {
  const { state, call, form } = errand;
  const decision = form.get('decision');
  if (decision === 'cancel') return cancelled(errand);
  const account = accountOf(errand);
  if (account === null) {
    if (call.url.searchParams.get('prompt') === 'none') throw new AadstsProblem(50058);
    return accountPage(state, call.url.searchParams.get('login_hint') ?? '');
  }
  if (state.switches.refuseSignIn !== null) throw new AadstsProblem(state.switches.refuseSignIn);
  if (state.switches.userConsent === 'asked' && decision !== 'accept')
    return consentPage(state, account, false);
  return signedIn(errand, account);
}

function cancelled(errand: Errand): Reply {
  return backWith(errand, { error: 'access_denied', error_subcode: 'cancel' });
}

function signedIn(errand: Errand, account: PracticeAccount): Reply {
  const { state, call, redirectUri } = errand;
  const query = call.url.searchParams;
  const grant = {
    account,
    clientId: state.application.applicationId,
    redirectUri,
    scope: query.get('scope') ?? '',
    nonce: query.get('nonce'),
    challenge: query.get('code_challenge'),
    issuedAt: state.now(),
  };
  const info: Record<string, string> =
    query.get('client_info') === '1' ? { client_info: clientInfo(grant, state.tenantId) } : {};
  return backWith(errand, { code: state.codes.issue(grant), ...info, session_state: randomUUID() });
}

function checkRequest(query: URLSearchParams): void {
  const type = query.get('response_type');
  if (type === null) throw new AadstsProblem(9002313);
  if (type !== 'code') throw new AadstsProblem(700054, type);
  const mode = query.get('response_mode') ?? 'query';
  if (mode !== 'query') throw new AadstsProblem(70007, mode);
  if (!(query.get('scope') ?? '').split(' ').includes('openid')) throw new AadstsProblem(70011);
  const challenge = query.get('code_challenge');
  if (challenge === null) return;
  if (query.get('code_challenge_method') !== 'S256') throw new AadstsProblem(9002313);
  if (!/^[\w-]{43}$/.test(challenge)) throw new AadstsProblem(501491);
}
