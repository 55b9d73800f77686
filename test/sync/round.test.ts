/** Rounds against the practice tenant: what a round learns, and that a failed one changes nothing. */
import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newSecret } from '../../src/practice/application.ts';
import { DAY, idOf, openRig, type Rig } from './rig.ts';

const ALICE = 'alice@contoso.example';
const BOB = 'bob@contoso.example';

describe('a tenant that changes', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig({ users: 450 });
  });
  afterAll(() => rig[Symbol.asyncDispose]());
  afterEach(() => rig.tenant.switches.reset());

  test('is read in full once', async () => {
    const report = await rig.round();
    expect(report).toMatchObject({ outcome: 'ok', removed: 0, held: 0 });
    expect(report.streams).toMatchObject([
      { stream: 'users', read: 'full', pages: 3 },
      { stream: 'groups', read: 'full' },
    ]);
    expect(report.addresses).toBe(report.added);
    for (const name of [
      'alice',
      'a.smith',
      'info',
      'sales',
      'staff',
      "o'brien",
      'r&d',
      'a/b',
      'plus+literal',
    ]) {
      expect(rig.knows(`${name}@contoso.example`), name).toBe(true);
    }
    for (const name of ['nobody', 'vpn', 'svc-backup'])
      expect(rig.knows(`${name}@contoso.example`), name).toBe(false);
    expect(rig.knows('guest@fabrikam.example')).toBe(false);
    expect(rig.knows('leserin@xn--bcher-kva.example')).toBe(true);
  });

  test('then by its changes, which may be none', async () => {
    const report = await rig.round();
    expect(report).toMatchObject({ outcome: 'ok', added: 0, removed: 0 });
    expect(report.streams).toMatchObject([
      { read: 'delta', entries: 0 },
      { read: 'delta', entries: 0 },
    ]);
  });

  const changes: Array<[string, (rig: Rig) => void, { added: number; removed: number }]> = [
    [
      'an alias is added',
      ({ tenant }) => tenant.directory.addAlias(idOf(rig, ALICE), 'al@contoso.example'),
      { added: 1, removed: 0 },
    ],
    [
      'the alias becomes primary',
      ({ tenant }) => tenant.directory.changePrimary(idOf(rig, ALICE), 'al@contoso.example'),
      { added: 0, removed: 0 },
    ],
    [
      'it moves to another user',
      ({ tenant }) =>
        tenant.directory.moveAddress('a.smith@contoso.example', idOf(rig, ALICE), idOf(rig, BOB)),
      { added: 0, removed: 0 },
    ],
    [
      'and back, the other way round',
      ({ tenant }) =>
        tenant.directory.moveAddress(
          'a.smith@contoso.example',
          idOf(rig, BOB),
          idOf(rig, ALICE),
          'add-first',
        ),
      { added: 0, removed: 0 },
    ],
    [
      'the alias goes',
      ({ tenant }) => tenant.directory.removeAlias(idOf(rig, ALICE), 'a.smith@contoso.example'),
      { added: 0, removed: 1 },
    ],
    [
      'a user is created',
      ({ tenant }) => void tenant.directory.createUser({ userPrincipalName: 'dora@contoso.example' }),
      { added: 1, removed: 0 },
    ],
    [
      'and renamed',
      ({ tenant }) => tenant.directory.rename(idOf(rig, 'dora@contoso.example'), 'dorothea'),
      { added: 1, removed: 0 },
    ],
    [
      'a group is created',
      ({ tenant }) => void tenant.directory.createGroup({ mail: 'team@contoso.example' }),
      { added: 1, removed: 0 },
    ],
    [
      'it is deleted',
      ({ tenant }) => tenant.directory.softDelete(idOf(rig, 'team@contoso.example')),
      { added: 0, removed: 1 },
    ],
    [
      'a distribution list is deleted',
      ({ tenant }) => tenant.directory.softDelete(idOf(rig, 'staff@contoso.example')),
      { added: 0, removed: 1 },
    ],
  ];
  test.each(changes)('%s', async (_name, change, effect) => {
    change(rig);
    expect(await rig.round()).toMatchObject({ outcome: 'ok', ...effect });
    expect(rig.matchesTruth()).toBe(true);
  });

  test('a deleted user comes back from an entry with its id alone', async () => {
    const id = idOf(rig, 'dora@contoso.example');
    rig.tenant.switches.sparseRestore = true;
    rig.tenant.directory.softDelete(id);
    await rig.round();
    expect(rig.knows('dora@contoso.example')).toBe(false);
    rig.tenant.directory.restore(id);
    await rig.round();
    expect(rig.matchesTruth()).toBe(true);
  });

  test('a licence that comes and goes', async () => {
    const id = idOf(rig, BOB);
    rig.tenant.directory.removeLicence(id);
    expect((await rig.round()).removed).toBeGreaterThan(0);
    expect(rig.mirror.describe(BOB).departures).toMatchObject([{ held: null }]);
    rig.tenant.directory.restoreLicence(id);
    expect((await rig.round()).added).toBeGreaterThan(0);
    expect(rig.mirror.describe(BOB).departures).toEqual([]);
    expect(rig.matchesTruth()).toBe(true);
  });

  const manners: Array<[string, (rig: Rig) => void]> = [
    [
      'small pages, some of them empty',
      ({ tenant }) => Object.assign(tenant.switches, { pageSize: 7, emptyPageEvery: 3 }),
    ],
    ['duplicates', ({ tenant }) => Object.assign(tenant.switches, { duplicates: true, pageSize: 3 })],
    ['sparse entries', ({ tenant }) => Object.assign(tenant.switches, { sparse: true })],
    [
      'entries in another order',
      ({ tenant }) => Object.assign(tenant.switches, { shuffle: 'by-object', pageSize: 3 }),
    ],
    ['the last round replayed', ({ tenant }) => Object.assign(tenant.switches, { replayLastRound: true })],
    ['removals of ids nobody knows', ({ tenant }) => Object.assign(tenant.switches, { unknownRemovals: 5 })],
  ];
  test.each(manners)('%s: delta and full read', async (_name, manner) => {
    manner(rig);
    const { directory } = rig.tenant;
    const id = directory.createUser({ userPrincipalName: `u${_name.length}@contoso.example` });
    directory.addAlias(id, `v${_name.length}@contoso.example`);
    directory.softDelete(idOf(rig, [...directory.live('users')].at(-3)?.fields.userPrincipalName ?? ''));
    expect(await rig.round()).toMatchObject({
      outcome: 'ok',
      streams: [{ read: 'delta' }, { read: 'delta' }],
    });
    expect(rig.matchesTruth()).toBe(true);
    rig.shift += DAY;
    expect(await rig.round()).toMatchObject({
      outcome: 'ok',
      added: 0,
      removed: 0,
      streams: [{ read: 'full' }, { read: 'full' }],
    });
    expect(rig.matchesTruth()).toBe(true);
  });

  test('a change that delta lost is found by the daily full read', async () => {
    rig.tenant.switches.dropChanges = 1;
    rig.tenant.directory.addAlias(idOf(rig, ALICE), 'lost@contoso.example');
    await rig.round();
    expect(rig.knows('lost@contoso.example')).toBe(false);
    rig.shift += DAY;
    expect(await rig.round()).toMatchObject({ outcome: 'ok', added: 1 });
    expect(rig.matchesTruth()).toBe(true);
  });

  test('a token that Graph refuses is renewed within the round', async () => {
    rig.tenant.switches.fail({ match: /groups\/delta/, fault: { kind: 'expired-token' } });
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
  });

  test('a domain is added and removed', async () => {
    rig.tenant.directory.addAlias(idOf(rig, ALICE), 'alice@new.example');
    await rig.round();
    expect(rig.knows('alice@new.example')).toBe(false);
    rig.tenant.directory.addDomain('new.example');
    expect(await rig.round()).toMatchObject({ outcome: 'ok', added: 1 });
    expect(rig.matchesTruth()).toBe(true);
    rig.tenant.directory.removeDomain('new.example');
    expect(await rig.round()).toMatchObject({ outcome: 'ok', removed: 1 });
    expect(rig.matchesTruth()).toBe(true);
  });
});

