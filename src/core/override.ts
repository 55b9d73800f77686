/** The operator's own allow and deny entries, for recipients that Graph cannot show. */
import { domainOf, foldAscii, normaliseAddress, normaliseDomain } from './address.ts';

/** One entry. `match` is an address, a pattern with `*`, or `@domain`. */
export interface Override {
  readonly match: string;
  readonly action: 'allow' | 'deny';
  /** Own reply text of a deny, without code. */
  readonly text: string | null;
  readonly note: string | null;
  /** Last moment it holds, ms since 1970; null for no end. */
  readonly expires: number | null;
}

/**
 * The form in which a match is compared: ASCII-folded, domain as A-label. Null when it can match nobody: no domain, or
 * `@` before something that is no domain name (a pattern for subdomains is `*@*.contoso.example`).
 */
export function normaliseMatch(match: string): string | null {
  const text = match.trim();
  if (text.startsWith('@')) {
    const domain = normaliseDomain(text.slice(1));
    return domain === null ? null : `@${domain}`;
  }
  return text.includes('*') ? normalisePattern(text) : normaliseAddress(text);
}

function normalisePattern(pattern: string): string | null {
  const at = pattern.lastIndexOf('@');
  const domain = pattern.slice(at + 1);
  if (at < 1 || /[\p{Cc}\s]/u.test(pattern)) return null;
  const name = domain.includes('*') ? starredDomain(domain) : normaliseDomain(domain);
  return name === null ? null : `${foldAscii(pattern.slice(0, at))}@${name}`;
}

/** A domain with stars: what stands between them can only be letters of an A-label. */
function starredDomain(domain: string): string | null {
  return /^[A-Za-z0-9_.*-]+$/.test(domain) ? domain.toLowerCase() : null;
}

/** Whether an entry still holds at `now`, ms since 1970. */
export function holds({ expires }: Override, now: number): boolean {
  return expires === null || now <= expires;
}

/**
 * The entry that decides `key` at `now`. The more specific wins: an address before a pattern before a domain;
 * within one kind the first in the operator's order.
 */
export function overrideFor(overrides: readonly Override[], key: string, now: number): Override | null {
  if (overrides.length === 0) return null;
  const { exact, domains, patterns } = indexOf(overrides);
  const first = (entries: readonly Override[] | undefined): Override | undefined =>
    entries?.find((entry) => holds(entry, now));
  return (
    first(exact.get(key)) ??
    patterns.find(({ parts, entry }) => matchesParts(parts, key) && holds(entry, now))?.entry ??
    first(domains.get(domainOf(key))) ??
    null
  );
}

interface OverrideIndex {
  readonly exact: ReadonlyMap<string, readonly Override[]>;
  readonly domains: ReadonlyMap<string, readonly Override[]>;
  /** What stands around and between the stars of each pattern. */
  readonly patterns: ReadonlyArray<{ readonly parts: readonly string[]; readonly entry: Override }>;
}

/** Lists are immutable and replaced whole, so that an index is made once for each and thousands of entries cost nothing. */
const indexes = new WeakMap<readonly Override[], OverrideIndex>();

function indexOf(overrides: readonly Override[]): OverrideIndex {
  const known = indexes.get(overrides);
  if (known) return known;
  const exact = new Map<string, Override[]>();
  const domains = new Map<string, Override[]>();
  const patterns: Array<{ parts: readonly string[]; entry: Override }> = [];
  for (const entry of overrides) {
    const match = foldAscii(entry.match);
    append(exact, match, entry);
    if (match.startsWith('@')) append(domains, match.slice(1), entry);
    else if (match.includes('*')) patterns.push({ parts: match.split('*'), entry });
  }
  const index = { exact, domains, patterns };
  indexes.set(overrides, index);
  return index;
}

function append(map: Map<string, Override[]>, key: string, entry: Override): void {
  const entries = map.get(key);
  if (entries) entries.push(entry);
  else map.set(key, [entry]);
}

/** `*` stands for any run of characters. Linear in both lengths, so no pattern can stall an answer. */
export function matchesPattern(pattern: string, key: string): boolean {
  return matchesParts(pattern.split('*'), key);
}

function matchesParts(parts: readonly string[], key: string): boolean {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!key.startsWith(first) || !key.endsWith(last) || key.length < first.length + last.length) return false;
  let from = first.length;
  const end = key.length - last.length;
  for (let index = 1; index < parts.length - 1; index++) {
    const part = parts[index] ?? '';
    const at = key.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}
