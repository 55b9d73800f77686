/** The learning thread's parts with a clock that moves forwards and backwards, each tenant for itself. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decideText } from '../../src/core/decide.ts';
import { type Directory, emptyTenantDirectory, openSnapshot, withTenant } from '../../src/core/directory.ts';
import { freshness } from '../../src/core/freshness.ts';
import type { Policy } from '../../src/core/policy.ts';
import { DEFAULT_GUARD } from '../../src/core/reconcile.ts';
import { startLearner } from '../../src/learner.ts';
import { watchFreshness } from '../../src/ops/freshness-watch.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import type { LearnerMessage, RequestHandlers, TenantStatus } from '../../src/sync/protocol.ts';
import type { RoundReport } from '../../src/sync/report.ts';
import { jitterOf } from '../../src/sync/rules.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.now();
const OTHER = '99999999-2222-3333-4444-555555555555';

let directory: string;
let tenants: PracticeTenant[];
let learner: RequestHandlers;
let shared: Directory;
let now: number;
let said: string[];
let policy: Policy;

beforeEach(async () => {
  now = START;
  said = [];
  shared = new Map();
  directory = mkdtempSync(join(tmpdir(), 'rcptgate-time-'));
  const [one, two] = [join(directory, 'one'), join(directory, 'two')];
  tenants = [await startPracticeTenant({ stateDir: one })];
  // One CA for both, as both certificates would be checked against the first of two with the same name.
  cpSync(join(one, 'practice-keys.json'), join(two, 'practice-keys.json'));
  tenants.push(await startPracticeTenant({ stateDir: two, tenantId: OTHER }));
  writeFileSync(join(directory, 'ca.pem'), tenants[0]?.caPem ?? '');
  const domains = tenants.map(({ tenantId: tenant }, index) => ({
    name: index === 0 ? 'contoso.example' : 'other.example',
    tenant,
    policy: 'enforce' as const,
    subaddressing: true,
    subdomains: false,
    nextHop: null,
  }));
  policy = {
    domains: new Map(domains.map((domain) => [domain.name, domain])),
    overrides: [],
    freshnessLimit: HOUR,
    gracePeriod: 3 * DAY,
  };
  learner = startLearner(
    {
      stateDir: directory,
      caFile: join(directory, 'ca.pem'),
      proxy: null,
      schedule: '0 0 1 1 *',
      gracePeriod: policy.gracePeriod,
      requestTimeout: 10_000,
      fullEvery: DAY,
      fullJitter: 2 * HOUR,
      guard: DEFAULT_GUARD,
      masterKey: { path: join(directory, 'master.key'), own: true },
      tenants: tenants.map(({ tenantId: id, applicationId, login, graph, secret }) => {
        writeFileSync(join(directory, id), secret);
        const credential = { kind: 'secret', secretFile: join(directory, id), expires: null } as const;
        return { id, applicationId, login, graph, credential };
      }),
    },
    hear,
    () => now,
  );
  await learner.sync({ tenant: null, dryRun: false });
});
afterEach(async () => {
  await learner.stop(null);
  for (const tenant of tenants) await tenant[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

function hear(message: LearnerMessage): void {
  if (message.kind === 'directory') shared = withTenant(shared, openSnapshot(message.snapshot));
  if (message.kind !== 'unchanged') return;
  const { tenant, syncedAt } = message;
  shared = withTenant(shared, { ...(shared.get(tenant) ?? emptyTenantDirectory(tenant)), syncedAt });
}

async function round(index = 0): Promise<RoundReport> {
  const [report] = await learner.sync({ tenant: tenants[index]?.tenantId ?? '', dryRun: false });
  if (!report) throw new Error('no report');
  return report;
}

async function status(index = 0): Promise<TenantStatus | undefined> {
  return (await learner.status(null))[index];
}

function reason(address: string): string {
  return decideText(address, shared, policy, now).reason;
}

function remove(address: string): void {
  const [owner] = tenants[0]?.directory.find(address) ?? [];
  tenants[0]?.directory.removeAlias(owner?.id ?? '', address);
}

describe('freshness', () => {
  test('ends after the limit, tenant by tenant, and is told once for each turn', async () => {
    const events = {
      directoryAge: () => undefined,
      directoryStale: (tenant: string, age: number | null) => said.push(`stale ${tenant} ${age}`),
      directoryFresh: (tenant: string) => said.push(`fresh ${tenant}`),
    };
    using watch = watchFreshness(
      () => shared,
      () => policy.freshnessLimit,
      events,
      () => now,
    );
    const [one, two] = tenants.map(({ tenantId }) => tenantId);
    watch.look();
    expect(said.splice(0).sort()).toEqual([`fresh ${one}`, `fresh ${two}`].sort());
    await tenants[0]?.close();
    now += HOUR;
    await round(1);
    expect([reason('x@contoso.example'), reason('x@other.example')]).toEqual(['unknown', 'unknown']);
    now += 1;
    expect(await round(0)).toMatchObject({ outcome: 'failed' });
    watch.look();
    watch.look();
    expect(said.splice(0)).toEqual([`stale ${one} ${HOUR + 1}`]);
    expect([reason('x@contoso.example'), reason('x@other.example')]).toEqual(['directory-stale', 'unknown']);
    expect(reason('alice@contoso.example')).toBe('known');
    await tenants[0]?.listen();
    await round(0);
    watch.look();
    expect(said.splice(0)).toEqual([`fresh ${one}`]);
    expect(reason('x@contoso.example')).toBe('unknown');
  });

  test('cannot be told after the clock was set back; the next round ends that', async () => {
    now -= 2 * MINUTE;
    expect(reason('x@contoso.example')).toBe('directory-stale');
    expect(reason('alice@contoso.example')).toBe('known');
    expect(freshness((await status())?.syncedAt ?? null, now, HOUR)).toBe('stale');
    expect(await round()).toMatchObject({ outcome: 'ok', startedAt: now });
    expect(reason('x@contoso.example')).toBe('unknown');
  });

  test('starts with the round, not with its end', async () => {
    const gate = tenants[0]?.switches.pauseAtPage('groups', 1);
    const running = round();
    await gate?.reached;
    const startedAt = now;
    now += 10 * MINUTE;
    gate?.release();
    expect(await running).toMatchObject({ startedAt, durationMs: 10 * MINUTE });
    expect((await status())?.syncedAt).toBe(startedAt);
  });
});

describe('grace', () => {
  const LEFT = 'a.smith@contoso.example';

  test('ends after its period, also between rounds', async () => {
    remove(LEFT);
    await round();
    expect(reason(LEFT)).toBe('grace');
    expect(await status()).toMatchObject({ departed: 1 });
    now += policy.gracePeriod - 1;
    await round();
    expect(reason(LEFT)).toBe('grace');
    now += 1;
    expect(reason(LEFT)).toBe('unknown');
    await round();
    expect(reason(LEFT)).toBe('unknown');
    expect(await status()).toMatchObject({ departed: 0 });
  });

  test('goes on when the clock is set back: who departed in the future is still accepted', async () => {
    now += 5 * DAY;
    remove(LEFT);
    await round();
    now -= 5 * DAY;
    await round();
    expect(reason(LEFT)).toBe('grace');
    now += 5 * DAY + policy.gracePeriod;
    await round();
    expect(reason(LEFT)).toBe('unknown');
  });
});

describe('the full read', () => {
  const full = { outcome: 'ok', streams: [{ read: 'full' }, { read: 'full' }] };
  const delta = { outcome: 'ok', streams: [{ read: 'delta' }, { read: 'delta' }] };

  test("is due after a day and the tenant's own delay", async () => {
    const due = tenants.map(({ tenantId }) => DAY + jitterOf(tenantId, 2 * HOUR));
    expect(new Set(due).size).toBe(2);
    for (const [index, after] of due.entries()) {
      expect(await status(index)).toMatchObject({ nextFull: START + after });
      now = START + after - 1;
      expect(await round(index)).toMatchObject(delta);
      now = START + after;
      expect(await round(index)).toMatchObject(full);
      expect(await status(index)).toMatchObject({ nextFull: now + after });
    }
  });

  test('is due when the last one lies days ahead, because the clock was set back', async () => {
    now -= HOUR;
    expect(await round()).toMatchObject(delta);
    now -= 2 * DAY;
    expect(await round()).toMatchObject(full);
    expect(await round()).toMatchObject(delta);
  });

  test('finds a change that delta lost', async () => {
    const tenant = tenants[0];
    const id = tenant?.directory.find('alice@contoso.example')[0]?.id ?? '';
    if (tenant) tenant.switches.dropChanges = 2;
    tenant?.directory.addAlias(id, 'lost@contoso.example');
    tenant?.directory.removeAlias(id, 'a.smith@contoso.example');
    expect(await round()).toMatchObject({ ...delta, added: 0, removed: 0 });
    expect(reason('lost@contoso.example')).toBe('unknown');
    now += DAY + 2 * HOUR;
    expect(await round()).toMatchObject({ ...full, added: 1, removed: 1 });
    expect([reason('lost@contoso.example'), reason('a.smith@contoso.example')]).toEqual(['known', 'grace']);
  });
});

test('a wait that was asked for ends in time, or when the clock is set back, and binds its tenant only', async () => {
  const throttled = { kind: 'throttled', retryAfter: '300' } as const;
  tenants[0]?.switches.fail({ match: /users\/delta/, fault: throttled });
  expect(await round()).toMatchObject({ outcome: 'failed' });
  expect(await round()).toMatchObject({ outcome: 'skipped' });
  expect(await round(1)).toMatchObject({ outcome: 'ok' });
  now += 299_000;
  expect(await round()).toMatchObject({ outcome: 'skipped' });
  now += 1000;
  expect(await round()).toMatchObject({ outcome: 'ok' });
  tenants[0]?.switches.fail({ match: /users\/delta/, fault: throttled });
  await round();
  now -= DAY;
  expect(await round()).toMatchObject({ outcome: 'ok' });
});
