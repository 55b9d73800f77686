/** What the rejection log tells: rows, lists of the most frequent, references, regrets. Times are in ms since 1970. */
import type { AnsweredKind } from './answered.ts';

/** One row: an answer, and how often the same client got it for the same recipient within the period of repeats. */
export interface RejectionRow {
  readonly id: number;
  readonly kind: AnsweredKind;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  /** The reference of the last one; null when it had none. */
  readonly ref: string | null;
  /** What the client was told: 5xx or 4xx. */
  readonly verdict: 'reject' | 'defer';
  readonly code: number;
  readonly reason: string;
  readonly client: string;
  readonly realClient: string;
  readonly helo: string | null;
  readonly tls: string | null;
  readonly mailFrom: string | null;
  readonly rcpt: string | null;
  readonly address: string | null;
  readonly domain: string | null;
  readonly tenant: string | null;
  /** Ms. */
  readonly directoryAge: number | null;
  readonly session: string;
  readonly source: string;
  /** What the next hop said, or our own words. */
  readonly detail: string | null;
  /** The address was found in the directory later. */
  readonly regretted: boolean;
}

/** A page of a list, newest first. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** What to ask the next page with; null at the end. */
  readonly next: string | null;
}

export const TOP_LISTS = ['recipients', 'clients', 'domains', 'reasons'] as const;
export type TopList = (typeof TOP_LISTS)[number];

export interface TopRow {
  readonly value: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** The answer that carried a reference: when it was given, and the row it is part of. */
export interface ReferenceEntry {
  readonly at: number;
  readonly row: RejectionRow;
}

/** An address that was rejected as unknown and is in the directory now. */
export interface RegretRow {
  readonly id: number;
  readonly tenant: string;
  readonly address: string;
  /** When the directory was seen to have it. */
  readonly foundAt: number;
  /** First and last rejection, and how many there were. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  /** Some of the senders and clients that were told no. */
  readonly senders: readonly string[];
  readonly clients: readonly string[];
}

/** What a look at a new directory found. */
export interface RegretNews {
  readonly tenant: string;
  readonly addresses: number;
  readonly rejections: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** Some of the addresses. */
  readonly examples: readonly string[];
}

export interface HistoryBucket {
  /** Start, ms since 1970. */
  readonly at: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly deferred: number;
}

/** Counts of answered recipients over time, without gaps. */
export interface History {
  readonly from: number;
  readonly to: number;
  /** Length of a bucket, ms. */
  readonly step: number;
  readonly buckets: readonly HistoryBucket[];
}
