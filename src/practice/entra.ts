/**
 * Entra ID's endpoints by path: OpenID configuration (OpenID Connect Discovery 1.0), key set, instance discovery, and
 * those that files of their own answer.
 */
import { AadstsProblem, aadstsReply, aadstsText } from './aadsts.ts';
import type { Call, Reply, RoutedReply } from './reply.ts';
import { adminConsent, adminConsentV2 } from './sign-in/admin-consent.ts';
import { authorize, signOut } from './sign-in/authorize.ts';
import { problemPage } from './sign-in/pages.ts';
import type { TenantState } from './tenant-state.ts';
import { formOf, tokenReply } from './token-endpoint.ts';

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
  /** A person looks at the answer, so a refusal is a page. */
  readonly page?: true;
}

const ROUTES: readonly EntraRoute[] = [
  { route: 'instance-discovery', path: /^\/(common)\/discovery\/instance$/, answer: instanceDiscovery },
  {
    route: 'openid-configuration',
    path: /^\/([^/]+)\/(?:v2\.0\/)?\.well-known\/openid-configuration$/,
    answer: configuration,
  },
  { route: 'keys', path: /^\/([^/]+)\/discovery\/(?:v2\.0\/)?keys$/, answer: keys },
  { route: 'token', path: /^\/([^/]+)\/oauth2\/v2\.0\/token$/, answer: inTenant(tokenReply) },
  {
    route: 'authorize',
    path: /^\/([^/]+)\/oauth2\/v2\.0\/authorize$/,
    answer: inTenant(authorize),
    page: true,
  },
  { route: 'logout', path: /^\/([^/]+)\/oauth2\/v2\.0\/logout$/, answer: inTenant(signOut), page: true },
  { route: 'adminconsent', path: /^\/([^/]+)\/adminconsent$/, answer: inTenant(adminConsent), page: true },
  {
    route: 'adminconsent-v2',
    path: /^\/([^/]+)\/v2\.0\/adminconsent$/,
    answer: inTenant(adminConsentV2),
    page: true,
  },
];

const AUTHORITIES = ['common', 'organizations'];
/** Answers a request that belongs to Entra ID; null when its path does not. Paths are matched in any case. */
export async function entraReply(state: TenantState, call: Call): Promise<RoutedReply | null> {
  const path = call.url.pathname.toLowerCase();
  for (const row of ROUTES) {
    const tenant = row.path.exec(path)?.[1];
    if (tenant !== undefined) return { route: row.route, ...(await refusedOr(row, { state, call, tenant })) };
  }
  return null;
}

async function refusedOr({ answer, page }: EntraRoute, request: EntraRequest): Promise<Reply> {
  try {
    return await answer(request);
  } catch (error) {
    if (!(error instanceof AadstsProblem)) throw error;
    const { state, call, tenant } = request;
    const app =
      formOf(call).get('client_id') ??
      call.url.searchParams.get('client_id') ??
      state.application.applicationId;
    const subject = { app, tenant, detail: error.detail };
    if (!page) return aadstsReply(error.code, subject, call, state.now());
    return problemPage(state.displayName, aadstsText(error.code, subject, call, state.now()), null);
  }
}

/** An endpoint that must not be asked for a tenant that nobody knows. */
function inTenant(answer: (state: TenantState, call: Call) => Reply | Promise<Reply>): EntraRoute['answer'] {
  return ({ state, call, tenant }) => {
    const problem = tenantProblem(state, tenant);
    if (problem !== null) throw problem;
    return answer(state, call);
  };
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

function tenantProblem(state: TenantState, tenant: string): AadstsProblem | null {
  const names = state.directory.domains.map((domain) => domain.name.toLowerCase());
  const known = [state.tenantId.toLowerCase(), ...names, ...AUTHORITIES].includes(tenant);
  return known ? null : new AadstsProblem(90002);
}
