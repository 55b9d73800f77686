/** The guard's rule, and when a directory's freshness is worth a word. */
import { describe, expect, test } from 'vitest';
import { freshnessTurn } from '../../src/core/freshness.ts';
import { DEFAULT_GUARD, type GuardLimits, reconcile } from '../../src/core/reconcile.ts';

const addresses = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`);

describe('removals', () => {
  const many: Array<[string, number, number, Partial<GuardLimits>, string | null]> = [
    ['none', 1000, 0, {}, null],
    ['none, of nobody', 0, 0, {}, null],
    ['everybody', 5, 5, {}, 'empty-listing'],
    ['everybody but one, of a small tenant', 11, 10, {}, null],
    ['one more than the share matters for', 110, 11, {}, null],
    ['eleven of less than a hundred and ten', 109, 11, {}, 'share'],
    ['the share exactly', 5000, 500, {}, null],
    ['more than the count', 100_000, 501, {}, 'count'],
    ['the count exactly', 100_000, 500, {}, null],
    ['any, with a count of none', 100_000, 1, { maxRemovals: 0 }, 'count'],
    ['half, with the share switched off', 100, 50, { maxShare: 100 }, null],
  ];
  test.each(many)('%s: %i addresses, %i go', (_name, before, gone, limits, why) => {
    const removed = addresses(gone);
    const change = { before, after: before - gone, removed, recent: () => false };
    expect(reconcile(change, { ...DEFAULT_GUARD, ...limits })).toEqual(
      why === null ? { apply: removed, hold: [], why } : { apply: [], hold: removed, why },
    );
  });

  test('of addresses that received mail lately wait; the others go', () => {
    const change = { before: 100, after: 97, removed: ['a', 'b', 'c'], recent: (a: string) => a === 'b' };
    expect(reconcile(change, DEFAULT_GUARD)).toEqual({ apply: ['a', 'c'], hold: ['b'], why: 'recent-mail' });
  });

  test('that are too many are held whatever mail there was', () => {
    const change = { before: 3, after: 0, removed: ['a', 'b', 'c'], recent: (a: string) => a === 'b' };
    expect(reconcile(change, DEFAULT_GUARD)).toMatchObject({ apply: [], why: 'empty-listing' });
  });
});

test.each([
  ['empty', 'empty', null],
  ['empty', 'fresh', 'fresh'],
  ['empty', 'stale', 'stale'],
  ['fresh', 'fresh', null],
  ['fresh', 'stale', 'stale'],
  ['stale', 'stale', null],
  ['stale', 'fresh', 'fresh'],
] as const)('a directory that was %s and is %s: %s is said', (before, after, said) => {
  expect(freshnessTurn(before, after)).toBe(said);
});
