/**
 * One answer as the rejection log takes it: a recipient, a message or a session that was told 4xx or 5xx. Answers travel
 * between threads as one flat list of plain values, which costs half of what a list of objects does.
 */

/** `recipient`: RCPT; `message`: the answer to the final dot; `session`: a command or connection refused by itself. */
export type AnsweredKind = 'recipient' | 'message' | 'session';

export interface Answered {
  /** Ms since 1970. */
  readonly at: number;
  /** The reference in the reply; null when it had none. */
  readonly ref: string | null;
  readonly kind: AnsweredKind;
  readonly code: number;
  /** What decided: a verdict's reason, what became of a message, or the refused command. */
  readonly reason: string;
  readonly client: string;
  /** Who is behind a trusted relay; the client itself otherwise. */
  readonly realClient: string;
  readonly helo: string | null;
  readonly tls: string | null;
  readonly mailFrom: string | null;
  /** As the client sent it. */
  readonly rcpt: string | null;
  /** The recipient in its normal form; null when it has none. */
  readonly address: string | null;
  /** Accepted domain. */
  readonly domain: string | null;
  readonly tenant: string | null;
  /** Ms. */
  readonly directoryAge: number | null;
  readonly session: string;
  /** Which door asked. */
  readonly source: string;
  /** What the next hop said, or our own words where no reason has any; null when there is nothing to add. */
  readonly detail: string | null;
}

export type PackedValue = string | number | null;

/** Values of one packed answer. */
export const PACKED_WIDTH = 18;

/** Appends an answer to a flat list. */
export function packAnswered(into: PackedValue[], answered: Answered): void {
  into.push(
    answered.at,
    answered.ref,
    answered.kind,
    answered.code,
    answered.reason,
    answered.client,
    answered.realClient,
    answered.helo,
    answered.tls,
    answered.mailFrom,
    answered.rcpt,
    // Most recipients are written in their normal form; the second copy of the text need not travel.
    answered.address === answered.rcpt ? SAME : answered.address,
    answered.domain,
    answered.tenant,
    answered.directoryAge,
    answered.session,
    answered.source,
    answered.detail,
  );
}

const SAME = 0;

/** The answers of a flat list. */
export function* unpackAnswered(values: readonly PackedValue[]): Generator<Answered> {
  for (let at = 0; at + PACKED_WIDTH <= values.length; at += PACKED_WIDTH) {
    const value = <T extends PackedValue>(index: number): T => values[at + index] as T;
    const rcpt = value<string | null>(10);
    const address = value<string | 0 | null>(11);
    yield {
      at: value(0),
      ref: value(1),
      kind: value(2),
      code: value(3),
      reason: value(4),
      client: value(5),
      realClient: value(6),
      helo: value(7),
      tls: value(8),
      mailFrom: value(9),
      rcpt,
      address: address === SAME ? rcpt : address,
      domain: value(12),
      tenant: value(13),
      directoryAge: value(14),
      session: value(15),
      source: value(16),
      detail: value(17),
    };
  }
}

/** Answered recipients of one accepted domain in one bucket of {@link BUCKET}. */
export interface AnswerCount {
  /** Start of the bucket, ms since 1970. */
  readonly at: number;
  /** null when no accepted domain was asked for. */
  readonly tenant: string | null;
  readonly domain: string | null;
  readonly accepted: number;
  readonly rejected: number;
  readonly deferred: number;
}

/** Ms. */
export const BUCKET = 300_000;

/** What is handed over to be kept at once. */
export interface AnswerBatch {
  /** Names the life of the daemon it comes from; with `id` it is told from every other batch. */
  readonly run: string;
  /** Counts up within a run. */
  readonly id: number;
  /** Packed answers. */
  readonly values: readonly PackedValue[];
  readonly counts: readonly AnswerCount[];
}

/** What became of the answers of a batch. */
export interface BatchEffect {
  /** Rows made. */
  readonly kept: number;
  /** Answers that only raised the count of a row. */
  readonly aggregated: number;
}
