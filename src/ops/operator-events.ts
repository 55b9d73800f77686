/** The events of what an operator changes by command: who did it, and what it was. */
import type { Logger } from 'pino';

/** An override that was added or removed by command. */
export interface OverrideEvent {
  readonly match: string;
  readonly action: string;
  readonly text: string | null;
  readonly note: string | null;
  /** Ms since 1970. */
  readonly expires: number | null;
}

/** A finished import. */
export interface ImportEvent {
  readonly tenant: string;
  readonly file: string;
  readonly addresses: number;
  readonly added: number;
  readonly removed: number;
  /** Addresses outside the tenant's accepted domains, which were left out. */
  readonly foreign: number;
  readonly forced: boolean;
}

/** The functions, for `createEvents`. None of them throws. */
export function operatorEvents(logger: Logger) {
  return {
    overrideAdd: (who: string, override: OverrideEvent, replaced: boolean) =>
      logger.info({ event: 'override.add', who, replaced, ...fieldsOf(override) }),
    overrideRemove: (who: string, override: OverrideEvent) =>
      logger.info({ event: 'override.remove', who, ...fieldsOf(override) }),
    importDone: (who: string, { file, ...done }: ImportEvent) =>
      logger.info({ event: 'import.done', who, ...done, file }),
  };
}

function fieldsOf({ match, action, text, note, expires }: OverrideEvent): object {
  return { action, expires: expires === null ? null : new Date(expires).toISOString(), match, text, note };
}
