/** `rcptgate rejections`: what was refused and deferred, as a list, by frequency, or what of it was a pity. */
import type { Page, RegretRow, RejectionRow, TopList, TopRow } from '../core/rejection.ts';
import { TOP_LISTS } from '../core/rejection.ts';
import { CSV_HEADING, csvRow } from '../core/rejection-csv.ts';
import { CSV_MARK, csvLines } from '../core/visible.ts';
import {
  type Arguments,
  type Daemon,
  type DaemonCommand,
  EXIT,
  type Terminal,
  usageError,
} from './command.ts';
import { count, printable, table } from './table.ts';

/** Options that are passed on as they are. */
const FILTERS = ['recipient', 'client', 'domain', 'tenant', 'reason', 'verdict', 'text'] as const;
/** Rows asked for at once. */
const PAGE = 1000;
/** Ms between two looks of --follow. */
const LOOK = 2000;
const DAY = 86_400_000;

/** Shows what was asked for; exit code 0 also when there is nothing. */
export const rejections: DaemonCommand = async (daemon, args, terminal) => {
  const now = Date.now();
  const asked = queryOf(args, now);
  if (typeof asked === 'string') return usageError(terminal, asked);
  if (args.options.top) return showTop(daemon, args, terminal, asked);
  if (args.options.regrets) return showRegrets(daemon, args, terminal, asked);
  if (args.options.follow) return follow(daemon, terminal, asked, args.json);
  const limit = Number(args.options.limit ?? (args.options.csv ? Number.POSITIVE_INFINITY : 50));
  if (args.options.csv) {
    // The terminal ends a block with a line feed, which is the half of CRLF that is left to it.
    terminal.out((CSV_MARK + csvLines([CSV_HEADING])).slice(0, -1));
    for await (const rows of pages(daemon, asked, limit)) {
      if (rows.length > 0) terminal.out(csvLines(rows.map(csvRow)).slice(0, -1));
    }
    return EXIT.ok;
  }
  const rows: RejectionRow[] = [];
  for await (const some of pages(daemon, asked, limit)) rows.push(...some);
  terminal.out(args.json ? JSON.stringify(rows, null, 2) : rejectionsText(rows));
  return EXIT.ok;
};

type Query = Readonly<Record<string, string>>;

/** The query of the options, or what is wrong with them. */
function queryOf({ options, positionals }: Arguments, now: number): Query | string {
  if (positionals.length > 0) return 'rcptgate rejections takes options only; --help lists them';
  const limit = String(options.limit ?? '1');
  if (!/^[1-9]\d{0,6}$/.test(limit)) return '--limit must be a number from 1 on';
  const query: Record<string, string> = {};
  for (const name of FILTERS) {
    const value = options[name];
    if (typeof value === 'string') query[name] = value;
  }
  for (const name of ['since', 'until'] as const) {
    const value = options[name];
    if (typeof value !== 'string') continue;
    const time = timeIn(value, now);
    if (time === null)
      return `--${name} must be a duration such as 24h or 7d, or a time such as 2026-11-22T18:00Z`;
    query[name] = String(time);
  }
  // A regret is found long after the rejection, so a day would hide it.
  if (query.since === undefined && !options.regrets) query.since = String(now - DAY);
  return query;
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY };

/** A moment in ms since 1970: so long before `now`, or a date (UTC) or a date and time; null when it is neither. */
export function timeIn(text: string, now: number): number | null {
  const age = /^(\d{1,6})([mhd])$/.exec(text);
  if (age) return Math.max(0, now - Number(age[1]) * (UNITS[age[2] ?? ''] ?? 0));
  if (!/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)) return null;
  const day = text.slice(0, 10);
  // JavaScript takes February 31 for a day of March.
  const midnight = Date.parse(day);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) || time < 0 ? null : time;
}

