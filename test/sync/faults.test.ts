/**
 * A round against every fault of Graph and Entra ID. Each row says what becomes of the directory, of the cursor, of the
 * log line and of what `status` says.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/practice/faults.ts';
import type { RoundReport } from '../../src/sync/report.ts';
import { DAY, idOf, openRig, type Rig } from './rig.ts';
import { lineOf, statusOf } from './told.ts';

const ALICE = 'alice@contoso.example';
const HOUR = 3_600_000;
const ALWAYS = Number.POSITIVE_INFINITY;

let rig: Rig;
beforeAll(async () => {
  rig = await openRig({ users: 450, requestTimeout: 700 });
  expect(await rig.round()).toMatchObject({ outcome: 'ok' });
});
afterAll(() => rig[Symbol.asyncDispose]());
afterEach(() => rig.tenant.switches.reset());

function cursorOf(stream: string): string | null | undefined {
  return rig.mirror.state(rig.tenant.tenantId).streams.find((one) => one.stream === stream)?.cursor;
}

let serial = 0;
/** A change that a round which works would learn. */
function change(): string {
  const address = `change${serial++}@contoso.example`;
  rig.tenant.directory.addAlias(idOf(rig, ALICE), address);
  return address;
}

/** The directory, the cursor and the error of a failed round, in the log and in status. */
async function expectFailed(report: RoundReport, code: string | RegExp, unseen: string): Promise<void> {
  const asCode = typeof code === 'string' ? code : expect.stringMatching(code);
  expect(report).toMatchObject({ added: 0, removed: 0, held: 0 });
  expect(report.error).toMatchObject({ code: asCode, message: expect.stringMatching(/\S/) });
  expect(rig.knows(ALICE)).toBe(true);
  expect(rig.knows(unseen)).toBe(false);
  expect(await lineOf(rig, report)).toMatchObject({
    level: 'warn',
    event: 'sync.round',
    outcome: report.outcome,
    error: { code: asCode },
  });
  const status = statusOf(rig);
  expect(status).toContain(report.outcome);
  expect(status).toContain(`${report.error?.code}: ${report.error?.message.slice(0, 20)}`);
  if (report.error?.hint) expect(status).toContain(`what to do: ${report.error.hint}`);
}

/** The next round goes on from the cursor that was kept. */
async function expectRecovery(seen: string): Promise<void> {
  rig.tenant.switches.reset();
  rig.shift += HOUR;
  const report = await rig.round();
  expect(report).toMatchObject({ outcome: 'ok', added: 1, streams: [{ read: 'delta' }, { read: 'delta' }] });
  expect(rig.knows(seen)).toBe(true);
  expect(rig.matchesTruth()).toBe(true);
  expect(await lineOf(rig, report)).toMatchObject({ level: 'info', outcome: 'ok', added: 1 });
  expect(statusOf(rig)).toMatch(/fresh .* ok /);
  rig.shift -= HOUR;
}

