/** The answering side of live lookups: coalescing, deadline, budget, pauses and what is remembered. */
import { describe, expect, test } from 'vitest';
import { addressSetOf } from '../../src/core/address-set.ts';
import type { LookupOutcome } from '../../src/core/lookup.ts';
import { type LookupLimits, openLookups } from '../../src/sync/lookup.ts';
import type { LookupAnswer, LookupAsk } from '../../src/sync/protocol.ts';

const LIMITS: LookupLimits = {
  deadline: 10_000,
  rate: 10,
  burst: 100,
  negative: 300_000,
};
const ABSENT: LookupAnswer = { kind: 'absent' };

function failure(code: string, pause: number): LookupAnswer {
  return { kind: 'failed', error: { code, message: '', hint: '' }, pause };
}

/** Lookups over a learning side that answers what `answers` says of the first address, on a clock set by hand. */
function stage(
  answers: (address: string, asked: number) => LookupAnswer | Promise<LookupAnswer>,
  limits: Partial<LookupLimits> = {},
) {
  const seen = {
    asks: [] as LookupAsk[],
    outcomes: [] as string[],
    found: [] as string[],
    troubles: [] as string[],
  };
  const clock = { now: 1_000_000 };
  const lookups = openLookups(
    { ...LIMITS, ...limits },
    async (ask) => {
      seen.asks.push(ask);
      return answers(ask.addresses[0] ?? '', seen.asks.length);
    },
    {
      answered: (tenant, outcome) => seen.outcomes.push(`${tenant} ${outcome}`),
      found: (tenant, address) => seen.found.push(`${tenant} ${address}`),
      trouble: (tenant, { code }) => seen.troubles.push(`${tenant} ${code}`),
    },
    () => clock.now,
  );
  const question = (name: string, { tenant = 't' } = {}) => ({
    tenant,
    addresses: [`${name}@contoso.example`],
  });
  const ask = async (name: string, who = {}): Promise<LookupOutcome['kind']> =>
    (await lookups.ask(question(name, who))).kind;
  return { lookups, seen, clock, question, ask };
}

function found(address: string): LookupAnswer {
  return { kind: 'found', addresses: [address] };
}

describe('what is asked', () => {
  test('one request for a hundred who wait for the same address', async () => {
    const { ask, seen } = stage(() => ABSENT);
    const outcomes = await Promise.all(Array.from({ length: 100 }, () => ask('zoe', { client: null })));
    expect(new Set(outcomes)).toEqual(new Set(['absent']));
    expect(seen.asks).toHaveLength(1);
    expect(seen.outcomes).toHaveLength(100);
  });

  test('nothing when the budget is spent, and again when it has refilled', async () => {
    const { ask, seen, clock } = stage(() => ABSENT, { rate: 1, burst: 2 });
    expect([await ask('a'), await ask('b'), await ask('c')]).toEqual(['absent', 'absent', 'over-budget']);
    clock.now += 1000;
    expect([await ask('c'), await ask('d')]).toEqual(['absent', 'over-budget']);
    expect(seen.asks).toHaveLength(3);
  });

  test('the budget of one tenant is not that of another', async () => {
    const { ask } = stage(() => ABSENT, { burst: 1 });
    expect([await ask('a'), await ask('b'), await ask('b', { tenant: 'u' })]).toEqual([
      'absent',
      'over-budget',
      'absent',
    ]);
  });

  test('no more than so many at a time', async () => {
    const { lookups, question, seen } = stage(() => new Promise(() => {}), { burst: 1000 });
    const asked = Array.from({ length: 100 }, (_, index) => lookups.ask(question(`n${index}`)));
    const refused = asked.filter((each) => !(each instanceof Promise));
    expect(refused).toHaveLength(68);
    expect(new Set(refused.map((each) => ('kind' in each ? each.kind : '')))).toEqual(
      new Set(['over-budget']),
    );
    expect(seen.asks).toHaveLength(32);
  });
});

