/**
 * Microsoft Graph v1.0 as the gateway uses it: routing, access tokens, permissions, the error envelope and the headers
 * of every reply. Reference: Microsoft Graph REST API v1.0, throttling limits of identity and access.
 */
import type { Organization } from '@microsoft/microsoft-graph-types';
import type { StreamName } from '../core/recipient.ts';
import { addPassword, applicationReply, removePassword } from './application-api.ts';
import { deltaReply } from './delta.ts';
import { domainEntry, verifiedEntry } from './domains.ts';
import { listEntry } from './entry.ts';
import { GraphProblem, problemReply, usualProblem } from './graph-error.ts';
import { listReply, missing, objectReply } from './list.ts';
import { DEFAULT_PROPERTIES } from './objects.ts';
import { requireResource, visibleProperties } from './permissions.ts';
import { queryOf } from './query.ts';
import type { Call, Reply, RoutedReply } from './reply.ts';
import type { TenantState } from './tenant-state.ts';

interface GraphRequest {
  readonly state: TenantState;
  readonly call: Call;
  readonly roles: ReadonlySet<string>;
  /** What the path's groups matched, decoded. */
  readonly path: readonly string[];
}

interface GraphRoute {
  /** `$1` stands for the first group. */
  readonly route: string;
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly answer: (request: GraphRequest) => Reply;
}