describe('a round that fails changes nothing', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await openRig({ users: 450, requestTimeout: 700 });
    await rig.round();
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  test('one stream fails: the other still commits, and freshness waits', async () => {
    const before = rig.mirror.state(rig.tenant.tenantId).syncedAt;
    rig.tenant.directory.addAlias(idOf(rig, ALICE), 'partial@contoso.example');
    rig.tenant.switches.fail({ match: /groups\/delta/, fault: { kind: 'missing-value' } });
    expect(await rig.round()).toMatchObject({ outcome: 'partial', added: 1, error: { code: 'bad-page' } });
    expect(rig.knows('partial@contoso.example')).toBe(true);
    expect(rig.mirror.state(rig.tenant.tenantId).syncedAt).toBe(before);
  });

  test('Retry-After is kept across rounds', async () => {
    rig.tenant.switches.fail({ match: /users\/delta/, fault: { kind: 'throttled', retryAfter: '90' } });
    expect(await rig.round()).toMatchObject({ outcome: 'failed', error: { code: 'TooManyRequests' } });
    const asked = rig.tenant.requests.length;
    expect(await rig.round()).toMatchObject({ outcome: 'skipped', error: { code: 'waiting' } });
    expect(rig.tenant.requests.length).toBe(asked);
    rig.shift += 91_000;
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
    rig.shift -= 91_000;
  });

  test('the tenant is unreachable', async () => {
    await rig.tenant.close();
    expect(await rig.round()).toMatchObject({ outcome: 'failed', error: { code: 'ECONNREFUSED' } });
    expect(rig.knows(ALICE)).toBe(true);
    await rig.tenant.listen();
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
  });
});

