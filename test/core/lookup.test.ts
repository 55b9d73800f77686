/** The rules of live lookup: budget, which addresses are asked for and what the outcome means. */
import { describe, expect, it } from 'vitest';
import { type Mailbox, parseMailbox } from '../../src/core/address.ts';
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
