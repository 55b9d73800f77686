/** How a reply leaves: as it should, or wrong in the way a fault asks for. */
import type { ServerResponse } from 'node:http';
import { aadstsReply } from './aadsts.ts';
import type { Fault } from './faults.ts';
import { commonHeaders } from './graph-api.ts';
import {
  expiredToken,
  GraphProblem,
  problemReply,
  retryAfterHeader,
  throttledReply,
  usualProblem,
} from './graph-error.ts';
import type { Call, Reply } from './reply.ts';
import type { TenantState } from './tenant-state.ts';

/** What a fault may repeat of a request. */
export interface Delivery {
  readonly state: TenantState;
  readonly call: Call;
}

/** Where a reply goes. */
export interface Outlet {
  readonly response: ServerResponse;
  /** Resets the TCP connection; a TLS socket cannot do that itself. */
  reset(): void;
}

const PORTAL = '<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body></body></html>';

/** What a fault makes of a reply; faults of the connection leave it as it is. */
export function replyUnder(fault: Fault | undefined, reply: Reply, { state, call }: Delivery): Reply {
  if (fault === undefined) return reply;
  const now = state.now();
  const graph = (error: Reply): Reply => withHeaders(error, commonHeaders(state, call));
  switch (fault.kind) {
    case 'error': {
      const error = problemReply(usualProblem(fault.status, fault.code), call, now);
      return withHeaders(graph(error), retryAfterHeader(fault.retryAfter, now));
    }
    case 'expired-token':
      return graph(problemReply(expiredToken(), call, now));
    case 'forbidden':
      return graph(problemReply(usualProblem(403), call, now));
    case 'throttled': {
      const scope = `Tenant_Application/Read/${state.application.applicationId}/${state.tenantId}`;
      return graph(throttledReply(call, now, scope, fault.retryAfter));
    }
    case 'page-token':
      return graph(problemReply(spentPageToken(fault.code), call, now));
    case 'aadsts': {
      const subject = { app: state.application.applicationId, tenant: state.tenantId };
      return withHeaders(
        aadstsReply(fault.code, subject, call, now),
        retryAfterHeader(fault.retryAfter, now),
      );
    }
    case 'html':
      return { status: fault.status, headers: retryAfterHeader(fault.retryAfter, now), html: PORTAL };
    default:
      return plainFault(fault, reply, call);
  }
}

/** Sends a reply in the way the fault asks for. */
export async function deliver(
  reply: Reply,
  fault: Fault | undefined,
  { response, reset }: Outlet,
): Promise<void> {
  switch (fault?.kind) {
    case 'silent':
      return;
    case 'reset':
      reset();
      return;
    case 'truncated':
      send(response, reply, textOf(reply).slice(0, Math.ceil(textOf(reply).length / 2)));
      return;
    case 'cut':
    case 'stalled':
      sendHalf(response, reply, fault.kind === 'cut');
      return;
    case 'slow':
      await new Promise((resolve) => setTimeout(resolve, fault.ms));
      break;
    default:
  }
  send(response, reply, textOf(reply));
}

/** Status that the client will see; 0 when it gets no reply at all. */
export function statusUnder(fault: Fault | undefined, reply: Reply): number {
  return fault?.kind === 'silent' || fault?.kind === 'reset' ? 0 : reply.status;
}

function plainFault(fault: Fault, reply: Reply, call: Call): Reply {
  switch (fault.kind) {
    case 'no-content':
      return { status: 204 };
    case 'empty-object':
      return { status: fault.status ?? 200, body: {} };
    case 'redirect':
      return { status: 302, headers: { location: fault.location } };
    case 'status-over-data':
      return { ...reply, status: fault.status };
    default:
      return { ...reply, body: faultyPage(reply.body, fault, call) };
  }
}

/** Faults of a page's content; a reply that is no page stays what it is. */
function faultyPage(body: unknown, fault: Fault, call: Call): unknown {
  if (typeof body !== 'object' || body === null || !('value' in body)) return body;
  const {
    '@odata.nextLink': next,
    '@odata.deltaLink': end,
    value,
    ...rest
  } = body as Record<string, unknown>;
  const link = String(next ?? end ?? call.url.href);
  switch (fault.kind) {
    case 'foreign-link': {
      const foreign = link.replace(call.url.origin, fault.origin ?? 'https://graph.attacker.example');
      return { ...rest, [next === undefined ? '@odata.deltaLink' : '@odata.nextLink']: foreign, value };
    }
    case 'both-links':
      return { ...rest, '@odata.nextLink': link, '@odata.deltaLink': link, value };
    case 'neither-link':
      return { ...rest, value };
    case 'link-loop':
      return { ...rest, '@odata.nextLink': call.url.href, value };
    case 'missing-value': {
      const { value: _, ...page } = body;
      return page;
    }
    default:
      return body;
  }
}

function send(response: ServerResponse, reply: Reply, text: string): void {
  response.writeHead(reply.status, headersOf(reply));
  response.end(text);
}

function sendHalf(response: ServerResponse, reply: Reply, close: boolean): void {
  const bytes = Buffer.from(textOf(reply));
  response.writeHead(reply.status, { ...headersOf(reply), 'content-length': bytes.length });
  response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => {
    if (close) response.socket?.destroy();
  });
}

function textOf(reply: Reply): string {
  return reply.html ?? (reply.body === undefined ? '' : JSON.stringify(reply.body));
}

function headersOf(reply: Reply): Record<string, string> {
  if (reply.html !== undefined) return { ...reply.headers, 'content-type': 'text/html; charset=utf-8' };
  return {
    ...(reply.body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    ...reply.headers,
  };
}

function withHeaders(reply: Reply, headers: Readonly<Record<string, string>>): Reply {
  return { ...reply, headers: { ...headers, ...reply.headers } };
}

function spentPageToken(code = 'Directory_ExpiredPageToken'): GraphProblem {
  return new GraphProblem(400, code, 'The specified page token value has expired and can no longer be used.');
}
