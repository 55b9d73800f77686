/** The events of the rejection log: what it cannot keep, what is wrong with it, and what it found out. */
import type { Logger } from 'pino';
import type { RegretNews } from '../core/rejection.ts';
import type { Metrics } from './metrics.ts';

/** The functions, for `createEvents`. None of them throws. */
export function rejectionEvents(logger: Logger, metrics: Metrics) {
  return {
    /** What became of some answers; counted only, each has its own line already. */
    rejectionsKept: (entries: {
      readonly kept: number;
      readonly aggregated: number;
      readonly lost: number;
    }) => {
      for (const [outcome, count] of Object.entries(entries)) metrics.rejections.inc({ outcome }, count);
    },
    rejectionsLost: (lost: number) => logger.warn({ event: 'rejections.lost', lost }),
    rejectionsTrouble: (error: string) => logger.error({ event: 'rejections.trouble', error }),
    rejectionsSetAside: (file: string, reason: string) =>
      logger.error({ event: 'rejections.set_aside', file, error: reason }),
    regretFound: ({ tenant, addresses, rejections, firstAt, lastAt, examples }: RegretNews) => {
      metrics.regrets.inc({ tenant }, addresses);
      logger.warn({
        event: 'regret.found',
        tenant,
        addresses,
        rejections,
        first: new Date(firstAt).toISOString(),
        last: new Date(lastAt).toISOString(),
        examples,
      });
    },
  };
}
