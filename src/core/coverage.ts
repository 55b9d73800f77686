/** Which recipients of a tenant the gateway knows of, by kind and domain, and which it is known not to. */
import type { DomainMode, DomainPolicy } from './policy.ts';
import type { StreamName } from './recipient.ts';

/** What the mirror holds of a tenant. An address on objects of two kinds counts for both. */
export interface Holdings {
  readonly tenant: string;
  /** Start of the last complete round, ms since 1970. */
  readonly syncedAt: number | null;
  /** Domains verified in the tenant, A-labels; empty when it was never read. */
  readonly verified: readonly string[];
  /** Streams that were read to their end once and still may be. */
  readonly streams: readonly StreamName[];
  /** Live objects by kind. */
  readonly objects: Readonly<Record<string, number>>;
  readonly addresses: ReadonlyArray<{
    readonly kind: string;
    readonly domain: string;
    readonly count: number;
  }>;
  /** Imported addresses by `RecipientTypeDetails`. */
  readonly imported: ReadonlyArray<{
    readonly type: string;
    readonly domain: string;
    readonly count: number;
  }>;
}

/** The import that a tenant has. */
export interface ImportFile {
  readonly file: string;
  /** Ms since 1970. */
  readonly importedAt: number;
  readonly addresses: number;
}

/** What the coverage of a tenant is judged by. */
export interface CoverageFacts {
  readonly holdings: Holdings;
  /** Every accepted domain of the configuration. */
  readonly domains: readonly DomainPolicy[];
  readonly origin: ImportFile | null;
  /** Domain names of the overrides in force, one for each. */
  readonly overrideDomains: readonly string[];
}

export interface CoverageRow {
  readonly kind: string;
  /** Objects in the tenant; null for imported types, whose addresses alone are kept. */
  readonly objects: number | null;
  readonly addresses: number;
  readonly source: 'graph' | 'import';
}

export interface CoveredDomain {
  readonly name: string;
  /** null: verified in the tenant, but not in the configuration. */
  readonly policy: DomainMode | null;
  readonly verified: boolean;
  readonly users: number;
  readonly groups: number;
  readonly contacts: number;
  readonly imported: number;
  readonly overrides: number;
}

export type GapName =
  | 'never-read'
  | 'not-verified'
  | 'no-addresses'
  | 'dynamic-distribution-groups'
  | 'public-folders'
  | 'contacts'
  | 'not-configured';

/** Something that is known to be missing. */
export interface Gap {
  readonly gap: GapName;
  /** The domain it concerns; null for the whole tenant. */
  readonly domain: string | null;
  readonly missing: string;
  readonly remedy: string;
  /** Recipients of an enforced domain may be refused for it. */
  readonly enforced: boolean;
}

export interface Coverage {
  readonly tenant: string;
  readonly syncedAt: number | null;
  readonly origin: ImportFile | null;
  readonly kinds: readonly CoverageRow[];
  readonly domains: readonly CoveredDomain[];
  readonly gaps: readonly Gap[];
}

/** The coverage of one tenant. */
export function coverageOf(facts: CoverageFacts): Coverage {
  const { holdings, origin } = facts;
  const { tenant, syncedAt } = holdings;
  const domains = coveredDomains(facts);
  return { tenant, syncedAt, origin, kinds: rowsOf(holdings), domains, gaps: gapsOf(facts, domains) };
}

const KINDS = [
  'user',
  'guest',
  'microsoft-365-group',
  'distribution-list',
  'mail-enabled-security-group',
  'security-group',
  'contact',
];

function rowsOf({ objects, addresses, imported }: Holdings): CoverageRow[] {
  const types = [...new Set(imported.map(({ type }) => type))];
  return [
    ...KINDS.map((kind): CoverageRow => {
      const held = addresses.filter((each) => each.kind === kind);
      return { kind, objects: objects[kind] ?? 0, addresses: total(held), source: 'graph' };
    }),
    ...types.map((type): CoverageRow => {
      const held = imported.filter((each) => each.type === type);
      return { kind: type, objects: null, addresses: total(held), source: 'import' };
    }),
  ];
}

function total(parts: ReadonlyArray<{ readonly count: number }>): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
}