describe('Graph fails: nothing changes, the cursor stays', () => {
  const later = () => new Date(Date.now() + 120_000).toUTCString();
  const faults: Array<[name: string, fault: Fault, code: string | RegExp]> = [
    ['a proxy page with 200', { kind: 'html', status: 200 }, 'not-json'],
    ['a proxy page with 502', { kind: 'html', status: 502 }, 'http-502'],
    ['a proxy page with 404', { kind: 'html', status: 404 }, 'http-404'],
    ['500', { kind: 'error', status: 500 }, 'Service_InternalServerError'],
    ['502', { kind: 'error', status: 502 }, 'BadGateway'],
    ['503', { kind: 'error', status: 503 }, 'serviceNotAvailable'],
    ['504', { kind: 'error', status: 504 }, 'GatewayTimeout'],
    ['500 with {}', { kind: 'empty-object', status: 500 }, 'http-500'],
    ['200 with {}', { kind: 'empty-object' }, 'bad-page'],
    ['500 over the right data', { kind: 'status-over-data', status: 500 }, 'http-500'],
    ['204', { kind: 'no-content' }, 'http-204'],
    ['truncated JSON', { kind: 'truncated' }, 'broken-json'],
    ['a body that breaks off', { kind: 'cut' }, /./],
    ['a body that stalls', { kind: 'stalled' }, 'timeout'],
    ['silence', { kind: 'silent' }, 'timeout'],
    ['a reset', { kind: 'reset' }, /ECONNRESET|UND_ERR_SOCKET/],
    ['a redirect', { kind: 'redirect', location: 'https://elsewhere.example/' }, 'http-302'],
    ['a link to another host', { kind: 'foreign-link' }, 'bad-page'],
    ['both links', { kind: 'both-links' }, 'bad-page'],
    ['neither link', { kind: 'neither-link' }, 'bad-page'],
    ['no value', { kind: 'missing-value' }, 'bad-page'],
    ['a page that links to itself', { kind: 'link-loop' }, 'loop'],
    ['403', { kind: 'forbidden' }, 'Authorization_RequestDenied'],
    ['401 again and again', { kind: 'expired-token' }, 'InvalidAuthenticationToken'],
    ['429 with seconds', { kind: 'throttled', retryAfter: '120' }, 'TooManyRequests'],
    ['429 with a fraction', { kind: 'throttled', retryAfter: '62.128' }, 'TooManyRequests'],
    ['429 with a date', { kind: 'throttled', retryAfter: later() }, 'TooManyRequests'],
    ['429 without a time', { kind: 'throttled', retryAfter: 'absent' }, 'TooManyRequests'],
    ['429 with nonsense', { kind: 'throttled', retryAfter: 'soon' }, 'TooManyRequests'],
    ['page tokens that always expire', { kind: 'page-token' }, 'Directory_ExpiredPageToken'],
  ];
  test.each(faults)('%s', async (name, fault, code) => {
    const tenant = rig.tenant.tenantId;
    const before = rig.mirror.state(tenant);
    const unseen = change();
    const users = [...rig.tenant.directory.live('users')];
    for (const user of users.slice(20, 260)) rig.tenant.directory.updateUser(user.id, { displayName: name });
    const onPage = fault.kind === 'link-loop' || fault.kind === 'page-token' ? { page: 2 } : {};
    rig.tenant.switches.fail({ match: /(users|groups)\/delta/, fault, times: ALWAYS, ...onPage });
    const report = await rig.round();
    expect(report.outcome).toBe('page' in onPage ? 'partial' : 'failed');
    await expectFailed(report, code, unseen);
    const after = rig.mirror.state(tenant);
    expect(after.syncedAt).toBe(before.syncedAt);
    expect(cursorOf('users')).toBe(before.streams.find(({ stream }) => stream === 'users')?.cursor);
    expect(after.streams.find(({ stream }) => stream === 'users')?.error).toContain(report.error?.code);
    expect(after.notBefore !== null).toBe(fault.kind === 'throttled');
    await expectRecovery(unseen);
    expect(rig.mirror.state(tenant).streams.map(({ error }) => error)).toEqual([null, null]);
  });
});

