/**
 * Which addresses a round of changes touched, so that the directory is changed and not built again. Triggers write them
 * down: whatever changes the two tables is seen, whichever statement did it.
 */
import type { Database } from 'better-sqlite3';

/** The addresses whose rows changed on the way from one generation to another. */
export interface Step {
  readonly from: number;
  readonly to: number;
  readonly addresses: readonly string[];
}

export interface Touched {
  /** Begins to write down. Only for changes: after a full read of a million objects a new set costs less. */
  start(): void;
  /** Ends it; null when it had not begun. Works inside a transaction and survives its rollback. */
  end(): readonly string[] | null;
}

const WRITES: ReadonlyArray<readonly [table: string, change: string, row: string]> = [
  ['address', 'INSERT', 'NEW'],
  ['address', 'DELETE', 'OLD'],
  ['departed', 'INSERT', 'NEW'],
  ['departed', 'UPDATE', 'NEW'],
  ['departed', 'DELETE', 'OLD'],
];

/** Prepares the table they are written to. */
export function openTouched(database: Database): Touched {
  database.exec('CREATE TEMP TABLE touched (address TEXT PRIMARY KEY) WITHOUT ROWID');
  const clear = database.prepare('DELETE FROM temp.touched');
  const all = database.prepare<[], string>('SELECT address FROM temp.touched').pluck();
  const drop = WRITES.map(
    ([table, change]) => `DROP TRIGGER IF EXISTS temp.touched_${table}_${change};`,
  ).join('');
  const create = WRITES.map(
    ([table, change, row]) =>
      `CREATE TEMP TRIGGER touched_${table}_${change} AFTER ${change} ON main.${table}
       BEGIN INSERT OR IGNORE INTO touched VALUES (${row}.address); END;`,
  ).join('');
  let started = false;
  return {
    start() {
      database.exec(drop);
      clear.run();
      database.exec(create);
      started = true;
    },
    end() {
      if (!started) return null;
      started = false;
      database.exec(drop);
      const addresses = all.all();
      clear.run();
      return addresses;
    },
  };
}
