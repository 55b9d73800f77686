/**
 * Where our verdict and the next hop's answer part, and when a domain in `observe` can be enforced. Pure.
 *
 * Only what the next hop says about a recipient counts: its yes, and a permanent no that is about the address. A 4xx,
 * a refusal of the sender or of our host says nothing about who exists.
 */
import type { Reason, Verdict } from './verdict.ts';

/** `hop-accepted`: we would have refused, the next hop took it. `hop-rejected`: we took it, the next hop refused. */
export type DiscrepancyKind = 'hop-accepted' | 'hop-rejected';
export type Comparison = DiscrepancyKind | 'agreed';

/** What the next hop thinks of a recipient, as far as one answer tells. */
export type HopOpinion = 'yes' | 'no' | 'unsure';

/** Reasons for a yes that is ours: the directory's, or the operator's word in its place. */
const OUR_YES: ReadonlySet<Reason> = new Set([
  'known',
  'subaddress',
  'imported',
  'grace',
  'live-lookup',
  'override-allow',
]);

/** RFC 3463: bad address, bad mailbox; 5.4.1 is what Exchange Online says of unknown recipients; none at all is 5.0.0. */
const ABOUT_ADDRESS = /^5\.(?:0\.0|1\.\d+|2\.[01]|4\.1)$/;

/** What a reply to RCPT, or to the message of one recipient, says about the recipient. */
export function hopOpinion(code: number, enhanced: string | null): HopOpinion {
  if (code >= 200 && code < 300) return 'yes';
  // 5.1.7 and 5.1.8 are about the sender.
  if (code < 500 || enhanced === '5.1.7' || enhanced === '5.1.8') return 'unsure';
  return enhanced === null || ABOUT_ADDRESS.test(enhanced) ? 'no' : 'unsure';
}

/** Our verdict beside the next hop's opinion; null when there is nothing to compare. */
export function compare({ reason }: Pick<Verdict, 'reason'>, opinion: HopOpinion): Comparison | null {
  if (opinion === 'unsure') return null;
  if (reason === 'observed-unknown') return opinion === 'yes' ? 'hop-accepted' : 'agreed';
  if (!OUR_YES.has(reason)) return null;
  return opinion === 'yes' ? 'agreed' : 'hop-rejected';
}

/** One address about which we and the next hop differ. Times are ms since 1970. */
export interface Discrepancy {
  readonly domain: string;
  readonly address: string;
  readonly kind: DiscrepancyKind;
  readonly count: number;
  /** How many of these it took at RCPT and refused when it had seen the message. */
  readonly withdrawn: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** The last few, the newest first. */
  readonly senders: readonly string[];
  /** What the next hop said last. */
  readonly reply: string | null;
}

/** Answers of one day (days since 1970, UTC) about recipients of a domain. */
export interface ObservedDay {
  readonly domain: string;
  readonly day: number;
  readonly agreed: number;
  readonly hopAccepted: number;
  readonly hopRejected: number;
}

export interface Readiness {
  readonly ready: boolean;
  /** Whole days since the last recipient that we would have refused, or since the first answer. */
  readonly quietDays: number;
  /** Answers of the next hop in these days. */
  readonly answers: number;
  readonly why: string;
}

/** A domain is ready after this many quiet days with this much mail, or sooner with very much. */
export const READY_AFTER = { days: 7, answers: 20, manyAnswers: 1000 } as const;

const DAY = 86_400_000;

/**
 * Whether a domain in `observe` can be enforced. `lastDiscrepancy`: when the next hop last accepted somebody we would
 * refuse now, ms since 1970; addresses that we learnt since do not count. The day it happened counts for nothing.
 */
export function readiness(
  days: readonly ObservedDay[],
  lastDiscrepancy: number | null,
  now: number,
): Readiness {
  const today = Math.floor(now / DAY);
  const last = lastDiscrepancy === null ? null : Math.floor(lastDiscrepancy / DAY);
  const quiet = days.filter(({ day }) => last === null || day > last);
  const since = last ?? Math.min(today, ...quiet.map(({ day }) => day));
  const quietDays = Math.max(0, today - since);
  const answers = quiet.reduce((sum, each) => sum + each.agreed + each.hopAccepted + each.hopRejected, 0);
  const long = quietDays >= READY_AFTER.days && answers >= READY_AFTER.answers;
  const much = quietDays >= 1 && answers >= READY_AFTER.manyAnswers;
  const done = `${quietDays} days and ${answers} answers without a recipient that we would refuse in error`;
  const wanted = `${READY_AFTER.days} days with ${READY_AFTER.answers} answers, or ${READY_AFTER.manyAnswers} answers, are enough`;
  return { ready: long || much, quietDays, answers, why: long || much ? done : `${done}; ${wanted}` };
}

/** What is stored of one tenant. */
export interface StoredDiscrepancies {
  readonly tenant: string;
  readonly discrepancies: readonly Discrepancy[];
  readonly days: readonly ObservedDay[];
}

/** A discrepancy with whether it still is one: the address may have been learnt, or imported, or allowed since. */
export interface JudgedDiscrepancy extends Discrepancy {
  readonly settled: boolean;
}

export interface DomainReconciliation {
  readonly tenant: string;
  readonly domain: string;
  readonly policy: string;
  /** null for a domain that is not in `observe`. */
  readonly readiness: Readiness | null;
  readonly discrepancies: readonly JudgedDiscrepancy[];
}

/**
 * What `rcptgate discrepancies` shows, domain by domain, those that can be enforced in error first. `accepted`: whether
 * an address would be accepted now for a reason of its own.
 */
export function reconciliationOf(
  stored: readonly StoredDiscrepancies[],
  domains: Iterable<{ readonly name: string; readonly tenant: string; readonly policy: string }>,
  accepted: (address: string) => boolean,
  now: number,
): DomainReconciliation[] {
  return [...domains].map(({ name, tenant, policy }) => {
    const own = stored.find((each) => each.tenant === tenant);
    const discrepancies = (own?.discrepancies ?? [])
      .filter(({ domain }) => domain === name)
      .map((each) => ({ ...each, settled: isSettled(each, accepted) }));
    const open = discrepancies.filter(({ kind, settled }) => kind === 'hop-accepted' && !settled);
    const last = open.length === 0 ? null : Math.max(...open.map(({ lastAt }) => lastAt));
    const days = (own?.days ?? []).filter(({ domain }) => domain === name);
    return {
      tenant,
      domain: name,
      policy,
      readiness: policy === 'observe' ? readiness(days, last, now) : null,
      discrepancies,
    };
  });
}

/** One that was refused with its message each time was never accepted; one that we accept by now is no longer ours. */
function isSettled(
  { kind, address, count, withdrawn }: Discrepancy,
  accepted: (address: string) => boolean,
): boolean {
  return kind === 'hop-accepted' && (withdrawn >= count || accepted(address));
}
