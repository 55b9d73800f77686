/**
 * The plan that is held of each tenant: its hash over tenant, addresses and reasons, whom to ask about its addresses,
 * and its approval. The addresses themselves are departures with a reason.
 */
import { createHash } from 'node:crypto';
import type { Database } from 'better-sqlite3';
import type { FormerOwner, HeldPlan, HoldReason } from '../core/reconcile.ts';
import type { TenantRow } from './tenants.ts';

export interface HeldPlans {
  /** Brings plan and owners up to date after departures changed. Part of a transaction. */
  refresh(tenant: TenantRow, at: number): void;
  /** Remembers the owners that this round's held addresses had; only of those that are to be confirmed. */
  rememberOwners(tenant: number): void;
  /** The plan, or null when nothing is held. */
  current(tenant: TenantRow): HeldPlan | null;
  /** Whether this plan was not reported before; from now on it was. */
  isNews(tenant: TenantRow): boolean;
  /** Owners of addresses that wait for a confirmation and were not asked after `before` (ms since 1970). */
  unconfirmed(tenant: number, before: number, now: number): FormerOwner[];
  /** Notes that an address's owners were asked at `at`. */
  checked(tenant: number, address: string, at: number): void;
  /** Every held address. */
  addresses(tenant: number): string[];
}

/** Addresses that a plan shows. */
const TOP = 10;
/** Owners asked for at a time; more than one round's budget. */
const CANDIDATES = 500;

/** Prepares the statements. */
export function openHeldPlans(database: Database): HeldPlans {
  const held = database.prepare<[number], { address: string; held: HoldReason }>(
    'SELECT address, held FROM departed WHERE tenant = ? AND held IS NOT NULL ORDER BY address',
  );
  const store = database.prepare(
    `INSERT INTO held_plan (tenant, hash, since) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET hash = excluded.hash, since = excluded.since WHERE hash <> excluded.hash`,
  );
  const drop = database.prepare('DELETE FROM held_plan WHERE tenant = ?');
  const stored = database.prepare<[number], { hash: string; since: number; told: string }>(
    'SELECT hash, since, told FROM held_plan WHERE tenant = ?',
  );
  const tell = database.prepare('UPDATE held_plan SET told = hash WHERE tenant = ?');
  const dropOwners = database.prepare(
    `DELETE FROM held_owner AS o WHERE tenant = ? AND NOT EXISTS (SELECT 1 FROM departed AS d
     WHERE d.tenant = o.tenant AND d.address = o.address AND d.held IS NOT NULL)`,
  );
  const owners = openOwners(database);
  const show = openShow(database);

  return {
    ...owners,
    refresh({ pk, id }, at) {
      const hash = createHash('sha256').update(id);
      let some = false;
      for (const row of held.iterate(pk)) {
        some = true;
        hash.update(`\n${row.address} ${row.held}`);
      }
      dropOwners.run(pk);
      if (some) store.run(pk, hash.digest('hex').slice(0, 10), at);
      else drop.run(pk);
    },
    current(tenant) {
      const plan = stored.get(tenant.pk);
      return plan ? { tenant: tenant.id, hash: plan.hash, since: plan.since, ...show(tenant.pk) } : null;
    },
    isNews({ pk }) {
      const plan = stored.get(pk);
      if (!plan || plan.told === plan.hash) return false;
      tell.run(pk);
      return true;
    },
    addresses: (tenant) => held.all(tenant).map(({ address }) => address),
  };
}

/** The counts of a plan and its first addresses. */
function openShow(database: Database): (tenant: number) => Pick<HeldPlan, 'addresses' | 'why' | 'top'> {
  const why = database
    .prepare<[number], [HoldReason, number]>(
      'SELECT held, count(*) FROM departed WHERE tenant = ? AND held IS NOT NULL GROUP BY held',
    )
    .raw();
  const top = database
    .prepare<[number, number], string>(
      `SELECT d.address FROM departed AS d
       LEFT JOIN recent_mail AS r ON r.tenant = d.tenant AND r.address = d.address
       WHERE d.tenant = ? AND d.held IS NOT NULL ORDER BY r.day DESC, d.address LIMIT ?`,
    )
    .pluck();
  return (tenant) => {
    const reasons = why.all(tenant);
    const addresses = reasons.reduce((sum, [, count]) => sum + count, 0);
    return { addresses, why: Object.fromEntries(reasons), top: top.all(tenant, TOP) };
  };
}

function openOwners(database: Database): Pick<HeldPlans, 'rememberOwners' | 'unconfirmed' | 'checked'> {
  const remember = database.prepare(
    `INSERT INTO held_owner (tenant, address, stream, id)
     SELECT d.tenant, o.address, o.stream, o.id FROM temp.orphan AS o
     JOIN recent_mail AS r ON r.tenant = ? AND r.address = o.address
     JOIN departed AS d ON d.tenant = r.tenant AND d.address = o.address AND d.held IS NOT NULL
     WHERE true ON CONFLICT DO UPDATE SET checked_at = 0`,
  );
  const unconfirmed = database.prepare<[number, number, number, number], FormerOwner>(
    `SELECT o.address, o.stream, o.id FROM held_owner AS o
     JOIN departed AS d ON d.tenant = o.tenant AND d.address = o.address AND d.held = 'recent-mail'
     WHERE o.tenant = ? AND (o.checked_at <= ? OR o.checked_at > ?) AND NOT EXISTS
       (SELECT 1 FROM address AS a WHERE a.tenant = o.tenant AND a.address = o.address)
     ORDER BY o.checked_at, o.address LIMIT ?`,
  );
  const checked = database.prepare('UPDATE held_owner SET checked_at = ? WHERE tenant = ? AND address = ?');
  return {
    rememberOwners: (tenant) => void remember.run(tenant),
    unconfirmed: (tenant, before, now) => unconfirmed.all(tenant, before, now, CANDIDATES),
    checked: (tenant, address, at) => void checked.run(at, tenant, address),
  };
}