describe('credentials and permissions', () => {
  test('rounds go on while a wrong secret is in the file; a new one is used by the next round', async () => {
    await using rig = await openRig();
    await rig.round();
    writeFileSync(rig.secretFile, 'wrong');
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
    rig.tenant.application.secrets = [newSecret('new', 'new~secret', Date.now())];
    writeFileSync(rig.secretFile, 'new~secret');
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
    expect(rig.matchesTruth()).toBe(true);
  });

  test('a wrong secret at the start, and its id instead of its value', async () => {
    await using rig = await openRig();
    const { application } = rig.tenant;
    application.secrets = [newSecret('new', 'new~secret', Date.now())];
    writeFileSync(rig.secretFile, 'wrong');
    expect(await rig.round()).toMatchObject({ outcome: 'failed', error: { code: 'AADSTS7000215' } });
    writeFileSync(rig.secretFile, application.objectId);
    const pasted = await rig.round();
    expect(pasted.error?.hint).toContain('form of an id');
    writeFileSync(rig.secretFile, 'new~secret');
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
  });

  test.each([
    ['503', { kind: 'error', status: 503, retryAfter: 'absent' }, 'http-503'],
    ['a passing fault', { kind: 'aadsts', code: 90033 }, 'AADSTS90033'],
    ['HTML', { kind: 'html', status: 200 }, 'http-200'],
    ['200 {}', { kind: 'empty-object' }, 'empty-token'],
    ['a reset', { kind: 'reset' }, 'ECONNRESET'],
  ] as const)('after %s from the token endpoint the next round goes ahead', async (_name, fault, code) => {
    await using rig = await openRig();
    rig.tenant.switches.failToken(fault, 1);
    expect(await rig.round()).toMatchObject({ outcome: 'failed', error: { code } });
    // MSAL alone would refuse for another minute, without asking.
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
  });

  test('no secret', async () => {
    await using rig = await openRig();
    writeFileSync(rig.secretFile, ' \n');
    expect(await rig.round()).toMatchObject({ outcome: 'failed', error: { code: 'secret-empty' } });
    rmSync(rig.secretFile);
    expect(await rig.round()).toMatchObject({ outcome: 'failed', error: { code: 'secret-file' } });
  });

  test('contacts are read once the token may, without being configured', async () => {
    await using rig = await openRig({ users: 40 });
    rig.tenant.switches.rolesGranted.add('OrgContact.Read.All');
    const report = await rig.round();
    expect(report.streams.map(({ stream }) => stream)).toEqual(['users', 'groups', 'contacts']);
    expect(rig.matchesTruth()).toBe(true);
  });

  test('without consent the first round fails, and the next one after the consent works', async () => {
    await using rig = await openRig();
    rig.tenant.switches.rolesGranted = new Set();
    const report = await rig.round();
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'Authorization_RequestDenied' } });
    expect(rig.mirror.state(rig.tenant.tenantId).syncedAt).toBeNull();
    rig.tenant.switches.reset();
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
  });

  test('groups whose addresses a lesser permission hides do not make a directory', async () => {
    await using rig = await openRig({ users: 40 });
    rig.tenant.switches.rolesGranted = new Set(['User.Read.All', 'GroupMember.Read.All']);
    const report = await rig.round();
    expect(report).toMatchObject({ outcome: 'partial', error: { code: 'no-addresses' } });
    expect(rig.mirror.state(rig.tenant.tenantId).syncedAt).toBeNull();
  });

  test('the credential of another tenant', async () => {
    await using rig = await openRig();
    const other = {
      ...rig.deps,
      organization: async () =>
        ({
          ok: false,
          failure: { kind: 'credential', code: 'other-tenant', message: 'm', hint: 'h', retryAfter: null },
        }) as const,
    };
    const { runRound } = await import('../../src/sync/round.ts');
    expect(await runRound(other, 't', rig.stop.signal)).toMatchObject({
      outcome: 'failed',
      error: { code: 'other-tenant' },
    });
  });

  test('stopping ends a round at once, and it changes nothing', async () => {
    await using rig = await openRig({ users: 450 });
    const gate = rig.tenant.switches.pauseAtPage('users', 2);
    const round = rig.round();
    await gate.reached;
    rig.stop.abort();
    expect(await round).toMatchObject({ outcome: 'failed', error: { code: 'aborted' } });
    gate.release();
    expect(rig.mirror.counts(rig.tenant.tenantId).addresses).toBe(0);
  });
});
