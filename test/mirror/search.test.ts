/** Searching recipients in real SQLite: what is found, in which order, page by page, and nothing of another tenant. */
import { expect, test } from 'vitest';
import type { FoundRecipient, SearchAsk } from '../../src/core/recipient-search.ts';
import { openSearching, type SearchClock } from '../../src/sync/searching.ts';
import { DAY, entry, NOON, removed, type ScratchMirror, scratchMirror, TENANT } from './scratch.ts';

const OTHER = '99999999-2222-3333-4444-555555555555';

/** Time that a test moves: each pause lasts `pause` ms. */
function clock(pause = 0): SearchClock {
  let time = 0;
  return {
    now: () => time,
    pause: async () => {
      time += pause;
    },
  };
}

function ask(text: string, changes: Partial<SearchAsk> = {}): SearchAsk {
  return { tenant: TENANT, text, kind: null, after: null, limit: 50, ...changes };
}

async function find(
  { mirror }: ScratchMirror,
  text: string,
  changes: Partial<SearchAsk> = {},
): Promise<readonly FoundRecipient[]> {
  return (await openSearching(clock())(ask(text, changes), mirror.search, NOON - DAY)).items;
}

/** A recipient in one word: its id, or the address that nobody owns. */
function name({ object, addresses }: FoundRecipient): string {
  return object?.id ?? addresses[0] ?? '';
}

function tenant(): ScratchMirror {
  const scratch = scratchMirror();
  const named = (id: string, displayName: string, ...addresses: string[]) => {
    const made = entry(id, ...addresses);
    return { ...made, facts: { ...made.facts, displayName } };
  };
  scratch.round({
    read: 'full',
    users: [
      named('u1', 'Alice Adams', 'alice@contoso.example', 'al@contoso.example'),
      named('u2', '田中 太郎', 'tanaka@contoso.example'),
      named('u3', 'Ärger "Alice"', 'aerger@contoso.example'),
      named('u4', 'Leaver', 'leaver@contoso.example'),
      named('u5', 'Deleted', 'deleted@contoso.example'),
      {
        id: 'g1',
        facts: { displayName: 'Guest', userType: 'Guest', proxyAddresses: ['SMTP:g@elsewhere.example'] },
      },
    ],
    groups: [
      {
        id: 'l1',
        facts: { displayName: 'List', mailEnabled: true, proxyAddresses: ['SMTP:list@contoso.example'] },
      },
    ],
  });
  scratch.round({ users: [entry('u4', 'stayer@contoso.example'), removed('u5')], at: NOON });
  scratch.mirror.imports.replace(
    { tenant: TENANT, file: 'r.csv', importedAt: NOON, importedBy: 'me' },
    new Map([['folder@contoso.example', 'PublicFolder']]),
  );
  scratch.mirror.imports.replace(
    { tenant: OTHER, file: 'r.csv', importedAt: NOON, importedBy: 'me' },
    new Map([['alice@contoso.example', 'PublicFolder']]),
  );
  return scratch;
}

test.each<[text: string, kind: string | null, found: readonly string[]]>([
  ['alice@contoso.example', null, ['u1']],
  ['ALICE', null, ['u1', 'u3']],
  ['al', null, ['u1', 'u3']],
  [
    'a',
    null,
    [
      'u3',
      'u1',
      'l1',
      'g1',
      'u2',
      'u4',
      'u5',
      'deleted@contoso.example',
      'leaver@contoso.example',
      'folder@contoso.example',
    ],
  ],
  ['adams alice', null, ['u1']],
  ['田中', null, ['u2']],
  ['ärger', null, ['u3']],
  ['"alice"', null, ['u3']],
  ['list@', null, ['l1']],
  ['leaver', null, ['leaver@contoso.example']],
  ['deleted', null, ['deleted@contoso.example', 'u5']],
  ['deleted', 'departed', ['deleted@contoso.example']],
  ['deleted', 'user', ['u5']],
  ['folder', null, ['folder@contoso.example']],
  ['older', 'imported', ['folder@contoso.example']],
  ['folder', 'user', []],
  ['', 'guest', ['g1']],
  ['', 'distribution-list', ['l1']],
  ['elsewhere', null, ['g1']],
  ['proxyAddresses', null, []],
  ['%', null, []],
  ['_', null, []],
  ["' OR 1=1 --", null, []],
  ['nobody@contoso.example', null, []],
])('%j of kind %s finds %j', async (text, kind, found) => {
  using scratch = tenant();
  const names = (await find(scratch, text, { kind })).map(name);
  expect(names.toSorted()).toEqual(found.toSorted());
  expect(new Set(names).size).toBe(names.length);
});

