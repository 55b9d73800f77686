/** What the main thread and the recording thread say to each other. Plain values; shared memory crosses as it is. */
import type { AnswerBatch, BatchEffect } from '../core/answered.ts';
import type { DirectorySnapshot } from '../core/directory.ts';
import type { RegretPolicy } from '../core/regret.ts';
import type {
  History,
  Page,
  ReferenceEntry,
  RegretNews,
  RegretRow,
  RejectionRow,
  TopRow,
} from '../core/rejection.ts';
import type { HistoryQuery, RejectionQuery, TopQuery } from '../core/rejection-query.ts';

export interface RecorderSettings {
  /** The file of the rejection log. */
  readonly path: string;
  /** Rows are kept this long (ms), and so many of them. */
  readonly keep: number;
  readonly keepRows: number;
  /** Counts and regrets are kept this long, ms. */
  readonly keepHistory: number;
  /** Repeats of an answer within this time only raise the count of its row, ms. */
  readonly repeatWithin: number;
  readonly policy: RegretPolicy;
}

/** What can be asked, with what it is answered by. */
export interface LedgerRequests {
  readonly record: { readonly ask: AnswerBatch; readonly answer: BatchEffect };
  /** A directory to look for regrets in. */
  readonly directory: { readonly ask: DirectorySnapshot; readonly answer: null };
  readonly list: { readonly ask: RejectionQuery; readonly answer: Page<RejectionRow> };
  readonly top: { readonly ask: TopQuery; readonly answer: readonly TopRow[] };
  readonly history: { readonly ask: HistoryQuery; readonly answer: History };
  readonly reference: {
    readonly ask: { readonly reference: string; readonly tenants: readonly string[] | null };
    readonly answer: readonly ReferenceEntry[];
  };
  readonly regrets: { readonly ask: RejectionQuery; readonly answer: Page<RegretRow> };
  readonly stop: { readonly ask: null; readonly answer: null };
}

export type LedgerRequest = keyof LedgerRequests;

export interface LedgerCall {
  readonly id: number;
  readonly name: LedgerRequest;
  readonly ask: LedgerRequests[LedgerRequest]['ask'];
}

/** What the recording thread tells unasked. */
export type LedgerNews =
  | { readonly kind: 'regret'; readonly news: RegretNews }
  /** A damaged file was moved away and a new one begun. */
  | { readonly kind: 'set-aside'; readonly file: string; readonly reason: string }
  | { readonly kind: 'trouble'; readonly message: string };

export type LedgerMessage =
  | LedgerNews
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly message: string };

/** The recording side: one function per request. What it throws becomes a refusal. */
export type LedgerHandlers = {
  readonly [Name in LedgerRequest]: (ask: LedgerRequests[Name]['ask']) => LedgerRequests[Name]['answer'];
};
