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

/** What several threads know of the same next hops, put together. */
export function joinNextHops(told: ReadonlyArray<readonly NextHopStatus[]>): readonly NextHopStatus[] {
  const joined = new Map<string, NextHopStatus>();
  for (const each of told.flat()) {
    const known = joined.get(each.nextHop);
    joined.set(each.nextHop, known ? joinTwo(known, each) : each);
  }
  return [...joined.values()];
}

function joinTwo(one: NextHopStatus, other: NextHopStatus): NextHopStatus {
  const success = Math.max(one.lastSuccess ?? -1, other.lastSuccess ?? -1);
  const [trouble = null] = [one.lastTrouble, other.lastTrouble]
    .filter((each) => each !== null)
    .sort((a, b) => b.at - a.at);
  return {
    nextHop: one.nextHop,
    lastSuccess: success < 0 ? null : success,
    lastTrouble: trouble,
    connections: one.connections + other.connections,
  };
}
