/** The rule of the product: one recipient, one directory, one policy, one moment, one verdict. */
import { type Mailbox, parseMailbox, withoutSubaddress } from './address.ts';
import type { Directory, TenantDirectory } from './directory.ts';
import { freshness, inGrace } from './freshness.ts';
import { overrideFor } from './override.ts';
import { type DomainPolicy, type Policy, policyFor } from './policy.ts';
import { ACTION_OF, bareVerdict, type Reason, type Verdict } from './verdict.ts';

/** Decides an address as a client sent it. Never throws. `now` is in ms since 1970. */
export function decideText(recipient: string, directory: Directory, policy: Policy, now: number): Verdict {
  const parsed = parseMailbox(recipient);
  return parsed.ok ? decide(parsed.mailbox, directory, policy, now) : bareVerdict('malformed');
}

/**
 * Decides a parsed mailbox. The order is the table of the README: `postmaster` (RFC 5321 section 4.5.1), foreign
 * domain, the operator's overrides, `abuse` (RFC 2142), the directory, and only then what an unknown address means.
 */
export function decide(mailbox: Mailbox, directory: Directory, policy: Policy, now: number): Verdict {
  if (mailbox.domain === '') return postmasterWithoutDomain(mailbox, policy);
  const domain = policyFor(policy, mailbox.domain);
  if (!domain) return bareVerdict('not-our-domain', mailbox.key);
  const tenant = directory.get(domain.tenant);
  const found = lookUp(mailbox, domain, tenant, policy, now);
  return {
    action: ACTION_OF[found.reason],
    reason: found.reason,
    key: mailbox.key,
    matched: found.matched,
    domain: domain.name,
    tenant: domain.tenant,
    nextHop: domain.nextHop,
    freshness: freshness(tenant?.syncedAt ?? null, now, policy.freshnessLimit),
    directoryAge: tenant?.syncedAt == null ? null : now - tenant.syncedAt,
    text: found.text ?? null,
  };
}

interface Finding {
  readonly reason: Reason;
  readonly matched: string | null;
  readonly text?: string | null;
}

function lookUp(
  mailbox: Mailbox,
  domain: DomainPolicy,
  tenant: TenantDirectory | undefined,
  policy: Policy,
  now: number,
): Finding {
  const name = mailbox.key.slice(0, mailbox.key.lastIndexOf('@'));
  if (name === 'postmaster') return { reason: 'postmaster', matched: null };
  const override = overrideFor(policy.overrides, mailbox.key, now);
  if (override)
    return { reason: `override-${override.action}`, matched: override.match, text: override.text };
  if (name === 'abuse') return { reason: 'postmaster', matched: null };
  return (
    (tenant && inDirectory(mailbox, domain, tenant, policy, now)) ??
    inImport(mailbox, domain, policy) ?? {
      reason: whenUnknown(domain, tenant, policy, now),
      matched: null,
    }
  );
}

function inDirectory(
  mailbox: Mailbox,
  domain: DomainPolicy,
  tenant: TenantDirectory,
  policy: Policy,
  now: number,
): Finding | null {
  const base = domain.subaddressing ? withoutSubaddress(mailbox) : null;
  if (tenant.known.has(mailbox.key)) return { reason: 'known', matched: mailbox.key };
  if (base !== null && tenant.known.has(base)) return { reason: 'subaddress', matched: base };
  for (const key of base === null ? [mailbox.key] : [mailbox.key, base]) {
    const removedAt = tenant.departed.get(key);
    if (removedAt !== undefined && inGrace(removedAt, tenant.syncedAt, now, policy.gracePeriod)) {
      return { reason: 'grace', matched: key };
    }
  }
  return null;
}

/** An import has its own freshness, and says yes at any age: an old yes is still a yes. */
function inImport(mailbox: Mailbox, domain: DomainPolicy, policy: Policy): Finding | null {
  const imported = policy.imported?.get(domain.tenant);
  if (!imported) return null;
  if (imported.has(mailbox.key)) return { reason: 'imported', matched: mailbox.key };
  const base = domain.subaddressing ? withoutSubaddress(mailbox) : null;
  return base !== null && imported.has(base) ? { reason: 'imported', matched: base } : null;
}

function whenUnknown(
  domain: DomainPolicy,
  tenant: TenantDirectory | undefined,
  policy: Policy,
  now: number,
): Reason {
  if (domain.policy === 'open') return 'domain-open';
  if (domain.policy === 'observe') return 'observed-unknown';
  const state = freshness(tenant?.syncedAt ?? null, now, policy.freshnessLimit);
  return state === 'fresh' ? 'unknown' : `directory-${state}`;
}

/** `RCPT TO:<postmaster>` names nobody's domain, so it goes where the first accepted domain's mail goes. */
function postmasterWithoutDomain(mailbox: Mailbox, policy: Policy): Verdict {
  const first = policy.domains.values().next().value;
  return { ...bareVerdict('postmaster', mailbox.key), nextHop: first?.nextHop ?? null };
}