describe('what is remembered', () => {
  test('an absence, for its time, at once', async () => {
    const { lookups, question, ask, seen, clock } = stage((_, asked) =>
      asked === 1 ? ABSENT : found('zoe@contoso.example'),
    );
    expect(await ask('zoe')).toBe('absent');
    clock.now += 299_999;
    expect(lookups.ask(question('zoe'))).toEqual({ kind: 'absent' });
    clock.now += 1;
    expect(await ask('zoe')).toBe('found');
    expect(seen.asks).toHaveLength(2);
  });

  test('a found address, at once, for one tenant, until a directory has it', async () => {
    const { lookups, question, ask, seen } = stage(() => found('zoe@contoso.example'));
    expect(await ask('zoe')).toBe('found');
    expect(seen.found).toEqual(['t zoe@contoso.example']);
    expect(lookups.ask(question('zoe'))).toEqual({ kind: 'found', address: 'zoe@contoso.example' });
    expect(lookups.ask(question('zoe', { tenant: 'u' }))).toBeInstanceOf(Promise);
    const directory = { tenant: 't', departed: new Map(), syncedAt: 1 };
    lookups.published({ ...directory, known: addressSetOf(['other@contoso.example']) });
    expect(lookups.ask(question('zoe'))).toMatchObject({ kind: 'found' });
    lookups.published({ ...directory, known: addressSetOf(['zoe@contoso.example']) });
    expect(lookups.ask(question('zoe'))).toBeInstanceOf(Promise);
  });

  test('a found address until a complete round that began later', async () => {
    const { lookups, question, ask } = stage(() => found('zoe@contoso.example'));
    const before = Date.now();
    await ask('zoe');
    const directory = { tenant: 't', known: addressSetOf([]), departed: new Map() };
    lookups.published({ ...directory, syncedAt: before - 1 });
    lookups.published({ ...directory, tenant: 'u', syncedAt: before + 60_000 });
    expect(lookups.ask(question('zoe'))).toMatchObject({ kind: 'found' });
    lookups.published({ ...directory, syncedAt: before + 60_000 });
    expect(lookups.ask(question('zoe'))).toBeInstanceOf(Promise);
  });

  test('a found address for a day at most', async () => {
    const { lookups, question, ask, clock } = stage(() => found('zoe@contoso.example'));
    await ask('zoe');
    clock.now += 86_399_999;
    expect(lookups.ask(question('zoe'))).toMatchObject({ kind: 'found' });
    clock.now += 1;
    expect(lookups.ask(question('zoe'))).toBeInstanceOf(Promise);
  });

  test('the address without its tag serves every tag', async () => {
    const { lookups } = stage(() => found('zoe@contoso.example'));
    const addresses = ['zoe+a@contoso.example', 'zoe@contoso.example'];
    await lookups.ask({ tenant: 't', addresses });
    const other = ['zoe+b@contoso.example', 'zoe@contoso.example'];
    expect(lookups.ask({ tenant: 't', addresses: other })).toEqual({
      kind: 'found',
      address: 'zoe@contoso.example',
    });
  });

  test('an answer that came after the deadline', async () => {
    let answer = (_: LookupAnswer): void => {};
    const { lookups, question, ask, seen } = stage(() => new Promise((resolve) => (answer = resolve)), {
      deadline: 20,
    });
    expect(await ask('zoe')).toBe('timeout');
    answer(found('zoe@contoso.example'));
    await expect.poll(() => seen.found).toEqual(['t zoe@contoso.example']);
    expect(lookups.ask(question('zoe'))).toMatchObject({ kind: 'found' });
    expect(seen.asks).toHaveLength(1);
  });
});

describe('when it cannot be told', () => {
  test.each([
    ['a refusal', () => failure('AADSTS7000215', 60_000), 'failed', 60_000],
    ['an error', () => failure('http-500', 1000), 'failed', 1000],
    ['a learning thread that died', () => Promise.reject(new Error('died')), 'failed', 0],
    ['no answer at all', () => ({ kind: 'late' }) as const, 'timeout', 5000],
  ] as const)('%s is never a no, and pauses for a time', async (_what, answer, outcome, pause) => {
    const { ask, seen, clock } = stage((_, asked) => (asked === 1 ? answer() : ABSENT));
    expect(await ask('a')).toBe(outcome);
    if (pause > 0) {
      clock.now += pause - 1;
      expect(await ask('b')).toBe('failed');
      expect(seen.asks).toHaveLength(1);
      clock.now += 1;
    }
    expect(await ask('b')).toBe('absent');
    expect(seen.troubles).toHaveLength(1);
  });

  test('the same trouble is told once, and again after it was over', async () => {
    const { ask, seen } = stage((name) => (name.startsWith('bad') ? failure('http-500', 0) : ABSENT));
    for (const name of ['bad1', 'bad2', 'bad3', 'good', 'bad4']) await ask(name);
    expect(seen.troubles).toEqual(['t http-500', 't http-500']);
  });

  test('a pause ends when a complete round was published', async () => {
    const { lookups, ask } = stage((_, asked) => (asked === 1 ? failure('http-500', 60_000) : ABSENT));
    const directory = { tenant: 't', known: addressSetOf([]), departed: new Map() };
    await ask('a');
    expect(await ask('a')).toBe('failed');
    lookups.published({ ...directory, syncedAt: null });
    expect(await ask('a')).toBe('failed');
    lookups.published({ ...directory, syncedAt: 5 });
    expect(await ask('a')).toBe('absent');
  });
});