test('addresses that begin with the text come first, the one that was looked for before the others', async () => {
  using scratch = tenant();
  const [first, second] = await find(scratch, 'al');
  expect(first).toMatchObject({ displayName: 'Alice Adams', state: 'live', kind: 'user', more: 0 });
  expect(first?.addresses).toEqual(['alice@contoso.example', 'al@contoso.example']);
  expect(second).toMatchObject({ displayName: 'Ärger "Alice"' });
});

test('says what became of an address that left, and since when', async () => {
  using scratch = tenant();
  const [left] = await find(scratch, 'leaver');
  expect(left).toMatchObject({ object: null, kind: 'address', state: 'grace', since: NOON });
  const searching = openSearching(clock());
  const later = await searching(ask('leaver'), scratch.mirror.search, NOON);
  expect(later.items[0]).toMatchObject({ state: 'gone' });
  const [folder] = await find(scratch, 'folder');
  expect(folder).toMatchObject({ kind: 'PublicFolder', state: 'imported', since: NOON });
});

test('the removal that the guard holds is shown as held, and the plan page by page', async () => {
  using scratch = scratchMirror();
  const many = Array.from({ length: 30 }, (_, index) => `m${String(index).padStart(2, '0')}@contoso.example`);
  scratch.round({ read: 'full', users: many.map((address) => entry(address, address)), groups: [] });
  scratch.mirror.noteMail(TENANT, ['m03@contoso.example'], NOON);
  scratch.round({
    read: 'full',
    users: many.slice(0, 2).map((each) => entry(each, each)),
    groups: [],
    at: NOON + 1,
  });
  const plan = scratch.mirror.heldPlan(TENANT);
  expect(plan?.addresses).toBe(28);
  expect((await find(scratch, 'm05')).map(({ state }) => state)).toEqual(['held', 'absent']);
  const first = scratch.mirror.heldAddresses(TENANT, '', 20);
  expect(first).toMatchObject({ hash: plan?.hash, next: 'm21@contoso.example' });
  expect(first.items[1]).toEqual({
    address: 'm03@contoso.example',
    why: 'share',
    removedAt: NOON + 1,
    lastMail: Math.floor(NOON / DAY) * DAY,
  });
  const second = scratch.mirror.heldAddresses(TENANT, first.next ?? '', 20);
  expect([second.items.length, second.next]).toEqual([8, null]);
  expect(scratch.mirror.heldAddresses(OTHER, '', 20)).toEqual({ hash: null, items: [], next: null });
});

test.each([1, 2, 7, 500])('pages of %i rows are the whole list, each row once', async (limit) => {
  using scratch = scratchMirror();
  const users = Array.from({ length: 1203 }, (_, index) =>
    entry(`u${index}`, `x${index}@contoso.example`, `xx${index}@contoso.example`),
  );
  scratch.round({ read: 'full', users: users.slice(0, limit < 7 ? 40 : 1203), groups: [] });
  const all = limit < 7 ? 40 : 1203;
  const searching = openSearching(clock());
  for (const text of ['x', '', 'contoso']) {
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const page = await searching(ask(text, { after, limit }), scratch.mirror.search, 0);
      expect(page.items.length).toBeLessThanOrEqual(Math.min(limit, 200));
      seen.push(...page.items.map(name));
      after = page.next;
      if (after === null) break;
    }
    expect([seen.length, new Set(seen).size]).toEqual([all, all]);
  }
});

test('a search whose time is over answers with what it has, and goes on from there', async () => {
  using scratch = scratchMirror();
  const users = Array.from({ length: 3000 }, (_, index) => entry(`u${index}`, `x${index}@contoso.example`));
  const needle = { ...entry('z', 'z@contoso.example'), id: 'zz' };
  scratch.round({ read: 'full', users: [...users, needle], groups: [] });
  const searching = openSearching(clock(1000));
  const pages: number[] = [];
  const found: string[] = [];
  for (let after: string | null = null; ; ) {
    const page = await searching(ask('@contoso.example z', { after }), scratch.mirror.search, 0);
    pages.push(page.items.length);
    found.push(...page.items.map(name));
    after = page.next;
    if (after === null) break;
  }
  expect(found).toEqual(['zz']);
  expect(pages.length).toBeGreaterThan(2);
});

