/** The sealed credential of each tenant, and which warning of its end was the last. Opaque here. */
import type { Database } from 'better-sqlite3';

export interface SealedRow {
  readonly kind: string;
  readonly keyId: string;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
}

/** The last warning about a credential that ends: for which end (ms since 1970), and at how many days. */
export interface ExpiryRow {
  readonly expires: number;
  readonly days: number;
}

/** `tenant` is the row's number. */
export interface Credentials {
  sealed(tenant: number): SealedRow | null;
  keepSealed(tenant: number, row: SealedRow): void;
  warned(tenant: number): ExpiryRow | null;
  keepWarned(tenant: number, row: ExpiryRow): void;
  /** Forgets the sealed credentials of all tenants but these (by their ids). */
  retain(tenants: readonly string[]): void;
}

/** Prepares the statements. */
export function openCredentials(database: Database): Credentials {
  const sealed = database.prepare<[number], SealedRow>(
    'SELECT kind, key_id AS keyId, nonce, sealed FROM credential WHERE tenant = ?',
  );
  const keep = database.prepare(
    'INSERT OR REPLACE INTO credential (tenant, kind, key_id, nonce, sealed) VALUES (?, ?, ?, ?, ?)',
  );
  const warned = database.prepare<[number], ExpiryRow>(
    'SELECT expires, days FROM expiry_warning WHERE tenant = ?',
  );
  const warn = database.prepare(
    'INSERT OR REPLACE INTO expiry_warning (tenant, expires, days) VALUES (?, ?, ?)',
  );
  const retain = database.prepare(
    'DELETE FROM credential WHERE tenant NOT IN (SELECT pk FROM tenant WHERE id IN (SELECT value FROM json_each(?)))',
  );
  return {
    sealed: (tenant) => sealed.get(tenant) ?? null,
    keepSealed: (tenant, { kind, keyId, nonce, sealed: bytes }) =>
      void keep.run(tenant, kind, keyId, nonce, bytes),
    warned: (tenant) => warned.get(tenant) ?? null,
    keepWarned: (tenant, { expires, days }) => void warn.run(tenant, expires, days),
    retain: (tenants) => void retain.run(JSON.stringify(tenants)),
  };
}
