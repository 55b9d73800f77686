/** What may be asked of the rejection log, read from the text of a query: every value is checked, all problems are told at once. */
import { BUCKET } from './answered.ts';
import { TOP_LISTS, type TopList } from './rejection.ts';

/** Conditions that all hold; null stands for "any". Times are in ms since 1970. */
export interface RejectionFilter {
  readonly since: number | null;
  readonly until: number | null;
  /** An address, a pattern with `*`, or a part of one. */
  readonly recipient: string | null;
  /** An IP address or a pattern with `*`. */
  readonly client: string | null;
  readonly domain: string | null;
  readonly tenant: string | null;
  readonly reason: string | null;
  readonly verdict: 'reject' | 'defer' | null;
  /** A part of any text of a row. */
  readonly text: string | null;
  /** Only rows of these tenants; rows of no tenant are left out. null: everything. */
  readonly tenants: readonly string[] | null;
}

export interface RejectionQuery extends RejectionFilter {
  readonly limit: number;
  /** Rows before this one. */
  readonly before: number | null;
}

export interface TopQuery extends RejectionFilter {
  readonly by: TopList;
  readonly limit: number;
}

export interface HistoryQuery {
  readonly since: number;
  readonly until: number;
  /** Ms, a multiple of {@link BUCKET}. */
  readonly step: number;
  readonly tenant: string | null;
  readonly domain: string | null;
  readonly tenants: readonly string[] | null;
}

/** The text of a query; an empty value is no value. */
export type QueryText = Readonly<Record<string, string | undefined>>;

export type ReadQuery<Query> =
  | { readonly ok: true; readonly query: Query }
  | { readonly ok: false; readonly problems: readonly string[] };

export const LARGEST_PAGE = 1000;
const MOST_BUCKETS = 2000;
const LONGEST_TEXT = 512;
const DAY = 86_400_000;
/** The last moment of the year 9999, ms since 1970. */
const LAST_TIME = 253_402_300_799_999;

const COMMON = ['since', 'until', 'recipient', 'tenant', 'tenants'] as const;
const FILTERS = [...COMMON, 'client', 'domain', 'reason', 'verdict', 'text'] as const;

/** Reads a query for rows. Never throws. */
export function readRejectionQuery(given: QueryText): ReadQuery<RejectionQuery> {
  const reader = readerOf(given, [...FILTERS, 'limit', 'cursor']);
  const query = {
    ...reader.filter(),
    limit: reader.count('limit', 50, LARGEST_PAGE),
    before: reader.cursor(),
  };
  return reader.done(query);
}

/** Reads a query for a list of the most frequent. Never throws. */
export function readTopQuery(given: QueryText): ReadQuery<TopQuery> {
  const reader = readerOf(given, [...FILTERS, 'limit', 'by']);
  const by = reader.choice('by', TOP_LISTS) ?? 'recipients';
  return reader.done({ ...reader.filter(), limit: reader.count('limit', 10, LARGEST_PAGE), by });
}

/** Reads a query for regrets, which have fewer conditions. Never throws. */
export function readRegretQuery(given: QueryText): ReadQuery<RejectionQuery> {
  const reader = readerOf(given, [...COMMON, 'limit', 'cursor']);
  const query = {
    ...reader.filter(),
    limit: reader.count('limit', 50, LARGEST_PAGE),
    before: reader.cursor(),
  };
  return reader.done(query);
}

/** Reads a query for counts over time: by default the last day in half hours. `now` is in ms since 1970. Never throws. */
export function readHistoryQuery(given: QueryText, now: number): ReadQuery<HistoryQuery> {
  const reader = readerOf(given, ['since', 'until', 'step', 'tenant', 'domain', 'tenants']);
  const { since, until, tenant, domain, tenants } = reader.filter();
  const step = reader.count('step', 1800, 366 * 86_400) * 1000;
  const query = { since: since ?? (until ?? now) - DAY, until: until ?? now, step, tenant, domain, tenants };
  if (step % BUCKET !== 0) reader.problem(`"step" must be a multiple of ${BUCKET / 1000} seconds`);
  else if (query.since >= query.until) reader.problem('"since" must be before "until"');
  else if ((query.until - query.since) / step > MOST_BUCKETS) {
    reader.problem(`at most ${MOST_BUCKETS} steps fit between "since" and "until"`);
  }
  return reader.done(query);
}

/** Reads the list of tenants that an answer is restricted to; null: it is not. */
export function readTenants(given: string | undefined): readonly string[] | null {
  // An empty list is a restriction to nobody, and must not become everybody.
  if (given === undefined) return null;
  return given
    .toLowerCase()
    .split(',')
    .map((tenant) => tenant.trim())
    .filter((tenant) => tenant !== '');
}

function readerOf(given: QueryText, names: readonly string[]) {
  const problems: string[] = Object.keys(given)
    .filter((name) => !names.includes(name))
    .map((name) => `"${name.slice(0, 40)}" is not something to ask by`);
  const problem = (text: string): void => void problems.push(text);
  const text = (name: string): string | null => {
    const value = given[name]?.trim() ?? '';
    if (value.length > LONGEST_TEXT) problem(`"${name}" is longer than ${LONGEST_TEXT} characters`);
    return value === '' ? null : value;
  };
  const whole = (name: string, most: number, what: string): number | null => {
    const value = text(name);
    if (value === null) return null;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number <= most) return number;
    problem(`"${name}" must be ${what}`);
    return null;
  };
  const choice = <Choice extends string>(name: string, choices: readonly Choice[]): Choice | null => {
    const value = text(name);
    const found = choices.find((each) => each === value) ?? null;
    if (value !== null && found === null) problem(`"${name}" must be one of ${choices.join(', ')}`);
    return found;
  };
  const time = (name: string): number | null => whole(name, LAST_TIME, 'a time in ms since 1970');
  return {
    problem,
    choice,
    count(name: string, otherwise: number, most: number): number {
      const number = whole(name, most, `a number from 1 to ${most}`) ?? otherwise;
      if (number === 0) problem(`"${name}" must be a number from 1 to ${most}`);
      return number;
    },
    cursor: () => whole('cursor', Number.MAX_SAFE_INTEGER, 'the "next" of the page before'),
    filter: (): RejectionFilter => ({
      since: time('since'),
      until: time('until'),
      recipient: text('recipient'),
      client: text('client'),
      domain: text('domain')?.toLowerCase() ?? null,
      tenant: text('tenant')?.toLowerCase() ?? null,
      reason: text('reason'),
      verdict: choice('verdict', ['reject', 'defer']),
      text: text('text'),
      tenants: readTenants(given.tenants),
    }),
    done: <Query>(query: Query): ReadQuery<Query> =>
      problems.length > 0 ? { ok: false, problems } : { ok: true, query },
  };
}