async function* pages(daemon: Daemon, asked: Query, limit: number): AsyncGenerator<readonly RejectionRow[]> {
  let left = limit;
  for (let cursor: string | null = null; left > 0; ) {
    const query = { ...asked, limit: String(Math.min(left, PAGE)), ...(cursor === null ? {} : { cursor }) };
    const page = (await daemon.get(`/v1/rejections?${new URLSearchParams(query)}`)) as Page<RejectionRow>;
    yield page.rows;
    left -= page.rows.length;
    cursor = page.next;
    if (cursor === null) return;
  }
}

/** One line an answer, newest first, the client's own words last. */
export function rejectionsText(rows: readonly RejectionRow[]): string {
  if (rows.length === 0) return 'nothing was refused or deferred.';
  return table([
    ['LAST', 'TIMES', 'CODE', 'REASON', 'CLIENT', 'REF', 'RECIPIENT', 'SENDER'],
    ...rows.map(cells),
  ]);
}

function cells(row: RejectionRow): string[] {
  return [
    timeText(row.lastAt),
    count(row.count),
    String(row.code),
    `${row.reason}${row.regretted ? ', exists now' : ''}`,
    printable(row.realClient),
    row.ref ?? '-',
    printable(row.rcpt ?? '-'),
    `<${printable(row.mailFrom ?? '')}>`,
  ];
}

/** A moment to the second, UTC. */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

async function showTop(daemon: Daemon, args: Arguments, terminal: Terminal, asked: Query): Promise<number> {
  const limit = String(args.options.limit ?? 10);
  const lists: Array<{ readonly by: TopList; readonly rows: readonly TopRow[] }> = [];
  for (const by of TOP_LISTS) {
    const answer = await daemon.get(`/v1/rejections/top?${new URLSearchParams({ ...asked, by, limit })}`);
    lists.push(answer as { by: TopList; rows: TopRow[] });
  }
  terminal.out(args.json ? JSON.stringify(lists, null, 2) : lists.map(topText).join('\n\n'));
  return EXIT.ok;
}

function topText({ by, rows }: { readonly by: TopList; readonly rows: readonly TopRow[] }): string {
  const lines = rows.map((row) => [count(row.count), timeText(row.lastAt), printable(row.value)]);
  return table([['TIMES', 'LAST', by.toUpperCase()], ...lines]);
}

async function showRegrets(
  daemon: Daemon,
  args: Arguments,
  terminal: Terminal,
  asked: Query,
): Promise<number> {
  const { since, until, recipient, tenant } = asked;
  const known = Object.entries({ since, until, recipient, tenant, limit: String(args.options.limit ?? 50) });
  const query = new URLSearchParams(known.filter((pair): pair is [string, string] => pair[1] !== undefined));
  const { rows } = (await daemon.get(`/v1/regrets?${query}`)) as Page<RegretRow>;
  terminal.out(args.json ? JSON.stringify(rows, null, 2) : regretsText(rows));
  return EXIT.ok;
}

/** Who was told no and exists now. */
export function regretsText(rows: readonly RegretRow[]): string {
  if (rows.length === 0) return 'no address that was rejected has appeared in the directory since.';
  return table([
    ['FOUND', 'TIMES', 'FIRST', 'LAST', 'ADDRESS', 'SENDERS'],
    ...rows.map((row) => [
      timeText(row.foundAt),
      count(row.count),
      timeText(row.firstAt),
      timeText(row.lastAt),
      printable(row.address),
      row.senders.map((sender) => `<${printable(sender)}>`).join(' '),
    ]),
  ]);
}

/** Shows what comes, until the command is ended. */
async function follow(daemon: Daemon, terminal: Terminal, asked: Query, json: boolean): Promise<number> {
  const seen = new Map<number, number>();
  for (let since = Date.now(); ; ) {
    const fresh: RejectionRow[] = [];
    for await (const rows of pages(daemon, { ...asked, since: String(since) }, PAGE)) fresh.push(...rows);
    for (const row of fresh.reverse()) {
      if (seen.get(row.id) === row.count) continue;
      terminal.out(json ? JSON.stringify(row) : cells(row).join('  '));
    }
    seen.clear();
    for (const row of fresh) seen.set(row.id, row.count);
    since = Math.max(since, ...fresh.map(({ lastAt }) => lastAt));
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}
