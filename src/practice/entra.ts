/**
 * Entra ID's endpoints: OpenID configuration (OpenID Connect Discovery 1.0), key set, instance discovery, and the
 * token endpoint with the client credentials grant (RFC 6749 section 4.4).
 * Reference: Microsoft identity platform, OAuth 2.0 client credentials flow.
 */
import { AadstsProblem, aadstsReply } from './aadsts.ts';
import { ASSERTION_TYPE, checkAssertion } from './client-assertion.ts';
import type { Call, Reply, RoutedReply } from './reply.ts';
import type { TenantState } from './tenant-state.ts';

interface EntraRequest {
  readonly state: TenantState;
  readonly call: Call;
  /** The tenant segment of the path, lower-cased. */
  readonly tenant: string;
}

interface EntraRoute {
  readonly route: string;
  readonly path: RegExp;
  readonly answer: (request: EntraRequest) => Reply | Promise<Reply>;
}

/** Sign-in and consent pages are further rows of this table. */
const ROUTES: readonly EntraRoute[] = [
  { route: 'instance-discovery', path: /^\/(common)\/discovery\/instance$/, answer: instanceDiscovery },
  {
    route: 'openid-configuration',
    path: /^\/([^/]+)\/(?:v2\.0\/)?\.well-known\/openid-configuration$/,
    answer: configuration,
  },
  { route: 'keys', path: /^\/([^/]+)\/discovery\/(?:v2\.0\/)?keys$/, answer: keys },
  { route: 'token', path: /^\/([^/]+)\/oauth2\/v2\.0\/token$/, answer: token },
];

const AUTHORITIES = ['common', 'organizations'];
const GRAPH_HOSTS =
  /^(graph\.microsoft\.(com|us)|dod-graph\.microsoft\.us|microsoftgraph\.chinacloudapi\.cn)$/;
const GRAPH_APP_ID = '00000003-0000-0000-c000-000000000000';

/** Answers a request that belongs to Entra ID; null when its path does not. Paths are matched in any case. */
export async function entraReply(state: TenantState, call: Call): Promise<RoutedReply | null> {
  const path = call.url.pathname.toLowerCase();
  for (const { route, path: pattern, answer } of ROUTES) {
    const tenant = pattern.exec(path)?.[1];
    if (tenant !== undefined) return { route, ...(await refusedOr(answer, { state, call, tenant })) };
  }
  return null;
}

async function refusedOr(answer: EntraRoute['answer'], request: EntraRequest): Promise<Reply> {
  try {
    return await answer(request);
  } catch (error) {
    if (!(error instanceof AadstsProblem)) throw error;
    const app = formOf(request.call).get('client_id') ?? request.state.application.applicationId;
    return aadstsReply(error.code, { app, tenant: request.tenant }, request.call, request.state.now());
  }
}

function configuration({ state, call, tenant }: EntraRequest): Reply {
  const problem = tenantProblem(state, tenant);
  if (problem !== null) {
    const reply = aadstsReply(90002, { app: '', tenant }, call, state.now());
    return { ...reply, body: { ...(reply.body as object), error: 'invalid_tenant' } };
  }
  const base = `${call.url.origin}/${tenant}`;
  const issuerTenant = AUTHORITIES.includes(tenant) ? '{tenantid}' : state.tenantId;
  const body = {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${base}/discovery/v2.0/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: `${call.url.origin}/${issuerTenant}/v2.0`,
    request_uri_parameter_supported: false,
    userinfo_endpoint: `${call.url.origin}/oidc/userinfo`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
    http_logout_supported: true,
    frontchannel_logout_supported: true,
    end_session_endpoint: `${base}/oauth2/v2.0/logout`,
    claims_supported: [
      'sub',
      'iss',
      'aud',
      'exp',
      'iat',
      'nonce',
      'preferred_username',
      'name',
      'tid',
      'ver',
    ],
    tenant_region_scope: 'EU',
    cloud_instance_name: 'microsoftonline.com',
    cloud_graph_host_name: 'graph.windows.net',
    msgraph_host: call.url.host,
  };
  return { status: 200, headers: { 'cache-control': 'max-age=86400, private' }, body };
}

async function keys({ state, call }: EntraRequest): Promise<Reply> {
  return { status: 200, body: await state.tokens.keySet(`${call.url.origin}/${state.tenantId}/v2.0`) };
}

function instanceDiscovery({ state, call }: EntraRequest): Reply {
  const endpoint = call.url.searchParams.get('authorization_endpoint') ?? '';
  if (!endpoint.startsWith(`${call.url.origin}/`)) {
    return {
      status: 400,
      body: {
        error: 'invalid_instance',
        error_description: 'AADSTS50049: Unknown or invalid instance.',
        error_codes: [50049],
      },
    };
  }
  const { host } = call.url;
  const document = `${call.url.origin}/${state.tenantId}/v2.0/.well-known/openid-configuration`;
  const metadata = [{ preferred_network: host, preferred_cache: host, aliases: [host] }];
  return { status: 200, body: { tenant_discovery_endpoint: document, 'api-version': '1.1', metadata } };
}

async function token({ state, call, tenant }: EntraRequest): Promise<Reply> {
  const form = formOf(call);
  const problem = tenantProblem(state, tenant);
  if (problem !== null) throw problem;
  if (form.get('grant_type') !== 'client_credentials') throw new AadstsProblem(70003);
  await checkClient(state, form, call);
  checkScope(form.get('scope') ?? '', call);
  const { tokenLifetime, tokenRefreshIn, rolesGranted } = state.switches;
  const request = { application: state.application, roles: [...rolesGranted], lifetime: tokenLifetime };
  const lifetimes = { expires_in: tokenLifetime, ext_expires_in: tokenLifetime };
  const refresh = tokenRefreshIn === null ? {} : { refresh_in: tokenRefreshIn };
  const body = {
    token_type: 'Bearer',
    ...lifetimes,
    ...refresh,
    access_token: await state.tokens.issue(request),
  };
  return { status: 200, headers: { 'cache-control': 'no-store, no-cache', pragma: 'no-cache' }, body };
}

async function checkClient(state: TenantState, form: URLSearchParams, call: Call): Promise<void> {
  const { application, switches } = state;
  const clientId = form.get('client_id');
  if (clientId === null) throw new AadstsProblem(900144);
  if (clientId.toLowerCase() !== application.applicationId.toLowerCase()) throw new AadstsProblem(700016);
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

function tenantProblem(state: TenantState, tenant: string): AadstsProblem | null {
  const names = state.directory.domains.map((domain) => domain.name.toLowerCase());
  const known = [state.tenantId.toLowerCase(), ...names, ...AUTHORITIES].includes(tenant);
  return known ? null : new AadstsProblem(90002);
}

/** The form, with the credentials of an Authorization header (RFC 6749 section 2.3.1) put where the others are. */
function formOf(call: Call): URLSearchParams {
  const form = new URLSearchParams(call.body);
  const basic = /^basic (.+)$/i.exec(call.headers.authorization ?? '')?.[1];
  if (basic === undefined) return form;
  const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':').map(decodeURIComponent);
  form.set('client_id', id);
  form.set('client_secret', secret);
  return form;
}
