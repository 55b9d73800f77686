/** Connecting a tenant, from the proof to the end of the first import, as it is shown while it goes on. */
import type { ApplicationState, Problem } from './application.ts';
import type { StreamName } from './recipient.ts';

/**
 * `proving`: a fresh token, its permissions, the organisation; `consent`: what is missing is what admin consent would
 * give; `importing`: the first round runs; `done` and `failed` are ends.
 */
export type ConnectionPhase = 'proving' | 'consent' | 'importing' | 'done' | 'failed';

/** What was read of a stream so far. */
export interface StreamProgress {
  readonly stream: StreamName;
  readonly pages: number;
  readonly entries: number;
}

/** What the import ended with. */
export interface ImportResult {
  readonly users: number;
  readonly groups: number;
  readonly contacts: number;
  readonly addresses: number;
  /** Verified domains. */
  readonly domains: number;
}

/** Times in ms since 1970. */
export interface Connection {
  readonly phase: ConnectionPhase;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly organization: string | null;
  /** Another credential is in use since this. */
  readonly adopted: boolean;
  readonly progress: readonly StreamProgress[];
  readonly result: ImportResult | null;
  readonly problem: Problem | null;
}

/** An application as the console shows it. */
export type ApplicationView = ApplicationState & {
  /** Accepted domains of the tenant, which people know it by. */
  readonly domains: readonly string[];
  /** How far its connection is; null when none was begun since the start. */
  readonly connection: Connection | null;
};

/** Whether nothing is in use yet, neither from the file nor from the console. */
export function isNotSetUp({ file, used }: Pick<ApplicationState, 'file' | 'used'>): boolean {
  return file === null && used === null;
}

/** Whether it goes on by itself. */
export function isRunning(connection: Connection | null): boolean {
  return connection?.phase === 'proving' || connection?.phase === 'importing';
}

/** The problems that admin consent cures. 65001, 7000229: nobody consented yet; the others: not to all of it. */
const CONSENT = ['roles-missing', 'AADSTS65001', 'AADSTS7000229', 'Authorization_RequestDenied'];

/** Whether admin consent is what is missing. */
export function wantsConsent({ code }: Problem): boolean {
  return CONSENT.includes(code);
}

/** A step of a stream's reading in its place. */
export function withProgress(
  all: readonly StreamProgress[],
  { stream, pages, entries }: StreamProgress,
): readonly StreamProgress[] {
  const step = { stream, pages, entries };
  return all.some((each) => each.stream === stream)
    ? all.map((each) => (each.stream === stream ? step : each))
    : [...all, step];
}

/** The counts of the tenant's status as the import's result. `objects` by kind of core/recipient.ts. */
export function resultOf(
  objects: Readonly<Record<string, number>>,
  addresses: number,
  domains: number,
): ImportResult {
  const of = (...kinds: readonly string[]): number =>
    kinds.reduce((sum, kind) => sum + (objects[kind] ?? 0), 0);
  return {
    users: of('user', 'guest'),
    groups: of('microsoft-365-group', 'distribution-list', 'mail-enabled-security-group', 'security-group'),
    contacts: of('contact'),
    addresses,
    domains,
  };
}
