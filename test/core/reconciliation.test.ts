/** Where we and the next hop part: what counts as an answer about a recipient, and when a domain can be enforced. */
import { describe, expect, it } from 'vitest';
import {
  compare,
  type Discrepancy,
  hopOpinion,
  type ObservedDay,
  readiness,
  reconciliationOf,
} from '../../src/core/reconciliation.ts';
import type { Reason } from '../../src/core/verdict.ts';

const DAY = 86_400_000;
const NOW = 100 * DAY + 1;

describe('what the next hop thinks of a recipient', () => {
  it.each([
    [250, '2.1.5', 'yes'],
    [251, null, 'yes'],
    [550, '5.1.1', 'no'],
    [550, '5.1.10', 'no'],
    [550, '5.4.1', 'no'],
    [550, '5.2.1', 'no'],
    [550, null, 'no'],
    [550, '5.0.0', 'no'],
    [550, '5.1.8', 'unsure'],
    [550, '5.7.1', 'unsure'],
    [554, '5.6.0', 'unsure'],
    [552, '5.2.2', 'unsure'],
    [451, '4.1.1', 'unsure'],
    [421, null, 'unsure'],
  ] as const)('%i %s: %s', (code, enhanced, opinion) => expect(hopOpinion(code, enhanced)).toBe(opinion));

  it.each([
    ['observed-unknown', 'yes', 'hop-accepted'],
    ['observed-unknown', 'no', 'agreed'],
    ['observed-unknown', 'unsure', null],
    ['known', 'yes', 'agreed'],
    ['known', 'no', 'hop-rejected'],
    ['subaddress', 'no', 'hop-rejected'],
    ['imported', 'no', 'hop-rejected'],
    ['override-allow', 'no', 'hop-rejected'],
    ['known', 'unsure', null],
    ['domain-open', 'no', null],
    ['postmaster', 'no', null],
  ] as Array<[Reason, 'yes' | 'no' | 'unsure', string | null]>)('%s and %s: %s', (reason, opinion, result) =>
    expect(compare({ reason }, opinion)).toBe(result),
  );
});

function day(ago: number, agreed: number): ObservedDay {
  return { domain: 'd.example', day: 100 - ago, agreed, hopAccepted: 0, hopRejected: 0 };
}

describe('a domain is ready to enforce', () => {
  it.each([
    ['never, without any mail', [], null, false],
    ['not after six days', [day(6, 500), day(0, 100)], null, false],
    ['after seven days with some mail', [day(7, 10), day(3, 10)], null, true],
    ['not after seven days with hardly any', [day(7, 10), day(3, 9)], null, false],
    ['after one day with very much', [day(1, 600), day(0, 400)], null, true],
    ['not on the first day, however much it has', [day(0, 100_000)], null, false],
    ['not with a discrepancy three days ago', [day(20, 900), day(3, 900), day(1, 10)], 97 * DAY, false],
    ['seven days after the last one', [day(20, 1), day(8, 5), day(6, 30)], 93 * DAY, true],
    ['a day after the last one with very much', [day(1, 1000)], 98 * DAY, true],
    ['not counting the day it happened', [day(7, 5000), day(6, 3)], 93 * DAY, false],
  ] as Array<[string, ObservedDay[], number | null, boolean]>)('%s', (_name, days, last, ready) => {
    const found = readiness(days, last, NOW);
    expect(found.ready, found.why).toBe(ready);
  });
});

describe('the report', () => {
  const found: Discrepancy = {
    domain: 'd.example',
    address: 'a@d.example',
    kind: 'hop-accepted',
    count: 3,
    withdrawn: 0,
    firstAt: 0,
    lastAt: NOW,
    senders: [],
    reply: null,
  };
  const domains = [{ name: 'd.example', tenant: 't', policy: 'observe' }];
  const days = [day(20, 900), day(3, 900)];
  const settledOf = (discrepancy: Discrepancy, accepted = false) => {
    const stored = [{ tenant: 't', discrepancies: [discrepancy], days }];
    const [domain] = reconciliationOf(stored, domains, () => accepted, NOW);
    return [domain?.discrepancies[0]?.settled, domain?.readiness?.ready];
  };

  it('counts what was learnt since, or refused with its message, as settled', () => {
    expect(settledOf(found)).toEqual([false, false]);
    expect(settledOf(found, true)).toEqual([true, true]);
    expect(settledOf({ ...found, withdrawn: 3 })).toEqual([true, true]);
    expect(settledOf({ ...found, withdrawn: 2 })).toEqual([false, false]);
    expect(settledOf({ ...found, kind: 'hop-rejected' }, true)).toEqual([false, true]);
  });

  it('has every domain, with readiness where it is observed', () => {
    const both = [...domains, { name: 'e.example', tenant: 'u', policy: 'enforce' }];
    expect(reconciliationOf([], both, () => false, NOW)).toMatchObject([
      { domain: 'd.example', readiness: { ready: false }, discrepancies: [] },
      { domain: 'e.example', readiness: null, discrepancies: [] },
    ]);
  });
});
