/** Copies of the mirror: made while it is in use, looked at before one takes its place. */
import { chmodSync, statSync } from 'node:fs';
import SQLite, { type Database } from 'better-sqlite3';
import { newestSchema } from './schema.ts';

/** Pages copied in one step (4 KiB each); the owner of the mirror works between the steps. */
const STEP = 2000;

/** What a copy holds. */
export interface BackupContent {
  readonly bytes: number;
  readonly schema: number;
  readonly tenants: ReadonlyArray<{
    readonly tenant: string;
    readonly addresses: number;
    /** Ms since 1970. */
    readonly syncedAt: number | null;
  }>;
  readonly overrides: number;
  /** It holds sealed credentials. */
  readonly secrets: boolean;
}

/**
 * Copies the mirror to `target`. Without `secrets` no credential is in the copy, sealed or not.
 * @throws Error of SQLite or the file system.
 */
export async function backUp(database: Database, target: string, secrets: boolean): Promise<BackupContent> {
  await database.backup(target, { progress: () => STEP });
  chmodSync(target, 0o600);
  const copy = new SQLite(target);
  try {
    copy.pragma('journal_mode = DELETE');
    if (!secrets) {
      copy.exec('DELETE FROM credential; DELETE FROM application; DELETE FROM expiry_warning');
      // What was deleted before is still in free pages; only a new file is free of it.
      copy.exec('VACUUM');
    }
  } finally {
    copy.close();
  }
  return inspectBackup(target);
}

/**
 * Looks at a copy.
 * @throws Error saying what is wrong with it: not a mirror, damaged, or made by a newer version.
 */
export function inspectBackup(path: string): BackupContent {
  const { size: bytes } = statSync(path);
  const copy = new SQLite(path, { readonly: true, fileMustExist: true });
  try {
    const schema = Number(copy.pragma('user_version', { simple: true }));
    if (schema > newestSchema()) {
      throw new Error(
        `it was made by a newer version of rcptgate (schema ${schema}; this one knows up to ${newestSchema()})`,
      );
    }
    const check = String(copy.pragma('quick_check(1)', { simple: true }));
    if (check !== 'ok') throw new Error(`it is damaged: ${check}`);
    const count = (table: string): number => {
      const there = copy.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(table);
      return there === undefined ? 0 : Number(copy.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
    };
    const tenants = copy
      .prepare<[], BackupContent['tenants'][number]>(
        'SELECT id AS tenant, addresses, synced_at AS syncedAt FROM tenant ORDER BY pk',
      )
      .all();
    const secrets = count('credential') + count('application') > 0;
    return { bytes, schema, tenants, overrides: count('override'), secrets };
  } catch (error) {
    const code = error instanceof SQLite.SqliteError ? error.code : '';
    if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
      throw new Error('it is not a database, or damaged');
    if (code === 'SQLITE_ERROR') throw new Error('it is a database, but not a mirror of rcptgate');
    throw error;
  } finally {
    copy.close();
  }
}
