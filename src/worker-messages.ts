/** What the main thread and the worker threads that answer say to each other. Plain values; shared memory crosses as it is. */
import type { Config } from './config/config.ts';
import type { DirectorySnapshot } from './core/directory.ts';
import type { LookupOutcome } from './core/lookup.ts';
import type { OperatorSnapshot } from './core/operator.ts';
import type { CounterGrowth } from './ops/metrics.ts';
import type { TlsMaterial } from './smtp/tls-context.ts';
import type { LookupQuestion } from './sync/lookup.ts';

/** What a worker is started with. */
export interface WorkerSettings {
  readonly id: number;
  readonly config: Config;
  /** In the order of the configuration; the descriptors are the worker's own. */
  readonly listeners: ReadonlyArray<{ readonly fd: number; readonly material: TlsMaterial | null }>;
  readonly directories: readonly DirectorySnapshot[];
  readonly told: OperatorSnapshot;
  /** Open connections by listener, then worker: 32-bit counters in shared memory. */
  readonly census: SharedArrayBuffer;
}

/** What the main thread tells a worker. */
export type ToWorker =
  | { readonly kind: 'directory'; readonly snapshot: DirectorySnapshot }
  | { readonly kind: 'operator'; readonly told: OperatorSnapshot }
  | { readonly kind: 'config'; readonly config: Config }
  | { readonly kind: 'certificate'; readonly listener: number; readonly material: TlsMaterial }
  | { readonly kind: 'lookup'; readonly id: number; readonly outcome: LookupOutcome }
  /** `ms`: how long from now; 0 when it is over. */
  | { readonly kind: 'denied'; readonly client: string; readonly ms: number }
  | { readonly kind: 'stop'; readonly grace: number };

/** What a worker tells, a few times a second. */
export interface WorkerReport {
  readonly kind: 'report';
  /** Whole log lines. */
  readonly log: string;
  readonly counters: readonly CounterGrowth[];
  /** Addresses that mail was accepted for, by tenant. */
  readonly accepted: ReadonlyArray<readonly [tenant: string, address: string]>;
  /** Clients that were turned away by the harvest guard, and how often. */
  readonly refused: ReadonlyArray<readonly [client: string, times: number]>;
}

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'lookup'; readonly id: number; readonly question: LookupQuestion }
  | { readonly kind: 'absent'; readonly guesses: ReadonlyArray<readonly [client: string, address: string]> }
  | WorkerReport
  | { readonly kind: 'stopped' };
