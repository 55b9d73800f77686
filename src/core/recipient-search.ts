/** Searching the recipients of a tenant: what is asked, what is found, and when a text matches. */
import { foldAscii } from './address.ts';
import type { RecipientFacts, StreamName } from './recipient.ts';

/**
 * `live`; `changed`: soft-deleted, can be restored; `absent`: missing from a completed full read. Of addresses without an
 * owner: `held`: still known, the guard holds the removal; `grace`: still accepted; `gone`: no longer; `imported`.
 */
export type RecipientState = 'live' | 'changed' | 'absent' | 'held' | 'grace' | 'gone' | 'imported';

export interface SearchAsk {
  readonly tenant: string;
  /** Words, all of which have to be found; empty lists everything. */
  readonly text: string;
  /** A kind of object, `imported`, or `departed`; null for all. */
  readonly kind: string | null;
  /** `next` of the page before; null for the first. */
  readonly after: string | null;
  /** Most rows of the answer. */
  readonly limit: number;
}

/** An object of the tenant, or an address that no object of it owns. */
export interface FoundRecipient {
  readonly tenant: string;
  /** null for an address that is only imported, or left its tenant. */
  readonly object: { readonly stream: StreamName; readonly id: string } | null;
  /** A kind of object, `RecipientTypeDetails` of an import, or `address`. */
  readonly kind: string;
  readonly displayName: string | null;
  readonly state: RecipientState;
  /** When it was last seen to change, ms since 1970; of an imported address, when it was imported. */
  readonly since: number | null;
  /** Its first addresses; of an object that is gone, those it had. */
  readonly addresses: readonly string[];
  /** How many more it has. */
  readonly more: number;
}

export interface SearchPage {
  readonly items: readonly FoundRecipient[];
  /** Where to go on; null when everything was looked at. A page may be short because its time was over. */
  readonly next: string | null;
}

/** Why an entry of an object is an address of it, or is none. */
export type EntryStanding = 'known' | 'held' | 'grace' | 'gone' | 'not-verified' | 'not-smtp';

/** One entry of an object's `proxyAddresses`. */
export interface RecipientEntry {
  /** As Graph wrote it. */
  readonly entry: string;
  /** Normalised; null when it is no SMTP address. */
  readonly address: string | null;
  readonly primary: boolean;
  readonly standing: EntryStanding;
  /** Last day on which mail to it was accepted, ms since 1970 (UTC midnight); null when none was lately. */
  readonly lastMail: number | null;
}

/** Everything that the mirror knows of one object. */
export interface RecipientPicture {
  readonly tenant: string;
  readonly object: { readonly stream: StreamName; readonly id: string };
  readonly kind: string;
  readonly state: 'live' | 'changed' | 'absent';
  /** When it was last seen to change, ms since 1970. */
  readonly since: number;
  readonly facts: RecipientFacts;
  readonly entries: readonly RecipientEntry[];
}

/** An address whose removal the guard holds. */
export interface HeldAddress {
  readonly address: string;
  readonly why: string;
  /** Ms since 1970. */
  readonly removedAt: number;
  /** Last day on which mail to it was accepted, ms since 1970 (UTC midnight); null when none was lately. */
  readonly lastMail: number | null;
}

/** A part of a held plan, in order of address. */
export interface HeldPage {
  /** Hash of the plan; null when nothing is held. */
  readonly hash: string | null;
  readonly items: readonly HeldAddress[];
  /** The last address of this page; null when it was the last page. */
  readonly next: string | null;
}

/** The words of a search, as they are compared. */
export function searchWords(text: string): readonly string[] {
  return text
    .toLowerCase()
    .split(/\s+/u)
    .filter((word) => word !== '');
}

/** The beginning of an address that the text may be; null when only its words can be looked for. */
export function searchPrefix(text: string): string | null {
  const trimmed = text.trim();
  return trimmed === '' || /[^\x21-\x7e]/.test(trimmed) ? null : foldAscii(trimmed);
}

/** Whether every word is found in what a person would call the object: its name or one of its addresses. */
export function matchesWords(words: readonly string[], facts: RecipientFacts): boolean {
  if (words.length === 0) return true;
  const { displayName, mail, userPrincipalName, proxyAddresses = [] } = facts;
  const text = [displayName ?? '', mail ?? '', userPrincipalName ?? '', ...proxyAddresses]
    .join('\n')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

/**
 * A cheap look at stored facts (JSON) before they are decoded: false means that {@link matchesWords} would say no.
 */
export function mayMatch(words: readonly string[], json: string): boolean {
  if (words.length === 0) return true;
  const text = json.toLowerCase();
  return words.every((word) => text.includes(JSON.stringify(word).slice(1, -1)));
}
