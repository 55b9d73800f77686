/** The directory after rounds of changes, which is changed in place of being built: always what the tables say. */

import SQLite from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { addressSetFrom } from '../../src/core/address-set.ts';
import type { RecipientPatch } from '../../src/core/recipient.ts';
import { DEFAULT_GUARD } from '../../src/core/reconcile.ts';
import { type Random, seeded } from '../random.ts';
import { DAY, entry, NOON, removed, type ScratchMirror, scratchMirror, TENANT } from './scratch.ts';

const USERS = 150;
const SPELLINGS = Array.from({ length: 400 }, (_, index) => `user${index}@contoso.example`);

function patch(random: Random): RecipientPatch {
  const id = `${random.below(USERS)}`;
  if (random.below(4) === 0) return removed(id, random.pick(['changed', 'deleted']));
  const addresses = Array.from({ length: 1 + random.below(3) }, () => random.pick(SPELLINGS));
  return entry(id, ...new Set(addresses));
}

/** What a directory must know, read from the file by another connection. */
function stored(path: string): string[] {
  const database = new SQLite(path, { readonly: true });
  const rows = database
    .prepare<[], string>(
      'SELECT address FROM address UNION SELECT address FROM departed WHERE held IS NOT NULL ORDER BY address',
    )
    .pluck()
    .all();
  database.close();
  return rows;
}

function published(scratch: ScratchMirror) {
  const { known, departed } = scratch.mirror.readDirectory(TENANT, NOON, DAY);
  const set = addressSetFrom(known);
  return { known, departed, size: set.size, has: SPELLINGS.filter((address) => set.has(address)).sort() };
}

describe('after every round of changes', () => {
  test.each([1, 2, 3, 4])('the directory is what is stored: seed %i', (seed) => {
    using scratch = scratchMirror();
    const random = seeded(seed);
    const everybody = Array.from({ length: USERS }, (_, index) => entry(`${index}`, SPELLINGS[index] ?? ''));
    scratch.round({ read: 'full', users: everybody });
    published(scratch);
    for (let turn = 0; turn < 60; turn++) {
      const users = Array.from({ length: 1 + random.below(6) }, () => patch(random));
      scratch.round({ read: random.below(12) === 0 ? 'full' : 'delta', users, at: NOON + turn });
      // Now and then a round is not published, so that a step is missing.
      if (random.below(5) === 0) continue;
      const { has, size } = published(scratch);
      expect({ turn, has, size }).toEqual({ turn, has: stored(scratch.path), size: has.length });
    }
  });

  test('held and released addresses are known and gone', () => {
    using scratch = scratchMirror();
    scratch.round({ read: 'full', users: [entry('1', 'user1@contoso.example')] });
    published(scratch);
    scratch.round({ users: [removed('1')] });
    expect(published(scratch).has).toEqual(['user1@contoso.example']);
  });
});

test('a small change keeps the table it has; a large one builds a new set', () => {
  using scratch = scratchMirror({ ...DEFAULT_GUARD, maxShare: 100 });
  const everybody = Array.from({ length: 100 }, (_, index) => entry(`${index}`, SPELLINGS[index] ?? ''));
  scratch.round({ read: 'full', users: everybody });
  const { known: full } = published(scratch);
  scratch.round({ users: [removed('5')] });
  const small = published(scratch);
  // The bytes of who left stay behind until a set is built anew.
  expect([small.size, small.known.byteLength]).toEqual([99, full.byteLength]);
  scratch.round({ users: everybody.slice(0, 40).map(({ id }) => removed(id)) });
  const large = published(scratch);
  expect(large.size).toBe(60);
  expect(large.known.byteLength).toBeLessThan(full.byteLength);
});

test('a round that failed leaves nothing behind for the next step', () => {
  using scratch = scratchMirror();
  const everybody = Array.from({ length: 100 }, (_, index) => entry(`${index}`, SPELLINGS[index] ?? ''));
  scratch.round({ read: 'full', users: everybody });
  published(scratch);
  scratch.mirror.stage(TENANT, 'users', [removed('1')]);
  const broken = {
    startedAt: NOON,
    get domains(): readonly string[] {
      throw new Error('struck by lightning');
    },
    streams: [{ stream: 'users', read: 'delta', cursor: 'c', selectHash: 'h' }] as const,
    complete: true,
  };
  expect(() => scratch.mirror.commitRound(TENANT, broken, NOON)).toThrow('struck by lightning');
  scratch.mirror.unstage(TENANT, null);
  expect(published(scratch).size).toBe(100);
  scratch.round({ users: [removed('2')] });
  expect(published(scratch).has).toEqual(stored(scratch.path));
});
