/** A round as it is handed to the mirror, and what it did there. */
import type { StreamName } from '../core/recipient.ts';
import type { ReadMode } from './merge.ts';

/** A stream whose last page has arrived. */
export interface CompletedStream {
  readonly stream: StreamName;
  readonly read: ReadMode;
  readonly cursor: string;
  readonly selectHash: string;
}

export interface CompletedRound {
  /** Ms since 1970; what the directory says holds for this moment. */
  readonly startedAt: number;
  /** Verified domains, A-labels. */
  readonly domains: readonly string[];
  readonly streams: readonly CompletedStream[];
  /** Every stream of the tenant completed: only then the directory is as fresh as the round. */
  readonly complete: boolean;
}

/** Counts of distinct addresses. */
export interface RoundEffect {
  /** Known afterwards, held ones included. */
  readonly addresses: number;
  readonly added: number;
  /** Removed, and now in their grace period. */
  readonly removed: number;
  /** Held back by this round. */
  readonly held: number;
}
