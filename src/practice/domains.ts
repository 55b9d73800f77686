/** The tenant's domains: what `/organization` lists as verified and `/domains` shows in full. */
import type { Domain, VerifiedDomain } from '@microsoft/microsoft-graph-types';
import { normaliseDomain } from '../core/address.ts';

/** The default domain of every practice tenant. */
export const DEFAULT_DOMAIN = 'contoso.example';
/** What `contoso.onmicrosoft.com` is to a real tenant. */
export const INITIAL_DOMAIN = 'contoso.onmicrosoft.example';
/** An internationalised domain, as people write it. */
export const IDN_DOMAIN = 'bücher.example';

export interface PracticeDomain {
  /** As the tenant writes it; may be a U-label. */
  readonly name: string;
  readonly isVerified: boolean;
  readonly isDefault: boolean;
  readonly isInitial: boolean;
  readonly supportedServices: readonly string[];
}

/** A verified domain that takes mail. */
export function mailDomain(name: string, flags: Partial<PracticeDomain> = {}): PracticeDomain {
  const supportedServices = ['Email', 'OfficeCommunicationsOnline'];
  return { name, isVerified: true, isDefault: false, isInitial: false, supportedServices, ...flags };
}

/** The domains every practice tenant starts with. */
export function defaultDomains(): PracticeDomain[] {
  return [
    mailDomain(DEFAULT_DOMAIN, { isDefault: true }),
    mailDomain(INITIAL_DOMAIN, { isInitial: true }),
    mailDomain(IDN_DOMAIN),
  ];
}

/** A-labels of the verified domains, which is what addresses are compared with. */
export function verifiedNames(domains: readonly PracticeDomain[]): Set<string> {
  const names = domains.filter((domain) => domain.isVerified).map((domain) => normaliseDomain(domain.name));
  return new Set(names.filter((name) => name !== null));
}

/** The entry of `GET /domains`. */
export function domainEntry(domain: PracticeDomain): Domain {
  return {
    id: domain.name,
    authenticationType: 'Managed',
    isAdminManaged: true,
    isDefault: domain.isDefault,
    isInitial: domain.isInitial,
    isRoot: true,
    isVerified: domain.isVerified,
    supportedServices: [...domain.supportedServices],
  } satisfies Domain;
}

/** The entry of `verifiedDomains` in `GET /organization`; capabilities are one comma-joined string. */
export function verifiedEntry(domain: PracticeDomain): VerifiedDomain {
  return {
    capabilities: domain.supportedServices.join(', '),
    isDefault: domain.isDefault,
    isInitial: domain.isInitial,
    name: domain.name,
    type: 'Managed',
  } satisfies VerifiedDomain;
}
