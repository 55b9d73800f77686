/** Everything in the mirror that is sealed, in whatever table, so that it can be sealed anew. Opaque here. */
import type { Database } from 'better-sqlite3';
import type { ApplicationPlace } from './applications.ts';
import type { SealedRow } from './credentials.ts';

/** A sealed record and where it lies: the last proven credential of a tenant, or an application entered in the console. */
export interface PlacedRow {
  /** The tenant's id. */
  readonly tenant: string;
  readonly place: 'proven' | ApplicationPlace;
  readonly record: SealedRow;
}

/** Both throw what SQLite throws. */
export interface SealedRecords {
  all(): readonly PlacedRow[];
  /** Replaces records that `all` gave, all or none; on the disk when it returns, and what they were is overwritten. */
  replace(rows: readonly PlacedRow[]): void;
}

const ALL = `
  SELECT tenant.id AS tenant, 'proven' AS place, kind, key_id AS keyId, nonce, sealed
    FROM credential JOIN tenant ON tenant.pk = credential.tenant
  UNION ALL
  SELECT tenant.id, place, kind, key_id, nonce, sealed
    FROM application JOIN tenant ON tenant.pk = application.tenant`;

const NEW = 'SET key_id = @keyId, nonce = @nonce, sealed = @sealed';
const OF_TENANT = 'tenant = (SELECT pk FROM tenant WHERE id = @tenant)';

/** Prepares the statements. */
export function openSealedRecords(database: Database): SealedRecords {
  const all = database.prepare<[], SealedRow & Pick<PlacedRow, 'tenant' | 'place'>>(ALL);
  const proven = database.prepare(`UPDATE credential ${NEW} WHERE ${OF_TENANT}`);
  const entered = database.prepare(`UPDATE application ${NEW} WHERE ${OF_TENANT} AND place = @place`);
  const replace = database.transaction((rows: readonly PlacedRow[]) => {
    for (const { tenant, place, record } of rows) {
      const { keyId, nonce, sealed } = record;
      if (place === 'proven') proven.run({ tenant, keyId, nonce, sealed });
      else entered.run({ tenant, place, keyId, nonce, sealed });
    }
  });
  return {
    all: () => all.all().map(({ tenant, place, ...record }) => ({ tenant, place, record })),
    replace(rows) {
      // The key before it is removed next: this must not be what a power cut takes back.
      database.pragma('main.synchronous = FULL');
      database.pragma('main.secure_delete = ON');
      try {
        replace(rows);
        database.pragma('main.wal_checkpoint(TRUNCATE)');
      } finally {
        database.pragma('main.secure_delete = OFF');
        database.pragma('main.synchronous = NORMAL');
      }
    },
  };
}
