/**
 * Who owns an address, asked of Graph now: `proxyAddresses/any(x:x eq '…')` over users, groups and, where the token may
 * read them, contacts. Reference: Microsoft Graph, `$filter` on directory objects (`eq` on proxyAddresses needs no
 * ConsistencyLevel, so the directory itself answers and not its eventual index); OData 4.01 URL conventions 5.1.1.6
 * (a quote in a literal is doubled). The address is an attacker's text: it reaches Graph quoted and percent-encoded.
 */
import { domainToUnicode } from 'node:url';
import { domainOf, foldAscii } from '../core/address.ts';
import { type RecipientPatch, type StreamName, smtpAddress } from '../core/recipient.ts';
import { done, failed, type Outcome } from './failure.ts';
import type { Http } from './http.ts';
import { isRecord, readObject, SELECTED } from './objects.ts';
import { sameOrigin } from './page.ts';
import { type Get, openRequests, type RequestSettings } from './requests.ts';
import type { Tokens } from './tokens.ts';

/** An object as a listing shows it: all of its facts. */
export interface FoundObject {
  readonly stream: StreamName;
  readonly patch: RecipientPatch;
}

/** The objects that hold one of the normalised `addresses`; none means that nobody does. */
export type FindOwners = (
  addresses: readonly string[],
  signal: AbortSignal,
) => Promise<Outcome<readonly FoundObject[]>>;

/** Pages of one answer: Graph may put empty ones before the last, but nobody owns an address a hundred times. */
const PAGE_CAP = 5;

/** Opens lookups of one tenant; nothing is requested yet. `streamsFor` says what the roles of a token may read. */
export function openFindOwners(
  settings: RequestSettings,
  http: Http,
  tokens: Tokens,
  streamsFor: (roles: readonly string[]) => readonly StreamName[],
): FindOwners {
  // A lookup has somebody waiting: what fails is not tried again.
  const get = openRequests({ ...settings, retries: 0 }, http, tokens);
  return async (addresses, signal) => {
    const token = await tokens.get();
    if (!token.ok) return token;
    const filter = encodeURIComponent(addressFilter(addresses));
    const asked = streamsFor(token.value.roles).map((stream) =>
      find(get, settings.graph, stream, filter, new Set(addresses), signal),
    );
    return firstFound(asked);
  };
}

/**
 * The filter for normalised addresses. Graph compares in any case, but that is not promised, so both prefixes are
 * asked for; and a tenant may have written an international domain either way.
 */
export function addressFilter(addresses: readonly string[]): string {
  const spellings = new Set(addresses.flatMap((address) => [address, unicodeForm(address)]));
  const terms = [...spellings].flatMap((address) =>
    ['smtp', 'SMTP'].map((prefix) => `x eq '${prefix}:${address.replaceAll("'", "''")}'`),
  );
  return `proxyAddresses/any(x:${terms.join(' or ')})`;
}

function unicodeForm(address: string): string {
  const domain = domainOf(address);
  return `${address.slice(0, address.length - domain.length)}${domainToUnicode(domain) || domain}`;
}

/** The first stream that has somebody decides; that nobody has it must be said by all of them. */
function firstFound(
  asked: ReadonlyArray<Promise<Outcome<readonly FoundObject[]>>>,
): Promise<Outcome<readonly FoundObject[]>> {
  return new Promise((resolve, reject) => {
    for (const each of asked) {
      void each.then((outcome) => {
        if (outcome.ok && outcome.value.length > 0) resolve(outcome);
      }, reject);
    }
    void Promise.all(asked).then((all) => resolve(all.find(({ ok }) => !ok) ?? done([])), reject);
  });
}

async function find(
  get: Get,
  base: string,
  stream: StreamName,
  filter: string,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Outcome<readonly FoundObject[]>> {
  const found: FoundObject[] = [];
  let link: string | null = `/${stream}?$filter=${filter}&$select=${SELECTED[stream].join(',')}`;
  for (let page = 0; link !== null; page++) {
    if (page >= PAGE_CAP) return failed('protocol', 'page-cap', `${stream}: too many pages for one address`);
    const body: Outcome<unknown> = await get(link, 'first', signal);
    if (!body.ok) return body;
    const read = readList(body.value, base, wanted);
    if (!read.ok) return failed('protocol', 'bad-page', `${stream}: ${read.problem}`);
    for (const patch of read.patches) found.push({ stream, patch });
    link = read.next;
  }
  return done(found);
}

type ReadList =
  | { readonly ok: true; readonly patches: readonly RecipientPatch[]; readonly next: string | null }
  | { readonly ok: false; readonly problem: string };

/**
 * Checks and reads one page of a filtered list. An object that holds none of the addresses means that the filter was
 * not applied, so the answer proves nothing about anybody.
 */
export function readList(body: unknown, base: string, wanted: ReadonlySet<string>): ReadList {
  const value = isRecord(body) ? body.value : undefined;
  if (!isRecord(body) || !Array.isArray(value)) return { ok: false, problem: 'the page has no value array' };
  const next = body['@odata.nextLink'] ?? null;
  if (next !== null && (typeof next !== 'string' || !sameOrigin(next, base))) {
    return { ok: false, problem: 'the page links to another server' };
  }
  const patches: RecipientPatch[] = [];
  for (const item of value) {
    const read = readObject(item);
    if (!read.ok) return read;
    if (!holds(read.patch, wanted)) return { ok: false, problem: 'an entry does not hold the address' };
    patches.push(read.patch);
  }
  return { ok: true, patches, next };
}

function holds({ removed, facts }: RecipientPatch, wanted: ReadonlySet<string>): boolean {
  if (removed !== undefined) return false;
  return (facts.proxyAddresses ?? []).some((entry) => wanted.has(foldAscii(smtpAddress(entry) ?? '')));
}
