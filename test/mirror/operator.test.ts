/** What the operator said, in real SQLite: kept over restarts, replaced in one transaction, touched by no round. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addressSetFrom } from '../../src/core/address-set.ts';
import type { StoredOverride } from '../../src/core/operator.ts';
import { openMirror } from '../../src/mirror/mirror.ts';
import { entry, NOON, removed, scratchDirectory, scratchMirror, TENANT } from './scratch.ts';

function override(match: string, changes: Partial<StoredOverride> = {}): StoredOverride {
  return {
    match,
    action: 'allow',
    text: null,
    note: null,
    expires: null,
    addedAt: NOON,
    addedBy: 'me',
    ...changes,
  };
}

const ORIGIN = { tenant: TENANT, file: 'r.csv', importedAt: NOON, importedBy: 'me' };
const OTHER = '99999999-2222-3333-4444-555555555555';

test('overrides are added, replaced, taken and kept in order', () => {
  using directory = scratchDirectory();
  const path = join(directory.path, 'mirror.sqlite');
  const full = override('b@contoso.example', { action: 'deny', text: 'T', note: 'N', expires: NOON + 1 });
  {
    using mirror = openMirror(path);
    expect(mirror.overrides.put(full)).toBeNull();
    expect(mirror.overrides.put(override('a@contoso.example', { addedAt: NOON + 1 }))).toBeNull();
    expect(mirror.overrides.put(override('c@contoso.example', { addedAt: NOON + 2 }))).toBeNull();
    const replaced = mirror.overrides.put(override('c@contoso.example', { note: 'new', addedAt: NOON + 3 }));
    expect(replaced).toMatchObject({ match: 'c@contoso.example', note: null });
    expect(mirror.overrides.take('a@contoso.example')).toMatchObject({ addedAt: NOON + 1 });
    expect(mirror.overrides.take('a@contoso.example')).toBeNull();
  }
  using mirror = openMirror(path);
  expect(mirror.overrides.all()).toEqual([
    full,
    override('c@contoso.example', { note: 'new', addedAt: NOON + 3 }),
  ]);
});

test('the list of overrides ends somewhere, and what is in it can still be replaced', () => {
  using scratch = scratchMirror();
  const { overrides } = scratch.mirror;
  for (let index = 0; index < 1000; index++) overrides.put(override(`${index}@contoso.example`));
  expect(() => overrides.put(override('one-more@contoso.example'))).toThrow('rcptgate import');
  expect(overrides.put(override('999@contoso.example', { note: 'x' }))).not.toBeNull();
  expect(overrides.all()).toHaveLength(1000);
});

test('an import replaces the one before it, of its tenant only, and is published in shared memory', () => {
  using scratch = scratchMirror();
  const { imports } = scratch.mirror;
  expect([imports.published(), imports.types(TENANT)]).toEqual([[], new Map()]);
  imports.replace(
    ORIGIN,
    new Map([
      ['a@contoso.example', 'X'],
      ['b@contoso.example', 'X'],
      ['c@contoso.example', 'X'],
    ]),
  );
  imports.replace({ ...ORIGIN, tenant: OTHER }, new Map([['z@contoso.example', 'X']]));
  const first = imports.published();
  expect(imports.published()[0]?.known).toBe(first[0]?.known);
  const next = new Map([
    ['b@contoso.example', 'X'],
    ['c@contoso.example', 'Y'],
    ['d@contoso.example', 'Z'],
  ]);
  // The same moment, as after a clock set back: the set is built again all the same.
  imports.replace({ ...ORIGIN, file: 's.csv' }, next);
  expect(imports.types(TENANT)).toEqual(next);
  expect(imports.types(OTHER)).toEqual(new Map([['z@contoso.example', 'X']]));
  const [published] = imports.published();
  expect(published).toMatchObject({ ...ORIGIN, file: 's.csv' });
  const known = addressSetFrom(published?.known ?? new SharedArrayBuffer(0));
  expect(['a', 'b', 'c', 'd'].map((name) => known.has(`${name}@contoso.example`))).toEqual([
    false,
    true,
    true,
    true,
  ]);
});

test('an empty import is none', () => {
  using scratch = scratchMirror();
  const { imports } = scratch.mirror;
  imports.replace(ORIGIN, new Map([['a@contoso.example', 'X']]));
  imports.replace(ORIGIN, new Map());
  expect([imports.published(), imports.types(TENANT)]).toEqual([[], new Map()]);
});

test('a round leaves an import and the overrides alone', () => {
  using scratch = scratchMirror();
  const { mirror } = scratch;
  mirror.imports.replace(ORIGIN, new Map([['a@contoso.example', 'X']]));
  mirror.overrides.put(override('o@contoso.example'));
  scratch.round({ read: 'full', users: [entry('1', 'a@contoso.example', 'b@contoso.example')], groups: [] });
  scratch.round({ users: [entry('2', 'c@contoso.example'), removed('1', 'deleted')], groups: [] });
  expect(scratch.known('a@contoso.example', 'c@contoso.example')).toEqual(['c@contoso.example']);
  expect(mirror.imports.types(TENANT)).toEqual(new Map([['a@contoso.example', 'X']]));
  expect(mirror.overrides.all()).toHaveLength(1);
});

test('holdings count by kind and domain', () => {
  using scratch = scratchMirror();
  const guest = { id: 'g', facts: { userType: 'Guest', proxyAddresses: ['SMTP:x@elsewhere.example'] } };
  const odd = { id: 'o', facts: { proxyAddresses: ['SMTP:"a@b"@contoso.example'] } };
  scratch.round({
    read: 'full',
    users: [
      entry('1', 'a@contoso.example', 'b@sub.contoso.example'),
      guest,
      odd,
      entry('2', 'a@contoso.example'),
    ],
    groups: [{ id: 'l', facts: { mailEnabled: true, proxyAddresses: ['smtp:list@contoso.example'] } }],
  });
  scratch.mirror.imports.replace(ORIGIN, new Map([['p@contoso.example', 'PublicFolder']]));
  expect(scratch.mirror.holdings(TENANT)).toEqual({
    tenant: TENANT,
    syncedAt: NOON,
    verified: ['contoso.example'],
    streams: ['groups', 'users'],
    objects: { user: 3, guest: 1, 'distribution-list': 1 },
    addresses: [
      { kind: 'distribution-list', domain: 'contoso.example', count: 1 },
      { kind: 'user', domain: 'contoso.example', count: 2 },
      { kind: 'user', domain: 'sub.contoso.example', count: 1 },
    ],
    imported: [{ type: 'PublicFolder', domain: 'contoso.example', count: 1 }],
  });
  // A permission that was taken away: the stream was read once, and the last round did not ask for it.
  const report = JSON.stringify({ streams: [{ stream: 'users' }] });
  scratch.mirror.recordRound(TENANT, { report, errors: [], notBefore: null });
  expect(scratch.mirror.holdings(TENANT).streams).toEqual(['users']);
});
