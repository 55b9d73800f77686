/** Snapshots, freshness and references: the small values around the verdict. */
import { describe, expect, it } from 'vitest';
import { addressSetOf } from '../../src/core/address-set.ts';
import { packDeparted } from '../../src/core/departed.ts';
import { emptyTenantDirectory, openSnapshot, withTenant } from '../../src/core/directory.ts';
import { freshness } from '../../src/core/freshness.ts';
import { referenceFrom, referenceSource } from '../../src/core/reference.ts';

describe('directory', () => {
  it('opens what the learning side published', () => {
    const known = addressSetOf(['alice@contoso.example']).buffer;
    const departed = packDeparted([
      ['bob@contoso.example', 4],
      ['bob@contoso.example', 5],
    ]);
    const opened = openSnapshot({ tenant: 't', known, departed, syncedAt: 7 });
    expect([
      opened.known.has('alice@contoso.example'),
      opened.departed.get('bob@contoso.example'),
      opened.departed.get('alice@contoso.example'),
      opened.departed.size,
      opened.syncedAt,
    ]).toEqual([true, 5, undefined, 1, 7]);
  });

  it('is replaced, not changed', () => {
    const before = new Map([['t', emptyTenantDirectory('t')]]);
    const after = withTenant(before, { ...emptyTenantDirectory('t'), syncedAt: 9 });
    expect([before.get('t')?.syncedAt, after.get('t')?.syncedAt]).toEqual([null, 9]);
  });
});

describe('freshness', () => {
  it.each([
    [null, 1000, 'empty'],
    [1000, 1000, 'fresh'],
    [1000, 1500, 'fresh'],
    [1000, 1501, 'stale'],
    [61_000, 1000, 'fresh'],
    [61_001, 1000, 'stale'],
  ])('synced at %j, now %j: %s', (syncedAt, now, expected) => {
    expect(freshness(syncedAt, now, 500)).toBe(expected);
  });
});

describe('referenceFrom', () => {
  it('is six characters that can be read out', () => {
    expect(referenceFrom(Uint8Array.from([0, 9, 10, 31, 32, 255, 7]))).toBe('09AZ0Z');
  });

  it('needs six bytes', () => {
    expect(() => referenceFrom(new Uint8Array(5))).toThrow(RangeError);
  });
});

describe('referenceSource', () => {
  it('gives every drawn byte to one reference only, and draws rarely', () => {
    let drawings = 0;
    const next = referenceSource((size) => {
      drawings += 1;
      return Uint8Array.from({ length: size }, (_, index) =>
        index % 6 < 2 ? 0 : (Math.floor(index / 6) + drawings) % 32,
      );
    });
    const references = Array.from({ length: 600 }, next);
    expect([references[0], references[1], references[511], references[512], references[513]]).toEqual([
      '001111',
      '002222',
      '000000',
      '002222',
      '003333',
    ]);
    expect(drawings).toBe(2);
  });
});
