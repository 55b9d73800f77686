/** The words shared by everything that talks to a next hop: its name, the stages of a session, what can go wrong. */
import type { HopFailure } from './reply.ts';

/** Where in the outbound session something happened. */
export type Stage =
  | 'resolve'
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'starttls'
  | 'forward'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'message'
  | 'reset';

/** One reply of a next hop, as it sent it. */
export interface HopReply {
  readonly code: number;
  /** Text of each line behind its code; at least one, possibly ''. */
  readonly lines: readonly string[];
}

/** One address of a next hop. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** The name it was found by: sent as SNI, and checked when its certificate is verified. */
  readonly name: string;
  /** Lower is preferred; equal ranks share the load. */
  readonly rank: number;
}

/** A next hop that could not be asked, or not to the end. */
export interface HopTrouble {
  readonly failure: HopFailure;
  readonly stage: Stage;
  /** The next hop as it is configured. */
  readonly nextHop: string;
  /** `address:port` of the host in trouble; null when it came to none. */
  readonly address: string | null;
  readonly error: string;
  /** Mail goes on without TLS. */
  readonly cleartext?: boolean;
  /** Known and told before: the host is left alone at the moment. */
  readonly repeated?: boolean;
}

/** What a question to the next hop led to. */
export type HopAnswer =
  | { readonly ok: true; readonly reply: HopReply }
  | { readonly ok: false; readonly trouble: HopTrouble };

/** How long each stage may take, in ms. */
export interface HopTimeouts {
  readonly connect: number;
  readonly greeting: number;
  readonly ehlo: number;
  readonly starttls: number;
  readonly mail: number;
  readonly rcpt: number;
  readonly data: number;
  readonly body: number;
  readonly message: number;
  readonly reset: number;
}

/** RFC 5321 section 4.5.3.2. */
export const DEFAULT_TIMEOUTS: HopTimeouts = {
  connect: 30_000,
  greeting: 300_000,
  ehlo: 300_000,
  starttls: 60_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  body: 180_000,
  message: 600_000,
  reset: 10_000,
};

/** The reply on one line, for logs. */
export function hopReplyText(reply: HopReply): string {
  return `${reply.code} ${reply.lines.join(' ')}`.trimEnd();
}

/** `address:port`, an IPv6 address in brackets: what an endpoint is known by. */
export function endpointKey({ address, port }: Pick<Endpoint, 'address' | 'port'>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Cuts whatever an attempt is doing, at any moment and once; one that is armed later is cut at once. It does what an
 * AbortController does at a fraction of its price, which every message would pay.
 */
export class Cut {
  fired = false;
  private act: (() => void) | null = null;

  /** What firing does from now on; null for nothing. */
  arm(act: (() => void) | null): void {
    this.act = act;
    if (this.fired) act?.();
  }

  fire(): void {
    if (this.fired) return;
    this.fired = true;
    this.act?.();
  }
}