test('one search at a time; too many that wait are refused, and a foreign cursor too', async () => {
  using scratch = tenant();
  const searching = openSearching(clock(), { time: 1500, waiting: 2 });
  const go = (after: string | null = null) => searching(ask('a', { after }), scratch.mirror.search, 0);
  const [one, two, three] = await Promise.allSettled([go(), go(), go()]);
  expect([one.status, two.status, three.status]).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  await expect(go()).resolves.toMatchObject({ next: null });
  for (const after of [
    '',
    'x',
    Buffer.from('[-1]').toString('base64url'),
    Buffer.from('[1,2,3]').toString('base64url'),
  ]) {
    await expect(go(after)).rejects.toThrow('does not exist');
  }
});

test('the picture of one object names the standing of every entry', () => {
  using scratch = scratchMirror();
  const proxyAddresses = [
    'SMTP:Alice@Contoso.example',
    'smtp:al@contoso.example',
    'smtp:a@elsewhere.example',
    'X500:/o=Contoso/cn=alice',
  ];
  const alice = { id: 'u1', facts: { displayName: 'Alice', proxyAddresses } };
  scratch.round({ read: 'full', users: [alice, entry('u2', 'b@contoso.example')], groups: [] });
  scratch.mirror.noteMail(TENANT, ['al@contoso.example'], NOON);
  const { picture } = scratch.mirror;
  expect(picture(TENANT, 'users', 'u1', 0)).toEqual({
    tenant: TENANT,
    object: { stream: 'users', id: 'u1' },
    kind: 'user',
    state: 'live',
    since: NOON,
    facts: { displayName: 'Alice', proxyAddresses },
    entries: [
      {
        entry: proxyAddresses[0],
        address: 'alice@contoso.example',
        primary: true,
        standing: 'known',
        lastMail: null,
      },
      {
        entry: proxyAddresses[1],
        address: 'al@contoso.example',
        primary: false,
        standing: 'known',
        lastMail: Math.floor(NOON / DAY) * DAY,
      },
      {
        entry: proxyAddresses[2],
        address: 'a@elsewhere.example',
        primary: false,
        standing: 'not-verified',
        lastMail: null,
      },
      { entry: proxyAddresses[3], address: null, primary: false, standing: 'not-smtp', lastMail: null },
    ],
  });
  scratch.round({ users: [removed('u1')], at: NOON + 5 });
  const gone = picture(TENANT, 'users', 'u1', 0);
  expect([gone?.state, gone?.entries.map(({ standing }) => standing)]).toEqual([
    'changed',
    ['grace', 'held', 'gone', 'not-smtp'],
  ]);
  expect(picture(TENANT, 'users', 'u1', NOON + 5)?.entries[0]?.standing).toBe('gone');
  expect([picture(TENANT, 'groups', 'u1', 0), picture(OTHER, 'users', 'u1', 0)]).toEqual([null, null]);
});

test('of the rounds the last 50 are kept, and the last 50 in which something happened', () => {
  using scratch = scratchMirror();
  const report = (index: number, changes: object) =>
    JSON.stringify({
      tenant: TENANT,
      startedAt: index,
      outcome: 'ok',
      added: 0,
      removed: 0,
      held: 0,
      ...changes,
    });
  const record = (index: number, changes: object) =>
    scratch.mirror.recordRound(TENANT, { report: report(index, changes), errors: [], notBefore: null });
  for (let index = 0; index < 60; index++) record(index, { added: 1 });
  record(60, { outcome: 'failed' });
  for (let index = 61; index < 200; index++) record(index, {});
  const kept = scratch.mirror.rounds(TENANT).map((text) => JSON.parse(text).startedAt as number);
  expect(kept).toEqual([
    ...Array.from({ length: 50 }, (_, index) => 199 - index),
    ...Array.from({ length: 50 }, (_, index) => 60 - index),
  ]);
  expect(scratch.mirror.rounds(OTHER)).toEqual([]);
});
