/** The guard in rounds against the practice tenant: what is held, confirmed, approved, and what a dry run shows. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/practice/faults.ts';
import { BUDGET } from '../../src/sync/confirmation.ts';
import { DAY, idOf, openRig, type Rig } from './rig.ts';

const ALICE = 'alice@contoso.example';
/** A user with one address. */
const BOB = 'one.address@contoso.example';
const HOUR = 3_600_000;

let rig: Rig;
let tenant: string;
beforeEach(async () => {
  rig = await openRig({ users: 60 });
  tenant = rig.tenant.tenantId;
  rig.tenant.directory.createUser({ userPrincipalName: BOB });
  expect(await rig.round()).toMatchObject({ outcome: 'ok' });
});
afterEach(() => rig[Symbol.asyncDispose]());

function mailFor(...addresses: string[]): void {
  rig.mirror.noteMail(tenant, addresses, Date.now() + rig.shift);
}

/** Deletes so many users and returns their addresses. */
function deleteUsers(count: number): string[] {
  const { directory } = rig.tenant;
  const before = directory.recipientAddresses();
  for (const user of [...directory.live('users')].slice(-count)) directory.softDelete(user.id);
  const after = directory.recipientAddresses();
  return [...before].filter((address) => !after.has(address));
}

function gets(): number {
  return rig.tenant.requests.filter(({ path }) => /\/(users|groups|contacts)\/[0-9a-f-]{36}/.test(path))
    .length;
}

describe('too many removals', () => {
  test('are held whole, known, checked by a full read, and applied by their hash only', async () => {
    const gone = deleteUsers(40);
    rig.tenant.directory.addAlias(idOf(rig, ALICE), 'al@contoso.example');
    expect(await rig.round()).toMatchObject({ added: 1, removed: 0, held: gone.length });
    expect(gone.every((address) => rig.knows(address))).toBe(true);
    expect(rig.knows('al@contoso.example')).toBe(true);
    const plan = rig.mirror.heldPlan(tenant);
    expect(plan).toMatchObject({ tenant, addresses: gone.length, why: { share: gone.length } });
    expect(plan?.hash).toMatch(/^[0-9a-f]{10}$/);

    expect(await rig.round()).toMatchObject({ held: 0, streams: [{ read: 'full' }, { read: 'full' }] });
    expect(await rig.round()).toMatchObject({ held: 0, streams: [{ read: 'delta' }, { read: 'delta' }] });
    expect(rig.mirror.heldPlan(tenant)).toEqual(plan);

    expect(rig.mirror.approve(tenant, 'ffffffffff', Date.now())).toBeNull();
    expect(gone.every((address) => rig.knows(address))).toBe(true);
    expect(rig.mirror.approve(tenant, plan?.hash ?? '', Date.now())).toBe(gone.length);
    expect(rig.mirror.heldPlan(tenant)).toBeNull();
    expect(rig.matchesTruth()).toBe(true);
    const { departed } = rig.mirror.readDirectory(tenant, Date.now(), DAY);
    expect(departed.map(([address]) => address).sort()).toEqual(gone.sort());
  });

  test('that delta made up are forgotten by the full read that follows', async () => {
    const gone = deleteUsers(40);
    await rig.round();
    const { directory } = rig.tenant;
    for (const user of directory.deleted('users')) directory.restore(user.id);
    expect(await rig.round()).toMatchObject({ outcome: 'ok', removed: 0, held: 0 });
    expect(rig.mirror.heldPlan(tenant)).toBeNull();
    expect(gone.every((address) => rig.knows(address))).toBe(true);
    expect(rig.matchesTruth()).toBe(true);
  });

  test('are told once, and again when the plan changes', async () => {
    const gone = deleteUsers(40);
    await rig.round();
    expect([rig.mirror.heldPlanIsNews(tenant), rig.mirror.heldPlanIsNews(tenant)]).toEqual([true, false]);
    const first = rig.mirror.heldPlan(tenant);
    await rig.round();
    await rig.round();
    expect(rig.mirror.heldPlanIsNews(tenant)).toBe(false);
    const user = rig.tenant.directory.deleted('users')[0];
    rig.tenant.directory.restore(user?.id ?? '');
    await rig.round();
    const second = rig.mirror.heldPlan(tenant);
    expect(second?.addresses).toBeLessThan(gone.length);
    expect(second?.hash).not.toBe(first?.hash);
    expect(rig.mirror.heldPlanIsNews(tenant)).toBe(true);
    expect(rig.mirror.approve(tenant, first?.hash ?? '', Date.now())).toBeNull();
  });

  test('show the addresses with the latest mail first', async () => {
    const gone = deleteUsers(40);
    const [first = '', second = ''] = gone.toReversed();
    rig.mirror.noteMail(tenant, [second], Date.now() - 5 * DAY);
    rig.mirror.noteMail(tenant, [first], Date.now() - 60 * DAY);
    await rig.round();
    const { top } = rig.mirror.heldPlan(tenant) ?? { top: [] };
    expect(top.slice(0, 2)).toEqual([second, first]);
    expect(top).toHaveLength(10);
  });
});

