/**
 * The token endpoint: client credentials (RFC 6749 section 4.4) and authorization codes with PKCE (section 4.1.3,
 * RFC 7636). Reference: Microsoft identity platform, OAuth 2.0 client credentials and authorization code flows.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { AadstsProblem } from './aadsts.ts';
import { GRAPH_AUDIENCE } from './access-token.ts';
import { ASSERTION_TYPE, checkAssertion } from './client-assertion.ts';
import { GRAPH_APP_ID } from './permission-ids.ts';
import type { Call, Reply } from './reply.ts';
import type { CodeGrant } from './sign-in/codes.ts';
import { isOurs } from './sign-in/errand.ts';
import { clientInfo, issueIdToken } from './sign-in/id-token.ts';
import type { TenantState } from './tenant-state.ts';

const GRAPH_HOSTS =
  /^(graph\.microsoft\.(com|us)|dod-graph\.microsoft\.us|microsoftgraph\.chinacloudapi\.cn)$/;
const NO_STORE = { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' };

/** Answers one token request. @throws AadstsProblem */
export async function tokenReply(state: TenantState, call: Call): Promise<Reply> {
  const form = formOf(call);
  const grant = form.get('grant_type');
  if (grant !== 'client_credentials' && grant !== 'authorization_code') throw new AadstsProblem(70003);
  await checkClient(state, form, call);
  const body =
    grant === 'client_credentials' ? applicationTokens(state, form, call) : personTokens(state, form, call);
  return { status: 200, headers: NO_STORE, body: await body };
}

async function applicationTokens(state: TenantState, form: URLSearchParams, call: Call): Promise<object> {
  checkScope(form.get('scope') ?? '', call);
  const { switches } = state;
  const consented = state.consent.due();
  if (consented !== null) switches.rolesGranted = new Set(consented);
  const { tokenLifetime, tokenRefreshIn, rolesGranted } = switches;
  const request = { application: state.application, roles: [...rolesGranted], lifetime: tokenLifetime };
  return {
    token_type: 'Bearer',
    expires_in: tokenLifetime,
    ext_expires_in: tokenLifetime,
    ...(tokenRefreshIn === null ? {} : { refresh_in: tokenRefreshIn }),
    access_token: await state.tokens.issue(request),
  };
}

async function personTokens(state: TenantState, form: URLSearchParams, call: Call): Promise<object> {
  const code = form.get('code');
  if (code === null) throw new AadstsProblem(900144, 'code');
  const grant = state.codes.find(code, state.now(), state.switches.codeLifetime);
  checkRedemption(grant, form);
  state.codes.spend(code);
  const { tokenLifetime } = state.switches;
  const refresh = grant.scope.split(' ').includes('offline_access');
  return {
    token_type: 'Bearer',
    scope: 'openid profile email',
    expires_in: tokenLifetime,
    ext_expires_in: tokenLifetime,
    access_token: await state.tokens.sign(delegatedClaims(state, grant)),
    ...(refresh ? { refresh_token: randomBytes(96).toString('base64url') } : {}),
    id_token: await issueIdToken(state, grant, call.url.origin),
    ...(form.get('client_info') === '1' ? { client_info: clientInfo(grant, state.tenantId) } : {}),
  };
}

function checkRedemption({ redirectUri, challenge }: CodeGrant, form: URLSearchParams): void {
  const given = form.get('redirect_uri') ?? '';
  if (given !== redirectUri) throw new AadstsProblem(500112, given);
  const verifier = form.get('code_verifier');
  const proven = verifier === null ? null : createHash('sha256').update(verifier).digest('base64url');
  if (proven !== challenge) throw new AadstsProblem(501481);
}

/** An access token in a person's name: good for the identity, for nothing else at Graph. */
function delegatedClaims({ tenantId, switches, now, application }: TenantState, { account }: CodeGrant) {
  const seconds = Math.floor(now() / 1000);
  return {
    aud: GRAPH_AUDIENCE,
    iss: `https://sts.windows.net/${tenantId}/`,
    iat: seconds,
    nbf: seconds,
    exp: seconds + switches.tokenLifetime,
    appid: application.applicationId,
    idtyp: 'user',
    oid: account.objectId,
    scp: 'openid profile email',
    tid: tenantId,
    upn: account.userPrincipalName,
    uti: randomUUID(),
    ver: '1.0',
  };
}

async function checkClient(state: TenantState, form: URLSearchParams, call: Call): Promise<void> {
  const { application, switches } = state;
  const clientId = form.get('client_id');
  if (clientId === null) throw new AadstsProblem(900144, 'client_id');
  if (!isOurs(state, clientId)) throw new AadstsProblem(700016);
  if (switches.applicationDisabled) throw new AadstsProblem(7000112);
  if (switches.servicePrincipalMissing) throw new AadstsProblem(7000229);
  const assertion = form.get('client_assertion');
  if (assertion !== null && form.get('client_assertion_type') === ASSERTION_TYPE) {
    const { origin, pathname } = call.url;
    const audiences = [`${origin}${pathname}`, `${origin}/${state.tenantId}/v2.0`];
    await checkAssertion(assertion, { application, audiences, now: state.now() });
  } else {
    checkSecret(state, form.get('client_secret'));
  }
}

function checkSecret({ application, switches, now }: TenantState, secret: string | null): void {
  if (secret === null) throw new AadstsProblem(7000218);
  const known = application.secrets.filter((entry) => entry.secretText === secret);
  if (known.length === 0) throw new AadstsProblem(7000215);
  if (switches.secretExpired || known.every((entry) => entry.end <= now())) throw new AadstsProblem(7000222);
}

/** The scope is `<resource>/.default`, the resource Graph by any of its names; ours is one of them. */
function checkScope(scope: string, call: Call): void {
  if (scope === '') throw new AadstsProblem(70011);
  if (!scope.endsWith('/.default')) throw new AadstsProblem(1002012);
  const resource = scope.slice(0, -'/.default'.length).replace(/\/$/, '');
  const host = resource.replace(/^https:\/\//, '');
  const graph = resource === GRAPH_APP_ID || host === call.url.host || GRAPH_HOSTS.test(host);
  if (!graph) throw new AadstsProblem(500011);
}

/** The form, with the credentials of an Authorization header (RFC 6749 section 2.3.1) put where the others are. */
export function formOf(call: Call): URLSearchParams {
  const form = new URLSearchParams(call.body);
  const basic = /^basic (.+)$/i.exec(call.headers.authorization ?? '')?.[1];
  if (basic === undefined) return form;
  const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent);
  form.set('client_id', id);
  form.set('client_secret', secret);
  return form;
}
