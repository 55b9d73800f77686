/** Domains that more than one tenant says it has verified. */

/** One tenant's verified domains, A-labels. */
export interface VerifiedDomains {
  readonly tenant: string;
  readonly domains: readonly string[];
}

/** A domain and every tenant that claims it, in the order given. */
export interface SharedDomain {
  readonly domain: string;
  readonly tenants: readonly string[];
}

/** Every domain that is claimed twice, by name. In one cloud Entra ID rules that out; it means a move, or two clouds. */
export function sharedDomains(claims: readonly VerifiedDomains[]): readonly SharedDomain[] {
  const claimants = new Map<string, string[]>();
  for (const { tenant, domains } of claims) {
    for (const domain of new Set(domains)) {
      claimants.set(domain, [...(claimants.get(domain) ?? []), tenant]);
    }
  }
  return [...claimants]
    .filter(([, tenants]) => tenants.length > 1)
    .map(([domain, tenants]) => ({ domain, tenants }))
    .sort((one, other) => (one.domain < other.domain ? -1 : 1));
}
