/** How each next hop does: when it last answered, what last went wrong. Pure; what happened is told to it. */

/** What last went wrong with a next hop. */
export interface NextHopFault {
  /** Ms since 1970. */
  readonly at: number;
  /** Where in the session, such as `connect` or `rcpt`. */
  readonly stage: string;
  /** What kind of fault, such as `refused` or `timeout`. */
  readonly failure: string;
  readonly error: string;
}

export interface NextHopStatus {
  /** `host:port`. */
  readonly nextHop: string;
  /** When it last answered a recipient or took a message, ms since 1970; null since the start of the process. */
  readonly lastSuccess: number | null;
  readonly lastTrouble: NextHopFault | null;
  /** Connections that serve a transaction now. */
  readonly connections: number;
}

/** `unused`: it was not asked since the start; `trouble`: what it last did was fail. */
export type NextHopHealth = 'unused' | 'good' | 'trouble';

/** The health of a next hop. */
export function nextHopHealth({
  lastSuccess,
  lastTrouble,
}: Pick<NextHopStatus, 'lastSuccess' | 'lastTrouble'>): NextHopHealth {
  if (lastTrouble !== null && lastTrouble.at >= (lastSuccess ?? 0)) return 'trouble';
  return lastSuccess === null ? 'unused' : 'good';
}

/** Whether a reply shows that the next hop works: 421 says that it closes (RFC 5321 section 3.8). */
export function isAnswer(reply: string | null): boolean {
  return reply !== null && !reply.startsWith('421');
}

/** What several threads say of the same next hops, as one. */
export function mergedNextHops(threads: ReadonlyArray<readonly NextHopStatus[]>): readonly NextHopStatus[] {
  const merged = new Map<string, NextHopStatus>();
  for (const status of threads.flat()) {
    const other = merged.get(status.nextHop);
    merged.set(status.nextHop, other ? together(other, status) : status);
  }
  return [...merged.values()];
}

function together(one: NextHopStatus, other: NextHopStatus): NextHopStatus {
  const success = Math.max(one.lastSuccess ?? 0, other.lastSuccess ?? 0);
  const laterTrouble = (one.lastTrouble?.at ?? 0) >= (other.lastTrouble?.at ?? 0) ? one : other;
  return {
    nextHop: one.nextHop,
    lastSuccess: success === 0 ? null : success,
    lastTrouble: laterTrouble.lastTrouble,
    connections: one.connections + other.connections,
  };
}