describe('the removal of an address with recent mail', () => {
  test.each([
    ['a user is deleted', () => rig.tenant.directory.softDelete(idOf(rig, BOB))],
    ['a user is purged', () => rig.tenant.directory.purge(idOf(rig, BOB))],
    ['an alias goes', () => rig.tenant.directory.removeAlias(idOf(rig, BOB), BOB)],
  ])('is confirmed in the round: %s', async (_name, change) => {
    mailFor(BOB);
    change();
    expect(await rig.round()).toMatchObject({ outcome: 'ok', removed: 1, held: 0 });
    expect(rig.mirror.describe(BOB).departures).toMatchObject([{ held: null }]);
    expect(rig.mirror.heldPlan(tenant)).toBeNull();
    expect(rig.matchesTruth()).toBe(true);
    expect(gets()).toBe(1);
  });

  test('needs nothing when the mail is long ago', async () => {
    rig.mirror.noteMail(tenant, [BOB], Date.now() - 32 * DAY);
    rig.tenant.directory.softDelete(idOf(rig, BOB));
    expect(await rig.round()).toMatchObject({ removed: 1, held: 0 });
    expect(gets()).toBe(0);
  });

  test('in a domain that the tenant lost is confirmed too', async () => {
    rig.tenant.directory.addDomain('new.example');
    rig.tenant.directory.addAlias(idOf(rig, ALICE), 'alice@new.example');
    await rig.round();
    mailFor('alice@new.example');
    rig.tenant.directory.removeDomain('new.example');
    expect(await rig.round()).toMatchObject({ removed: 1, held: 0 });
  });

  const faults: Array<[string, Fault, wait: number]> = [
    ['500', { kind: 'error', status: 500 }, HOUR],
    ["a proxy's 404", { kind: 'html', status: 404 }, HOUR],
    ['403', { kind: 'forbidden' }, HOUR],
    ['an empty object', { kind: 'empty-object' }, HOUR],
    ['a reset', { kind: 'reset' }, 0],
    ['429', { kind: 'throttled', retryAfter: '60' }, 0],
  ];
  test.each(faults)('is held while asking fails: %s', async (_name, fault, wait) => {
    mailFor(BOB);
    rig.tenant.directory.softDelete(idOf(rig, BOB));
    rig.tenant.switches.fail({ match: /\/users\/[0-9a-f]{8}-/, fault, times: Number.POSITIVE_INFINITY });
    expect(await rig.round()).toMatchObject({ outcome: 'ok', removed: 0, held: 1 });
    expect(rig.knows(BOB)).toBe(true);
    expect(rig.mirror.heldPlan(tenant)).toMatchObject({
      addresses: 1,
      why: { 'recent-mail': 1 },
      top: [BOB],
    });
    rig.tenant.switches.reset();
    const asked = gets();
    rig.shift += 61_000;
    if (wait > 0) {
      expect(await rig.round()).toMatchObject({ outcome: 'ok', removed: 0 });
      expect(gets()).toBe(asked);
      rig.shift += wait;
    }
    expect(await rig.round()).toMatchObject({ outcome: 'ok', removed: 1 });
    expect(rig.mirror.heldPlan(tenant)).toBeNull();
    expect(rig.matchesTruth()).toBe(true);
  });

  test('is held while Graph shows it, and is forgotten when it comes back', async () => {
    mailFor(BOB);
    const id = idOf(rig, BOB);
    const { pages } = rig.deps;
    const lying: Rig['deps'] = {
      ...rig.deps,
      pages: async function* (stream, cursor, signal) {
        for await (const event of pages(stream, cursor, signal)) {
          const made = { id, removed: 'changed', facts: {} } as const;
          yield event.kind === 'page' && stream === 'users' ? { ...event, patches: [made] } : event;
        }
      },
    };
    expect(await rig.round(lying)).toMatchObject({ outcome: 'ok', removed: 0, held: 1 });
    expect(rig.knows(BOB)).toBe(true);
    rig.tenant.directory.updateUser(id, { displayName: 'Bob again' });
    expect(await rig.round()).toMatchObject({ held: 0 });
    expect(rig.mirror.describe(BOB).departures).toEqual([]);
    expect(rig.matchesTruth()).toBe(true);
  });

  test('waits for its turn beyond the budget', async () => {
    const { directory } = rig.tenant;
    await rig[Symbol.asyncDispose]();
    rig = await openRig({ users: 900 });
    tenant = rig.tenant.tenantId;
    await rig.round();
    expect(directory).not.toBe(rig.tenant.directory);
    const gone = deleteUsers(BUDGET + 10);
    mailFor(...gone);
    const report = await rig.round();
    expect(gets()).toBe(BUDGET);
    expect(report.removed).toBeGreaterThanOrEqual(BUDGET);
    expect(report.removed + report.held).toBe(gone.length);
    expect(await rig.round()).toMatchObject({ removed: gone.length - report.removed, held: 0 });
    expect(rig.matchesTruth()).toBe(true);
  });
});

