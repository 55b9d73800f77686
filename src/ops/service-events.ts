/** Events of the service itself, beside mail: a start that cannot work. */
import type { Logger } from 'pino';

/** The functions, for `createEvents`. None of them throws. */
export function serviceEvents(logger: Logger) {
  return {
    /** Every recipient is told 451 because of `problems`; `retryMs` null: until the configuration is repaired. */
    serviceDegraded: (
      problems: ReadonlyArray<{ readonly key: string; readonly problem: string }>,
      sockets: readonly string[],
      retryMs: number | null,
    ) => logger.error({ event: 'service.degraded', sockets, retry_ms: retryMs, problems }),
    /** The configuration is right again; the process ends, and its manager starts it anew. */
    serviceRepaired: (file: string) => logger.info({ event: 'service.repaired', file }),
  };
}
