/** Watches how the next hops do, from beside the SMTP side: its events and connections pass through here unchanged. */
import { isAnswer, type NextHopFault, type NextHopStatus } from './core/next-hop-status.ts';
import type { SmtpEvents } from './smtp/events.ts';
import type { SmtpEdge } from './smtp/listener.ts';
import type { Relay } from './smtp/relay.ts';

type Opened = Extract<Awaited<ReturnType<Relay['open']>>, { readonly ok: true }>;
type Hop = Opened['hop'];

export interface WatchedEdge<Edge extends SmtpEdge = SmtpEdge> {
  /** The same edge, watched. */
  readonly edge: Edge;
  /** Every next hop of the configuration, and others that were asked. */
  nextHops(): readonly NextHopStatus[];
}

/** Puts a watch around an edge. `now` is in ms since 1970. */
export function watchEdge<Edge extends SmtpEdge>(
  edge: Edge,
  now: () => number = Date.now,
): WatchedEdge<Edge> {
  const success = new Map<string, number>();
  const troubles = new Map<string, NextHopFault>();
  const inUse = new Map<string, Set<Hop>>();
  const answered = (nextHop: string | null, reply: string | null): void => {
    if (nextHop !== null && isAnswer(reply)) success.set(nextHop, now());
  };
  return {
    edge: {
      ...edge,
      relay: edge.relay && countedRelay(edge.relay, inUse),
      events: watchedEvents(edge.events, answered, ({ nextHop, stage, failure, error }) =>
        troubles.set(nextHop, { at: now(), stage, failure, error }),
      ),
    },
    nextHops: () =>
      [...new Set([...edge.nextHops(), ...success.keys(), ...troubles.keys()])].map((nextHop) => ({
        nextHop,
        lastSuccess: success.get(nextHop) ?? null,
        lastTrouble: troubles.get(nextHop) ?? null,
        connections: [...(inUse.get(nextHop) ?? [])].filter(isAlive).length,
      })),
  };
}

function watchedEvents(
  events: SmtpEvents,
  answered: (nextHop: string | null, reply: string | null) => void,
  trouble: SmtpEvents['nextHopTrouble'],
): SmtpEvents {
  return {
    ...events,
    recipientAnswered(event) {
      answered(event.verdict.nextHop, event.nextHopReply);
      events.recipientAnswered(event);
    },
    messageRelayed(event) {
      answered(event.nextHop, event.nextHopReply);
      events.messageRelayed(event);
    },
    messageFailed(event) {
      answered(event.nextHop, event.nextHopReply);
      events.messageFailed(event);
    },
    nextHopTrouble(event) {
      trouble(event);
      events.nextHopTrouble(event);
    },
  };
}

/** The relay with a look at which connections are lent out. One that died in use may never be given back. */
function countedRelay(relay: Relay, inUse: Map<string, Set<Hop>>): Relay {
  const counted = Object.create(relay) as Relay;
  counted.open = async (...args) => {
    const opened = await relay.open(...args);
    if (opened.ok) {
      const hops = new Set([...(inUse.get(args[0]) ?? [])].filter(isAlive));
      inUse.set(args[0], hops.add(opened.hop));
    }
    return opened;
  };
  counted.release = (hop, clean) => {
    inUse.get(hop.nextHop)?.delete(hop);
    relay.release(hop, clean);
  };
  return counted;
}

function isAlive(hop: Hop): boolean {
  return hop.trouble === null;
}
