/** Where the next hop and we differed, by address, and how often we compared, by day. Bounded; old entries go. */
import type { Database } from 'better-sqlite3';
import type {
  Comparison,
  Discrepancy,
  DiscrepancyKind,
  ObservedDay,
  StoredDiscrepancies,
} from '../core/reconciliation.ts';

/** Addresses kept of one tenant; the ones seen longest ago make room. */
export const MAX_DISCREPANCIES = 10_000;
/** Days an entry is kept after it was last seen. */
const KEPT_DAYS = 90;
/** Discrepancies shown of one tenant. */
const READ_LIMIT = 2_000;
const SENDERS = 5;
const DAY = 86_400_000;

interface Observations {
  /** Adds up a batch; `tenant` is the number of its row. */
  note(tenant: number, discrepancies: readonly Discrepancy[], days: readonly ObservedDay[]): void;
  /** The newest `limit` discrepancies, and every day. */
  read(tenant: number, limit: number): { discrepancies: Discrepancy[]; days: ObservedDay[] };
  /** Forgets what was last seen long before `now` (ms since 1970). */
  prune(now: number): void;
}

/** A batch of several tenants, as it crosses the threads. */
export interface ObservedOfTenants {
  readonly discrepancies: ReadonlyArray<Discrepancy & { readonly tenant: string }>;
  readonly days: ReadonlyArray<
    { readonly tenant: string; readonly domain: string; readonly day: number } & Readonly<
      Record<Comparison, number>
    >
  >;
}

/** What the mirror is asked about observations. */
export interface Observed {
  readonly asked: {
    noteObserved(batch: ObservedOfTenants): void;
    discrepancies(tenant: string): StoredDiscrepancies;
  };
  prune(now: number): void;
}

/** The observations of all tenants; `rowOf` names a tenant's row. */
export function openObserved(database: Database, rowOf: (tenant: string) => number): Observed {
  const { note, read, prune } = openObservations(database);
  return {
    asked: {
      noteObserved({ discrepancies, days }) {
        for (const tenant of new Set([...discrepancies, ...days].map((each) => each.tenant))) {
          const own = days.filter((each) => each.tenant === tenant);
          note(
            rowOf(tenant),
            discrepancies.filter((each) => each.tenant === tenant),
            own.map(({ domain, day, agreed, ...differed }) => {
              const { 'hop-accepted': hopAccepted, 'hop-rejected': hopRejected } = differed;
              return { domain, day, agreed, hopAccepted, hopRejected };
            }),
          );
        }
      },
      discrepancies: (tenant) => ({ tenant, ...read(rowOf(tenant), READ_LIMIT) }),
    },
    prune,
  };
}

interface Row {
  readonly domain: string;
  readonly address: string;
  readonly kind: DiscrepancyKind;
  readonly count: number;
  readonly withdrawn: number;
  readonly first_at: number;
  readonly last_at: number;
  readonly senders: string;
  readonly reply: string | null;
}

/** Prepares the statements. */
function openObservations(database: Database): Observations {
  const sendersOf = database
    .prepare<[number, string, string], string>(
      'SELECT senders FROM discrepancy WHERE tenant = ? AND address = ? AND kind = ?',
    )
    .pluck();
  const put = database.prepare(
    `INSERT INTO discrepancy (tenant, address, kind, domain, count, withdrawn, first_at, last_at, senders, reply)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET domain = excluded.domain, count = count + excluded.count,
       withdrawn = withdrawn + excluded.withdrawn, last_at = excluded.last_at, senders = excluded.senders,
       reply = excluded.reply`,
  );
  const bound = database.prepare(
    `DELETE FROM discrepancy WHERE tenant = ? AND last_at <= (
       SELECT last_at FROM discrepancy WHERE tenant = ? ORDER BY last_at DESC LIMIT 1 OFFSET ?)`,
  );
  const addDay = database.prepare(
    `INSERT INTO observed_day (tenant, domain, day, agreed, hop_accepted, hop_rejected) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET agreed = agreed + excluded.agreed,
       hop_accepted = hop_accepted + excluded.hop_accepted, hop_rejected = hop_rejected + excluded.hop_rejected`,
  );
  const rows = database.prepare<[number, number], Row>(
    'SELECT * FROM discrepancy WHERE tenant = ? ORDER BY last_at DESC, address LIMIT ?',
  );
  const days = database.prepare<[number], ObservedDay>(
    `SELECT domain, day, agreed, hop_accepted AS hopAccepted, hop_rejected AS hopRejected
     FROM observed_day WHERE tenant = ? ORDER BY domain, day`,
  );
  const pruneRows = database.prepare('DELETE FROM discrepancy WHERE last_at < ?');
  const pruneDays = database.prepare('DELETE FROM observed_day WHERE day < ?');
  return {
    note: database.transaction((tenant, discrepancies, observed) => {
      for (const each of discrepancies) {
        const { address, kind, domain, count, withdrawn, firstAt, lastAt, reply } = each;
        const before = JSON.parse(sendersOf.get(tenant, address, kind) ?? '[]') as string[];
        const senders = JSON.stringify([...new Set([...each.senders, ...before])].slice(0, SENDERS));
        put.run(tenant, address, kind, domain, count, withdrawn, firstAt, lastAt, senders, reply);
      }
      for (const { domain, day, agreed, hopAccepted, hopRejected } of observed) {
        addDay.run(tenant, domain, day, agreed, hopAccepted, hopRejected);
      }
      if (discrepancies.length > 0) bound.run(tenant, tenant, MAX_DISCREPANCIES);
    }),
    read: (tenant, limit) => ({
      discrepancies: rows.all(tenant, limit).map(({ first_at, last_at, senders, ...row }) => ({
        domain: row.domain,
        address: row.address,
        kind: row.kind,
        count: row.count,
        withdrawn: row.withdrawn,
        firstAt: first_at,
        lastAt: last_at,
        senders: JSON.parse(senders) as string[],
        reply: row.reply,
      })),
      days: days.all(tenant),
    }),
    prune(now) {
      pruneRows.run(now - KEPT_DAYS * DAY);
      pruneDays.run(Math.floor(now / DAY) - KEPT_DAYS);
    },
  };
}
