/** A filter of the rejection log as SQL. Everything that was asked for is bound, never written into the statement. */
import { normaliseAddress, normaliseDomain } from '../../core/address.ts';
import type { RejectionFilter } from '../../core/rejection-query.ts';

/** Conditions over the table `rejection` (or one with the same columns), and what they are bound to. */
export interface Conditions {
  readonly sql: string;
  readonly values: ReadonlyArray<string | number>;
}

type Condition = readonly [sql: string, ...values: Array<string | number>];

/** The conditions of a filter. `longest`: a row begins at most this long (ms) before its last answer. */
export function conditionsOf(filter: RejectionFilter, longest: number): Conditions {
  return joined([
    ...timeConditions(filter, longest),
    ...tenantConditions(filter),
    ...(filter.recipient === null ? [] : [recipientCondition(filter.recipient)]),
    ...(filter.client === null ? [] : [either(['client', 'real_client'], patternOf(filter.client))]),
    ...(filter.domain === null ? [] : [domainCondition(filter.domain)]),
    ...(filter.reason === null ? [] : [['reason = ?', filter.reason] as const]),
    ...(filter.verdict === null
      ? []
      : [[`code ${filter.verdict === 'reject' ? '>=' : '<'} ?`, 500] as const]),
    ...(filter.text === null ? [] : [either(TEXTS, `%${escaped(filter.text)}%`)]),
  ]);
}

/** The conditions of a filter that regrets know. */
export function regretConditionsOf(filter: RejectionFilter): Conditions {
  const { since, until, recipient } = filter;
  return joined([
    ...(since === null ? [] : [['found_at >= ?', since] as const]),
    ...(until === null ? [] : [['found_at <= ?', until] as const]),
    ...tenantConditions(filter),
    ...(recipient === null ? [] : [either(['address'], recipientPattern(recipient))]),
  ]);
}

/** Both conditions together, and one more. */
export function joined(conditions: readonly Condition[]): Conditions {
  return {
    sql: conditions.map(([sql]) => `(${sql})`).join(' AND ') || '1',
    values: conditions.flatMap(([, ...values]) => values),
  };
}

const TEXTS = [
  'rcpt',
  'address',
  'mail_from',
  'helo',
  'client',
  'real_client',
  'session',
  'reason',
  'detail',
];

function timeConditions({ since, until }: RejectionFilter, longest: number): Condition[] {
  return [
    // The first half lets the index do the work, the second is what was asked.
    ...(since === null ? [] : [['first_at >= ? AND last_at >= ?', since - longest, since] as const]),
    ...(until === null ? [] : [['first_at <= ?', until] as const]),
  ];
}

function tenantConditions({ tenant, tenants }: Pick<RejectionFilter, 'tenant' | 'tenants'>): Condition[] {
  return [
    ...(tenant === null ? [] : [['tenant = ?', tenant] as const]),
    ...(tenants === null ? [] : [tenantsCondition(tenants)]),
  ];
}

/** One of these tenants; an empty list is nobody's. */
export function tenantsCondition(tenants: readonly string[]): Condition {
  return tenants.length === 0 ? ['0'] : [`tenant IN (${tenants.map(() => '?').join(', ')})`, ...tenants];
}

function recipientCondition(recipient: string): Condition {
  return either(['address', 'rcpt'], recipientPattern(recipient));
}

/** A whole address is looked for in its normal form, anything else as a part. */
function recipientPattern(recipient: string): string {
  if (recipient.includes('*')) return patternOf(recipient);
  const address = recipient.includes('@') ? normaliseAddress(recipient) : null;
  return address === null ? `%${escaped(recipient)}%` : escaped(address);
}

function domainCondition(domain: string): Condition {
  const name = normaliseDomain(domain) ?? domain;
  return ["domain = ? OR address LIKE ? ESCAPE '\\'", name, `%@${escaped(name)}`];
}

function either(columns: readonly string[], pattern: string): Condition {
  return [columns.map((name) => `${name} LIKE ? ESCAPE '\\'`).join(' OR '), ...columns.map(() => pattern)];
}

/** `*` stands for any text. LIKE folds ASCII letters only, as addresses do. */
function patternOf(text: string): string {
  return escaped(text).replaceAll('*', '%');
}

function escaped(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
