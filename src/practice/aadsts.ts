/**
 * Errors of Entra ID's endpoints and pages, worded as it words them.
 * Reference: Microsoft identity platform error codes (AADSTS), OAuth 2.0 (RFC 6749) section 5.2.
 */
import { randomUUID } from 'node:crypto';
import type { Call, Reply } from './reply.ts';

interface AadstsRow {
  readonly error: string;
  readonly status: number;
  readonly message: string;
  readonly suberror?: string;
}

const TRY_LATER = 'Try again in a few minutes.';

/** Every code the practice tenant can answer with; `{app}` and `{tenant}` are filled in. */
const ROWS: Readonly<Record<number, AadstsRow>> = {
  7000215: row(
    'invalid_client',
    401,
    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app}'.",
  ),
  7000222: row(
    'invalid_client',
    401,
    "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
  ),
  7000112: row('unauthorized_client', 400, "Application '{app}'(rcptgate) is disabled."),
  7000218: row(
    'invalid_client',
    401,
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  ),
  700027: row(
    'invalid_client',
    401,
    'The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]',
  ),
  700024: row('invalid_client', 401, 'Client assertion is not within its valid time range.'),
  70021: row('invalid_request', 400, 'No matching federated identity record found for presented assertion.'),
  700213: row(
    'invalid_client',
    401,
    'No matching federated identity record found for presented assertion subject. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.',
  ),
  700016: row(
    'unauthorized_client',
    400,
    "Application with identifier '{app}' was not found in the directory 'Contoso'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
  ),
  7000229: row(
    'invalid_client',
    401,
    'The client application {app} is missing service principal in the tenant {tenant}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119',
  ),
  90002: row(
    'invalid_request',
    400,
    "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
  ),
  90038: row(
    'invalid_request',
    400,
    "Tenant '{tenant}' request is being redirected to the National Cloud 'MicrosoftOnline.US'.",
  ),
  900382: row('invalid_request', 400, 'Confidential Client is not supported in Cross Cloud request.'),
  70011: row(
    'invalid_scope',
    400,
    "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid.",
  ),
  1002012: row(
    'invalid_scope',
    400,
    'The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).',
  ),
  500011: row(
    'invalid_resource',
    400,
    'The resource principal named in the scope was not found in the tenant named Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.',
  ),
  65001: row(
    'invalid_grant',
    400,
    "The user or administrator has not consented to use the application with ID '{app}' named 'rcptgate'. Send an interactive authorization request for this user and resource.",
    'consent_required',
  ),
  65004: row('access_denied', 400, 'User declined to consent to access the app.'),
  90094: row('access_denied', 400, 'An administrator of the tenant must grant the permissions.'),
  90095: row('access_denied', 400, 'An administrator must review and approve the consent request.'),
  50011: row(
    'invalid_request',
    400,
    "The redirect URI '{detail}' specified in the request does not match the redirect URIs configured for the application '{app}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
  ),
  500112: row(
    'invalid_grant',
    400,
    "The reply address '{detail}' does not match the reply address provided when requesting Authorization code.",
  ),
  50058: row('login_required', 400, 'A silent sign-in request was sent but no user is signed in.'),
  50105: row(
    'access_denied',
    400,
    "Your administrator has configured the application '{app}' to block users unless they are specifically granted access to it.",
  ),
  70007: row('invalid_request', 400, "'{detail}' is not a supported value of 'response_mode'."),
  700054: row(
    'unsupported_response_type',
    400,
    "response_type '{detail}' is not enabled for the application.",
  ),
  501491: row('invalid_request', 400, 'Invalid size of Code_Challenge parameter.'),
  54005: row(
    'invalid_grant',
    400,
    'OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.',
  ),
  70008: row(
    'invalid_grant',
    400,
    'The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.',
  ),
  9002313: row('invalid_request', 400, 'Invalid request. Request is malformed or invalid.'),
  501481: row(
    'invalid_grant',
    400,
    'The Code_Verifier does not match the code_challenge supplied in the authorization request.',
  ),
  50020: row(
    'invalid_grant',
    400,
    "User account '{detail}' from identity provider does not exist in tenant 'Contoso' and cannot access the application '{app}' in that tenant.",
  ),
  50034: row(
    'invalid_grant',
    400,
    'The user account {detail} does not exist in the directory. To sign into this application, the account must be added to the directory.',
  ),
  53003: row(
    'access_denied',
    400,
    'Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
  ),
  530035: row(
    'access_denied',
    400,
    'Access has been blocked by security defaults. The request is deemed unsafe by security defaults policies.',
  ),
  90055: row(
    'temporarily_unavailable',
    429,
    `The server is terminating the request because there are too many of them. ${TRY_LATER}`,
  ),
  90024: row(
    'temporarily_unavailable',
    503,
    `RequestBudgetExceededError - A transient error has occurred. ${TRY_LATER}`,
  ),
  90033: row('temporarily_unavailable', 503, `A transient error has occurred. ${TRY_LATER}`),
  50000: row('server_error', 500, 'There was an issue with our sign-in service. Please try again.'),
  900144: row('invalid_request', 400, "The request body must contain the following parameter: '{detail}'."),
  70003: row('unsupported_grant_type', 400, 'The app requested an unsupported grant type.'),
};

/** The codes there are, for tables in tests. */
export const AADSTS_CODES: readonly number[] = Object.keys(ROWS).map(Number);

/** Who and what the message is about. */
export interface AadstsSubject {
  readonly app: string;
  readonly tenant: string;
  readonly detail?: string;
}

/** A request that Entra ID refuses; thrown where it is found, worded once by the Entra router. */
export class AadstsProblem extends Error {
  readonly code: number;
  /** What of the request is wrong, where the message names it. */
  readonly detail: string;

  constructor(code: number, detail = '') {
    super(`AADSTS${code}`);
    this.code = code;
    this.detail = detail;
  }
}

/** The words of a problem, for JSON, pages and redirects. */
export interface AadstsText {
  readonly code: number;
  readonly message: string;
  readonly traceId: string;
  readonly correlationId: string;
  readonly timestamp: string;
  /** All of it, as `error_description` has it. */
  readonly description: string;
}

/** The words for a code. */
export function aadstsText(code: number, subject: AadstsSubject, call: Call, now: number): AadstsText {
  const message = rowOf(code)
    .message.replaceAll('{app}', subject.app)
    .replaceAll('{tenant}', subject.tenant)
    .replaceAll('{detail}', () => subject.detail ?? '');
  const timestamp = `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const traceId = randomUUID();
  const correlationId = call.clientRequestId;
  const ids = `Trace ID: ${traceId}\r\nCorrelation ID: ${correlationId}\r\nTimestamp: ${timestamp}`;
  const description = `AADSTS${code}: ${message}\r\n${ids}`;
  return { code, message, traceId, correlationId, timestamp, description };
}

/** The reply for a code, in the JSON of the real token endpoint. */
export function aadstsReply(code: number, subject: AadstsSubject, call: Call, now: number): Reply {
  const { error, status, suberror } = rowOf(code);
  const { description, timestamp, traceId, correlationId } = aadstsText(code, subject, call, now);
  const body = {
    error,
    error_description: description,
    error_codes: [code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    error_uri: `${call.url.origin}/error?code=${code}`,
    ...(suberror === undefined ? {} : { suberror }),
  };
  return { status, body };
}

function rowOf(code: number): AadstsRow {
  return ROWS[code] ?? row('invalid_request', 400, 'Unknown error.');
}

function row(error: string, status: number, message: string, suberror?: string): AadstsRow {
  return { error, status, message, ...(suberror === undefined ? {} : { suberror }) };
}
