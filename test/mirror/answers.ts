/** Rejection logs in throw-away directories, and short words for answers. */
import { join } from 'node:path';
import { type AnswerBatch, type Answered, type PackedValue, packAnswered } from '../../src/core/answered.ts';
import { type RejectionQuery, readRejectionQuery } from '../../src/core/rejection-query.ts';
import { type Ledger, type LedgerOptions, openLedger } from '../../src/mirror/ledger/ledger.ts';
import { scratchDirectory } from './scratch.ts';

export const NOON = Date.UTC(2026, 10, 22, 12);
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const TENANT = '11111111-2222-3333-4444-555555555555';

export interface ScratchLedger extends Disposable {
  readonly ledger: Ledger;
  readonly path: string;
  /** Records answers as the next batch. */
  record(...answers: readonly Partial<Answered>[]): { kept: number; aggregated: number };
}

export const LIMITS: LedgerOptions = {
  keep: 30 * DAY,
  keepRows: 10_000,
  keepHistory: 400 * DAY,
  repeatWithin: HOUR,
};

/** A new rejection log. */
export function scratchLedger(limits: Partial<LedgerOptions> = {}): ScratchLedger {
  const directory = scratchDirectory();
  const path = join(directory.path, 'rejections.sqlite');
  const ledger = openLedger(path, { ...LIMITS, ...limits });
  let id = 0;
  return {
    ledger,
    path,
    record: (...answers) => ledger.record(batchOf(++id, answers)),
    [Symbol.dispose]() {
      ledger[Symbol.dispose]();
      directory[Symbol.dispose]();
    },
  };
}

/** A batch of answers; what is not said of one is that of {@link answered}. */
export function batchOf(id: number, answers: readonly Partial<Answered>[], run = 'r'): AnswerBatch {
  const values: PackedValue[] = [];
  let before: Answered | null = null;
  for (const each of answers) {
    const next: Answered = answered(each);
    packAnswered(values, next, before);
    before = next;
  }
  return { run, id, values, answers: answers.length, counts: [] };
}

/** An unknown recipient rejected at noon. */
export function answered(changes: Partial<Answered> = {}): Answered {
  const rcpt = changes.rcpt === undefined ? 'nobody@contoso.example' : changes.rcpt;
  return {
    at: NOON,
    ref: '7F3K2Q',
    kind: 'recipient',
    code: 550,
    reason: 'unknown',
    client: '192.0.2.1',
    realClient: changes.client ?? '192.0.2.1',
    helo: 'mail.sender.example',
    tls: 'TLSv1.3',
    mailFrom: 'me@sender.example',
    address: rcpt,
    domain: 'contoso.example',
    tenant: TENANT,
    directoryAge: 65_000,
    session: 's1',
    source: 'relay',
    detail: null,
    ...changes,
    rcpt,
  };
}

/** A query as the control socket reads it. */
export function query(given: Record<string, string> = {}): RejectionQuery {
  const read = readRejectionQuery(given);
  if (!read.ok) throw new Error(read.problems.join('; '));
  return read.query;
}
