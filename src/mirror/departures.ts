/** Addresses that left the tenant: in their grace period, or held back and still known. */
import type { Database } from 'better-sqlite3';
import type { HoldReason } from '../core/reconcile.ts';

export interface Departures {
  /** How many addresses are held back. */
  heldCount(tenant: number): number;
  /** Held addresses that have no owner now. */
  heldWithoutOwner(tenant: number): string[];
  /** Removes the addresses: their grace period starts at `at` (ms since 1970), also when they were held before. */
  depart(tenant: number, addresses: readonly string[], at: number): void;
  /**
   * Holds removals back, the reason being the latest one; an address that already departed stays departed. Returns how
   * many were not held before.
   */
  hold(tenant: number, addresses: readonly string[], at: number, why: HoldReason): number;
  /** Forgets departures of addresses that have an owner again. Returns how many. */
  reclaim(tenant: number): number;
  /** Forgets departures before `before` (ms since 1970); held ones and unconfirmed ones stay. */
  prune(before: number): void;
}

/** Prepares the statements. */
export function openDepartures(database: Database): Departures {
  const heldCount = database
    .prepare<[number], number>('SELECT count(*) FROM departed WHERE tenant = ? AND held IS NOT NULL')
    .pluck();
  const heldWithoutOwner = database
    .prepare<[number], string>(
      `SELECT address FROM departed AS d WHERE tenant = ? AND held IS NOT NULL AND NOT EXISTS
       (SELECT 1 FROM address AS a WHERE a.tenant = d.tenant AND a.address = d.address)`,
    )
    .pluck();
  const depart = database.prepare(
    `INSERT INTO departed (tenant, address, removed_at, held) VALUES (?, ?, ?, NULL)
     ON CONFLICT DO UPDATE SET removed_at = excluded.removed_at, held = NULL`,
  );
  const hold = database.prepare(
    `INSERT INTO departed (tenant, address, removed_at, held) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET held = excluded.held WHERE held IS NOT NULL`,
  );
  const reclaim = database.prepare(
    `DELETE FROM departed WHERE tenant = ? AND EXISTS
     (SELECT 1 FROM address AS a WHERE a.tenant = departed.tenant AND a.address = departed.address)`,
  );
  const prune = database.prepare(
    `DELETE FROM departed WHERE held IS NULL AND removed_at < ?
     AND removed_at <= (SELECT synced_at FROM tenant WHERE pk = departed.tenant)`,
  );
  return {
    heldCount: (tenant) => heldCount.get(tenant) ?? 0,
    heldWithoutOwner: (tenant) => heldWithoutOwner.all(tenant),
    depart(tenant, addresses, at) {
      for (const address of addresses) depart.run(tenant, address, at);
    },
    hold(tenant, addresses, at, why) {
      const before = heldCount.get(tenant) ?? 0;
      for (const address of addresses) hold.run(tenant, address, at, why);
      return (heldCount.get(tenant) ?? 0) - before;
    },
    reclaim: (tenant) => reclaim.run(tenant).changes,
    prune: (before) => void prune.run(before),
  };
}
