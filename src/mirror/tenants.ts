/** The rows about a tenant itself and its streams: freshness, cursors, errors, the last report. */
import type { Database } from 'better-sqlite3';
import type { StreamName } from '../core/recipient.ts';
import type { CompletedRound } from './completed-round.ts';
import { openRoundHistory } from './round-history.ts';

export interface TenantRow {
  readonly pk: number;
  readonly id: string;
  readonly synced_at: number | null;
  readonly domains: string;
  readonly addresses: number;
  readonly generation: number;
  readonly last_round: string | null;
  readonly not_before: number | null;
}

export interface StreamState {
  readonly stream: StreamName;
  readonly cursor: string | null;
  readonly selectHash: string | null;
  /** Start of the last completed full read, ms since 1970. */
  readonly fullAt: number | null;
  readonly error: string | null;
}

/** What is kept of a round that was not committed, and of one that was. */
export interface RoundRecord {
  /** The report, JSON. */
  readonly report: string;
  /** Error (JSON) of each stream tried; null clears it. */
  readonly errors: ReadonlyArray<readonly [stream: StreamName, error: string | null]>;
  /** No round before this moment, ms since 1970. */
  readonly notBefore: number | null;
}

export interface Tenants {
  /** The tenant's row, made when there is none. */
  row(tenant: string): TenantRow;
  streams(tenant: number): StreamState[];
  /** Moves cursors and, after a complete round, freshness. `again`: the next round reads in full. */
  advance(
    tenant: number,
    round: CompletedRound,
    to: { readonly addresses: number; readonly changed: boolean; readonly again: boolean },
  ): void;
  /** The address set changed outside a round. */
  touch(tenant: number): void;
  record(tenant: string, round: RoundRecord): void;
}

/** Prepares the statements. */
export function openTenants(database: Database): Tenants {
  const insert = database.prepare('INSERT INTO tenant (id) VALUES (?) ON CONFLICT DO NOTHING');
  const select = database.prepare<[string], TenantRow>('SELECT * FROM tenant WHERE id = ?');
  const streams = database.prepare<[number], StreamState>(
    `SELECT name AS stream, cursor, select_hash AS selectHash, full_at AS fullAt, error
     FROM stream WHERE tenant = ? ORDER BY name`,
  );
  // A random generation (53 bits) cannot come again, not even after a backup of the mirror was put back.
  const moveTenant = database.prepare(
    `UPDATE tenant SET synced_at = coalesce(?, synced_at), domains = ?, addresses = ?,
       generation = iif(?, random() & 0x1fffffffffffff, generation)
     WHERE pk = ?`,
  );
  const moveStream = database.prepare(
    `INSERT INTO stream (tenant, name, cursor, select_hash, full_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
     cursor = excluded.cursor, select_hash = excluded.select_hash, full_at = coalesce(excluded.full_at, full_at)`,
  );
  const recordTenant = database.prepare('UPDATE tenant SET last_round = ?, not_before = ? WHERE pk = ?');
  const recordStream = database.prepare(
    'INSERT INTO stream (tenant, name, error) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET error = excluded.error',
  );
  const history = openRoundHistory(database);
  const touch = database.prepare('UPDATE tenant SET generation = random() & 0x1fffffffffffff WHERE pk = ?');
  const row = (tenant: string): TenantRow => {
    const found = select.get(tenant);
    if (found) return found;
    insert.run(tenant);
    return row(tenant);
  };
  return {
    row,
    streams: (tenant) => streams.all(tenant),
    touch: (tenant) => void touch.run(tenant),
    advance(tenant, round, { addresses, changed, again }) {
      const syncedAt = round.complete ? round.startedAt : null;
      moveTenant.run(syncedAt, JSON.stringify(round.domains), addresses, changed ? 1 : 0, tenant);
      for (const { stream, cursor, selectHash, read } of round.streams) {
        const fullAt = read === 'full' ? round.startedAt : null;
        moveStream.run(tenant, stream, again ? null : cursor, selectHash, fullAt);
      }
    },
    record: database.transaction((tenant: string, { report, errors, notBefore }: RoundRecord) => {
      const { pk } = row(tenant);
      recordTenant.run(report, notBefore, pk);
      history.add(pk, report);
      for (const [stream, error] of errors) recordStream.run(pk, stream, error);
    }),
  };
}
