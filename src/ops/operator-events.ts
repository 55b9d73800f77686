/** The events of what an operator changes by command: who did it, and what it was. */
import type { Logger } from 'pino';

/** Who did it: a person, or `control socket`; and the address of the browser, null for a command. */
export interface DoneBy {
  readonly who: string;
  readonly from: string | null;
}

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

/** Everything was sealed anew. */
export interface KeyRotationEvent {
  readonly made: boolean;
  readonly resealed: number;
  readonly already: number;
  readonly unopened: readonly unknown[];
}

/** The functions, for `createEvents`. None of them throws. */
export function operatorEvents(logger: Logger) {
  return {
    overrideAdd: ({ who, from }: DoneBy, override: OverrideEvent, replaced: boolean) =>
      logger.info({ event: 'override.add', who, from, replaced, ...fieldsOf(override) }),
    overrideRemove: ({ who, from }: DoneBy, override: OverrideEvent) =>
      logger.info({ event: 'override.remove', who, from, ...fieldsOf(override) }),
    importDone: ({ who, from }: DoneBy, { file, ...done }: ImportEvent) =>
      logger.info({ event: 'import.done', who, from, ...done, file }),
    /** `secrets`: sealed credentials are in the copy. */
    backupMade: ({ who, from }: DoneBy, bytes: number, secrets: boolean) =>
      logger.info({ event: 'backup.make', who, from, bytes, secrets }),
    /** Counts of credentials; `made`: the key is a new one, not another that systemd hands over. */
    keyRotated: ({ who, from }: DoneBy, { made, resealed, already, unopened }: KeyRotationEvent) =>
      logger.info({ event: 'key.rotate', who, from, made, resealed, already, unopened: unopened.length }),
    /** `tenant` null: all. */
    syncRequest: ({ who, from }: DoneBy, tenant: string | null, dryRun: boolean) =>
      logger.info({ event: 'sync.request', who, from, tenant, dry_run: dryRun }),
    syncApprove: ({ who, from }: DoneBy, plan: string, tenant: string, addresses: number) =>
      logger.info({ event: 'sync.approve', who, from, tenant, plan, addresses }),
  };
}

function fieldsOf({ match, action, text, note, expires }: OverrideEvent): object {
  return { action, expires: expires === null ? null : new Date(expires).toISOString(), match, text, note };
}
