/** Opens the mirror's file: WAL, so that a crash at any moment leaves the last committed round. */
import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import SQLite, { type Database } from 'better-sqlite3';
import { migrate, STAGING } from './schema.ts';

/** Page cache, KiB. */
const CACHE_KIB = 65_536;
/** The write-ahead log is cut back to this after a large round, bytes. */
const WAL_LIMIT = 64 * 1024 * 1024;

/**
 * Opens (or makes) the mirror at `path`, and a fresh staging file beside it.
 * @throws Error naming the file and what to do when it cannot be used.
 */
export function openDatabase(path: string): Database {
  let database: Database | null = null;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    database = new SQLite(path, { timeout: 5000 });
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = NORMAL');
    database.pragma(`cache_size = -${CACHE_KIB}`);
    database.pragma(`journal_size_limit = ${WAL_LIMIT}`);
    migrate(database);
    attachStaging(database, `${path}-round`);
    return database;
  } catch (error) {
    database?.close();
    throw new Error(`mirror ${path} cannot be opened: ${messageOf(error)}${adviceFor(error)}`, {
      cause: error,
    });
  }
}

/** What is staged is worth nothing after a crash, so its file is neither synced nor kept. */
function attachStaging(database: Database, path: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(path + suffix, { force: true });
  database.prepare('ATTACH ? AS round').run(path);
  database.pragma('round.journal_mode = MEMORY');
  database.pragma('round.synchronous = OFF');
  database.pragma(`round.cache_size = -${CACHE_KIB}`);
  database.exec(STAGING);
}

function adviceFor(error: unknown): string {
  const code = error instanceof SQLite.SqliteError ? error.code : '';
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return '. Move the damaged file away; the mirror is rebuilt by the next full read';
  }
  if (code.startsWith('SQLITE_CANTOPEN')) return '. Check that the service user may write to state_dir';
  return '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
