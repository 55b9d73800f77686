/** The real learning thread over one or more practice tenants, with live lookups as the gateway opens them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type DirectorySnapshot, openSnapshot } from '../../src/core/directory.ts';
import type { LookupOutcome } from '../../src/core/lookup.ts';
import { DEFAULT_GUARD } from '../../src/core/reconcile.ts';
import {
  type PracticeOptions,
  type PracticeTenant,
  startPracticeTenant,
} from '../../src/practice/tenant-server.ts';
import { type LiveLookups, type LookupLimits, openLookups } from '../../src/sync/lookup.ts';
import type { LearnerSettings, Trouble } from '../../src/sync/protocol.ts';
import type { RoundReport } from '../../src/sync/report.ts';
import { type Learning, startLearning } from '../../src/sync/thread.ts';

const ENTRY = new URL('../../dist/learner.js', import.meta.url);

export const LIMITS: LookupLimits = {
  deadline: 1500,
  rate: 10,
  burst: 50,
  negative: 300_000,
};

export interface StageTenant extends PracticeOptions {
  /** Cron expression; never unless given. */
  readonly schedule?: string;
}

export interface LearningStage {
  readonly tenants: readonly PracticeTenant[];
  readonly learning: Learning;
  readonly lookups: LiveLookups;
  readonly settings: LearnerSettings;
  readonly seen: {
    readonly rounds: RoundReport[];
    readonly troubles: Trouble[];
    readonly found: string[];
    readonly lookupTroubles: string[];
  };
  /** Who is found when these addresses are asked for. */
  ask(tenant: PracticeTenant | undefined, ...addresses: string[]): Promise<LookupOutcome['kind']>;
  /** Whether the last published directory has the address. */
  knows(tenant: PracticeTenant | undefined, address: string): boolean;
  /** Lookup requests that a tenant got so far. */
  requests(tenant: PracticeTenant | undefined): number;
}

/** Starts everything and waits for the first round of the tenants that have one. */
export async function openLearningStage(
  options: readonly StageTenant[] = [{}],
  limits: Partial<LookupLimits> = {},
  requestTimeout = 5000,
): Promise<LearningStage> {
  const directory = mkdtempSync(join(tmpdir(), 'rcptgate-learning-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const tenants: PracticeTenant[] = [];
  for (const each of options) {
    const tenant = await startPracticeTenant(each);
    onTestFinished(() => tenant[Symbol.asyncDispose]());
    tenants.push(tenant);
  }
  writeFileSync(join(directory, 'ca.pem'), tenants.map(({ caPem }) => caPem).join('\n'));
  const settings: LearnerSettings = {
    stateDir: join(directory, 'state'),
    caFile: join(directory, 'ca.pem'),
    proxy: null,
    schedule: '0 0 1 1 *',
    gracePeriod: 86_400_000,
    requestTimeout,
    fullEvery: 86_400_000,
    fullJitter: 0,
    guard: DEFAULT_GUARD,
    masterKey: { path: join(directory, 'master.key'), own: true },
    tenants: tenants.map(({ tenantId: id, applicationId, login, graph, secret }, index) => {
      const secretFile = join(directory, `secret-${index}`);
      writeFileSync(secretFile, secret);
      const schedule = options[index]?.schedule ?? null;
      const credential = { kind: 'secret', secretFile, expires: null } as const;
      return { id, applicationId, login, graph, credential, schedule };
    }),
  };
  const seen = {
    rounds: [] as RoundReport[],
    troubles: [] as Trouble[],
    found: [] as string[],
    lookupTroubles: [] as string[],
  };
  const published = new Map<string, DirectorySnapshot>();
  const learning = startLearning(ENTRY, settings, {
    directory(snapshot) {
      published.set(snapshot.tenant, snapshot);
      lookups.published(openSnapshot(snapshot));
    },
    round: (report) => seen.rounds.push(report),
    operator: () => undefined,
    credential: () => undefined,
    progress: () => undefined,
    trouble: (trouble) => seen.troubles.push(trouble),
  });
  onTestFinished(() => learning.stop());
  const lookups = openLookups({ ...LIMITS, ...limits }, (ask) => learning.lookup(ask), {
    answered: () => undefined,
    found: (_, address) => seen.found.push(address),
    trouble: (_, { code }) => seen.lookupTroubles.push(code),
  });
  await learning.ready;
  return {
    tenants,
    learning,
    lookups,
    settings,
    seen,
    async ask(tenant, ...addresses) {
      return (await lookups.ask({ tenant: tenant?.tenantId ?? '', addresses })).kind;
    },
    knows(tenant, address) {
      const last = published.get(tenant?.tenantId ?? '');
      return last !== undefined && openSnapshot(last).known.has(address);
    },
    requests(tenant) {
      const { counts } = tenant ?? { counts: new Map<string, number>() };
      return ['users', 'groups', 'contacts'].reduce((sum, route) => sum + (counts.get(route) ?? 0), 0);
    },
  };
}

/** Waits until every tenant's first round has ended well. */
export async function firstRounds({ seen, tenants }: LearningStage): Promise<void> {
  const done = (): number => new Set(seen.rounds.filter((r) => r.outcome === 'ok').map((r) => r.tenant)).size;
  await expect.poll(done, { timeout: 30_000 }).toBe(tenants.length);
}
