/** Opens the rejection log's file. A damaged one is set aside: what was answered yesterday must not stop the log of today. */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import SQLite, { type Database } from 'better-sqlite3';
import { migrate } from '../schema.ts';
import { LEDGER_MIGRATIONS } from './schema.ts';

/** Page cache, KiB. */
const CACHE_KIB = 8192;
/** The write-ahead log is cut back to this after a flood, bytes. */
const WAL_LIMIT = 16 * 1024 * 1024;

/**
 * Opens (or makes) the file at `path`.
 * @throws Error naming the file when it cannot be used; {@link isDamage} tells whether its content is the cause.
 */
export function openLedgerFile(path: string): Database {
  let database: Database | null = null;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    database = new SQLite(path, { timeout: 5000 });
    database.pragma('journal_mode = WAL');
    // A power cut may cost the last seconds, never the file.
    database.pragma('synchronous = NORMAL');
    database.pragma(`cache_size = -${CACHE_KIB}`);
    database.pragma(`journal_size_limit = ${WAL_LIMIT}`);
    migrate(database, LEDGER_MIGRATIONS);
    return database;
  } catch (error) {
    database?.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the rejection log ${path} cannot be opened: ${reason}`, { cause: error });
  }
}

/** Whether an error says that the content of the file is damaged. */
export function isDamage(error: unknown): boolean {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = cause instanceof SQLite.SqliteError ? cause.code : '';
  return code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}

/**
 * Moves a damaged file out of the way, in place of one moved before. Returns where it is now.
 * @throws Error of the file system.
 */
export function setAside(path: string): string {
  const aside = `${path}.damaged`;
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(aside + suffix, { force: true });
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
  return aside;
}
