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

export type PackedValue = string | number | null;

/** Columns whose value is left out when it is that of the answer before, in this order; one bit each. */
const REPEATING = [
  'kind',
  'code',
  'reason',
  'client',
  'realClient',
  'helo',
  'tls',
  'mailFrom',
  'domain',
  'tenant',
  'directoryAge',
  'session',
  'source',
  'detail',
] as const;
/** Bit that says that the recipient is written in its normal form. */
const NORMAL = 1 << REPEATING.length;

/**
 * Appends an answer to a flat list; `before` is the one appended before it, null at the beginning. A client that asks for
 * many recipients is always the same, so most values need not travel again. Ages are rounded to seconds.
 */
export function packAnswered(into: PackedValue[], answered: Answered, before: Answered | null): void {
  const { at, ref, rcpt, address } = answered;
  if (before !== null && address === rcpt && repeats(answered, before)) {
    into.push(NORMAL, at - before.at, ref, rcpt);
    return;
  }
  const start = into.length;
  into.push(0, before === null ? at : at - before.at, ref, rcpt);
  let bits = 0;
  for (let bit = 0; bit < REPEATING.length; bit++) {
    const column = REPEATING[bit] as (typeof REPEATING)[number];
    const value = answered[column];
    if (before !== null && before[column] === value) continue;
    bits |= 1 << bit;
    into.push(value);
  }
  if (address === rcpt) bits |= NORMAL;
  else into.push(address);
  into[start] = bits;
}

/** Whether nothing but the recipient is new. Written out, because it is what a flood of guesses costs. */
function repeats(answered: Answered, before: Answered): boolean {
  return (
    answered.session === before.session &&
    answered.mailFrom === before.mailFrom &&
    answered.kind === before.kind &&
    answered.code === before.code &&
    answered.reason === before.reason &&
    answered.client === before.client &&
    answered.realClient === before.realClient &&
    answered.helo === before.helo &&
    answered.tls === before.tls &&
    answered.domain === before.domain &&
    answered.tenant === before.tenant &&
    answered.directoryAge === before.directoryAge &&
    answered.source === before.source &&
    answered.detail === before.detail
  );
}

/** The answers of a flat list. */
export function* unpackAnswered(values: readonly PackedValue[]): Generator<Answered> {
  let before: Answered | null = null;
  for (let at = 0; at < values.length; ) {
    const bits = values[at] as number;
    const answered: Record<string, PackedValue> = { ...before };
    answered.at = (values[at + 1] as number) + (before?.at ?? 0);
    answered.ref = values[at + 2] ?? null;
    answered.rcpt = values[at + 3] ?? null;
    at += 4;
    for (const [bit, column] of REPEATING.entries()) {
      if (bits & (1 << bit)) answered[column] = values[at++] ?? null;
    }
    answered.address = bits & NORMAL ? answered.rcpt : (values[at++] ?? null);
    before = answered as unknown as Answered;
    yield before;
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
  /** Packed answers, and how many there are. */
  readonly values: readonly PackedValue[];
  readonly answers: number;
  readonly counts: readonly AnswerCount[];
}

/** What became of the answers of a batch. */
export interface BatchEffect {
  /** Rows made. */
  readonly kept: number;
  /** Answers that only raised the count of a row. */
  readonly aggregated: number;
}
