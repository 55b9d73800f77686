import { describe, expect, test } from 'vitest';
import { DAY, entry, NOON, removed, scratchMirror, sparse, TENANT } from './scratch.ts';

const A = 'a@contoso.example';
const B = 'b@contoso.example';
const C = 'c@contoso.example';

test('a full read, then changes', () => {
  using scratch = scratchMirror();
  expect(scratch.round({ read: 'full', users: [entry('1', A, B), entry('2', C)], groups: [] })).toEqual({
    addresses: 3,
    added: 3,
    removed: 0,
    held: 0,
  });
  expect(scratch.known(A, B, C)).toEqual([A, B, C]);
  expect(scratch.round({ users: [entry('1', A, 'new@contoso.example')] })).toEqual({
    addresses: 3,
    added: 1,
    removed: 1,
    held: 0,
  });
  expect(scratch.known(A, B, C, 'new@contoso.example')).toEqual([A, C, 'new@contoso.example']);
});

test('an address that leaves is in its grace period, and comes back out of it', () => {
  using scratch = scratchMirror();
  scratch.round({ users: [entry('1', A, B)] });
  scratch.round({ users: [entry('1', A)], at: NOON + 5000 });
  expect(scratch.mirror.readDirectory(TENANT, NOON + DAY, DAY).departed).toEqual([[B, NOON + 5000]]);
  expect(scratch.mirror.readDirectory(TENANT, NOON + 5000 + DAY, DAY).departed).toEqual([]);
  expect(scratch.mirror.describe(B)).toMatchObject({
    owners: [],
    departures: [{ removedAt: NOON + 5000, held: null }],
  });
  scratch.round({ users: [entry('2', B)], at: NOON + 9000 });
  expect(scratch.mirror.readDirectory(TENANT, NOON + DAY, DAY).departed).toEqual([]);
  expect(scratch.known(A, B)).toEqual([A, B]);
});

test('what a partial round misses is unconfirmed until a complete round, whatever the clock does', () => {
  using scratch = scratchMirror();
  scratch.round({ users: [entry('1', A, B)], groups: [], at: NOON });
  const unconfirmed = (at: number) => scratch.mirror.readDirectory(TENANT, at + DAY, 0).departed;
  scratch.round({ users: [entry('1', A)], complete: false, at: NOON - 2 * DAY });
  expect(unconfirmed(NOON)).toEqual([[B, NOON + 1]]);
  scratch.mirror.prune(NOON + 400 * DAY, 0);
  expect(unconfirmed(NOON)).toEqual([[B, NOON + 1]]);
  scratch.round({ users: [], groups: [], at: NOON + 5000 });
  expect(unconfirmed(NOON)).toEqual([]);
});

describe('an address on two objects survives until its last owner goes', () => {
  test('in one stream', () => {
    using scratch = scratchMirror();
    scratch.round({ users: [entry('1', A), entry('2', A, B)] });
    expect(scratch.round({ users: [removed('2', 'deleted')] })).toMatchObject({ addresses: 1, removed: 1 });
    expect(scratch.known(A, B)).toEqual([A]);
    expect(scratch.round({ users: [entry('3', B), removed('1')] })).toMatchObject({ removed: 1 });
    expect(scratch.known(A)).toEqual([]);
  });

  test('across streams, and moved within a round in either order', () => {
    using scratch = scratchMirror();
    scratch.round({ users: [entry('u', A)], groups: [entry('g', A, B)] });
    expect(scratch.round({ users: [removed('u')], groups: [] })).toMatchObject({ removed: 0 });
    expect(scratch.known(A, B)).toEqual([A, B]);
    expect(scratch.round({ users: [entry('u', A, B)], groups: [removed('g', 'deleted')] })).toEqual({
      addresses: 2,
      added: 0,
      removed: 0,
      held: 0,
    });
    expect(scratch.round({ users: [removed('u')], groups: [entry('g2', A, B)] })).toMatchObject({
      removed: 0,
      added: 0,
    });
    expect(scratch.known(A, B)).toEqual([A, B]);
    expect(scratch.mirror.readDirectory(TENANT, NOON, DAY).departed).toEqual([]);
  });
});

