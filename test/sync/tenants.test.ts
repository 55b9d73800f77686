/** Several tenants in one gateway: each fails alone. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { firstRounds, type LearningStage, openLearningStage } from './learning-stage.ts';

const OTHER = '7f2504e0-4f89-41d3-9a0c-0305e82c3302';
const EVERY_SECOND = '* * * * * *';

function rounds({ seen }: LearningStage, tenant: PracticeTenant | undefined, outcome: string): number {
  return seen.rounds.filter((round) => round.tenant === tenant?.tenantId && round.outcome === outcome).length;
}

/** Both tenants have synced once; the healthy one goes on every second. */
async function openPair(other: { users?: number; schedule?: string } = {}): Promise<LearningStage> {
  return openLearningStage([{ schedule: EVERY_SECOND }, { tenantId: OTHER, seed: 2, ...other }]);
}

interface Case {
  readonly what: string;
  spoil(stage: LearningStage, sick: PracticeTenant): unknown;
  /** Outcome of the sick one's rounds; null when none ends. */
  readonly outcome: string | null;
}

const CASES: readonly Case[] = [
  { what: 'switched off', spoil: (_, sick) => sick.close(), outcome: 'failed' },
  {
    what: 'throttled',
    spoil: (_, sick) =>
      sick.switches.fail({
        match: /./,
        fault: { kind: 'throttled', retryAfter: '3600' },
        times: Number.POSITIVE_INFINITY,
      }),
    outcome: 'failed',
  },
  {
    what: 'hanging',
    spoil: (_, sick) =>
      sick.switches.fail({ match: /./, fault: { kind: 'silent' }, times: Number.POSITIVE_INFINITY }),
    outcome: null,
  },
  {
    what: 'of a wrong secret',
    // The credential that worked stays in use.
    spoil: ({ settings }) => {
      const credential = settings.tenants[1]?.credential;
      if (credential?.kind === 'secret') writeFileSync(credential.secretFile, 'wrong');
    },
    outcome: 'ok',
  },
];

describe('while one tenant is', () => {
  test.each(CASES)('$what, the other syncs, publishes and looks up', async ({ spoil, outcome }) => {
    const stage = await openPair();
    await firstRounds(stage);
    const [well, sick] = stage.tenants;
    if (!well || !sick) throw new Error('two tenants are needed');
    await spoil(stage, sick);
    const sickRound = stage.learning.sync(sick.tenantId).catch(() => []);
    if (outcome !== null) expect((await sickRound)[0]?.outcome).toBe(outcome);
    const sickLookup = stage.ask(sick, 'nobody@contoso.example');

    const before = rounds(stage, well, 'ok');
    well.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    well.directory.createUser({ userPrincipalName: 'yan@contoso.example' });
    expect(await stage.ask(well, 'yan@contoso.example')).toBe('found');
    await expect.poll(() => stage.knows(well, 'zoe@contoso.example'), { timeout: 10_000 }).toBe(true);
    await expect.poll(() => rounds(stage, well, 'ok'), { timeout: 20_000 }).toBeGreaterThan(before + 3);
    expect(rounds(stage, well, 'failed')).toBe(0);

    // A secret that is wrong now does not take back the token of an hour ago.
    expect(['failed', 'timeout', 'absent']).toContain(await sickLookup);
    const [first, second] = await stage.learning.status();
    expect([first?.tenant, first?.lastRound?.outcome]).toEqual([well.tenantId, 'ok']);
    expect(second?.tenant).toBe(OTHER);
    expect(stage.knows(sick, 'alice@contoso.example')).toBe(true);
  });

  test('reading 20,000 users, the other syncs, publishes and looks up', async () => {
    const stage = await openPair({ users: 20_000 });
    const [well, huge] = stage.tenants;
    const gate = huge?.switches.pauseAtPage('users', 90);
    await expect.poll(() => rounds(stage, well, 'ok'), { timeout: 30_000 }).toBeGreaterThan(0);
    well?.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    expect(await stage.ask(well, 'zoe@contoso.example')).toBe('found');
    const before = rounds(stage, well, 'ok');
    await gate?.reached;
    await expect.poll(() => rounds(stage, well, 'ok'), { timeout: 30_000 }).toBeGreaterThan(before + 1);
    expect(rounds(stage, huge, 'ok')).toBe(0);
    gate?.release();
    await expect.poll(() => rounds(stage, huge, 'ok'), { timeout: 60_000 }).toBe(1);
    expect(stage.knows(huge, 'alice@contoso.example')).toBe(true);
    expect(rounds(stage, well, 'failed')).toBe(0);
  });
});

test('a tenant has a schedule of its own', async () => {
  const stage = await openPair();
  await firstRounds(stage);
  const [often, never] = stage.tenants;
  await expect.poll(() => rounds(stage, often, 'ok'), { timeout: 20_000 }).toBeGreaterThan(3);
  expect(rounds(stage, never, 'ok')).toBe(1);
  const [first, second] = await stage.learning.status();
  expect(first?.nextRun).toBeLessThan(Date.now() + 2000);
  expect(second?.nextRun).toBeGreaterThan(Date.now() + 60_000);
});

test('a domain that both have verified is told once, and stands in the status', async () => {
  const stage = await openPair();
  await firstRounds(stage);
  const about = () =>
    stage.seen.troubles.filter(({ message }) => message.includes('contoso.example is verified'));
  await expect.poll(() => about().length).toBe(1);
  const [well] = stage.tenants;
  expect(about()[0]).toMatchObject({ tenant: well?.tenantId, message: expect.stringContaining(OTHER) });
  const status = await stage.learning.status();
  for (const { sharedDomains } of status) {
    expect(sharedDomains).toContainEqual({ domain: 'contoso.example', tenants: [well?.tenantId, OTHER] });
  }
  await stage.learning.sync(null);
  expect(about()).toHaveLength(1);
});
