/** What a visitor asks of the rejection log: the fields of the filter form as a query of the control socket. */
import { type QueryText, readRejectionQuery } from '../../core/rejection-query.ts';
import type { Visitor } from '../site/visit.ts';

const HOUR = 3_600_000;
/** Times that can be chosen, ms; null: everything. */
const SPANS = { '1h': HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR, '30d': 720 * HOUR, all: null } as const;
export type TimeSpan = keyof typeof SPANS;
export const TIME_SPANS = Object.keys(SPANS) as TimeSpan[];

/** Text fields of the form, with the names of the control socket. */
const TEXTS = ['recipient', 'client', 'domain', 'reason', 'verdict', 'text'] as const;
export type FilterText = (typeof TEXTS)[number];

export interface Asked {
  readonly span: TimeSpan;
  readonly texts: Readonly<Record<FilterText, string>>;
  /** Rows before this one; '' for the newest. */
  readonly cursor: string;
  /** The filter as the control socket wants it, without limit and cursor; null when it would refuse it. */
  readonly query: Readonly<Record<string, string>> | null;
}

/** Reads the query of a page. The visitor's tenants are always part of it. `now` is in ms since 1970. */
export function askedBy(given: QueryText, visitor: Visitor, now: number): Asked {
  const span = TIME_SPANS.find((each) => each === given.span) ?? '24h';
  const texts = Object.fromEntries(TEXTS.map((name) => [name, given[name]?.trim() ?? ''])) as Asked['texts'];
  const cursor = /^\d{1,15}$/.test(given.cursor ?? '') ? (given.cursor ?? '') : '';
  const length = SPANS[span];
  const query: Record<string, string> = {};
  for (const name of TEXTS) if (texts[name] !== '') query[name] = texts[name];
  if (length !== null) query.since = String(now - length);
  if (visitor.tenants !== null) query.tenants = visitor.tenants.join(',');
  return { span, texts, cursor, query: readRejectionQuery(query).ok ? query : null };
}

/** The same filter as the query of a page of ours. */
export function pageQuery({ span, texts }: Asked, more: Readonly<Record<string, string>> = {}): string {
  const filled = Object.entries(texts).filter(([, value]) => value !== '');
  return new URLSearchParams({ span, ...Object.fromEntries(filled), ...more }).toString();
}