test('a soft-deleted object comes back from a sparse entry', () => {
  using scratch = scratchMirror();
  scratch.round({ users: [entry('1', A), entry('2', B)] });
  scratch.round({ users: [removed('1')] });
  expect(scratch.known(A, B)).toEqual([B]);
  scratch.round({ users: [sparse('1', { accountEnabled: true })] });
  expect(scratch.known(A, B)).toEqual([A, B]);
  scratch.round({ users: [removed('1', 'deleted')] });
  scratch.round({ users: [sparse('1')] });
  expect(scratch.known(A, B)).toEqual([B]);
});

test('duplicates and replays: the last entry wins, also across pages', () => {
  using scratch = scratchMirror();
  scratch.mirror.stage(TENANT, 'users', [entry('1', A), entry('2', B)]);
  scratch.mirror.stage(TENANT, 'users', [entry('1', C), removed('unknown'), removed('never', 'deleted')]);
  expect(scratch.round({ users: [entry('2', B)] })).toMatchObject({ addresses: 2 });
  expect(scratch.known(A, B, C)).toEqual([B, C]);
});

test('a full read removes what it does not list, of that stream only, and remembers it', () => {
  using scratch = scratchMirror();
  scratch.round({ read: 'full', users: [entry('1', A), entry('2', B)], groups: [entry('g', C)] });
  expect(scratch.round({ read: 'full', users: [entry('1', A)] })).toMatchObject({ removed: 1 });
  expect(scratch.known(A, B, C)).toEqual([A, C]);
  scratch.round({ users: [sparse('2')] });
  expect(scratch.known(A, B, C)).toEqual([A, B, C]);
});

test('a domain that is no longer verified takes its addresses along; one that is verified brings them', () => {
  using scratch = scratchMirror();
  const other = 'a@fabrikam.example';
  scratch.round({ users: [entry('1', A, other)], groups: [] });
  expect(scratch.known(A, other)).toEqual([A]);
  const both = ['contoso.example', 'fabrikam.example'];
  expect(scratch.round({ domains: both })).toMatchObject({ added: 1, addresses: 2 });
  expect(scratch.known(A, other)).toEqual([A, other]);
  expect(scratch.round({ domains: ['contoso.example'] })).toMatchObject({ removed: 1, addresses: 1 });
  expect(scratch.known(A, other)).toEqual([A]);
});

describe('a round that leaves nobody', () => {
  test('is held: everybody is still known, and the next round reads in full', () => {
    using scratch = scratchMirror();
    scratch.round({ read: 'full', users: [entry('1', A, B)], groups: [] });
    expect(scratch.round({ users: [removed('1')], groups: [] })).toEqual({
      addresses: 2,
      added: 0,
      removed: 0,
      held: 2,
    });
    expect(scratch.known(A, B)).toEqual([A, B]);
    expect(scratch.mirror.readDirectory(TENANT, NOON, DAY).departed).toEqual([]);
    expect(scratch.mirror.describe(A).departures).toEqual([
      { tenant: TENANT, removedAt: NOON, held: 'empty-listing' },
    ]);
    expect(scratch.mirror.state(TENANT).streams.map(({ cursor }) => cursor)).toEqual([null, null]);
    expect(scratch.mirror.counts(TENANT)).toMatchObject({ addresses: 2, held: 2, departed: 0 });
  });

  test('is judged again by the next full round', () => {
    using scratch = scratchMirror();
    scratch.round({ users: [entry('1', A, B)] });
    scratch.round({ users: [removed('1')] });
    expect(scratch.round({ users: [entry('2', C)] })).toMatchObject({ addresses: 3, removed: 0 });
    expect(scratch.known(A, B, C)).toEqual([A, B, C]);
    expect(scratch.round({ read: 'full', users: [entry('2', C), entry('1', A)] })).toMatchObject({
      removed: 1,
      addresses: 2,
    });
    expect(scratch.known(A, B, C)).toEqual([A, C]);
    expect(scratch.mirror.describe(B).departures).toMatchObject([{ held: null }]);
  });
});

