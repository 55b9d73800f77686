/** The events of the harvest guard. Refusals are told together: their `refused` add up to everything that was turned away. */
import type { Logger } from 'pino';
import type { Metrics } from './metrics.ts';

/** Refusals since the last report. */
interface RefusalReport {
  readonly refused: number;
  readonly clients: number;
  readonly top: ReadonlyArray<readonly [client: string, refused: number]>;
}

/** The functions, for `createEvents`. None of them throws. */
export function harvestEvents(logger: Logger, metrics: Metrics) {
  return {
    denied: (client: string, guesses: number, denyMs: number) => {
      metrics.harvestDenials.inc();
      const seconds = Math.round(denyMs / 1000);
      logger.warn({ event: 'harvest.deny', real_client: client, guesses, deny: seconds });
    },
    refused: ({ refused, clients, top }: RefusalReport) => {
      metrics.harvestRefusals.inc(refused);
      const most = top.map(([client, times]) => `${client} ${times}`);
      logger.warn({ event: 'harvest.refuse', refused, clients, top: most });
    },
    over: (client: string, refused: number, reset: boolean) =>
      logger.info({ event: 'harvest.over', real_client: client, refused, reset }),
  };
}
