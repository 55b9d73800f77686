/** A delta round under way: what its pages are cut from, and what a page is. */
import type { Entry } from './entry.ts';
import type { Cursor } from './state-token.ts';
import type { TenantState } from './tenant-state.ts';

/** The entries of one page, and where the next begins; null at the end of the round. */
export interface RoundSlice {
  readonly entries: readonly Entry[];
  readonly position: number | null;
}

/** What a round's slices are cut from. */
export interface Round {
  readonly state: TenantState;
  readonly cursor: Cursor;
  readonly properties: readonly string[];
  readonly size: number;
  readonly sparse: boolean;
}
