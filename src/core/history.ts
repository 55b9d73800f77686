/** Counts over time without gaps: what happened nothing in is shown as nothing. */
import type { History, HistoryBucket } from './rejection.ts';
import type { HistoryQuery } from './rejection-query.ts';

/** The buckets between `since` and `until`, whole ones; `counted` has at most one entry for each start. */
export function historyOf(
  { since, until, step }: Pick<HistoryQuery, 'since' | 'until' | 'step'>,
  counted: readonly HistoryBucket[],
): History {
  const from = Math.floor(since / step) * step;
  const to = Math.max(from + step, Math.ceil(until / step) * step);
  const byStart = new Map(counted.map((bucket) => [bucket.at, bucket]));
  const buckets = Array.from({ length: Math.round((to - from) / step) }, (_, index) => {
    const at = from + index * step;
    return byStart.get(at) ?? { at, accepted: 0, rejected: 0, deferred: 0 };
  });
  return { from, to, step, buckets };
}
