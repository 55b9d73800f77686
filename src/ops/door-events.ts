/** The events of the doors beside SMTP: their troubles, and what became of an export. */
import type { Logger } from 'pino';
import type { Metrics } from './metrics.ts';

export interface DoorTrouble {
  readonly door: string;
  readonly stage: string;
  readonly error: string;
}

/** What became of an export. */
export type ExportDone =
  | {
      readonly kind: 'written';
      readonly path: string;
      readonly entries: number;
      readonly before: number | null;
    }
  | { readonly kind: 'unchanged'; readonly path: string; readonly entries: number }
  | { readonly kind: 'refused' | 'failed'; readonly path: string; readonly problem: string };

/** The functions, for `createEvents`. None of them throws. */
export function doorEvents(logger: Logger, metrics: Metrics) {
  return {
    doorTrouble: ({ door, stage, error }: DoorTrouble) =>
      logger.warn({ event: 'door.trouble', door, stage, error }),
    exportDone: (done: ExportDone) => {
      metrics.exports.inc({ outcome: done.kind });
      const { kind, ...fields } = done;
      if (kind === 'written') logger.info({ event: 'export.write', ...fields });
      else if (kind !== 'unchanged') logger.error({ event: 'export.trouble', outcome: kind, ...fields });
    },
  };
}
