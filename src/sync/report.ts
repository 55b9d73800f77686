/** How a round went, as plain JSON: for the log, the mirror, status and the console. */
import type { StreamName } from '../core/recipient.ts';
import type { RoundPreview } from '../core/reconcile.ts';

export interface RoundError {
  readonly code: string;
  /** What happened. */
  readonly message: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
}

export interface StreamReport {
  readonly stream: StreamName;
  readonly read: 'full' | 'delta';
  readonly pages: number;
  readonly entries: number;
  readonly error?: RoundError;
}

/**
 * `ok`: everything was read and committed; `partial`: some streams were, the others keep their cursor; `failed`: nothing
 * changed; `skipped`: the other side asked us to wait.
 */
export type RoundOutcome = 'ok' | 'partial' | 'failed' | 'skipped';

export interface RoundReport {
  readonly tenant: string;
  /** Ms since 1970. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly outcome: RoundOutcome;
  readonly streams: readonly StreamReport[];
  /** Distinct addresses known after the round. */
  readonly addresses: number;
  readonly added: number;
  readonly removed: number;
  /** Removals held back by this round. */
  readonly held: number;
  readonly error?: RoundError;
  /** Only of a dry run: what it would have done; null when it would have failed. */
  readonly preview?: RoundPreview | null;
}

/** How far a running round is. */
export interface RoundProgress {
  readonly tenant: string;
  readonly stream: StreamName;
  readonly pages: number;
  readonly entries: number;
}