test('freshness and cursors move only with what completed', () => {
  using scratch = scratchMirror();
  scratch.round({ read: 'full', users: [entry('1', A)], groups: [entry('g', B)], at: NOON });
  scratch.round({ users: [entry('1', A, C)], complete: false, at: NOON + 1000 });
  const { syncedAt, streams } = scratch.mirror.state(TENANT);
  expect(syncedAt).toBe(NOON);
  expect(streams).toMatchObject([
    { stream: 'groups', cursor: `https://graph/groups?${NOON}`, fullAt: NOON },
    { stream: 'users', cursor: `https://graph/users?${NOON + 1000}`, fullAt: NOON },
  ]);
  expect(scratch.known(A, B, C)).toEqual([A, B, C]);
});

test('describe names every owner with the entry as Graph wrote it', () => {
  using scratch = scratchMirror();
  const facts = {
    displayName: 'Sales',
    mailEnabled: true,
    groupTypes: ['Unified'],
    proxyAddresses: ['smtp:A@Contoso.example'],
  };
  scratch.round({ users: [entry('1', 'A@contoso.example')], groups: [sparse('g', facts)] });
  expect(scratch.mirror.describe(A).owners).toEqual([
    {
      tenant: TENANT,
      id: '1',
      stream: 'users',
      kind: 'user',
      displayName: '1',
      attribute: 'SMTP:A@contoso.example',
      state: 'live',
    },
    {
      tenant: TENANT,
      id: 'g',
      stream: 'groups',
      kind: 'microsoft-365-group',
      displayName: 'Sales',
      attribute: 'smtp:A@Contoso.example',
      state: 'live',
    },
  ]);
  expect(scratch.mirror.counts(TENANT)).toEqual({
    addresses: 1,
    objects: { user: 1, 'microsoft-365-group': 1 },
    departed: 0,
    held: 0,
  });
});

test('an address too long for SMTP is left out instead of breaking the directory', () => {
  using scratch = scratchMirror();
  scratch.round({ users: [entry('1', A, `${'x'.repeat(70_000)}@contoso.example`)] });
  expect(scratch.mirror.counts(TENANT).addresses).toBe(1);
  expect(scratch.known(A)).toEqual([A]);
});

test('departures and removed objects are forgotten in the end, held ones and live ones are not', () => {
  using scratch = scratchMirror();
  scratch.round({ users: [entry('1', A), entry('2', B)] });
  scratch.round({ users: [removed('2')], at: NOON });
  const late = NOON + 60 * DAY;
  scratch.mirror.prune(late, DAY);
  expect(scratch.mirror.describe(B).departures).toEqual([]);
  scratch.round({ users: [], at: late });
  scratch.round({ users: [sparse('2')], at: late });
  expect(scratch.known(A, B)).toEqual([A]);
});

test('an unchanged directory keeps its memory, a changed one gets new', () => {
  using scratch = scratchMirror();
  scratch.round({ users: [entry('1', A)] });
  const first = scratch.mirror.readDirectory(TENANT, NOON, DAY);
  scratch.round({ users: [entry('1', A)], at: NOON + 1 });
  const second = scratch.mirror.readDirectory(TENANT, NOON, DAY);
  expect(second.known).toBe(first.known);
  expect(second.syncedAt).toBe(NOON + 1);
  scratch.round({ users: [entry('1', A, B)] });
  expect(scratch.mirror.readDirectory(TENANT, NOON, DAY).known).not.toBe(first.known);
});
