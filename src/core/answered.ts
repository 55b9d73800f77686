/**
 * One answer as the rejection log takes it: a recipient, a message or a session that was told 4xx or 5xx. Answers travel
 * between threads as one flat list of plain values, which costs a fraction of what a list of objects does.
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

/** `true` stands for the value of the answer before, or for "as the recipient is written" in its normal form. */
export type PackedValue = string | number | boolean | null;

/** Values of one packed answer. */
export const PACKED_WIDTH = 18;

/**
 * Appends an answer to a flat list; `before` is the one appended before it, null at the beginning. A client that asks for
 * many recipients is always the same, so most values need not travel again.
 */
export function packAnswered(into: PackedValue[], answered: Answered, before: Answered | null): void {
  const { at, ref, code, rcpt, address, directoryAge } = answered;
  into.push(
    at,
    ref,
    answered.kind === before?.kind || answered.kind,
    code,
    answered.reason === before?.reason || answered.reason,
    answered.client === before?.client || answered.client,
    answered.realClient === before?.realClient || answered.realClient,
    answered.helo === before?.helo || answered.helo,
    answered.tls === before?.tls || answered.tls,
    answered.mailFrom === before?.mailFrom || answered.mailFrom,
    rcpt,
    address === rcpt || address,
    answered.domain === before?.domain || answered.domain,
    answered.tenant === before?.tenant || answered.tenant,
    directoryAge === null ? null : Math.round(directoryAge),
    answered.session === before?.session || answered.session,
    answered.source === before?.source || answered.source,
    answered.detail === before?.detail || answered.detail,
  );
}

/** The answers of a flat list. */
export function* unpackAnswered(values: readonly PackedValue[]): Generator<Answered> {
  let before: Answered | null = null;
  for (let at = 0; at + PACKED_WIDTH <= values.length; at += PACKED_WIDTH) {
    before = answeredAt(values, at, before);
    yield before;
  }
}

function answeredAt(values: readonly PackedValue[], at: number, before: Answered | null): Answered {
  const value = <T>(index: number, same?: T): T =>
    (values[at + index] === true ? same : values[at + index]) as T;
  const rcpt = value<string | null>(10);
  return {
    at: value(0),
    ref: value(1),
    kind: value(2, before?.kind),
    code: value(3),
    reason: value(4, before?.reason),
    client: value(5, before?.client),
    realClient: value(6, before?.realClient),
    helo: value(7, before?.helo),
    tls: value(8, before?.tls),
    mailFrom: value(9, before?.mailFrom),
    rcpt,
    address: value(11, rcpt),
    domain: value(12, before?.domain),
    tenant: value(13, before?.tenant),
    directoryAge: value(14),
    session: value(15, before?.session),
    source: value(16, before?.source),
    detail: value(17, before?.detail),
  };
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
