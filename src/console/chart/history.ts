/** Counts of answers over time, as the daemon tells them. */
import type { History, HistoryBucket } from '../../core/rejection.ts';
import type { Daemon } from '../site/daemon.ts';

/** `day`: 48 bars of half an hour. `week`: 56 bars of three hours. */
export type Span = 'day' | 'week';

const SPANS = {
  day: { length: 86_400_000, step: 1_800 },
  week: { length: 7 * 86_400_000, step: 10_800 },
} as const;

export interface HistoryAsked {
  readonly span: Span;
  /** Ms since 1970. */
  readonly now: number;
  /** Whose counts may be seen; null: everybody's. */
  readonly tenants: readonly string[] | null;
  readonly tenant?: string;
  readonly domain?: string;
}

/**
 * The counts up to now.
 * @throws DaemonUnreachable when nobody answers, Error when the daemon cannot or answers something else.
 */
export async function historyOf(daemon: Pick<Daemon, 'get'>, asked: HistoryAsked): Promise<History> {
  const { length, step } = SPANS[asked.span];
  // Whole steps, so that a day has as many bars at any minute of it.
  const until = Math.ceil(asked.now / (step * 1000)) * step * 1000;
  const query = new URLSearchParams({
    since: String(until - length),
    until: String(until),
    step: String(step),
    ...(asked.tenants === null ? {} : { tenants: asked.tenants.join(',') }),
    ...(asked.tenant === undefined ? {} : { tenant: asked.tenant }),
    ...(asked.domain === undefined ? {} : { domain: asked.domain }),
  });
  const answer = await daemon.get(`/v1/history?${query}`);
  if (isHistory(answer)) return answer;
  throw new Error('the daemon answered something else than counts of answers');
}

function isHistory(value: unknown): value is History {
  const { from, to, step, buckets } = Object(value) as Partial<History>;
  return (
    [from, to, step].every((each) => typeof each === 'number') &&
    Array.isArray(buckets) &&
    buckets.every(isBucket)
  );
}

function isBucket(value: unknown): value is HistoryBucket {
  const { at, accepted, rejected, deferred } = Object(value) as Partial<HistoryBucket>;
  return [at, accepted, rejected, deferred].every((each) => Number.isFinite(each));
}
