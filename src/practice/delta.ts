/**
 * Delta rounds: `GET /users/delta`, `/groups/delta`, `/contacts/delta`. A round is a chain of pages with nextLinks that
 * ends in a deltaLink; a first round has every object, a change round has patches of what changed since its link.
 * Limits: 200 objects a page; `$filter` only by id, at most 50; a deltaLink is good for seven days.
 * Reference: Microsoft Graph, "Use delta query to track changes" and "user: delta".
 */
import { STREAMS } from '../core/recipient.ts';
import { changeRoundSlice } from './change-round.ts';
import { hash32 } from './draw.ts';
import type { Entry, Page } from './entry.ts';
import { contextOf, removedEntry } from './entry.ts';
import { parseFilter } from './filter.ts';
import { firstRoundSlice } from './first-round.ts';
import { GraphProblem, usualProblem } from './graph-error.ts';
import type { ObjectRequest } from './list.ts';
import { emptyPage, issue } from './list.ts';
import { guidFor } from './object-id.ts';
import { DEFAULT_PROPERTIES } from './objects.ts';
import type { QueryOptions } from './query.ts';
import { queryOf, refuseOptions } from './query.ts';
import type { Call, Reply } from './reply.ts';
import type { Round } from './round.ts';
import type { Cursor } from './state-token.ts';
import { openCursor, sealCursor } from './state-token.ts';
import type { TenantState } from './tenant-state.ts';

/** The most objects of one page. */
const MAX_PAGE = 200;
const MAX_IDS = 50;

/** One page of a delta round. */
export function deltaReply(request: ObjectRequest): Reply {
  const { state, call, stream } = request;
  const query = queryOf(call, stream);
  refuseOptions(query, ['$expand', '$orderby', '$search', '$skip']);
  const cursor = cursorOf(request, query);
  const sparse = prefersMinimal(call) || state.switches.sparse;
  const properties = propertiesOf(cursor, request);
  const round: Round = { state, cursor, properties, size: sizeOf(state, cursor), sparse };
  const { entries, position } = emptyPage(state, cursor)
    ? { entries: [], position: cursor.position }
    : cursor.since === null
      ? firstRoundSlice(round)
      : changeRoundSlice(round);
  const value = cursor.page === 1 ? [...unknownRemovals(state), ...entries] : entries;
  const headers = {
    'preference-applied': prefersMinimal(call)
      ? 'odata.track-changes, return=minimal'
      : 'odata.track-changes',
  };
  const context = { '@odata.context': contextOf(call.url.origin, stream, cursor.select) };
  const body: Page = { ...context, ...linkOf(call, state, cursor, position), value };
  return { status: 200, headers, body, page: { stream, number: cursor.page, delta: true } };
}

function cursorOf({ state, call, stream }: ObjectRequest, query: QueryOptions): Cursor {
  if (query.skipToken !== null) {
    refuseOptions(query, ['$select', '$filter']);
    const cursor = openCursor(query.skipToken, state.macKey);
    if (cursor.kind !== 'round' || cursor.stream !== stream || cursor.epoch !== state.epoch)
      throw usualProblem(400);
    return cursor;
  }
  const number = ++state.rounds[stream];
  const upTo = state.log.visibleHead(stream, number);
  const start: Cursor = { ...firstCursor(stream, query, state), upTo };
  if (query.deltaToken === null || query.deltaToken === '') return start;
  if (query.deltaToken === 'latest') return { ...start, since: upTo };
  const link = openCursor(query.deltaToken, state.macKey);
  if (link.kind !== 'link') throw usualProblem(400);
  // Measured on the real service: another stream's token is taken, and nothing ever changes.
  if (link.stream !== stream) return { ...start, since: upTo };
  if (isSpent(state, link)) throw spentToken(state, call);
  const select = query.select ?? link.select;
  return {
    ...start,
    select,
    filter: link.filter,
    since: link.upTo,
    upTo: Math.max(upTo, link.upTo),
    previous: link.since,
  };
}

function firstCursor(stream: Cursor['stream'], query: QueryOptions, state: TenantState): Cursor {
  if (query.filter !== null) {
    const { keys, terms } = parseFilter(query.filter);
    const byId = keys?.every((key) => /^[0-9a-f-]{36}$/.test(key)) ?? false;
    if (!byId || terms > MAX_IDS) throw usualProblem(400, 'Request_UnsupportedQuery');
  }
  const { select, filter } = query;
  const limits = { since: null, previous: null, upTo: 0, top: null, position: 0, page: 1 };
  return { kind: 'round', stream, select, filter, ...limits, ...issue(state) };
}

function isSpent(state: TenantState, link: Cursor): boolean {
  const { deltaGeneration, deltaTokenLifetime } = state.switches;
  const aged = state.now() - link.issuedAt > deltaTokenLifetime * 1000;
  const unknown = link.epoch !== state.epoch || link.upTo > state.log.head;
  return aged || unknown || link.generation < deltaGeneration;
}

/** The shapes in which the real service has been seen to refuse an old token. */
function spentToken(state: TenantState, call: Call): GraphProblem {
  switch (state.switches.expiredTokenShape) {
    case 'gone': {
      const location = `${call.url.origin}${call.url.pathname}?$deltatoken=`;
      return new GraphProblem(410, 'resyncRequired', 'Resync required.', { location });
    }
    case 'unsupported-query':
      return new GraphProblem(
        400,
        'Request_UnsupportedQuery',
        'DeltaLink older than 30 days is not supported.',
      );
    default:
      return new GraphProblem(
        400,
        'syncStateNotFound',
        'The sync state generation is not found; a full synchronization is required.',
      );
  }
}

function linkOf(call: Call, state: TenantState, cursor: Cursor, position: number | null): Partial<Page> {
  const base = `${call.url.origin}${call.url.pathname}`;
  if (position !== null) {
    const next: Cursor = { ...cursor, position, page: cursor.page + 1 };
    return { '@odata.nextLink': `${base}?$skiptoken=${sealCursor(next, state.macKey)}` };
  }
  const link: Cursor = { ...cursor, kind: 'link', position: 0, page: 1, ...issue(state) };
  return { '@odata.deltaLink': `${base}?$deltatoken=${sealCursor(link, state.macKey)}` };
}

function propertiesOf({ select, stream }: Cursor, { visible }: ObjectRequest): readonly string[] {
  return (select ?? DEFAULT_PROPERTIES[stream]).filter((name) => visible.has(name));
}

function sizeOf(state: TenantState, { position, upTo }: Cursor): number {
  const { pageSize, unknownRemovals: unknown } = state.switches;
  const size = pageSize === 'random' ? 1 + (hash32(position, upTo) % MAX_PAGE) : Math.min(pageSize, MAX_PAGE);
  return Math.max(1, size + unknown > MAX_PAGE ? size - unknown : size);
}

function unknownRemovals(state: TenantState): Entry[] {
  const reasons = ['deleted', 'changed'] as const;
  return Array.from({ length: state.switches.unknownRemovals }, (_, n) =>
    removedEntry(guidFor(n, STREAMS.length), reasons[n % 2] ?? 'deleted'),
  );
}

function prefersMinimal(call: Call): boolean {
  return /\breturn=minimal\b/.test(String(call.headers.prefer ?? ''));
}
