/** How a round went, as plain JSON: for the log, the mirror, status and the console. */
import type { StreamName } from '../core/recipient.ts';

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
  readonly held: number;
  readonly error?: RoundError;
}

/** How far a running round is. */
export interface RoundProgress {
  readonly tenant: string;
  readonly stream: StreamName;
  readonly pages: number;
  readonly entries: number;
}
