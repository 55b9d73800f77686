/** Overrides that were added by command. Each is one row; the match in its normal form is its name. */
import type { Database } from 'better-sqlite3';
import type { StoredOverride } from '../core/operator.ts';

export interface Overrides {
  all(): StoredOverride[];
  /** Adds an entry, or replaces the one with the same match. Returns the one replaced. */
  put(override: StoredOverride): StoredOverride | null;
  /** Takes an entry away and returns it; null when there is none. */
  take(match: string): StoredOverride | null;
}

/** Every entry may be looked at for every recipient; long lists are what `rcptgate import` is for. */
const MOST = 1000;

/**
 * Prepares the statements. `put` throws an Error when the list is full.
 */
export function openOverrides(database: Database): Overrides {
  const columns = 'match, action, text, note, expires, added_at AS addedAt, added_by AS addedBy';
  const all = database.prepare<[], StoredOverride>(
    `SELECT ${columns} FROM override ORDER BY added_at, match`,
  );
  const find = database.prepare<[string], StoredOverride>(`SELECT ${columns} FROM override WHERE match = ?`);
  const count = database.prepare<[], number>('SELECT count(*) FROM override').pluck();
  const insert = database.prepare<StoredOverride>(
    `INSERT OR REPLACE INTO override (match, action, text, note, expires, added_at, added_by)
     VALUES (@match, @action, @text, @note, @expires, @addedAt, @addedBy)`,
  );
  const remove = database.prepare<[string]>('DELETE FROM override WHERE match = ?');
  return {
    all: () => all.all(),
    put: database.transaction((override: StoredOverride) => {
      const old = find.get(override.match) ?? null;
      if (!old && (count.get() ?? 0) >= MOST) {
        throw new Error(`there are ${MOST} overrides already; use patterns, @domain, or rcptgate import`);
      }
      insert.run(override);
      return old;
    }),
    take: database.transaction((match: string) => {
      const old = find.get(match) ?? null;
      remove.run(match);
      return old;
    }),
  };
}
