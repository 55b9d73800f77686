/** What the operator decided: accepted domains, overrides and time limits. */
import type { AddressSet } from './address-set.ts';
import type { Override } from './override.ts';

/** `enforce`: refuse unknown; `observe`: accept and log them; `open`: another system has more recipients. */
export type DomainMode = 'enforce' | 'observe' | 'open';

/** One accepted domain. */
export interface DomainPolicy {
  /** Lower-case A-label. */
  readonly name: string;
  /** Tenant id whose directory answers for it. */
  readonly tenant: string;
  readonly policy: DomainMode;
  /** `user+tag` is delivered to `user` (the Exchange Online default). */
  readonly subaddressing: boolean;
  /** The policy holds for every subdomain too. */
  readonly subdomains: boolean;
  /** `host:port` that accepted mail is relayed to; null when this gateway only answers. */
  readonly nextHop: string | null;
}

export interface Policy {
  readonly domains: ReadonlyMap<string, DomainPolicy>;
  /** Those of the configuration file first, then those added by command. */
  readonly overrides: readonly Override[];
  /** Addresses imported from Exchange, by tenant id; absent when nothing was. */
  readonly imported?: ReadonlyMap<string, AddressSet>;
  /** Age in ms after which a directory no longer proves absence. */
  readonly freshnessLimit: number;
  /** Time in ms during which an address that left the tenant is still accepted. */
  readonly gracePeriod: number;
}

/** The accepted domain that covers `domain` (an A-label): itself, or the nearest parent with `subdomains`. */
export function policyFor(policy: Pick<Policy, 'domains'>, domain: string): DomainPolicy | null {
  const exact = policy.domains.get(domain);
  if (exact) return exact;
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    const parent = policy.domains.get(domain.slice(dot + 1));
    if (parent?.subdomains) return parent;
  }
  return null;
}

/** The accepted domains of a tenant, in the order of the configuration: what people call it by. */
export function domainsOf({ domains }: Pick<Policy, 'domains'>, tenant: string): readonly string[] {
  return [...domains.values()].filter((domain) => domain.tenant === tenant).map(({ name }) => name);
}
