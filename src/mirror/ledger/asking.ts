/** What can be asked of the rejection log. Every answer is bounded. */
import type { Database } from 'better-sqlite3';
import { domainOf } from '../../core/address.ts';
import { historyOf } from '../../core/history.ts';
import { referenceNumber, referenceText } from '../../core/reference.ts';
import type {
  History,
  HistoryBucket,
  Page,
  ReferenceEntry,
  RegretRow,
  RejectionRow,
  TopList,
  TopRow,
} from '../../core/rejection.ts';
import type { HistoryQuery, RejectionQuery, TopQuery } from '../../core/rejection-query.ts';
import { type Conditions, conditionsOf, joined, regretConditionsOf, tenantsCondition } from './conditions.ts';
import type { References } from './references.ts';

export interface Asking {
  /** Rows, newest first. */
  list(query: RejectionQuery): Page<RejectionRow>;
  /** What most answers were about. A row that is partly within the time counts whole. */
  top(query: TopQuery): TopRow[];
  history(query: HistoryQuery): History;
  /** Answers that carried a reference, newest first; `tenants` as in a filter. */
  reference(text: string, tenants: readonly string[] | null): ReferenceEntry[];
  /** Newest first. */
  regrets(query: RejectionQuery): Page<RegretRow>;
}

const COLUMNS = `id, kind, first_at AS firstAt, last_at AS lastAt, count, ref, code, reason, client, real_client AS realClient,
  helo, tls, mail_from AS mailFrom, rcpt, address, domain, tenant, directory_age AS directoryAge, session, source,
  detail, regret`;

type StoredRow = Omit<RejectionRow, 'ref' | 'verdict' | 'regretted'> & {
  readonly ref: number | null;
  readonly regret: number | null;
};

/** What a list of the most frequent counts by. */
const VALUE_OF: Readonly<Record<TopList, string>> = {
  recipients: 'coalesce(address, rcpt)',
  clients: 'real_client',
  domains: 'coalesce(domain, domain_of(address))',
  reasons: 'reason',
};

/** Prepares for questions. `longest`: a row begins at most this long (ms) before its last answer. */
export function openAsking(database: Database, references: References, longest: number): Asking {
  database.function('domain_of', { deterministic: true }, (address) =>
    typeof address === 'string' && address.includes('@') ? domainOf(address) : null,
  );
  const page = <Row extends { id: number }>(
    select: string,
    where: Conditions,
    query: RejectionQuery,
  ): Row[] =>
    database
      .prepare<unknown[], Row>(`${select} WHERE ${where.sql} AND id < ? ORDER BY id DESC LIMIT ?`)
      .all(...where.values, query.before ?? Number.MAX_SAFE_INTEGER, query.limit + 1);
  return {
    list(query) {
      const rows = page<StoredRow>(`SELECT ${COLUMNS} FROM rejection`, conditionsOf(query, longest), query);
      return paged(rows.map(rowOf), query.limit);
    },
    top(query) {
      const where = conditionsOf(query, longest);
      return database
        .prepare<unknown[], TopRow>(
          `SELECT ${VALUE_OF[query.by]} AS value, sum(count) AS count, min(first_at) AS firstAt, max(last_at) AS lastAt
           FROM rejection WHERE ${where.sql} GROUP BY value HAVING value IS NOT NULL
           ORDER BY sum(count) DESC, value LIMIT ?`,
        )
        .all(...where.values, query.limit);
    },
    history: (query) => historyOf(query, countedIn(database, query)),
    reference(text, tenants) {
      const number = referenceNumber(text);
      if (number === null) return [];
      const where = joined(tenants === null ? [] : [tenantsCondition(tenants)]);
      const find = database.prepare<unknown[], StoredRow>(
        `SELECT ${COLUMNS} FROM rejection WHERE id = ? AND ${where.sql}`,
      );
      return references.find(number).flatMap(({ at, row: id }) => {
        const row = find.get(id, ...where.values);
        return row ? [{ at, row: rowOf(row) }] : [];
      });
    },
    regrets(query) {
      const select = `SELECT id, tenant, address, found_at AS foundAt, first_at AS firstAt, last_at AS lastAt, count, senders,
        clients FROM regret`;
      type Stored = Omit<RegretRow, 'senders' | 'clients'> & { senders: string; clients: string };
      const rows = page<Stored>(select, regretConditionsOf(query), query);
      const lists = rows.map((row) => ({
        ...row,
        senders: JSON.parse(row.senders) as string[],
        clients: JSON.parse(row.clients) as string[],
      }));
      return paged(lists, query.limit);
    },
  };
}

function countedIn(database: Database, query: HistoryQuery): HistoryBucket[] {
  const { since, until, step, tenant, domain, tenants } = query;
  const from = Math.floor(since / step) * step;
  const where = joined([
    ['at >= ? AND at < ?', from, Math.max(from + step, Math.ceil(until / step) * step)],
    ...(tenant === null ? [] : [['tenant = ?', tenant] as const]),
    ...(domain === null ? [] : [['domain = ?', domain] as const]),
    ...(tenants === null ? [] : [tenantsCondition(tenants)]),
  ]);
  return database
    .prepare<unknown[], HistoryBucket>(
      `SELECT at / ? * ? AS at, sum(accepted) AS accepted, sum(rejected) AS rejected, sum(deferred) AS deferred
       FROM history WHERE ${where.sql} GROUP BY 1 ORDER BY 1`,
    )
    .all(BigInt(step), BigInt(step), ...where.values);
}

function rowOf({ ref, regret, ...row }: StoredRow): RejectionRow {
  return {
    ...row,
    ref: ref === null ? null : referenceText(ref),
    verdict: row.code >= 500 ? 'reject' : 'defer',
    regretted: regret !== null,
  };
}

/** One row more than asked for was read, to know whether there is another page. */
function paged<Row extends { readonly id: number }>(rows: readonly Row[], limit: number): Page<Row> {
  const shown = rows.slice(0, limit);
  return { rows: shown, next: rows.length > limit ? String(shown.at(-1)?.id) : null };
}
