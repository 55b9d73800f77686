/**
 * Lists: `GET /users`, `/groups`, `/contacts` and single objects, with `$select`, `$top` (100 unless given, at most
 * 999), `$filter`, `$count` and `$skiptoken`. Reference: Microsoft Graph list users, paging.
 */
import type { StreamName } from '../core/recipient.ts';
import type { Entry, Page } from './entry.ts';
import { contextOf, listEntry } from './entry.ts';
import type { Filter } from './filter.ts';
import { parseFilter } from './filter.ts';
import { GraphProblem } from './graph-error.ts';
import type { PracticeObject } from './objects.ts';
import { DEFAULT_PROPERTIES } from './objects.ts';
import type { QueryOptions } from './query.ts';
import { queryOf, refuseOptions } from './query.ts';
import type { Call, Reply } from './reply.ts';
import type { Cursor } from './state-token.ts';
import { openCursor, sealCursor } from './state-token.ts';
import type { TenantState } from './tenant-state.ts';

const DEFAULT_TOP = 100;

/** What a list request is about; `visible` is what the caller's roles show. */
export interface ObjectRequest {
  readonly state: TenantState;
  readonly call: Call;
  readonly stream: StreamName;
  readonly visible: ReadonlySet<string>;
}

/** One page of a list. */
export function listReply(request: ObjectRequest): Reply {
  const { state, call, stream, visible } = request;
  const query = queryOf(call, stream);
  refuseOptions(query, ['$skip']);
  const cursor =
    query.skipToken === null ? listStart(state, stream, query) : listCursor(state, query.skipToken, stream);
  const filter = cursor.filter === null ? null : parseFilter(cursor.filter);
  const properties = (cursor.select ?? DEFAULT_PROPERTIES[stream]).filter((name) => visible.has(name));
  const { objects, position } = emptyPage(state, cursor)
    ? { objects: [], position: cursor.position }
    : slice(state, cursor, filter);
  const value = objects.map((object): Entry => listEntry(object, properties));
  const body: Page = {
    '@odata.context': contextOf(call.url.origin, stream, cursor.select),
    ...(query.count && cursor.page === 1 ? { '@odata.count': count(state, stream, filter) } : {}),
    ...(position === null
      ? {}
      : { '@odata.nextLink': nextLink(call, state, { ...cursor, position, page: cursor.page + 1 }) }),
    value,
  };
  return { status: 200, body, page: { stream, number: cursor.page, delta: false } };
}

/** One object by its id (users also by their principal name). */
export function objectReply(request: ObjectRequest, key: string): Reply {
  const { state, call, stream, visible } = request;
  const { select } = queryOf(call, stream);
  const byName = stream === 'users' ? state.store.holders(key).find((o) => isNamed(o, key)) : undefined;
  const object = state.store.get(key) ?? byName;
  if (object?.stream !== stream || object.state !== 'live') throw missing(key);
  const properties = (select ?? DEFAULT_PROPERTIES[stream]).filter((name) => visible.has(name));
  const context = `${contextOf(call.url.origin, stream, select)}/$entity`;
  return { status: 200, body: { '@odata.context': context, ...listEntry(object, properties) } };
}

/** Whether the switches make this page an empty one; the first page never is. */
export function emptyPage(state: TenantState, { page }: Cursor): boolean {
  const every = state.switches.emptyPageEvery;
  return every > 0 && page % Math.max(2, every) === 0;
}

/** 404 as for an object that does not exist or was deleted. */
export function missing(key: string): GraphProblem {
  const message = `Resource '${key}' does not exist or one of its queried reference-property objects are not present.`;
  return new GraphProblem(404, 'Request_ResourceNotFound', message);
}

function isNamed({ fields }: PracticeObject, key: string): boolean {
  return fields.userPrincipalName?.toLowerCase() === key.toLowerCase();
}

function listStart(state: TenantState, stream: StreamName, query: QueryOptions): Cursor {
  const { select, filter, top } = query;
  const limits = { since: null, previous: null, upTo: state.log.head, position: 0, page: 1 };
  return { kind: 'list', stream, select, filter, top, ...limits, ...issue(state) };
}

function listCursor(state: TenantState, token: string, stream: StreamName): Cursor {
  const cursor = openCursor(token, state.macKey);
  if (cursor.kind === 'list' && cursor.stream === stream && cursor.epoch === state.epoch) return cursor;
  throw new GraphProblem(
    400,
    'Directory_ExpiredPageToken',
    'The specified page token value has expired and can no longer be used.',
  );
}

/** What a token carries about when it was issued. */
export function issue(state: TenantState): Pick<Cursor, 'epoch' | 'generation' | 'issuedAt'> {
  return { epoch: state.epoch, generation: state.switches.deltaGeneration, issuedAt: state.now() };
}

/** The next objects and where the page after them begins; null when there are none. */
function slice(
  state: TenantState,
  { stream, top, position }: Cursor,
  filter: Filter | null,
): { objects: PracticeObject[]; position: number | null } {
  const size = top ?? DEFAULT_TOP;
  const { store } = state;
  if (filter?.keys) {
    const found = new Map(
      filter.keys.flatMap((key) => store.holders(key)).map((object) => [object.id, object]),
    );
    const all = [...found.values()].filter((object) => object.stream === stream && filter.matches(object));
    const end = position + size;
    return { objects: all.slice(position, end), position: end < all.length ? end : null };
  }
  const objects: PracticeObject[] = [];
  const length = store.length(stream);
  let next = position;
  while (next < length && objects.length < size) {
    const object = store.at(stream, next++);
    if (object?.state === 'live' && (filter?.matches(object) ?? true)) objects.push(object);
  }
  return { objects, position: next < length ? next : null };
}

function count(state: TenantState, stream: StreamName, filter: Filter | null): number {
  let total = 0;
  for (const object of state.directory.live(stream)) if (filter?.matches(object) ?? true) total++;
  return total;
}

/** The request's own options with the token in place of the old one. */
function nextLink(call: Call, state: TenantState, cursor: Cursor): string {
  const options = [...call.url.searchParams].filter(([name]) => name.toLowerCase() !== '$skiptoken');
  const kept = options.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const query = [...kept, `$skiptoken=${sealCursor(cursor, state.macKey)}`].join('&');
  return `${call.url.origin}${call.url.pathname}?${query}`;
}
