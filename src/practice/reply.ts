/** Requests and replies as the handlers of the practice tenant see them, apart from sockets. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { StreamName } from '../core/recipient.ts';

/** One request, read whole. */
export interface Call {
  readonly method: string;
  /** The URL as the client wrote it; its origin is what links must carry. */
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** `request-id` of the reply. */
  readonly requestId: string;
  /** The client's own id, or the request id when it sent none. */
  readonly clientRequestId: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; absent for no body. */
  readonly body?: unknown;
  /** Sent as it is, in place of a body. */
  readonly html?: string;
  /** Which page of which stream this is, when it is one. */
  readonly page?: { readonly stream: StreamName; readonly number: number; readonly delta: boolean };
}

/** A reply together with the name under which it is counted and matched. */
export interface RoutedReply extends Reply {
  readonly route: string;
}

/** A call, with its ids. */
export function callOf(method: string, url: URL, headers: IncomingHttpHeaders, body: string): Call {
  const requestId = randomUUID();
  const own = headers['client-request-id'] ?? url.searchParams.get('client-request-id');
  const clientRequestId = typeof own === 'string' ? own : requestId;
  return { method, url, headers, body, requestId, clientRequestId };
}

/** A timestamp the way Graph's inner errors write it: no fraction, no zone. */
export function zonelessTime(now: number): string {
  return new Date(now).toISOString().slice(0, 19);
}
