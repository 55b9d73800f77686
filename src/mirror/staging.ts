/** The entries of a running round, kept in order of arrival until the round is complete. */
import type { Database } from 'better-sqlite3';
import type { RecipientPatch, StreamName } from '../core/recipient.ts';
import { STAGED_BY_OBJECT } from './schema.ts';

export interface Staging {
  /** Keeps the entries of one page. */
  add(tenant: number, stream: StreamName, patches: readonly RecipientPatch[]): void;
  /** Drops what is staged of a stream, or (null) of the whole tenant. */
  clear(tenant: number, stream: StreamName | null): void;
  /** Comes before {@link objects}: puts the entries in order of object. */
  arrange(): void;
  /** Objects that were removed before and whose entries now name no addresses. */
  restored(tenant: number): StagedRestore[];
  /** Every staged object once, with its entries in order of arrival. Rows are read in batches. */
  objects(tenant: number, stream: StreamName): Generator<StagedObject>;
}

/** An object that was removed before and is back. */
export interface StagedRestore {
  readonly stream: StreamName;
  readonly id: string;
}

export interface StagedObject {
  readonly id: string;
  readonly patches: readonly RecipientPatch[];
}

interface StagedRow {
  readonly id: string;
  readonly seq: number;
  readonly patch: string;
}

/** Rows per read: an open cursor would forbid writing, and all rows at once may be a million. */
const BATCH = 2000;

/** Prepares the statements. */
export function openStaging(database: Database): Staging {
  const insert = database.prepare('INSERT INTO round.staged (tenant, stream, id, patch) VALUES (?, ?, ?, ?)');
  const clearStream = database.prepare('DELETE FROM round.staged WHERE tenant = ? AND stream = ?');
  const clearTenant = database.prepare('DELETE FROM round.staged WHERE tenant = ?');
  // Without a condition SQLite drops the pages unread, which matters after a million rows.
  const clearAll = database.prepare('DELETE FROM round.staged');
  const others = database
    .prepare<[number, number], number>(
      'SELECT EXISTS (SELECT 1 FROM round.staged WHERE tenant < ? OR tenant > ?)',
    )
    .pluck();
  const batch = database.prepare<[number, string, string, number, number], StagedRow>(
    `SELECT id, seq, patch FROM round.staged
     WHERE tenant = ? AND stream = ? AND (id, seq) > (?, ?) ORDER BY id, seq LIMIT ?`,
  );
  const restored = database.prepare<[number], StagedRestore>(
    // CROSS JOIN keeps the order: removed objects are few, staged ones and live ones may be a million.
    `SELECT s.stream, s.id FROM object AS o CROSS JOIN round.staged AS s
       ON s.tenant = o.tenant AND s.stream = o.stream AND s.id = o.id
     WHERE o.tenant = ? AND o.state IN ('changed', 'absent') AND json_extract(s.patch, '$.removed') IS NULL
     GROUP BY s.stream, s.id HAVING max(json_type(s.patch, '$.facts.proxyAddresses') IS NOT NULL) = 0`,
  );
  const add = database.transaction(
    (tenant: number, stream: StreamName, patches: readonly RecipientPatch[]) => {
      for (const patch of patches) insert.run(tenant, stream, patch.id, JSON.stringify(patch));
    },
  );
  function* rows(tenant: number, stream: StreamName): Generator<StagedRow> {
    for (let last = { id: '', seq: 0 }; ; ) {
      const read = batch.all(tenant, stream, last.id, last.seq, BATCH);
      yield* read;
      last = read.at(-1) ?? last;
      if (read.length < BATCH) return;
    }
  }
  return {
    add,
    arrange: () => void database.exec(STAGED_BY_OBJECT),
    restored: (tenant) => restored.all(tenant),
    clear(tenant, stream) {
      database.exec('DROP INDEX IF EXISTS round.staged_by_object');
      if (stream !== null) clearStream.run(tenant, stream);
      else if (others.get(tenant, tenant) === 1) clearTenant.run(tenant);
      else clearAll.run();
    },
    *objects(tenant, stream) {
      let id: string | null = null;
      let patches: RecipientPatch[] = [];
      for (const row of rows(tenant, stream)) {
        if (id !== null && id !== row.id) {
          yield { id, patches };
          patches = [];
        }
        id = row.id;
        patches.push(JSON.parse(row.patch) as RecipientPatch);
      }
      if (id !== null) yield { id, patches };
    },
  };
}
