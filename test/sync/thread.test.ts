/** The learning thread itself, compiled, against the practice tenant. `npm run build` comes first. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type DirectorySnapshot, openSnapshot } from '../../src/core/directory.ts';
import { DEFAULT_GUARD } from '../../src/core/reconcile.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import type { LearnerSettings, Trouble } from '../../src/sync/protocol.ts';
import type { RoundProgress, RoundReport } from '../../src/sync/report.ts';
import { type Learning, startLearning } from '../../src/sync/thread.ts';

const ENTRY = new URL('../../dist/learner.js', import.meta.url);
const ALICE = 'alice@contoso.example';

interface Stage {
  readonly tenant: PracticeTenant;
  readonly settings: LearnerSettings;
  readonly seen: {
    directories: DirectorySnapshot[];
    rounds: RoundReport[];
    progress: RoundProgress[];
    troubles: Trouble[];
  };
  learn(entry?: URL): Learning;
  knows(address: string): boolean;
}

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function secretIn(secretFile: string) {
  return { kind: 'secret', secretFile, expires: null } as const;
}

async function openStage(options: { users?: number } = {}): Promise<Stage> {
  const tenant = await startPracticeTenant(options);
  const directory = mkdtempSync(join(tmpdir(), 'rcptgate-thread-'));
  closers.push(
    () => tenant[Symbol.asyncDispose](),
    () => rmSync(directory, { recursive: true, force: true }),
  );
  writeFileSync(join(directory, 'ca.pem'), tenant.caPem);
  writeFileSync(join(directory, 'secret'), tenant.secret);
  const { tenantId: id, applicationId, login, graph } = tenant;
  const seen: Stage['seen'] = { directories: [], rounds: [], progress: [], troubles: [] };
  const settings = {
    stateDir: join(directory, 'state'),
    caFile: join(directory, 'ca.pem'),
    proxy: null,
    schedule: '0 0 1 1 *',
    gracePeriod: 86_400_000,
    requestTimeout: 5000,
    masterKey: { path: join(directory, 'state', 'master.key'), own: true },
    tenants: [{ id, applicationId, login, graph, credential: secretIn(join(directory, 'secret')) }],
    fullEvery: 86_400_000,
    fullJitter: 0,
    guard: DEFAULT_GUARD,
  };
  return {
    tenant,
    settings,
    seen,
    learn(entry = ENTRY) {
      const learning = startLearning(entry, settings, {
        directory: (snapshot) => seen.directories.push(snapshot),
        operator: () => undefined,
        round: (report) => seen.rounds.push(report),
        progress: (progress) => seen.progress.push(progress),
        credential: () => undefined,
        trouble: (trouble) => seen.troubles.push(trouble),
      });
      closers.push(() => learning.stop());
      return learning;
    },
    knows(address) {
      const last = seen.directories.at(-1);
      return last !== undefined && openSnapshot(last).known.has(address);
    },
  };
}

test('learns at start, answers questions, and publishes each round', async () => {
  const stage = await openStage({ users: 300 });
  const learning = stage.learn();
  await learning.ready;
  await expect.poll(() => stage.seen.rounds.length, { timeout: 10_000 }).toBe(1);
  expect(stage.knows(ALICE)).toBe(true);

  const watched: RoundProgress[] = [];
  stage.tenant.directory.addAlias(stage.tenant.directory.find(ALICE)[0]?.id ?? '', 'al@contoso.example');
  const [report] = await learning.sync(null, (progress) => watched.push(progress));
  expect(report).toMatchObject({ outcome: 'ok', added: 1, streams: [{ read: 'delta' }, { read: 'delta' }] });
  expect(watched.map(({ stream }) => stream)).toContain('users');
  expect(stage.knows('al@contoso.example')).toBe(true);

  const [status] = await learning.status();
  expect(status).toMatchObject({
    tenant: stage.tenant.tenantId,
    syncedAt: report?.startedAt,
    addresses: report?.addresses,
    departed: 0,
    held: 0,
    lastRound: report,
    trouble: null,
    streams: [
      { stream: 'groups', cursor: true, error: null },
      { stream: 'users', cursor: true, error: null },
    ],
  });
  expect(status?.objects.user).toBeGreaterThan(200);
  expect(status?.nextRun).toBeGreaterThan(Date.now());
  expect(await learning.describe(ALICE)).toMatchObject({
    owners: [{ kind: 'user', displayName: 'Alice Smith' }],
  });
  expect(await learning.describe('nobody@contoso.example')).toEqual({
    address: 'nobody@contoso.example',
    owners: [],
    departures: [],
  });
  await expect(learning.sync('another')).rejects.toThrow('there is no tenant another');
  await learning.stop();
  await expect(learning.status()).rejects.toThrow(/has stopped/);
  expect(stage.seen.troubles).toEqual([]);
});

test('after a restart the stored directory answers before Graph is asked, and while it is away', async () => {
  const stage = await openStage();
  const first = stage.learn();
  await first.sync(null);
  await first.stop();
  const { syncedAt } = stage.seen.directories.at(-1) ?? {};
  stage.seen.directories.length = 0;
  await stage.tenant.close();
  const second = stage.learn();
  await second.ready;
  expect(stage.knows(ALICE)).toBe(true);
  expect(stage.seen.directories.at(-1)?.syncedAt).toBe(syncedAt);
  const [report] = await second.sync(null);
  expect(report).toMatchObject({ outcome: 'failed', error: { code: 'ECONNREFUSED' } });
  expect(stage.knows(ALICE)).toBe(true);
  expect(stage.seen.directories).toHaveLength(1);
});

test('a quiet round publishes a new time and the same memory; a change publishes new memory', async () => {
  const stage = await openStage();
  const learning = stage.learn();
  await learning.sync(null);
  const first = stage.seen.directories.at(-1);
  const [report] = await learning.sync(null);
  const second = stage.seen.directories.at(-1);
  expect(second).not.toBe(first);
  expect(second?.known).toBe(first?.known);
  expect(second?.departed.addresses).toBe(first?.departed.addresses);
  expect(second?.syncedAt).toBe(report?.startedAt);
  expect(second?.syncedAt).toBeGreaterThan(first?.syncedAt ?? 0);
  const alice = stage.tenant.directory.find(ALICE)[0]?.id ?? '';
  stage.tenant.directory.addAlias(alice, 'al@contoso.example');
  await learning.sync(null);
  expect(stage.seen.directories.at(-1)?.known).not.toBe(first?.known);
  expect(stage.knows('al@contoso.example')).toBe(true);
});

test('an image that cannot be written is told once, and the directory is published all the same', async () => {
  const stage = await openStage();
  const id = stage.tenant.tenantId;
  mkdirSync(join(stage.settings.stateDir, `directory-${id}.image.new`), { recursive: true });
  const learning = stage.learn();
  await learning.sync(null);
  stage.tenant.directory.createUser({ userPrincipalName: 'new@contoso.example' });
  await learning.sync(null);
  expect(stage.knows('new@contoso.example')).toBe(true);
  expect(stage.seen.troubles).toMatchObject([
    { tenant: id, message: expect.stringContaining('image cannot be written (the next start takes longer)') },
  ]);
});

test('stopping in the middle of a round ends it at once', async () => {
  const stage = await openStage({ users: 450 });
  const gate = stage.tenant.switches.pauseAtPage('users', 2);
  const learning = stage.learn();
  await gate.reached;
  const asked = learning.sync(null).catch((error: Error) => error.message);
  const before = performance.now();
  await learning.stop();
  expect(performance.now() - before).toBeLessThan(3000);
  expect(await asked).toBeTruthy();
  gate.release();
});

test('a mirror that cannot be opened is told, and does not stop the start', async () => {
  const stage = await openStage();
  mkdirSync(join(stage.settings.stateDir, 'mirror.sqlite'), { recursive: true });
  const learning = stage.learn();
  await learning.ready;
  expect(stage.seen.troubles).toMatchObject([{ message: expect.stringContaining('cannot be opened') }]);
  expect(stage.seen.directories).toEqual([]);
  expect(await learning.status()).toMatchObject([
    { syncedAt: null, trouble: expect.stringContaining('cannot be opened') },
  ]);
  await expect(learning.sync(null)).rejects.toThrow('cannot be opened');
});

test('a thread that dies is started again, and nobody waits for it in vain', async () => {
  const stage = await openStage();
  const dying = new URL(
    `data:text/javascript,${encodeURIComponent("import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { throw new Error('struck by lightning'); });")}`,
  );
  const learning = stage.learn(dying);
  await expect(learning.status()).rejects.toThrow('died before it could answer');
  await learning.ready;
  expect(stage.seen.troubles[0]).toMatchObject({
    message: 'learning thread: struck by lightning',
    stack: expect.any(String),
  });
  expect(stage.seen.troubles[1]?.message).toMatch(/it starts again in 1000 ms/);
  await expect(learning.status()).rejects.toThrow('is being restarted');
  await expect
    .poll(() => learning.status().catch((error: Error) => error.message), { timeout: 5000 })
    .toMatch(/died/);
});
