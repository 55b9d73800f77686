/** Recipient objects: how patches from a delta stream merge, and which addresses an object can receive mail at. */
import { domainOf, normaliseAddress } from './address.ts';

/** The streams that recipients are read from; each has its own cursor. */
export const STREAMS = ['users', 'groups', 'contacts'] as const;
export type StreamName = (typeof STREAMS)[number];

/** The properties kept of an object; absent means never seen. */
export interface RecipientFacts {
  readonly displayName?: string | null;
  readonly mail?: string | null;
  readonly userPrincipalName?: string | null;
  readonly userType?: string | null;
  readonly accountEnabled?: boolean | null;
  readonly mailEnabled?: boolean | null;
  readonly securityEnabled?: boolean | null;
  readonly groupTypes?: readonly string[];
  /** Entries as Graph gives them: `SMTP:` primary, `smtp:` alias, and others that are no mail addresses. */
  readonly proxyAddresses?: readonly string[];
}

/** One entry of a listing or a delta round: an absent property means unchanged. */
export interface RecipientPatch {
  readonly id: string;
  /** `changed`: soft-deleted and restorable; `deleted`: gone for good. */
  readonly removed?: 'changed' | 'deleted';
  readonly facts: RecipientFacts;
}

/** An address with the attribute it came from, for explanations. */
export interface OwnedAddress {
  readonly address: string;
  /** As Graph wrote it, for instance `SMTP:Alice@contoso.example`. */
  readonly attribute: string;
}

/** What an operator calls the object. Shared and room mailboxes are users to Graph. */
export type RecipientKind =
  | 'user'
  | 'guest'
  | 'microsoft-365-group'
  | 'distribution-list'
  | 'mail-enabled-security-group'
  | 'security-group'
  | 'contact';

/** Old facts overlaid with a patch: property by property, because delta leaves out what did not change. */
export function mergeFacts(old: RecipientFacts, patch: RecipientFacts): RecipientFacts {
  return { ...old, ...patch };
}

/** The kind of an object, from the stream it came in and its facts. */
export function kindOf(stream: StreamName, facts: RecipientFacts): RecipientKind {
  if (stream === 'contacts') return 'contact';
  if (stream === 'users') return facts.userType?.toLowerCase() === 'guest' ? 'guest' : 'user';
  if (facts.groupTypes?.includes('Unified')) return 'microsoft-365-group';
  if (facts.mailEnabled === false) return 'security-group';
  return facts.securityEnabled ? 'mail-enabled-security-group' : 'distribution-list';
}

/**
 * The addresses at which an object receives mail: its SMTP entries in a domain the tenant has verified, or in a
 * subdomain of one. Guests and external contacts fall out by that rule. Sign-in state and licences do not
 * matter: shared and room mailboxes are disabled, unlicensed users. `verified` holds A-labels.
 */
export function addressesOf(
  stream: StreamName,
  facts: RecipientFacts,
  verified: ReadonlySet<string>,
): readonly OwnedAddress[] {
  if (kindOf(stream, facts) === 'security-group') return [];
  const owned = new Map<string, OwnedAddress>();
  for (const attribute of facts.proxyAddresses ?? []) {
    const address = smtpAddress(attribute);
    if (address !== null && isVerified(domainOf(address), verified) && !owned.has(address)) {
      owned.set(address, { address, attribute });
    }
  }
  return [...owned.values()];
}

/** The normalised address of an `SMTP:`/`smtp:` entry; null for X500, SIP, SPO and anything else. */
export function smtpAddress(entry: string): string | null {
  const colon = entry.indexOf(':');
  return colon === 4 && entry.slice(0, 4).toLowerCase() === 'smtp' ? normaliseAddress(entry.slice(5)) : null;
}

function isVerified(domain: string, verified: ReadonlySet<string>): boolean {
  for (let name = domain; name !== ''; name = name.slice(name.indexOf('.') + 1)) {
    if (verified.has(name)) return true;
    if (!name.includes('.')) return false;
  }
  return false;
}
