/**
 * Graph's error envelope: `{"error":{"code","message","innerError":{"date","request-id","client-request-id"}}}`.
 * Reference: Microsoft Graph error responses and resource types; Microsoft Graph throttling guidance.
 */
import type { RetryAfter } from './faults.ts';
import type { Call, Reply } from './reply.ts';
import { zonelessTime } from './reply.ts';

/** A request that Graph refuses; thrown where it is found, worded once by the Graph router. */
export class GraphProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

const USUAL: Readonly<Record<number, readonly [code: string, message: string]>> = {
  400: ['Request_BadRequest', 'Invalid request.'],
  401: ['InvalidAuthenticationToken', 'Access token validation failure.'],
  403: ['Authorization_RequestDenied', 'Insufficient privileges to complete the operation.'],
  404: ['Request_ResourceNotFound', 'Resource not found.'],
  410: ['resyncRequired', 'Resync required.'],
  429: ['TooManyRequests', 'Please retry again later.'],
  500: ['Service_InternalServerError', 'Encountered an internal server error.'],
  501: ['NotImplemented', 'This operation is not implemented.'],
  502: ['BadGateway', 'Bad gateway.'],
  503: ['serviceNotAvailable', 'The service is temporarily unavailable. Please try again later.'],
  504: ['GatewayTimeout', 'The gateway did not receive a response in time.'],
};

/** The problem that Graph usually reports with a status. */
export function usualProblem(status: number, code?: string): GraphProblem {
  const [usualCode, message] = USUAL[status] ?? ['UnknownError', ''];
  return new GraphProblem(status, code ?? usualCode, message);
}

/** 401 for an access token past its lifetime. */
export function expiredToken(): GraphProblem {
  const message = 'Lifetime validation failed, the token is expired.';
  return new GraphProblem(401, 'InvalidAuthenticationToken', message);
}

/** The envelope of a problem. */
export function problemReply(problem: GraphProblem, call: Call, now: number): Reply {
  const { status, code, message, headers } = problem;
  const ids = { 'request-id': call.requestId, 'client-request-id': call.clientRequestId };
  const body = { error: { code, message, innerError: { date: zonelessTime(now), ...ids } } };
  const challenge = {
    'www-authenticate': `Bearer realm="", authorization_uri="${call.url.origin}/common/oauth2/authorize"`,
  };
  return { status, headers: { ...(status === 401 ? challenge : {}), ...headers }, body };
}

/** 429 with the headers that say what was exceeded; its inner error repeats the status. */
export function throttledReply(call: Call, now: number, scope: string, retryAfter: RetryAfter = '10'): Reply {
  const { code, message } = usualProblem(429);
  const inner = { code: '429', date: zonelessTime(now), message: 'Please retry after', status: '429' };
  return {
    status: 429,
    headers: {
      ...retryAfterHeader(retryAfter, now),
      'x-ms-throttle-scope': scope,
      'x-ms-throttle-information': 'ResourceUnitLimitExceeded',
    },
    body: { error: { code, message, innerError: { ...inner, 'request-id': call.requestId } } },
  };
}

/** `Retry-After` in the form asked for; a date is ten seconds away. */
export function retryAfterHeader(form: RetryAfter | undefined, now: number): Record<string, string> {
  if (form === undefined || form === 'absent') return {};
  return { 'retry-after': form === 'http-date' ? new Date(now + 10_000).toUTCString() : form };
}
