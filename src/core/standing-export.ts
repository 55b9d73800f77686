/**
 * What a map for another MTA holds: every address that the verdict accepts, so that the MTA goes on answering without
 * us. Grace, held removals, imports and overrides are honoured because the verdict itself is asked about each address.
 */

import { domainOf } from './address.ts';
import { addressesIn } from './address-set.ts';
import { decide } from './decide.ts';
import type { Directory } from './directory.ts';
import { holds } from './override.ts';
import { type DomainPolicy, type Policy, policyFor } from './policy.ts';

/** An address, or `@domain` for every address of a domain where nobody is refused. */
export interface ExportEntry {
  readonly match: string;
  readonly reason: string;
}

/** What could not be said in a list of addresses. */
export interface ExportGap {
  /** A pattern, or a domain with subdomains. */
  readonly match: string;
  readonly problem: string;
}

/** What an export needs of the answering side. `departed` are the addresses that left each tenant. */
export interface Exported {
  readonly directory: Directory;
  readonly departed: ReadonlyMap<string, readonly string[]>;
  readonly policy: Policy;
  /** Ms since 1970. */
  readonly now: number;
}

/** Every entry, without repetition. The order means nothing but is the same for the same values. */
export function* exportEntries(exported: Exported): Generator<ExportEntry> {
  const seen = new Set<string>();
  for (const domain of exported.policy.domains.values()) yield* roleEntries(domain, exported, seen);
  yield* wholeDomains(exported, seen);
  for (const tenant of exported.directory.keys()) yield* tenantEntries(tenant, exported, seen);
  for (const { match, action } of exported.policy.overrides) {
    const exact = action === 'allow' && !match.startsWith('@') && !match.includes('*');
    if (exact && !isKnown(match, exported) && isNew(match, seen)) yield* accepted(match, exported);
  }
}

/** Domains of which an override allows everybody. */
function* wholeDomains({ policy, now }: Exported, seen: Set<string>): Generator<ExportEntry> {
  for (const override of policy.overrides) {
    const whole = override.action === 'allow' && override.match.startsWith('@') && holds(override, now);
    if (whole && isNew(override.match, seen)) yield { match: override.match, reason: 'override-allow' };
  }
}

/** What a tenant has, what left it lately, and what was imported for it. */
function* tenantEntries(tenant: string, exported: Exported, seen: Set<string>): Generator<ExportEntry> {
  const known = exported.directory.get(tenant)?.known;
  if (!known) return;
  const imported = exported.policy.imported?.get(tenant);
  // The set has no address twice; only what comes after it can repeat one.
  for (const key of addressesIn(known.buffer)) yield* ofTenant(key, tenant, exported);
  for (const keys of [exported.departed.get(tenant) ?? [], imported ? addressesIn(imported.buffer) : []]) {
    for (const key of keys) if (!known.has(key) && isNew(key, seen)) yield* ofTenant(key, tenant, exported);
  }
}

/** What a list of addresses cannot say, with what becomes of it. */
export function exportGaps({ policy, now }: Pick<Exported, 'policy' | 'now'>): readonly ExportGap[] {
  const patterns = policy.overrides
    .filter((override) => override.match.includes('*') && holds(override, now))
    .map(({ match, action }) => ({
      match,
      problem:
        action === 'allow'
          ? 'a pattern cannot be listed: what only it allows is missing'
          : 'a pattern cannot be listed: addresses of the directory that it denies are left out, others are unknown anyway',
    }));
  const subdomains = [...policy.domains.values()]
    .filter(({ subdomains: all, policy: mode }) => all && mode !== 'enforce')
    .map(({ name }) => ({
      match: `*.${name}`,
      problem: 'the subdomains of an open domain cannot be listed',
    }));
  return [...patterns, ...subdomains];
}

/** Domains whose recipients are refused by a map although nothing is known of them: their tenant was never read. */
export function unloadedDomains({
  directory,
  policy,
}: Pick<Exported, 'directory' | 'policy'>): readonly string[] {
  return [...policy.domains.values()]
    .filter(
      ({ policy: mode, tenant }) => mode === 'enforce' && (directory.get(tenant)?.syncedAt ?? null) === null,
    )
    .map(({ name }) => name);
}

/** Whether a new map may replace one of `before` entries (null: there is none). `share` is the percentage it may lose. */
export function exportRefusal(before: number | null, after: number, share: number): string | null {
  if (after === 0) return 'it would be empty';
  if (before === null || after >= before) return null;
  const lost = before - after;
  if (lost * 100 <= before * share) return null;
  return `it would have ${after} entries instead of ${before}, and at most ${share} % may go at once`;
}

function* roleEntries(domain: DomainPolicy, exported: Exported, seen: Set<string>): Generator<ExportEntry> {
  if (domain.policy !== 'enforce') {
    const match = `@${domain.name}`;
    seen.add(match);
    yield { match, reason: domain.policy === 'open' ? 'domain-open' : 'observed-unknown' };
  }
  for (const role of ['postmaster', 'abuse']) {
    const key = `${role}@${domain.name}`;
    // The directory is listed afterwards and may have them as mailboxes.
    if (!isKnown(key, exported) && isNew(key, seen)) yield* accepted(key, exported);
  }
}

function* accepted(key: string, { directory, policy, now }: Exported): Generator<ExportEntry> {
  const domain = domainOf(key);
  if (!policyFor(policy, domain)) return;
  const local = key.slice(0, key.length - domain.length - 1);
  const verdict = decide({ text: key, local, domain, key }, directory, policy, now);
  if (verdict.action === 'accept') yield { match: key, reason: verdict.reason };
}

/** Two tenants may know the same address; the one that the configuration names answers for it. */
function* ofTenant(key: string, tenant: string, exported: Exported): Generator<ExportEntry> {
  if (policyFor(exported.policy, domainOf(key))?.tenant === tenant) yield* accepted(key, exported);
}

function isKnown(key: string, { directory, policy }: Exported): boolean {
  const tenant = policyFor(policy, domainOf(key))?.tenant;
  return tenant !== undefined && directory.get(tenant)?.known.has(key) === true;
}

function isNew(match: string, seen: Set<string>): boolean {
  if (seen.has(match)) return false;
  seen.add(match);
  return true;
}
