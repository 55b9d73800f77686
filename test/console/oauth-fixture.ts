/** Applications as the daemon tells them, for pages without a daemon. */
import type { ApplicationSettings } from '../../src/core/application.ts';
import type { ApplicationView, Connection } from '../../src/core/connection.ts';

export const TENANT = '11111111-2222-3333-4444-555555555555';
export const APPLICATION = '66666666-7777-8888-9999-000000000000';
export const NOW = Date.UTC(2026, 10, 22);
export const DAY = 86_400_000;

/** Settings of a secret that was saved; `over` replaces some. */
export function settings(over: Partial<ApplicationSettings> = {}): ApplicationSettings {
  return {
    entry: 'e1',
    applicationId: APPLICATION,
    cloud: null,
    kind: 'secret',
    hint: 'aB3',
    looksLikeId: false,
    expires: NOW + 400 * DAY,
    expiresFrom: 'typed',
    certificate: null,
    generated: false,
    savedAt: NOW - DAY,
    savedBy: 'console link',
    trial: null,
    provenAt: null,
    organization: null,
    ...over,
  };
}

/** Settings that were proven. */
export function proven(over: Partial<ApplicationSettings> = {}): ApplicationSettings {
  const trial = { at: NOW, ok: true, roles: ['User.Read.All', 'Group.Read.All'] } as const;
  return settings({ trial, provenAt: NOW - DAY, organization: 'Contoso', ...over });
}

/** An application; nothing was entered unless `over` says so. */
export function view(over: Partial<ApplicationView> = {}): ApplicationView {
  return {
    tenant: TENANT,
    file: null,
    login: 'https://login.microsoftonline.com',
    graph: 'https://graph.microsoft.com',
    cloudFixed: false,
    used: null,
    pending: null,
    trial: null,
    domains: ['contoso.example'],
    connection: null,
    ...over,
  };
}

/** A connection in a phase. */
export function connection(over: Partial<Connection> = {}): Connection {
  return {
    phase: 'proving',
    startedAt: NOW,
    endedAt: null,
    organization: null,
    adopted: false,
    progress: [],
    result: null,
    problem: null,
    ...over,
  };
}
