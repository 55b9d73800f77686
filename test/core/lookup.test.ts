/** The rules of live lookup: budget, harvesting, which addresses are asked for and what the outcome means. */
import { describe, expect, it } from 'vitest';
import { type Mailbox, parseMailbox } from '../../src/core/address.ts';
import { clientNetwork, watchHarvests } from '../../src/core/harvest.ts';
import { afterLookup, type LookupOutcome, lookupKeys, wantsLookup } from '../../src/core/lookup.ts';
import type { Policy } from '../../src/core/policy.ts';
import { sharedDomains } from '../../src/core/shared-domains.ts';
import { fullBucket, type TokenBucket, takeToken } from '../../src/core/token-bucket.ts';
import { bareVerdict } from '../../src/core/verdict.ts';

describe('takeToken', () => {
  /** Takes at each moment (ms) and says what it got. */
  function takes(limits: { rate: number; burst: number }, moments: readonly number[]): boolean[] {
    let bucket: TokenBucket = fullBucket(limits, 0);
    return moments.map((now) => {
      const step = takeToken(bucket, limits, now);
      bucket = step.bucket;
      return step.taken;
    });
  }

  it.each([
    ['a burst, then nothing', { rate: 1, burst: 3 }, [0, 0, 0, 0], [true, true, true, false]],
    ['one comes back in a second', { rate: 1, burst: 1 }, [0, 999, 1000, 1001], [true, false, true, false]],
    [
      'no more than the burst is saved up',
      { rate: 10, burst: 2 },
      [60_000, 60_000, 60_000],
      [true, true, false],
    ],
    ['less than one a second', { rate: 0.1, burst: 1 }, [0, 9900, 10_100], [true, false, true]],
    [
      'a clock that goes back refills nothing',
      { rate: 1, burst: 1 },
      [5000, 0, 0, 900, 1000],
      [true, false, false, false, true],
    ],
  ])('%s', (_what, limits, moments, expected) => {
    expect(takes(limits, moments)).toEqual(expected);
  });

  it('never gives more than burst plus rate times seconds', () => {
    const moments = Array.from({ length: 5000 }, (_, index) => index * 2);
    expect(takes({ rate: 7, burst: 20 }, moments).filter(Boolean)).toHaveLength(20 + 7 * 10 - 1);
  });
});

describe('watchHarvests', () => {
  const LIMITS = { limit: 2, window: 1000, clients: 3 };

  it.each([
    ['at the limit is not past it', ['a', 'b'], 10, false],
    ['one past the limit', ['a', 'b', 'c'], 10, true],
    ['the same address again does not count', ['a', 'a', 'a', 'b'], 10, false],
    ['until the window is over', ['a', 'b', 'c'], 999, true],
    ['not longer', ['a', 'b', 'c'], 1000, false],
  ])('%s', (_what, addresses, at, expected) => {
    const watch = watchHarvests(LIMITS);
    for (const address of addresses) watch.absent('192.0.2.1', address, 0);
    expect(watch.harvesting('192.0.2.1', at)).toBe(expected);
    expect(watch.harvesting('192.0.2.2', at)).toBe(false);
  });

  it('starts a new window after the old one', () => {
    const watch = watchHarvests(LIMITS);
    for (const address of ['a', 'b', 'c']) watch.absent('192.0.2.1', address, 0);
    watch.absent('192.0.2.1', 'd', 2000);
    expect(watch.harvesting('192.0.2.1', 2001)).toBe(false);
  });

  it('remembers so many clients and no more', () => {
    const watch = watchHarvests(LIMITS);
    for (let host = 0; host < 200; host++) watch.absent(`192.0.2.${host}`, 'a', host);
    expect(watch.size).toBe(3);
  });

  it('is off with a limit of 0', () => {
    const watch = watchHarvests({ ...LIMITS, limit: 0 });
    for (const address of ['a', 'b', 'c']) watch.absent('192.0.2.1', address, 0);
    expect([watch.harvesting('192.0.2.1', 1), watch.size]).toEqual([false, 0]);
  });
});

describe('clientNetwork', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ])('of %s is %s', (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });
});

const POLICY: Policy = {
  domains: new Map(
    [true, false].map((subaddressing) => {
      const name = subaddressing ? 'contoso.example' : 'plain.example';
      return [
        name,
        { name, tenant: 't', policy: 'enforce', subaddressing, subdomains: false, nextHop: null } as const,
      ];
    }),
  ),
  overrides: [],
  freshnessLimit: 1,
  gracePeriod: 1,
};

function mailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.mailbox;
}

describe('lookupKeys', () => {
  it.each([
    ['Zoe@contoso.example', ['zoe@contoso.example']],
    ['zoe+News@contoso.example', ['zoe+news@contoso.example', 'zoe@contoso.example']],
    ['zoe+a+b@contoso.example', ['zoe+a+b@contoso.example', 'zoe@contoso.example']],
    ['+zoe@contoso.example', ['+zoe@contoso.example']],
    ['zoe+news@plain.example', ['zoe+news@plain.example']],
    ['"a b"@contoso.example', ['a b@contoso.example']],
  ])('of %s are %j', (text, keys) => {
    expect(lookupKeys(mailbox(text), POLICY)).toEqual(keys);
  });
});

describe('afterLookup', () => {
  const unknown = { ...bareVerdict('unknown', 'zoe@contoso.example'), tenant: 't', nextHop: 'hop:25' };

  it.each<[LookupOutcome, string, string, string | null]>([
    [{ kind: 'found', address: 'zoe@contoso.example' }, 'accept', 'live-lookup', 'zoe@contoso.example'],
    [{ kind: 'absent' }, 'reject', 'unknown', null],
    [{ kind: 'timeout' }, 'defer', 'lookup-timeout', null],
    [{ kind: 'over-budget' }, 'defer', 'lookup-over-budget', null],
    [{ kind: 'failed' }, 'defer', 'lookup-failed', null],
    [{ kind: 'withheld' }, 'defer', 'lookup-withheld', null],
  ])('%j is %s, %s', (outcome, action, reason, matched) => {
    expect(afterLookup(unknown, outcome)).toEqual({ ...unknown, action, reason, matched });
  });

  it.each([
    ['unknown', 't', true],
    ['unknown', null, false],
    ['known', 't', false],
    ['directory-stale', 't', false],
    ['observed-unknown', 't', false],
    ['override-deny', 't', false],
  ] as const)('a verdict %s of tenant %s wants one: %s', (reason, tenant, wants) => {
    expect(wantsLookup({ ...bareVerdict(reason), tenant })).toBe(wants);
  });
});

describe('sharedDomains', () => {
  it('names what two tenants claim, and nothing else', () => {
    const claims = [
      { tenant: 'one', domains: ['b.example', 'a.example', 'a.example'] },
      { tenant: 'two', domains: ['a.example', 'c.example'] },
      { tenant: 'three', domains: ['b.example', 'a.example'] },
    ];
    expect(sharedDomains(claims)).toEqual([
      { domain: 'a.example', tenants: ['one', 'two', 'three'] },
      { domain: 'b.example', tenants: ['one', 'three'] },
    ]);
    expect(sharedDomains(claims.slice(0, 1))).toEqual([]);
  });
});
