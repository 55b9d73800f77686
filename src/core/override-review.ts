/** What becomes of each override beside the others: which still holds, which never decides, and who decides instead. */
import { domainOf, foldAscii } from './address.ts';
import { holds, matchesPattern, type Override } from './override.ts';
import { type Policy, policyFor } from './policy.ts';

/** Where an entry stands: in the configuration file, or in the mirror through `rcptgate override add`. */
export type OverrideSource = 'file' | 'command';

/** An entry, by its match and source. */
export interface OverrideName {
  readonly match: string;
  readonly source: OverrideSource;
}

/** `expired`; `shadowed`: others decide everything it matches; `foreign`: it matches no accepted domain. */
export type OverrideState = 'active' | 'expired' | 'shadowed' | 'foreign';

export interface ReviewedOverride extends Override {
  /** Ms since 1970; only entries added by command have it. */
  readonly addedAt?: number;
  readonly addedBy?: string;
  readonly source: OverrideSource;
  readonly state: OverrideState;
  /** The entry that decides everything this one matches. */
  readonly shadowedBy: OverrideName | null;
  /** More specific entries of the other action, which decide a part of what this one matches. */
  readonly exceptions: readonly OverrideName[];
}

/** Reviews the entries of both sources at `now` (ms since 1970), those of the file first, as they take precedence. */
export function reviewOverrides(
  file: readonly Override[],
  stored: readonly Override[],
  domains: Pick<Policy, 'domains'>,
  now: number,
): readonly ReviewedOverride[] {
  const entries = [
    ...file.map((override) => ({ override, source: 'file' as const })),
    ...stored.map((override) => ({ override, source: 'command' as const })),
  ].map(entryOf);
  const live = entries.filter(({ override }) => holds(override, now));
  const broad = live.filter(({ rank }) => rank < 3);
  const firsts = new Map<string, Entry>();
  for (const entry of live) if (!firsts.has(entry.match)) firsts.set(entry.match, entry);
  return entries.map((entry) => {
    const twin = firsts.get(entry.match);
    const candidates = twin && twin !== entry ? [twin, ...broad] : broad;
    const over = candidates.find((other) => other !== entry && wins(other, entry) && covers(other, entry));
    const expired = !holds(entry.override, now);
    const shadowedBy = expired || !over ? null : nameOf(over);
    return {
      ...entry.override,
      source: entry.source,
      state: stateOf(entry, expired, shadowedBy !== null, domains),
      shadowedBy,
      exceptions:
        expired || shadowedBy || entry.rank === 3
          ? []
          : [...firsts.values()].filter((other) => excepts(other, entry)).map(nameOf),
    };
  });
}

interface Entry {
  readonly override: Override;
  readonly source: OverrideSource;
  readonly match: string;
  /** 3 for an address, 2 for a pattern, 1 for a domain. */
  readonly rank: number;
  readonly order: number;
}

function entryOf(given: Pick<Entry, 'override' | 'source'>, order: number): Entry {
  const match = foldAscii(given.override.match);
  const rank = match.startsWith('@') ? 1 : match.includes('*') ? 2 : 3;
  return { ...given, match, rank, order };
}

function nameOf({ override, source }: Entry): OverrideName {
  return { match: override.match, source };
}

function wins(one: Entry, other: Entry): boolean {
  return one.rank > other.rank || (one.rank === other.rank && one.order < other.order);
}

/** The pattern that matches just what the entry matches. */
function patternOf({ match, rank }: Entry): string {
  return rank === 1 ? `*${match}` : match;
}

/**
 * Whether everything that `inner` matches is matched by `outer`: a star of the inner pattern can only be matched by a
 * star of the outer one, so it may stand for itself.
 */
function covers(outer: Entry, inner: Entry): boolean {
  return outer.match === inner.match || matchesPattern(patternOf(outer), patternOf(inner));
}

/** A more specific entry inside `entry` that answers otherwise. */
function excepts(other: Entry, entry: Entry): boolean {
  if (other.rank <= entry.rank || other.override.action === entry.override.action) return false;
  return covers(entry, other);
}

function stateOf(
  entry: Entry,
  expired: boolean,
  shadowed: boolean,
  domains: Pick<Policy, 'domains'>,
): OverrideState {
  if (expired) return 'expired';
  if (shadowed) return 'shadowed';
  const domain = domainOf(entry.match);
  return domain.includes('*') || policyFor(domains, domain) ? 'active' : 'foreign';
}
