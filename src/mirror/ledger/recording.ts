/**
 * Writing what was answered. A batch is one transaction: rows, references, counts and its own number, so that a batch which
 * is sent again after a crash changes nothing. Repeats of an answer within a period only raise the count of its row.
 */
import type { Database } from 'better-sqlite3';
import { type AnswerBatch, type Answered, type BatchEffect, unpackAnswered } from '../../core/answered.ts';
import { referenceNumber } from '../../core/reference.ts';
import type { References } from './references.ts';

/** Writes a batch. Throws what SQLite throws; nothing of the batch is written then. */
export type RecordBatch = (batch: AnswerBatch) => BatchEffect;

/** Rows that repeats are looked for in, once or twice as many. One that is forgotten only costs another row. */
const GENERATION = 10_000;
/** Text of a client is cut at this length; the protocol's own limits are near it. */
const LONGEST = 512;

interface OpenRow {
  readonly id: number;
  readonly firstAt: number;
}

/** The same answer several times in one batch. */
interface Group {
  row: OpenRow | null;
  readonly first: Answered;
  last: Answered;
  readonly refs: Array<readonly [reference: number, at: number]>;
  count: number;
}

/** Prepares the statements. `repeatWithin` is the period of a row, ms. */
export function openRecording(database: Database, references: References, repeatWithin: number): RecordBatch {
  const open = openRowMemory();
  const writeRow = openRows(database);
  const count = database.prepare(
    `INSERT INTO history (at, tenant, domain, accepted, rejected, deferred) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET accepted = accepted + excluded.accepted, rejected = rejected + excluded.rejected,
       deferred = deferred + excluded.deferred`,
  );
  const lastBatch = database.prepare<[string, number], BatchEffect>(
    'SELECT kept, aggregated FROM last_batch WHERE run = ? AND id = ?',
  );
  const noteBatch = database.prepare('INSERT OR REPLACE INTO last_batch VALUES (1, ?, ?, ?, ?)');

  const writeGroup = (key: string, group: Group): number => {
    const row = writeRow(group);
    const made = row === group.row ? 0 : 1;
    if (made > 0) open.set(key, row);
    for (const [reference, at] of group.refs) references.add(reference, at, row.id);
    return made;
  };
  const write = database.transaction(({ run, id, values, answers, counts }: AnswerBatch): BatchEffect => {
    const done = lastBatch.get(run, id);
    if (done) return done;
    let kept = 0;
    for (const [key, group] of groupsOf(values, open, repeatWithin)) kept += writeGroup(key, group);
    references.flush();
    for (const { at, tenant, domain, accepted, rejected, deferred } of counts) {
      count.run(at, tenant ?? '', domain ?? '', accepted, rejected, deferred);
    }
    const aggregated = answers - kept;
    noteBatch.run(run, id, kept, aggregated);
    return { kept, aggregated };
  });
  return (batch) => {
    try {
      return write(batch);
    } catch (error) {
      // What was rolled back must not be raised or appended to.
      open.clear();
      references.reset();
      throw error;
    }
  };
}

function groupsOf(
  values: AnswerBatch['values'],
  open: Pick<ReturnType<typeof openRowMemory>, 'get'>,
  repeatWithin: number,
): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const answered of unpackAnswered(values)) {
    const key = keyOf(answered);
    let group = groups.get(key);
    if (group) {
      group.last = answered;
      group.count += 1;
    } else {
      const row = open.get(key);
      const young = row !== null && Math.abs(answered.at - row.firstAt) < repeatWithin;
      group = { row: young ? row : null, first: answered, last: answered, refs: [], count: 1 };
      groups.set(key, group);
    }
    const reference = answered.ref === null ? null : referenceNumber(answered.ref);
    if (reference !== null) group.refs.push([reference, answered.at]);
  }
  return groups;
}

/** What makes two answers the same. A session is refused for itself, so the client is all there is. */
function keyOf({ kind, client, realClient, address, rcpt, reason, code }: Answered): string {
  return `${kind}\n${code}\n${reason}\n${client}\n${realClient}\n${address ?? rcpt ?? ''}`;
}

/** Rows that may be raised, in two generations: to push the oldest out of one map would cost more than the row. */
function openRowMemory() {
  let young = new Map<string, OpenRow>();
  let old = new Map<string, OpenRow>();
  return {
    get: (key: string): OpenRow | null => young.get(key) ?? old.get(key) ?? null,
    set(key: string, row: OpenRow): void {
      young.set(key, row);
      if (young.size < GENERATION) return;
      old = young;
      young = new Map();
    },
    clear(): void {
      young = new Map();
      old = new Map();
    },
  };
}

function openRows(database: Database): (group: Group) => OpenRow {
  const insert = database.prepare(
    `INSERT INTO rejection (first_at, last_at, count, kind, code, reason, client, real_client, address, domain, tenant,
       source, ref, helo, tls, mail_from, rcpt, directory_age, session, detail)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const raise = database.prepare(
    `UPDATE rejection SET last_at = max(last_at, ?), count = count + ?, ref = ?, helo = ?, tls = ?, mail_from = ?, rcpt = ?,
       directory_age = ?, session = ?, detail = ? WHERE id = ?`,
  );
  return ({ row, first, last, refs, count }) => {
    const latest = [
      refs.at(-1)?.[0] ?? null,
      cut(last.helo),
      last.tls,
      cut(last.mailFrom),
      cut(last.rcpt),
      last.directoryAge === null ? null : Math.round(last.directoryAge),
      last.session,
      cut(last.detail),
    ];
    // The row may have been pruned meanwhile, and then there is nothing to raise.
    if (row !== null && raise.run(Math.round(last.at), count, ...latest, row.id).changes > 0) return row;
    const { kind, code, reason, client, realClient, address, domain, tenant, source } = first;
    const who = [cut(reason), client, realClient, cut(address), domain, tenant, source];
    const times = [Math.round(first.at), Math.round(last.at), count];
    const { lastInsertRowid } = insert.run(...times, kind, code, ...who, ...latest);
    return { id: Number(lastInsertRowid), firstAt: first.at };
  };
}

function cut(text: string | null): string | null {
  return text !== null && text.length > LONGEST ? text.slice(0, LONGEST) : text;
}
