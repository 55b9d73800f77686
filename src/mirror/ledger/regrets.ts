/** The regret ledger: addresses that were rejected as unknown and are in the directory now. */
import type { Database } from 'better-sqlite3';
import type { RegretNews } from '../../core/rejection.ts';

export interface Regrets {
  /**
   * Looks at the next rows of a tenant that were rejected as unknown, from row `after` on, and keeps those of which `found`
   * says that the directory has them now. Returns what it found and where to go on; null at the end.
   */
  step(
    tenant: string,
    after: number,
    found: (rcpt: string) => boolean,
    now: number,
  ): { readonly next: number | null; readonly news: RegretNews | null };
}

/** Rows of one step; the thread has other work between two. */
const STEP = 2000;
/** Senders and clients named of one address. */
const NAMED = 20;

interface Candidate {
  readonly id: number;
  readonly rcpt: string;
  readonly address: string;
  readonly client: string;
  readonly mailFrom: string | null;
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
}

interface Stored {
  readonly id: number;
  readonly senders: string;
  readonly clients: string;
}

/** Prepares the statements. Throws what SQLite throws; a step is one transaction. */
export function openRegrets(database: Database): Regrets {
  const candidates = database.prepare<[number, string, number], Candidate>(
    `SELECT id, rcpt, address, real_client AS client, mail_from AS mailFrom, first_at AS firstAt, last_at AS lastAt, count
     FROM rejection WHERE id > ? AND tenant = ? AND reason = 'unknown' AND code >= 500 AND regret IS NULL
       AND rcpt IS NOT NULL AND address IS NOT NULL ORDER BY id LIMIT ?`,
  );
  const find = database.prepare<[string, string, number], Stored>(
    'SELECT id, senders, clients FROM regret WHERE tenant = ? AND address = ? AND found_at = ?',
  );
  const put = database.prepare<unknown[], { id: number }>(
    `INSERT INTO regret (tenant, address, found_at, first_at, last_at, count, senders, clients)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
       count = count + excluded.count, senders = excluded.senders, clients = excluded.clients
     RETURNING id`,
  );
  const mark = database.prepare('UPDATE rejection SET regret = ? WHERE id = ?');

  const keep = (tenant: string, row: Candidate, now: number): void => {
    const { id, address, firstAt, lastAt, count, mailFrom, client } = row;
    const stored = find.get(tenant, address, now);
    const senders = withOne(stored?.senders, mailFrom ?? '');
    const clients = withOne(stored?.clients, client);
    const regret = put.get(tenant, address, now, firstAt, lastAt, count, senders, clients);
    mark.run(regret?.id, id);
  };
  return {
    step: database.transaction(
      (tenant: string, after: number, found: (rcpt: string) => boolean, now: number) => {
        const rows = candidates.all(after, tenant, STEP);
        const regretted = rows.filter(({ rcpt }) => found(rcpt));
        for (const row of regretted) keep(tenant, row, now);
        const next = rows.length < STEP ? null : (rows.at(-1)?.id ?? null);
        return { next, news: regretted.length === 0 ? null : newsOf(tenant, regretted) };
      },
    ),
  };
}

/** Both together. */
export function mergeNews(first: RegretNews | null, second: RegretNews | null): RegretNews | null {
  if (first === null || second === null) return first ?? second;
  const examples = [...new Set([...first.examples, ...second.examples])];
  return {
    tenant: first.tenant,
    // An address whose rows fell into two steps counts twice only when it is no example any more.
    addresses:
      first.addresses + second.addresses - (first.examples.length + second.examples.length - examples.length),
    rejections: first.rejections + second.rejections,
    firstAt: Math.min(first.firstAt, second.firstAt),
    lastAt: Math.max(first.lastAt, second.lastAt),
    examples: examples.slice(0, EXAMPLES),
  };
}

const EXAMPLES = 10;

function newsOf(tenant: string, rows: readonly Candidate[]): RegretNews {
  const addresses = [...new Set(rows.map(({ address }) => address))];
  return {
    tenant,
    addresses: addresses.length,
    rejections: rows.reduce((sum, { count }) => sum + count, 0),
    firstAt: Math.min(...rows.map(({ firstAt }) => firstAt)),
    lastAt: Math.max(...rows.map(({ lastAt }) => lastAt)),
    examples: addresses.slice(0, EXAMPLES),
  };
}

function withOne(list: string | undefined, value: string): string {
  const values = list === undefined ? [] : (JSON.parse(list) as string[]);
  if (!values.includes(value) && values.length < NAMED) values.push(value);
  return JSON.stringify(values);
}
