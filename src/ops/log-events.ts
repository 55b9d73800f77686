/** The events of the log about itself: what it tells in sums, what it could not write, what is wrong with its file. */
import type { Logger } from 'pino';
import type { RefusalKind } from './flood.ts';
import type { Metrics } from './metrics.ts';

/** The functions, for `createEvents`. None of them throws. */
export function logEvents(logger: Logger, metrics: Metrics) {
  return {
    /** `count` refused recipients of a kind, beyond those with a line of their own. */
    recipientsAggregated: ({ realClient, ...kind }: RefusalKind, count: number) =>
      logger.warn({ event: 'rcpt.aggregate', count, ...kind, real_client: realClient }),
    logTrouble: (file: string, error: string) => logger.error({ event: 'log.trouble', file, error }),
    logLost: (lines: number) => {
      metrics.logLost.inc(lines);
      logger.error({ event: 'log.lost', lines });
    },
    logReopen: (file: string) => logger.info({ event: 'log.reopen', file }),
  };
}