describe('a dry run', () => {
  test('shows what would happen, and changes nothing', async () => {
    const { directory } = rig.tenant;
    const before = rig.mirror.state(tenant);
    const published = rig.mirror.readDirectory(tenant, Date.now(), DAY);
    directory.addAlias(idOf(rig, ALICE), 'al@contoso.example');
    mailFor('a.smith@contoso.example');
    directory.removeAlias(idOf(rig, ALICE), 'a.smith@contoso.example');
    directory.softDelete(idOf(rig, BOB));
    const report = await rig.round(rig.deps, true);
    expect(report).toMatchObject({
      outcome: 'ok',
      added: 1,
      removed: 2,
      held: 0,
      preview: { added: ['al@contoso.example'], held: [] },
    });
    expect([...(report.preview?.removed ?? [])].sort()).toEqual(['a.smith@contoso.example', BOB]);
    expect(rig.mirror.state(tenant)).toEqual(before);
    expect(rig.mirror.readDirectory(tenant, Date.now(), DAY)).toEqual(published);
    expect(rig.mirror.describe(BOB).departures).toEqual([]);
    expect(await rig.round()).toMatchObject({
      added: 1,
      removed: 2,
      streams: [{ read: 'delta' }, { read: 'delta' }],
    });
    expect(rig.matchesTruth()).toBe(true);
  });

  test('shows what the guard would hold', async () => {
    const gone = deleteUsers(40);
    const report = await rig.round(rig.deps, true);
    expect(report).toMatchObject({ removed: 0, held: gone.length, preview: { why: 'share', removed: [] } });
    expect(report.preview?.held).toHaveLength(20);
    expect(rig.mirror.heldPlan(tenant)).toBeNull();
  });

  test('that fails says so', async () => {
    rig.tenant.switches.fail({ match: /delta/, fault: { kind: 'missing-value' }, times: 2 });
    const before = rig.mirror.state(tenant);
    expect(await rig.round(rig.deps, true)).toMatchObject({ outcome: 'failed', preview: null });
    expect(rig.mirror.state(tenant)).toEqual(before);
  });
});

describe('a restored object', () => {
  test('whose entry says nothing is asked for its addresses, which may be new', async () => {
    const { directory, switches } = rig.tenant;
    const id = idOf(rig, BOB);
    directory.softDelete(id);
    await rig.round();
    switches.sparseRestore = true;
    directory.restore(id);
    directory.changePrimary(id, 'robert@contoso.example');
    expect(await rig.round()).toMatchObject({ outcome: 'ok', added: 2 });
    expect([rig.knows(BOB), rig.knows('robert@contoso.example')]).toEqual([true, true]);
    expect(rig.matchesTruth()).toBe(true);
  });

  test('that cannot be asked for keeps the cursor of its stream', async () => {
    const { directory, switches } = rig.tenant;
    const id = idOf(rig, BOB);
    directory.softDelete(id);
    await rig.round();
    switches.sparseRestore = true;
    directory.restore(id);
    switches.fail({ match: /\/users\/[0-9a-f]{8}-/, fault: { kind: 'error', status: 500 }, times: 2 });
    const before = rig.mirror.state(tenant).streams.find(({ stream }) => stream === 'users')?.cursor;
    expect(await rig.round()).toMatchObject({
      outcome: 'partial',
      error: { code: 'Service_InternalServerError' },
    });
    expect(rig.mirror.state(tenant).streams.find(({ stream }) => stream === 'users')?.cursor).toBe(before);
    expect(await rig.round()).toMatchObject({ outcome: 'ok', added: 1 });
    expect(rig.matchesTruth()).toBe(true);
  });

  test('among many makes the stream read in full', async () => {
    await rig[Symbol.asyncDispose]();
    rig = await openRig({ users: 900 });
    tenant = rig.tenant.tenantId;
    await rig.round();
    deleteUsers(BUDGET + 5);
    await rig.round();
    const { directory, switches } = rig.tenant;
    switches.sparseRestore = true;
    for (const user of directory.deleted('users')) directory.restore(user.id);
    const asked = gets();
    expect(await rig.round()).toMatchObject({
      outcome: 'ok',
      streams: [{ read: 'full' }, { read: 'delta' }],
    });
    expect(gets() - asked).toBeLessThanOrEqual(BUDGET);
    expect(rig.matchesTruth()).toBe(true);
  });
});