describe('Entra ID fails: nothing changes, the cursor stays', () => {
  const APPLICATION_ONLY = [
    ...[7000215, 7000222, 7000112, 7000218, 700027, 700024, 70021, 700213, 700016, 7000229, 90002, 90038],
    ...[900382, 70011, 1002012, 500011, 65001, 53003, 530035],
  ];
  const rows: Array<[name: string, fault: Fault, code: string | RegExp]> = [
    ...APPLICATION_ONLY.map((code): [string, Fault, string] => [
      `AADSTS${code}`,
      { kind: 'aadsts', code },
      `AADSTS${code}`,
    ]),
    ...[90055, 90024, 90033, 50000].map((code): [string, Fault, string] => [
      `AADSTS${code}, which passes`,
      { kind: 'aadsts', code },
      `AADSTS${code}`,
    ]),
    ['a proxy page with 200', { kind: 'html', status: 200 }, /./],
    ['a proxy page with 502', { kind: 'html', status: 502 }, 'http-502'],
    ['no answer', { kind: 'silent' }, 'timeout'],
    ['half an answer', { kind: 'stalled' }, 'timeout'],
    ['200 with {}', { kind: 'empty-object' }, /./],
    ['a reset', { kind: 'reset' }, /ECONNRESET|UND_ERR_SOCKET/],
    ['429 with a wait', { kind: 'throttled', retryAfter: '60' }, /./],
  ];
  beforeEach(() => rig.forgetTokens());
  test.each(rows)('%s', async (_name, fault, code) => {
    const before = [cursorOf('users'), cursorOf('groups')];
    const unseen = change();
    rig.tenant.switches.failToken(fault);
    const report = await rig.round();
    expect(report).toMatchObject({ outcome: 'failed', streams: [] });
    await expectFailed(report, code, unseen);
    expect([cursorOf('users'), cursorOf('groups')]).toEqual(before);
    await expectRecovery(unseen);
  });

  test("after a 429 the next round asks Entra ID, not MSAL's memory of it", async () => {
    rig.tenant.switches.failToken({ kind: 'throttled', retryAfter: '60' }, 1);
    const unseen = change();
    expect(await rig.round()).toMatchObject({ outcome: 'failed' });
    expect(await rig.round()).toMatchObject({ outcome: 'skipped', error: { code: 'waiting' } });
    expect(statusOf(rig)).toContain('failed');
    const asked = rig.tenant.requests.length;
    // A minute in the round's clock is no time in MSAL's, which would still refuse by itself.
    rig.shift += 61_000;
    expect(await rig.round()).toMatchObject({ outcome: 'ok', added: 1 });
    expect(rig.tenant.requests.slice(asked).some(({ route }) => route === 'token')).toBe(true);
    expect(rig.knows(unseen)).toBe(true);
    rig.shift -= 61_000;
  });

  test('while an early renewal fails the token at hand goes on', async () => {
    rig.tenant.switches.tokenRefreshIn = 1;
    const seen = change();
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
    rig.tenant.switches.failToken({ kind: 'reset' });
    const renewalIsDue = Date.now() + 2000;
    await expect.poll(() => Date.now(), { timeout: 5000 }).toBeGreaterThan(renewalIsDue);
    const alsoSeen = change();
    const report = await rig.round();
    expect(report).toMatchObject({ outcome: 'ok', added: 1 });
    expect([rig.knows(seen), rig.knows(alsoSeen)]).toEqual([true, true]);
    expect(await lineOf(rig, report)).toMatchObject({ level: 'info', outcome: 'ok' });
    expect(statusOf(rig)).not.toContain('what to do');
  });
});

