/** Microsoft Graph for one tenant: who the organisation is, and its recipients page by page. */
import { normaliseDomain } from '../core/address.ts';
import type { RecipientPatch, StreamName } from '../core/recipient.ts';
import { done, failed, type GraphFailure, type Outcome } from './failure.ts';
import type { Http } from './http.ts';
import { isRecord, readObject, SELECTED } from './objects.ts';
import { PAGE_CAP, readPage, sameOrigin } from './page.ts';
import type { RequestPosition } from './reply.ts';
import { type Get, openRequests, type RequestSettings, type TokenSource } from './requests.ts';
import type { Token, Tokens } from './tokens.ts';

export interface GraphSettings extends RequestSettings {
  readonly tenant: string;
}

/** The tenant as Graph knows it. */
export interface Organization {
  readonly id: string;
  readonly displayName: string;
  /** Verified domains, lower-case A-labels. */
  readonly domains: readonly string[];
  /** Application permissions that the token carries. */
  readonly roles: readonly string[];
}

/** One step of a read; the last page carries the cursor for the next read. A failure ends the read. */
export type PageEvent =
  | { readonly kind: 'page'; readonly patches: readonly RecipientPatch[]; readonly cursor: string | null }
  | { readonly kind: 'failure'; readonly failure: GraphFailure };

export interface Graph {
  /** Signs in with the credential as it is now and asks who the tenant is. */
  organization(signal?: AbortSignal): Promise<Outcome<Organization>>;
  /** Reads a stream, from a stored cursor or (null) from the beginning. */
  pages(stream: StreamName, cursor: string | null, signal?: AbortSignal): AsyncGenerator<PageEvent>;
  /** One object as it is now; null when Graph says that it does not exist (any more). */
  object(stream: StreamName, id: string, signal?: AbortSignal): Promise<Outcome<RecipientPatch | null>>;
}

/** Opens Graph for one tenant; nothing is requested yet. */
export function openGraph(settings: GraphSettings, http: Http, tokens: Tokens): Graph {
  const get = openRequests(settings, http, tokens);
  const identify = async (token: Token, ask: Get, signal?: AbortSignal): Promise<Outcome<Organization>> => {
    const body = await ask('/organization?$select=id,displayName,verifiedDomains', 'first', signal);
    return body.ok ? readOrganization(body.value, settings.tenant, token) : body;
  };
  return {
    async organization(signal) {
      const renewed = await tokens.renewCredential((token) =>
        identify(token, openRequests({ ...settings, retries: 0 }, http, onlyToken(token)), signal),
      );
      if (!renewed.ok) return renewed;
      const token = await tokens.get();
      if (!token.ok) return token;
      const organization = await identify(token.value, get, signal);
      if (organization.ok) tokens.confirmCredential();
      return organization;
    },
    pages: (stream, cursor, signal) => readPages(get, settings.graph, stream, cursor, signal),
    async object(stream, id, signal) {
      const select = SELECTED[stream].join(',');
      const body = await get(`/${stream}/${encodeURIComponent(id)}?$select=${select}`, 'first', signal);
      if (!body.ok) return body.failure.kind === 'not-found' ? done(null) : body;
      return readSingle(body.value, id);
    },
  };
}

/** A token source with this one token, for trying a credential that is not in use. */
function onlyToken(token: Token): TokenSource {
  return { get: async () => done(token), forget: () => {} };
}

async function* readPages(
  get: Get,
  base: string,
  stream: StreamName,
  cursor: string | null,
  signal?: AbortSignal,
): AsyncGenerator<PageEvent> {
  const unusable = cursor === null ? null : cursorProblem(cursor, base, stream);
  if (unusable !== null) return yield failure(unusable);
  const seen = new Set<string>();
  let position: RequestPosition = cursor === null ? 'first' : 'stored-cursor';
  let link = cursor ?? `/${stream}/delta?$select=${SELECTED[stream].join(',')}`;
  while (true) {
    if (seen.has(link))
      return yield failure(failed('protocol', 'loop', `${stream}: a page links back to itself`));
    if (seen.size >= PAGE_CAP)
      return yield failure(failed('protocol', 'page-cap', `${stream}: too many pages`));
    seen.add(link);
    const body = await get(link, position, signal);
    if (!body.ok) return yield failure(body);
    const read = readPage(body.value, base);
    if (!read.ok) return yield failure(failed('protocol', 'bad-page', `${stream}: ${read.problem}`));
    const { patches, next, delta } = read.page;
    yield { kind: 'page', patches, cursor: delta };
    if (next === null) return;
    link = next;
    position = 'next-page';
  }
}

/** Why a stored cursor must not be followed; only a full read helps then. */
function cursorProblem(cursor: string, base: string, stream: StreamName) {
  if (!sameOrigin(cursor, base)) {
    return failed('cursor-spent', 'foreign-cursor', 'the stored cursor belongs to another Graph server');
  }
  // Graph answers a token of another stream with no changes at all, and no error.
  if (new URL(cursor).pathname.toLowerCase().includes(`/${stream}`)) return null;
  return failed('cursor-spent', 'other-stream', `the stored cursor is not one of ${stream}`);
}

function failure(outcome: { readonly failure: GraphFailure }): PageEvent {
  return { kind: 'failure', failure: outcome.failure };
}

/** Reads one object; another one, or one without its addresses, is no answer. */
function readSingle(body: unknown, id: string): Outcome<RecipientPatch> {
  const read = readObject(body);
  if (!read.ok) return failed('protocol', 'bad-object', `object ${id}: ${read.problem}`);
  const { patch } = read;
  if (patch.id === id && patch.removed === undefined && patch.facts.proxyAddresses) return done(patch);
  return failed('protocol', 'bad-object', `object ${id}: the answer is not this object with its addresses`);
}

/** Reads `/organization`. A tenant without a verified domain does not exist, so an empty list is a fault. */
export function readOrganization(body: unknown, tenant: string, token: Token): Outcome<Organization> {
  const first: unknown = isRecord(body) && Array.isArray(body.value) ? body.value[0] : null;
  if (!isRecord(first) || typeof first.id !== 'string') {
    return failed('protocol', 'bad-organization', 'Graph did not say which organisation this is');
  }
  if (first.id.toLowerCase() !== tenant.toLowerCase()) {
    const message = `the credential belongs to tenant ${first.id}, not ${tenant}`;
    return failed('credential', 'other-tenant', message, 'Check id and application_id of the tenant.');
  }
  const listed: unknown = first.verifiedDomains;
  const domains = (Array.isArray(listed) ? listed : []).map(domainName).filter((name) => name !== null);
  if (domains.length === 0) {
    const hint = 'Grant User.Read.All (application) with admin consent.';
    return failed('protocol', 'no-domains', 'Graph named no verified domain of the tenant', hint);
  }
  const displayName = typeof first.displayName === 'string' ? first.displayName : '';
  return done({ id: first.id, displayName, domains: [...new Set(domains)].sort(), roles: token.roles });
}

function domainName(entry: unknown): string | null {
  return isRecord(entry) && typeof entry.name === 'string' ? normaliseDomain(entry.name) : null;
}
