/** The words shared by everything that talks to a next hop: its name, the stages of a session, what can go wrong. */
import type { HopFailure } from './reply.ts';

/** Where in the outbound session something happened. */
export type Stage =
  | 'connect'
  | 'greeting'
  | 'ehlo'
  | 'starttls'
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

/** A next hop that could not be asked, or not to the end. */
export interface HopTrouble {
  readonly failure: HopFailure;
  readonly stage: Stage;
  /** `host:port`. */
  readonly nextHop: string;
  readonly error: string;
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

/** Splits `host:port` or `[v6]:port`; the port is 25 when absent. */
export function splitNextHop(nextHop: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(nextHop);
  if (!match) return { host: nextHop, port: 25 };
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3] ?? 25) };
}

/** The reply on one line, for logs. */
export function hopReplyText(reply: HopReply): string {
  return `${reply.code} ${reply.lines.join(' ')}`.trimEnd();
}
