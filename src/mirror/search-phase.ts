/** What the phases of a search share: their question, their answer, and how rows become a page. */
import type { FoundRecipient } from '../core/recipient-search.ts';
import type { TenantRow } from './tenants.ts';

/** The key of the last row looked at in a phase. */
export type PhaseKey = readonly [string, string | number] | null;

/** What is looked for. */
export interface Phase {
  readonly row: TenantRow;
  readonly verified: ReadonlySet<string>;
  readonly words: readonly string[];
  /** The beginning of an address that the text may be; null when it can be none. */
  readonly prefix: string | null;
  /** A kind of object, `imported`, or `departed`; null for all. */
  readonly kind: string | null;
  /** Most items of a step. */
  readonly room: number;
  /** Departures after this moment (ms since 1970) are in their grace period. */
  readonly graceSince: number;
}

/** What a step found, and the key it came to; null when the phase is at its end. */
export interface PhaseStep {
  readonly items: readonly FoundRecipient[];
  readonly key: PhaseKey;
}

/** One step of a phase, behind `key`. */
export type PhaseReader = (phase: Phase, key: PhaseKey) => PhaseStep;

/** Rows read in one step: a millisecond or two. */
export const BATCH = 500;

/** Takes rows one by one until the room is used up. Fewer rows than {@link BATCH} are the last ones. */
export function takeRows<Row>(
  rows: readonly Row[],
  room: number,
  keyOf: (row: Row) => readonly [string, string | number],
  found: (row: Row) => FoundRecipient | null,
): PhaseStep {
  const items: FoundRecipient[] = [];
  for (const row of rows) {
    const item = found(row);
    if (item) items.push(item);
    if (items.length === room) return { items, key: keyOf(row) };
  }
  const last = rows.at(-1);
  return { items, key: last !== undefined && rows.length === BATCH ? keyOf(last) : null };
}

/** The end of all texts that begin with `prefix`, in SQLite's byte order. */
export function endOf(prefix: string): string {
  return `${prefix}\u{10ffff}`;
}