const ROUTES: readonly GraphRoute[] = [
  get('$1/delta', /^\/(users|groups|contacts)\/(?:microsoft\.graph\.)?delta(?:\(\))?$/, delta),
  get('$1', /^\/(users|groups|contacts)$/, list),
  get('$1/id', /^\/(users|groups|contacts)\/([^/]+)$/, single),
  get('organization', /^\/organization(?:\/([^/]+))?$/, organization),
  get('domains', /^\/domains(?:\/([^/]+))?$/, domains),
  get('deleted/$1', /^\/directory\/deleteditems\/microsoft\.graph\.(user|group)$/i, deletedItems),
  get('application', /^\/applications(?:\(appId='([^']+)'\)|\/([^/]+))$/, application),
  {
    ...get('add-password', /^\/applications(?:\(appId='([^']+)'\)|\/([^/]+))\/addPassword$/, application),
    method: 'POST',
  },
  {
    ...get(
      'remove-password',
      /^\/applications(?:\(appId='([^']+)'\)|\/([^/]+))\/removePassword$/,
      application,
    ),
    method: 'POST',
  },
];

const DIAGNOSTIC = JSON.stringify({
  ServerInfo: { DataCenter: 'Practice', Slice: 'E', Ring: '4', ScaleUnit: '000', RoleInstance: 'PRACTICE' },
});

/** Answers a request to Graph; null when its path is not under a version of the API. */
export async function graphReply(state: TenantState, call: Call): Promise<RoutedReply | null> {
  const path = /^\/(?:v1\.0|beta)(\/.*)$/.exec(call.url.pathname)?.[1];
  if (path === undefined) return null;
  const { route, answer } = routeOf(call.method, path);
  const reply = await authorised(state, call, answer);
  return { ...reply, route, headers: { ...commonHeaders(state, call), ...reply.headers } };
}

async function authorised(
  state: TenantState,
  call: Call,
  answer: (request: Omit<GraphRequest, 'path'>) => Reply,
): Promise<Reply> {
  try {
    const token = /^bearer\s+(.*)$/i.exec(call.headers.authorization ?? '')?.[1]?.trim() ?? '';
    return answer({ state, call, roles: await state.tokens.verify(token) });
  } catch (error) {
    if (!(error instanceof GraphProblem)) throw error;
    return problemReply(error, call, state.now());
  }
}

/** The headers that Graph puts on every reply. */
export function commonHeaders(state: TenantState, call: Call): Record<string, string> {
  const percentage = state.switches.throttlePercentage;
  return {
    'content-type':
      'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
    'request-id': call.requestId,
    'client-request-id': call.clientRequestId,
    'x-ms-ags-diagnostic': DIAGNOSTIC,
    'x-ms-resource-unit': String(resourceUnits(call)),
    ...(percentage === null ? {} : { 'x-ms-throttle-limit-percentage': String(percentage) }),
  };
}

function routeOf(method: string, path: string) {
  for (const { route, method: own, path: pattern, answer } of ROUTES) {
    const match = own === method ? pattern.exec(path) : null;
    if (match === null) continue;
    const groups = match.slice(1).map((group) => decoded(group ?? ''));
    const name = route.replace('$1', groups[0] ?? '');
    return {
      route: name,
      answer: (request: Omit<GraphRequest, 'path'>) => answer({ ...request, path: groups }),
    };
  }
  return { route: 'unknown', answer: () => refuseUnknown(method, path) };
}

function refuseUnknown(method: string, path: string): never {
  // The gateway's roles are all for reading, so any write is refused before it is looked at.
  if (method !== 'GET') throw usualProblem(403);
  const segment = path.split('/')[1] ?? '';
  throw new GraphProblem(400, 'BadRequest', `Resource not found for the segment '${segment}'.`);
}

function delta(request: GraphRequest): Reply {
  return deltaReply(objectRequest(request, true));
}

function list(request: GraphRequest): Reply {
  return listReply(objectRequest(request, false));
}

function single(request: GraphRequest): Reply {
  return objectReply(objectRequest(request, false), request.path[1] ?? '');
}

function objectRequest({ state, call, roles, path }: GraphRequest, isDelta: boolean) {
  const stream = path[0] as StreamName;
  const options = { delta: isDelta, hideGroupAddresses: state.switches.basicGroupsHideAddresses };
  return { state, call, stream, visible: visibleProperties(stream, roles, options) };
}

function organization({ state, call, roles, path }: GraphRequest): Reply {
  requireResource('organization', roles);
  const verified = state.directory.domains.filter((domain) => domain.isVerified);
  const whole = {
    id: state.tenantId,
    displayName: state.displayName,
    verifiedDomains: verified.map(verifiedEntry),
  } satisfies Organization;
  const select = call.url.searchParams.get('$select')?.split(',');
  const entry = Object.fromEntries(Object.entries(whole).filter(([name]) => select?.includes(name) ?? true));
  const context = `${call.url.origin}/v1.0/$metadata#organization`;
  if (path[0] === '')
    return { status: 200, body: { '@odata.context': context, value: [{ ...entry, id: whole.id }] } };
  if (path[0] !== state.tenantId) throw missing(path[0] ?? '');
  return { status: 200, body: { '@odata.context': `${context}/$entity`, ...entry } };
}

function domains({ state, call, roles, path }: GraphRequest): Reply {
  requireResource('domains', roles);
  const context = `${call.url.origin}/v1.0/$metadata#domains`;
  const value = state.directory.domains.map(domainEntry);
  if (path[0] === '') return { status: 200, body: { '@odata.context': context, value } };
  const entry = value.find((domain) => domain.id === path[0]);
  if (entry === undefined) throw missing(path[0] ?? '');
  return { status: 200, body: { '@odata.context': `${context}/$entity`, ...entry } };
}

function deletedItems({ state, call, roles, path }: GraphRequest): Reply {
  const stream = path[0]?.toLowerCase() === 'user' ? 'users' : 'groups';
  requireResource(stream === 'users' ? 'deletedUsers' : 'deletedGroups', roles);
  const { select } = queryOf(call, stream);
  const properties = select ?? DEFAULT_PROPERTIES[stream];
  const value = state.directory.deleted(stream).map((object) => listEntry(object, properties));
  return {
    status: 200,
    body: { '@odata.context': `${call.url.origin}/v1.0/$metadata#directoryObjects`, value },
  };
}

function application({ state, call, roles, path }: GraphRequest): Reply {
  requireResource('application', roles);
  const key = path[0] || path[1];
  if (key !== state.application.applicationId && key !== state.application.objectId) throw missing(key ?? '');
  if (call.method === 'GET') return applicationReply(state, call);
  return call.url.pathname.endsWith('addPassword')
    ? addPassword(state, call, roles)
    : removePassword(state, call, roles);
}

/** Resource units of a request: 2 for users, 1 for anything else here, one less with `$select`, never below 1. */
function resourceUnits({ url }: Call): number {
  const base = /\/users(\/[^/]+)?$/.test(url.pathname) && !url.pathname.endsWith('/delta') ? 2 : 1;
  return Math.max(1, url.searchParams.has('$select') ? base - 1 : base);
}

function get(route: string, path: RegExp, answer: GraphRoute['answer']): GraphRoute {
  return { route, method: 'GET', path, answer };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
