/** The state of a gateway with two tenants, as the daemon tells it, for tests of pages. */
import type { GatewayView, TenantView } from '../../src/console/status/gateway.ts';

export const NOW = Date.UTC(2026, 10, 22, 12);
export const MINE = '11111111-2222-3333-4444-555555555555';
export const OTHER = '99999999-2222-3333-4444-555555555555';
const MINUTE = 60_000;
const DAY = 86_400_000;

/** A tenant that is well. */
export function tenantView(tenant: string, changes: Partial<TenantView> = {}): TenantView {
  return {
    tenant,
    freshness: 'fresh',
    syncedAt: NOW - 5 * MINUTE,
    addresses: 12_345,
    departed: 3,
    held: 0,
    plan: null,
    domains: [`${tenant.slice(0, 4)}.example`],
    lastRound: roundView(tenant),
    nextRun: NOW + 10 * MINUTE,
    nextFull: null,
    credential: {
      use: { kind: 'secret', source: 'file', expires: NOW + 300 * DAY },
      proven: true,
      trouble: null,
    },
    sharedDomains: [],
    trouble: null,
    imported: null,
    ...changes,
  };
}

export function roundView(tenant: string, changes: object = {}) {
  return {
    tenant,
    outcome: 'ok',
    startedAt: NOW - 5 * MINUTE,
    durationMs: 1500,
    addresses: 12_345,
    added: 7,
    removed: 2,
    held: 0,
    streams: [{ stream: 'users', read: 'delta', entries: 9 }],
    ...changes,
  };
}

export function gatewayView(changes: Partial<GatewayView> = {}): GatewayView {
  return {
    version: '1.2.3',
    startedAt: NOW - DAY,
    now: NOW,
    listeners: [{ address: '127.0.0.1:2525', mode: 'relay', connections: 4 }],
    nextHops: [
      { nextHop: 'mx.example:25', lastSuccess: NOW - MINUTE, lastTrouble: null, connections: 2 },
      {
        nextHop: 'dead.example:25',
        lastSuccess: null,
        lastTrouble: { at: NOW - MINUTE, stage: 'connect', failure: 'refused', error: '<b>ECONNREFUSED</b>' },
        connections: 0,
      },
    ],
    tenants: [tenantView(MINE), tenantView(OTHER)],
    ...changes,
  };
}