describe('what a round deals with by itself: the directory is true at its end', () => {
  type Read = 'full' | 'delta';
  const rows: Array<[name: string, prepare: () => void, users: Read, groups: Read]> = [
    ...(['gone', 'sync-state-not-found', 'unsupported-query'] as const).map(
      (shape): [string, () => void, Read, Read] => [
        `a delta token that expired: ${shape}`,
        () => {
          rig.tenant.switches.expiredTokenShape = shape;
          rig.tenant.switches.expireDeltaTokens();
        },
        'full',
        'full',
      ],
    ),
    ['a page token that expires in the middle', failOnce('page-token', 2), 'delta', 'delta'],
    ['a page token that is forgotten, in other words', failOnce('page-token-not-found', 2), 'delta', 'delta'],
    ['a 401 in the middle', failOnce('expired-token', 2), 'delta', 'delta'],
    ['a passing 503', failOnce('503', 2), 'delta', 'delta'],
    ['a passing 429 without a time', failOnce('429', 2), 'delta', 'delta'],
    ['a passing 429 with a fraction', failOnce('429-fraction', 2), 'delta', 'delta'],
    ['a passing reset', failOnce('reset', 2), 'delta', 'delta'],
    ['a replay of the last round', set({ replayLastRound: true }), 'delta', 'delta'],
    ['duplicates', set({ duplicates: true, pageSize: 7 }), 'delta', 'delta'],
    [
      'duplicates, the order of objects mixed',
      set({ duplicates: true, shuffle: 'by-object' }),
      'delta',
      'delta',
    ],
    ['removals of ids nobody knows', set({ unknownRemovals: 5 }), 'delta', 'delta'],
    ['sparse entries', set({ sparse: true }), 'delta', 'delta'],
    ['full entries on empty pages', set({ emptyPageEvery: 2, pageSize: 9 }), 'delta', 'delta'],
    ['another $select', otherSelect, 'full', 'delta'],
    ["a cursor of another stream's", swapCursors, 'full', 'full'],
    ['a damaged cursor', () => damageCursors((cursor) => `${cursor.slice(0, -6)}AAAAAA`), 'full', 'full'],
    [
      'a cursor of another server',
      () => damageCursors(() => 'https://elsewhere.example/users'),
      'full',
      'full',
    ],
  ];
  let deps: Rig['deps'];
  beforeEach(() => {
    deps = rig.deps;
  });
  test.each(rows)('%s', async (_name, prepare, users, groups) => {
    const { directory } = rig.tenant;
    const created = directory.createUser({ userPrincipalName: `made${serial++}@contoso.example` });
    const group = directory.createGroup({ mail: `group${serial++}@contoso.example` });
    await rig.round();
    const added = change();
    directory.softDelete(created);
    directory.softDelete(group);
    const all = [...directory.live('users')].slice(20, 230);
    for (const user of all) directory.updateUser(user.id, { displayName: `name${serial}` });
    const before = cursorOf('users');
    prepare();
    const report = await rig.round(deps);
    expect(report).toMatchObject({ outcome: 'ok', added: 1, removed: 2, held: 0 });
    expect(report.streams).toMatchObject([{ read: users }, { read: groups }]);
    expect(report.error).toBeUndefined();
    expect(rig.knows(added)).toBe(true);
    expect(rig.matchesTruth()).toBe(true);
    expect(cursorOf('users')).not.toBe(before);
    expect(await lineOf(rig, report)).toMatchObject({ level: 'info', outcome: 'ok', removed: 2 });
    expect(statusOf(rig)).toMatch(/fresh .* ok /);
    expect(statusOf(rig)).not.toContain('what to do');
    rig.tenant.switches.reset();
    expect(await rig.round()).toMatchObject({ outcome: 'ok', added: 0, removed: 0 });
    expect(rig.matchesTruth()).toBe(true);
  });

  test('a token of another stream shows no change and no error; the daily full read does', async () => {
    const added = change();
    const token = (stream: string) => new URL(cursorOf(stream) ?? '').searchParams.get('$deltatoken') ?? '';
    const [users, groups] = [token('users'), token('groups')];
    damageCursors((cursor) => cursor.replace(encodeURIComponent(users), groups).replace(users, groups));
    const report = await rig.round(deps);
    expect(report).toMatchObject({ outcome: 'ok', added: 0, streams: [{ read: 'delta', entries: 0 }, {}] });
    expect(rig.knows(added)).toBe(false);
    expect(rig.knows(ALICE)).toBe(true);
    rig.shift += DAY;
    expect(await rig.round()).toMatchObject({ outcome: 'ok', added: 1, streams: [{ read: 'full' }, {}] });
    expect(rig.matchesTruth()).toBe(true);
    rig.shift -= DAY;
  });

  function set(values: object): () => void {
    return () => void Object.assign(rig.tenant.switches, values);
  }

  function failOnce(name: string, page: number): () => void {
    const faults: Record<string, Fault> = {
      'page-token': { kind: 'page-token' },
      'page-token-not-found': { kind: 'page-token', code: 'Directory_PageTokenNotFoundException' },
      'expired-token': { kind: 'expired-token' },
      '503': { kind: 'error', status: 503 },
      '429': { kind: 'throttled', retryAfter: 'absent' },
      '429-fraction': { kind: 'throttled', retryAfter: '0.128' },
      reset: { kind: 'reset' },
    };
    const fault = faults[name];
    if (!fault) throw new Error(`no fault ${name}`);
    return () => rig.tenant.switches.fail({ match: /users\/delta/, fault, page });
  }

  function otherSelect(): void {
    const { selectHash } = rig.deps;
    deps = { ...rig.deps, selectHash: (stream) => (stream === 'users' ? 'other' : selectHash(stream)) };
  }

  function damageCursors(damage: (cursor: string, stream: string) => string): void {
    const { state } = rig.deps;
    const streams = () =>
      state().streams.map((one) => ({ ...one, cursor: damage(one.cursor ?? '', one.stream) }));
    deps = { ...rig.deps, state: () => ({ ...state(), streams: streams() }) };
  }

  function swapCursors(): void {
    const [users, groups] = [cursorOf('users') ?? '', cursorOf('groups') ?? ''];
    damageCursors((_cursor, stream) => (stream === 'users' ? groups : users));
  }
});
