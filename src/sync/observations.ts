/**
 * What the next hop thought of recipients, on its way from the answering side to the learning thread: aggregated, told
 * now and then, bounded. An answer costs one entry of a map and never waits; what does not fit is only counted.
 */
import { type Comparison, compare, type DiscrepancyKind, hopOpinion } from '../core/reconciliation.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ObservedBatch, ObservedDiscrepancy } from './protocol.ts';

/** One answer of a next hop. */
export interface Observation {
  readonly tenant: string;
  readonly domain: string;
  readonly address: string;
  readonly comparison: Comparison;
  readonly sender: string;
  readonly reply: string | null;
}

export interface ObservationLog extends AsyncDisposable {
  note(observation: Observation): void;
  /** The next hop has refused, with the message, the one recipient that it took at RCPT. */
  withdraw(observation: Omit<Observation, 'comparison'>): void;
  /** Passes on what another thread has added up. */
  add(batch: ObservedBatch): void;
}

/** What an answered recipient, or a message, tells about what the next hop thinks. */
interface HopAnswered {
  readonly reply: { readonly code: number; readonly enhanced: string | null };
  /** null when the next hop was not asked, or did not answer. */
  readonly nextHopReply: string | null;
  readonly mailFrom: string;
}

/** Compares the next hop's answer to RCPT with our verdict. */
export function observeRecipient(
  log: ObservationLog,
  answer: HopAnswered & { readonly verdict: Verdict },
): void {
  const { verdict, reply, nextHopReply, mailFrom: sender } = answer;
  const { tenant, domain, key } = verdict;
  if (nextHopReply === null || tenant === null || domain === null || key === null) return;
  const comparison = compare(verdict, hopOpinion(reply.code, reply.enhanced));
  if (comparison === null) return;
  log.note({ tenant, domain, address: key, comparison, sender, reply: nextHopReply });
}

/** The final answer to a message of one recipient is about that one: a no there takes back the yes to RCPT. */
export function observeMessage(
  log: ObservationLog,
  message: HopAnswered & { readonly only: Verdict | null },
): void {
  const { only, reply, nextHopReply, mailFrom: sender } = message;
  if (!only || nextHopReply === null || only.tenant === null || only.domain === null || only.key === null)
    return;
  if (hopOpinion(reply.code, reply.enhanced) !== 'no') return;
  const about = { tenant: only.tenant, domain: only.domain, address: only.key, sender, reply: nextHopReply };
  if (only.reason === 'observed-unknown') log.withdraw(about);
  else if (compare(only, 'no') === 'hop-rejected') log.note({ ...about, comparison: 'hop-rejected' });
}

/** Ms between two tellings. */
const INTERVAL = 30_000;
/** Most addresses between two tellings. */
const LIMIT = 5_000;
/** Senders told of one address. */
const SENDERS = 5;
const LONGEST_SENDER = 254;
const LONGEST_REPLY = 400;

interface Collected {
  readonly discrepancies: Map<string, ObservedDiscrepancy>;
  readonly days: Map<string, { tenant: string; domain: string; day: number } & Record<Comparison, number>>;
}

/** Collects and hands over to `tell`. What cannot be told is dropped: it is statistics. `now`: ms since 1970. */
export function collectObservations(
  tell: (batch: ObservedBatch) => Promise<unknown>,
  interval: number = INTERVAL,
  limit: number = LIMIT,
  now: () => number = Date.now,
): ObservationLog {
  let collected = empty();
  const entry = (
    { tenant, domain, address, sender, reply }: Omit<Observation, 'comparison'>,
    kind: DiscrepancyKind,
  ): ObservedDiscrepancy | null => {
    const key = `${tenant} ${kind} ${address}`;
    const known = collected.discrepancies.get(key);
    if (!known && collected.discrepancies.size >= limit) return null;
    const at = now();
    const fresh = { tenant, domain, address, kind, count: 0, withdrawn: 0, firstAt: at, lastAt: at };
    const found = known ?? { ...fresh, senders: [], reply: null };
    found.lastAt = at;
    found.reply = reply?.slice(0, LONGEST_REPLY) ?? null;
    const name = sender.slice(0, LONGEST_SENDER);
    found.senders = [name, ...found.senders.filter((each) => each !== name)].slice(0, SENDERS);
    collected.discrepancies.set(key, found);
    return found;
  };
  const flush = async (): Promise<void> => {
    const { discrepancies, days } = collected;
    if (days.size === 0 && discrepancies.size === 0) return;
    collected = empty();
    await tell({ discrepancies: [...discrepancies.values()], days: [...days.values()] }).catch(() => null);
  };
  const timer = setInterval(() => void flush(), interval);
  timer.unref();
  return {
    note(observation) {
      const { tenant, domain, comparison } = observation;
      const day = Math.floor(now() / 86_400_000);
      const key = `${tenant} ${day} ${domain}`;
      const counts = collected.days.get(key) ?? {
        ...{ tenant, domain, day },
        ...{ agreed: 0, 'hop-accepted': 0, 'hop-rejected': 0 },
      };
      counts[comparison] += 1;
      collected.days.set(key, counts);
      if (comparison === 'agreed') return;
      const found = entry(observation, comparison);
      if (found) found.count += 1;
    },
    withdraw(observation) {
      const found = entry(observation, 'hop-accepted');
      if (found) found.withdrawn += 1;
    },
    add: (batch) => void tell(batch).catch(() => null),
    /** Tells what is left. */
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await flush();
    },
  };
}

function empty(): Collected {
  return { discrepancies: new Map(), days: new Map() };
}
