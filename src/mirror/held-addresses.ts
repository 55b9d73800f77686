/** The addresses of a held plan, page by page: a plan may hold a whole tenant. */
import type { Database } from 'better-sqlite3';
import type { HeldAddress, HeldPage } from '../core/recipient-search.ts';
import type { HeldPlans } from './held-plans.ts';
import type { Tenants } from './tenants.ts';

/** Ms. */
const DAY = 86_400_000;

/** Prepares the statement. */
export function openHeldAddresses(
  database: Database,
  tenants: Tenants,
  plans: Pick<HeldPlans, 'current'>,
): (tenant: string, after: string, limit: number) => HeldPage {
  const read = database.prepare<[number, string, number], HeldAddress>(
    `SELECT d.address, d.held AS why, d.removed_at AS removedAt, r.day * ${DAY} AS lastMail FROM departed AS d
     LEFT JOIN recent_mail AS r ON r.tenant = d.tenant AND r.address = d.address
     WHERE d.tenant = ? AND d.held IS NOT NULL AND d.address > ? ORDER BY d.address LIMIT ?`,
  );
  return (tenant, after, limit) => {
    const row = tenants.row(tenant);
    const items = read.all(row.pk, after, limit);
    const next = items.length === limit ? (items.at(-1)?.address ?? null) : null;
    return { hash: plans.current(row)?.hash ?? null, items, next };
  };
}