/** Configured domains of the tenant first, then those that it has verified beside them. */
function coveredDomains({ holdings, domains, overrideDomains }: CoverageFacts): CoveredDomain[] {
  const { addresses, imported, verified, tenant } = holdings;
  const ours = domains.filter((domain) => domain.tenant === tenant);
  const known = new Set(domains.map(({ name }) => name));
  const row = (name: string, policy: DomainPolicy | null): CoveredDomain => {
    const within = ({ domain }: { readonly domain: string }): boolean =>
      domain === name || (policy?.subdomains === true && domain.endsWith(`.${name}`) && !known.has(domain));
    const of = (...kinds: string[]): number =>
      total(addresses.filter((each) => within(each) && kinds.includes(each.kind)));
    return {
      name,
      policy: policy?.policy ?? null,
      verified: isUnder(name, verified),
      users: of('user', 'guest'),
      groups: of('microsoft-365-group', 'distribution-list', 'mail-enabled-security-group'),
      contacts: of('contact'),
      imported: total(imported.filter(within)),
      overrides: overrideDomains.filter((domain) => within({ domain })).length,
    };
  };
  const covered = (name: string): boolean =>
    known.has(name) || domains.some((domain) => domain.subdomains && name.endsWith(`.${domain.name}`));
  return [
    ...ours.map((domain) => row(domain.name, domain)),
    ...verified.filter((name) => !covered(name)).map((name) => row(name, null)),
  ];
}

/** Whether a name or one of its parents is among the names. */
function isUnder(name: string, names: readonly string[]): boolean {
  return names.some((parent) => name === parent || name.endsWith(`.${parent}`));
}

function gapsOf(facts: CoverageFacts, domains: readonly CoveredDomain[]): Gap[] {
  const enforced = domains.some(({ policy }) => policy === 'enforce');
  if (facts.holdings.syncedAt === null) {
    const missing = 'every recipient: the tenant was never read completely';
    const remedy = 'rcptgate sync; rcptgate status says what is wrong';
    return [{ gap: 'never-read', domain: null, missing, remedy, enforced }];
  }
  return [...domains.flatMap(domainGaps), ...hiddenKinds(facts, enforced)];
}

function domainGaps(domain: CoveredDomain): Gap[] {
  const { name, policy, verified } = domain;
  const enforced = policy === 'enforce';
  if (policy === null) {
    const missing = `${name} is verified in the tenant, but not in the configuration: its mail is refused here`;
    const remedy = 'add a [[domain]] if its mail comes this way';
    return [{ gap: 'not-configured', domain: name, missing, remedy, enforced }];
  }
  if (!verified) {
    const missing = `${name} is not verified in the tenant, so no address of it is known`;
    const remedy = 'verify the domain in Microsoft 365, or name the right tenant in its [[domain]]';
    return [{ gap: 'not-verified', domain: name, missing, remedy, enforced }];
  }
  if (domain.users + domain.groups + domain.contacts + domain.imported > 0) return [];
  const missing = `nobody in the tenant has an address in ${name}`;
  const remedy = 'expected for a new domain; otherwise policy = "observe" until it is clear';
  return [{ gap: 'no-addresses', domain: name, missing, remedy, enforced }];
}

/** Kinds of recipients that Graph does not show (us), with the type that Exchange gives them. */
const HIDDEN = [
  {
    gap: 'dynamic-distribution-groups',
    type: 'DynamicDistributionGroup',
    what: 'dynamic distribution groups',
  },
  { gap: 'public-folders', type: 'PublicFolder', what: 'mail-enabled public folders' },
  { gap: 'contacts', type: 'MailContact', what: 'mail contacts' },
] as const;

/** A row of this type means that the whole list of recipients was exported: what it does not have is not there. */
const WHOLE_LIST = 'UserMailbox';

function hiddenKinds({ holdings, origin }: CoverageFacts, enforced: boolean): Gap[] {
  const types = new Set(holdings.imported.map(({ type }) => type));
  return HIDDEN.filter(({ gap, type }) => {
    const shown = gap === 'contacts' && holdings.streams.includes('contacts');
    return !shown && !types.has(type) && !types.has(WHOLE_LIST);
  }).map(({ gap, what }) => {
    const contacts = gap === 'contacts';
    const why = contacts ? 'the application may not read them' : 'Microsoft Graph does not show them';
    const none = origin === null ? '' : `, and the import of ${origin.file} has none`;
    const remedy = contacts
      ? 'grant OrgContact.Read.All (application) with admin consent, or import them from Exchange'
      : 'rcptgate import of all recipients, or rcptgate override add for each';
    return { gap, domain: null, missing: `${what}: ${why}${none}`, remedy, enforced };
  });
}
