/** The rejection log as the daemon tells it to the console; the form of every answer is checked. */
import type { Page, RegretRow, RejectionRow, TopList, TopRow } from '../../core/rejection.ts';
import { LARGEST_PAGE } from '../../core/rejection-query.ts';
import type { Daemon } from '../site/daemon.ts';

type Query = Readonly<Record<string, string>>;

export interface RejectionQuestions {
  list(query: Query, limit: number, cursor: string): Promise<Page<RejectionRow>>;
  top(query: Query, by: TopList): Promise<readonly TopRow[]>;
  regrets(tenants: readonly string[] | null, cursor: string): Promise<Page<RegretRow>>;
  /** Every row, a page at a time, at most `most`. */
  pages(query: Query, most: number): AsyncGenerator<readonly RejectionRow[]>;
}

/** Rows of one page of regrets. */
const REGRETS = 100;

/** The questions over a daemon. They throw what the daemon throws. */
export function rejectionQuestions(daemon: Pick<Daemon, 'get'>): RejectionQuestions {
  const paged = async <Row>(path: string, query: Query, numbers: readonly string[]): Promise<Page<Row>> => {
    const answer = (await daemon.get(`${path}?${new URLSearchParams(query)}`)) as Page<Row>;
    if (isPage(answer, numbers)) return answer;
    throw new Error(`the daemon answered something else than rows to ${path}`);
  };
  const list = (query: Query, limit: number, cursor: string): Promise<Page<RejectionRow>> =>
    paged('/v1/rejections', { ...query, limit: String(limit), cursor }, [
      'id',
      'firstAt',
      'lastAt',
      'count',
      'code',
    ]);
  return {
    list,
    async top(query, by) {
      const answer = await daemon.get(
        `/v1/rejections/top?${new URLSearchParams({ ...query, by, limit: '5' })}`,
      );
      const { rows } = Object(answer) as { readonly rows?: readonly TopRow[] };
      if (Array.isArray(rows) && rows.every(({ value }) => typeof value === 'string')) return rows;
      throw new Error('the daemon answered something else than a list of the most frequent');
    },
    regrets(tenants, cursor) {
      const restricted = tenants === null ? {} : { tenants: tenants.join(',') };
      const query = { ...restricted, limit: String(REGRETS), cursor };
      return paged('/v1/regrets', query, ['id', 'foundAt', 'firstAt', 'lastAt', 'count']);
    },
    async *pages(query, most) {
      let left = most;
      for (let cursor: string | null = ''; cursor !== null && left > 0; ) {
        const page: Page<RejectionRow> = await list(query, Math.min(left, LARGEST_PAGE), cursor);
        yield page.rows;
        left -= page.rows.length;
        cursor = page.next;
      }
    },
  };
}

function isPage(value: unknown, numbers: readonly string[]): boolean {
  const { rows, next } = Object(value) as { readonly rows?: unknown; readonly next?: unknown };
  const isRow = (row: unknown): boolean => numbers.every((name) => Number.isFinite(Object(row)[name]));
  return Array.isArray(rows) && rows.every(isRow) && (next === null || typeof next === 'string');
}
