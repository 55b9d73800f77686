/**
 * The applications that were entered in the console: of each tenant the one in use, and one that waits to be proven.
 * The settings are plain JSON; the credential beside them is sealed and opaque here.
 */
import type { Database } from 'better-sqlite3';
import type { SealedRow } from './credentials.ts';
import type { Tenants } from './tenants.ts';

/** `pending`: saved, not proven; `used`: proven, and in use unless the configuration names a credential. */
export type ApplicationPlace = 'pending' | 'used';

export interface ApplicationRow {
  /** JSON; nothing in it is secret. */
  readonly settings: string;
  readonly sealed: SealedRow;
}

/** Tenants by their ids. Every function throws what SQLite throws. */
export interface Applications {
  read(tenant: string, place: ApplicationPlace): ApplicationRow | null;
  /** Keeps settings and credential together; what was in this place is gone. */
  keep(tenant: string, place: ApplicationPlace, row: ApplicationRow): void;
  /** Other settings for the same credential. */
  restate(tenant: string, place: ApplicationPlace, settings: string): void;
  /** The pending one becomes the one in use, with these settings; the one before it is gone. */
  adopt(tenant: string, settings: string): void;
  /** Forgets one, or (null) both. */
  drop(tenant: string, place: ApplicationPlace | null): void;
  /** Forgets those of all tenants but these. */
  retain(tenants: readonly string[]): void;
}

interface Columns {
  readonly settings: string;
  readonly kind: string;
  readonly keyId: string;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
}

/** Prepares the statements. */
export function openApplications(database: Database, tenants: Pick<Tenants, 'row'>): Applications {
  const row = (tenant: string): number => tenants.row(tenant).pk;
  const select = database.prepare<[number, string], Columns>(
    'SELECT settings, kind, key_id AS keyId, nonce, sealed FROM application WHERE tenant = ? AND place = ?',
  );
  const keep = database.prepare(
    `INSERT OR REPLACE INTO application (tenant, place, settings, kind, key_id, nonce, sealed)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const restate = database.prepare('UPDATE application SET settings = ? WHERE tenant = ? AND place = ?');
  const move = database.prepare(
    "UPDATE OR REPLACE application SET place = 'used', settings = ? WHERE tenant = ? AND place = 'pending'",
  );
  const drop = database.prepare('DELETE FROM application WHERE tenant = ? AND place = coalesce(?, place)');
  const retain = database.prepare(
    'DELETE FROM application WHERE tenant NOT IN (SELECT pk FROM tenant WHERE id IN (SELECT value FROM json_each(?)))',
  );
  return {
    read(tenant, place) {
      const found = select.get(row(tenant), place);
      if (!found) return null;
      const { settings, ...sealed } = found;
      return { settings, sealed };
    },
    keep(tenant, place, { settings, sealed: { kind, keyId, nonce, sealed } }) {
      keep.run(row(tenant), place, settings, kind, keyId, nonce, sealed);
    },
    restate: (tenant, place, settings) => void restate.run(settings, row(tenant), place),
    adopt: (tenant, settings) => void move.run(settings, row(tenant)),
    drop: (tenant, place) => void drop.run(row(tenant), place),
    retain: (tenants) => void retain.run(JSON.stringify(tenants)),
  };
}
