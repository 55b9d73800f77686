/**
 * A damaged mirror: it is set aside and a new one begun. What Microsoft Graph knows is read again; what only the operator
 * said (overrides, imports, applications, who may enter the console) is copied over as far as it can still be read.
 */
import type { Database } from 'better-sqlite3';
import { openDatabase } from './database.ts';
import { isDamage, setAside } from './ledger/file.ts';

/** What became of a damaged mirror. */
export interface Rescue {
  /** Where the damaged file is now. */
  readonly file: string;
  /** Tables whose rows could be copied, of those that no round brings back. */
  readonly kept: readonly string[];
  readonly lost: readonly string[];
}

/** In this order: the others name a tenant. */
const OPERATORS_WORD: ReadonlyArray<readonly [table: string, columns: string]> = [
  ['tenant', 'pk, id'],
  ['override', '*'],
  ['import', '*'],
  ['imported', '*'],
  ['application', '*'],
  ['account', '*'],
  ['credential', '*'],
];

/**
 * Replaces the mirror at `path` by a new one. It must not be open, or its owner must end now.
 * @throws Error when the new one cannot be made.
 */
export function rebuild(path: string): Rescue {
  const file = setAside(path);
  const database = openDatabase(path);
  try {
    return { file, ...salvage(database, file) };
  } finally {
    database.close();
  }
}

/** Whether an error, or what caused it, says that the content of the file is damaged. */
export function isMirrorDamage(error: unknown): boolean {
  return (
    isDamage(error) || (error instanceof Error && error.cause !== undefined && isMirrorDamage(error.cause))
  );
}

/** The rescue in one sentence. */
export function rescueText({ file, kept, lost }: Rescue, reason: string): string {
  const words = (tables: readonly string[]): string => tables.filter((name) => name !== 'tenant').join(', ');
  const missing = lost.length === 0 ? '' : `; lost: ${words(lost)} (restore a backup, or enter them again)`;
  return `the mirror was damaged (${reason}) and is now ${file}; it is rebuilt from Microsoft Graph, and whoever was known stays known until then. Kept from it: ${words(kept) || 'nothing'}${missing}`;
}

function salvage(database: Database, file: string): Pick<Rescue, 'kept' | 'lost'> {
  const tables = OPERATORS_WORD.map(([table]) => table);
  try {
    database.prepare('ATTACH ? AS damaged').run(file);
  } catch {
    return { kept: [], lost: tables };
  }
  const kept = OPERATORS_WORD.filter(([table, columns]) => copied(database, table, columns)).map(
    ([table]) => table,
  );
  return { kept, lost: tables.filter((table) => !kept.includes(table)) };
}

function copied(database: Database, table: string, columns: string): boolean {
  const into = columns === '*' ? '' : ` (${columns})`;
  try {
    database.exec(`INSERT OR IGNORE INTO main.${table}${into} SELECT ${columns} FROM damaged.${table}`);
    return true;
  } catch {
    return false;
  }
}

/** The same object, whose functions tell of damage that they come across; they throw as before. */
export function tellingDamage<T extends object>(thing: T, tell: (error: unknown) => void): T {
  return new Proxy(thing, {
    get(target, key, receiver) {
      const value: unknown = Reflect.get(target, key, receiver);
      if (typeof value === 'object' && value !== null) return tellingDamage(value, tell);
      if (typeof value !== 'function' || typeof key === 'symbol') return value;
      return (...args: readonly unknown[]): unknown => {
        try {
          return Reflect.apply(value, target, args);
        } catch (error) {
          if (isMirrorDamage(error)) tell(error);
          throw error;
        }
      };
    },
  });
}
