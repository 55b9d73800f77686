/** Whether a load balancer should send mail: never because of Graph's trouble, always not while stopping or knowing nobody. */
import { describe, expect, it } from 'vitest';
import { addressSetOf } from '../../src/core/address-set.ts';
import { packDeparted } from '../../src/core/departed.ts';
import { type Directory, openSnapshot, withTenant } from '../../src/core/directory.ts';
import { readiness } from '../../src/core/readiness.ts';

const HOUR = 3_600_000;
const NOW = 100 * HOUR;

function directory(known: readonly string[], syncedAt: number | null): Directory {
  const snapshot = { tenant: 't1', known: addressSetOf(known).buffer, departed: packDeparted([]), syncedAt };
  return withTenant(new Map(), openSnapshot(snapshot));
}

describe('readiness', () => {
  const alice = ['alice@contoso.example'];
  const at = { now: NOW, limit: HOUR, draining: false };
  it.each([
    ['a fresh directory', directory(alice, NOW), at, [true, [], []]],
    ['a stale one', directory(alice, NOW - 2 * HOUR), at, [true, [], ['t1']]],
    ['the last image of a lost mirror', directory(alice, null), at, [true, [], ['t1']]],
    ['a tenant that was never read', directory([], null), at, [false, ['t1'], []]],
    ['nothing at all', new Map(), at, [false, ['t1'], []]],
    ['a stop', directory(alice, NOW), { ...at, draining: true }, [false, [], []]],
  ] as const)('%s', (_name, known, when, expected) => {
    const { ready, empty, stale } = readiness(known, ['t1'], when);
    expect([ready, empty, stale]).toEqual(expected);
  });
});
