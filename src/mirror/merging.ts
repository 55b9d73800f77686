/** Staged entries become stored objects, and stored objects own addresses. Part of a round's one transaction. */
import type { Database } from 'better-sqlite3';
import { kindOf, type StreamName } from '../core/recipient.ts';
import { decodeFacts, encodeFacts, foldPatches, type ObjectState, type ReadMode } from './merge.ts';
import { type Ownership, ownedAddresses } from './ownership.ts';
import type { StagedObject, Staging } from './staging.ts';

export interface Merging {
  /** Merges one object that was seen between rounds, as a delta would. */
  object(target: MergeTarget, stream: StreamName, seen: StagedObject): void;
  /** Merges what is staged of a stream. After a full read, objects it did not list are absent. */
  stream(target: MergeTarget, stream: StreamName, read: ReadMode): void;
  /** Computes every object's addresses again, for another set of verified domains. */
  recompute(target: MergeTarget): void;
  /** Forgets objects removed before `before` (ms since 1970). */
  prune(before: number): void;
}

export interface MergeTarget {
  readonly tenant: number;
  readonly verified: ReadonlySet<string>;
  /** Ms since 1970. */
  readonly at: number;
}

interface ObjectRow {
  readonly pk: number;
  readonly stream: StreamName;
  readonly facts: string;
  readonly state: ObjectState;
}

const BATCH = 2000;

/** Prepares the statements. */
export function openMerging(database: Database, staging: Staging, ownership: Ownership): Merging {
  const rows = prepareObjectRows(database);

  const mergeObject = (
    target: MergeTarget,
    stream: StreamName,
    staged: StagedObject,
    read: ReadMode,
  ): void => {
    const row = rows.find.get(target.tenant, stream, staged.id);
    const old = row ? { state: row.state, facts: decodeFacts(row.facts) } : null;
    const merged = foldPatches(old, staged.patches, read);
    if (merged === null) {
      if (!row) return;
      ownership.set(row.pk, []);
      rows.remove.run(row.pk);
      return;
    }
    const facts = encodeFacts(merged.facts);
    if (row && row.facts === facts && row.state === merged.state) return;
    const kind = kindOf(stream, merged.facts);
    const { tenant, at, verified } = target;
    const owned = ownedAddresses(stream, merged, verified);
    if (row) {
      rows.update.run(kind, facts, merged.state, at, row.pk);
      ownership.set(row.pk, owned);
    } else {
      const made = rows.insert.run(tenant, stream, staged.id, kind, facts, merged.state, at);
      ownership.setNew(Number(made.lastInsertRowid), owned);
    }
  };

  const markAbsent = (target: MergeTarget, stream: StreamName): void => {
    for (let last = 0; ; ) {
      const missing = rows.missing.all(target.tenant, stream, last, BATCH);
      for (const pk of missing) {
        ownership.set(pk, []);
        rows.absent.run(target.at, pk);
        last = pk;
      }
      if (missing.length < BATCH) return;
    }
  };

  return {
    object(target, stream, seen) {
      mergeObject(target, stream, seen, 'delta');
      ownership.flush();
    },
    stream(target, stream, read) {
      for (const staged of staging.objects(target.tenant, stream)) mergeObject(target, stream, staged, read);
      ownership.flush();
      if (read === 'full') markAbsent(target, stream);
    },
    recompute(target) {
      for (let last = 0; ; ) {
        const batch = rows.live.all(target.tenant, last, BATCH);
        for (const row of batch) {
          const object = { state: row.state, facts: decodeFacts(row.facts) };
          ownership.set(row.pk, ownedAddresses(row.stream, object, target.verified));
          last = row.pk;
        }
        if (batch.length < BATCH) return;
      }
    },
    prune: (before) => void rows.prune.run(before),
  };
}

function prepareObjectRows(database: Database) {
  return {
    find: database.prepare<[number, string, string], ObjectRow>(
      'SELECT pk, stream, facts, state FROM object WHERE tenant = ? AND stream = ? AND id = ?',
    ),
    insert: database.prepare(
      'INSERT INTO object (tenant, stream, id, kind, facts, state, state_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ),
    update: database.prepare('UPDATE object SET kind = ?, facts = ?, state = ?, state_at = ? WHERE pk = ?'),
    remove: database.prepare('DELETE FROM object WHERE pk = ?'),
    absent: database.prepare("UPDATE object SET state = 'absent', state_at = ? WHERE pk = ?"),
    missing: database
      .prepare<[number, string, number, number], number>(
        `SELECT pk FROM object AS o
         WHERE tenant = ? AND stream = ? AND state = 'live' AND pk > ? AND NOT EXISTS
           (SELECT 1 FROM round.staged AS s WHERE s.tenant = o.tenant AND s.stream = o.stream AND s.id = o.id)
         ORDER BY pk LIMIT ?`,
      )
      .pluck(),
    live: database.prepare<[number, number, number], ObjectRow>(
      `SELECT pk, stream, facts, state FROM object
       WHERE tenant = ? AND state = 'live' AND pk > ? ORDER BY pk LIMIT ?`,
    ),
    prune: database.prepare(
      // Worded so that object_kinds answers it: every quiet round runs it, and a table of a million stays unread.
      `DELETE FROM object WHERE tenant IN (SELECT pk FROM tenant) AND state IN ('changed', 'absent')
       AND state_at < ?`,
    ),
  };
}
