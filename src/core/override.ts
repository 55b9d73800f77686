/** The operator's own allow and deny entries, for recipients that Graph cannot show. */
import { domainOf, foldAscii } from './address.ts';

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
 * The entry that decides `key` at `now`. The more specific wins: an address before a pattern before a domain;
 * within one kind the first in the operator's order.
 */
export function overrideFor(overrides: readonly Override[], key: string, now: number): Override | null {
  let best: Override | null = null;
  let bestRank = 0;
  for (const entry of overrides) {
    if (entry.expires !== null && now > entry.expires) continue;
    const rank = matchRank(entry.match, key);
    if (rank > bestRank) {
      best = entry;
      bestRank = rank;
    }
  }
  return best;
}

/** 3 for the address itself, 2 for a pattern, 1 for its domain, 0 for no match. */
function matchRank(match: string, key: string): number {
  const wanted = foldAscii(match);
  if (wanted === key) return 3;
  if (wanted.startsWith('@')) return wanted.slice(1) === domainOf(key) ? 1 : 0;
  return wanted.includes('*') && matchesPattern(wanted, key) ? 2 : 0;
}

/** `*` stands for any run of characters. Linear in both lengths, so no pattern can stall an answer. */
function matchesPattern(pattern: string, key: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!key.startsWith(first) || !key.endsWith(last) || key.length < first.length + last.length) return false;
  let from = first.length;
  const end = key.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const at = key.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}
