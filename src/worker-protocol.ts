/** What the main thread and its answering workers say to each other. Directories travel as shared memory. */

import type { Certificates } from './certificates.ts';
import type { Config } from './config/config.ts';
import type { Answered } from './core/answered.ts';
import type { DirectorySnapshot } from './core/directory.ts';
import type { LookupOutcome } from './core/lookup.ts';
import type { NextHopStatus } from './core/next-hop-status.ts';
import type { OperatorSnapshot } from './core/operator.ts';
import type { WorkerTrouble } from './ops/listener-events.ts';
import type { CounterGrowth } from './ops/metrics.ts';
import type { NotedFrom } from './rejections.ts';
import type { HarvestGuard } from './smtp/harvest-guard.ts';
import type { SmtpListener } from './smtp/listener.ts';
import type { TlsMaterial } from './smtp/tls-context.ts';
import type { AcceptedMailLog } from './sync/accepted-mail.ts';
import type { LiveLookups, LookupQuestion } from './sync/lookup.ts';
import type { ObservationLog } from './sync/observations.ts';
import type { ObservedBatch } from './sync/protocol.ts';

/** What a worker is started with. */
export interface WorkerSettings {
  readonly id: number;
  readonly config: Config;
  /** In the order of the configuration; the descriptors are the worker's own. */
  readonly listeners: ReadonlyArray<{ readonly fd: number; readonly material: TlsMaterial | null }>;
  readonly directories: readonly DirectorySnapshot[];
  readonly told: OperatorSnapshot;
  /** Clients that the harvest guard turns away, and for how many ms. */
  readonly denied: ReadonlyArray<readonly [client: string, ms: number]>;
  /** Open connections by listener, then worker: 32-bit counters in shared memory. */
  readonly census: SharedArrayBuffer;
  /** How many answers each worker may tell with its next report: one 32-bit number in shared memory. */
  readonly share: SharedArrayBuffer;
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
  /** For the rejection log. */
  readonly counts: readonly AnswerCount[];
  readonly answers: readonly Answered[];
  /** Answers that were not put together, because there was no room for them. */
  readonly lost: number;
  readonly nextHops: readonly NextHopStatus[];
}

/** Answers of one kind since the last report. */
export type AnswerCount = readonly [
  tenant: string | null,
  domain: string | null,
  code: number,
  times: number,
];

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'lookup'; readonly id: number; readonly question: LookupQuestion }
  /** Client and address in turn, each a line: one text is handed over for a tenth of what many cost. */
  | { readonly kind: 'absent'; readonly guesses: string }
  | { readonly kind: 'observed'; readonly batch: ObservedBatch }
  | WorkerReport
  | { readonly kind: 'stopped' };

/** What the pool of workers works with. */
export interface WorkersParts {
  readonly live: { readonly config: Config };
  readonly certificates: Certificates;
  readonly lookups: LiveLookups | null;
  readonly harvest: HarvestGuard;
  readonly accepted: AcceptedMailLog;
  readonly observed: ObservationLog;
  /** Where rejections are kept. */
  readonly noted: NotedFrom;
  readonly directories: readonly DirectorySnapshot[];
  readonly told: OperatorSnapshot;
  /** Takes whole log lines. */
  log(lines: string): void;
  count(growth: readonly CounterGrowth[]): void;
  trouble(trouble: WorkerTrouble): void;
  /** A worker hangs and cannot be ended. */
  stuck(worker: number): void;
  /** Names who hears of what changes. */
  follow(follower: (news: ToWorker) => void): void;
}

/** One worker for `status`. */
export interface WorkerState {
  readonly worker: number;
  readonly connections: number;
  readonly restarts: number;
}

export interface Workers {
  /** One for each listener of the configuration, over all workers. */
  readonly listeners: readonly SmtpListener[];
  state(): WorkerState[];
  nextHops(): readonly NextHopStatus[];
}
