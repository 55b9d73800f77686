/** Who is harvesting: distinct guesses in a sliding window, against a slow model; bounded, and forgetful in order. */
import { describe, expect, it } from 'vitest';
import { clientNetwork, type HarvestLimits, HarvestWatch } from '../../src/core/harvest.ts';
import { seeded } from '../random.ts';

const LIMITS: HarvestLimits = { limit: 2, window: 1000, deny: 5000, guesses: 4096, denied: 100 };

describe('HarvestWatch', () => {
  it.each([
    [
      'at the limit is not past it',
      [
        ['a', 0],
        ['b', 1],
      ],
      null,
    ],
    [
      'one past the limit',
      [
        ['a', 0],
        ['b', 1],
        ['c', 2],
      ],
      2,
    ],
    [
      'the same address again does not count',
      [
        ['a', 0],
        ['a', 1],
        ['b', 2],
        ['b', 3],
        ['a', 4],
      ],
      null,
    ],
    [
      'three within the window, sliding',
      [
        ['a', 0],
        ['b', 600],
        ['c', 999],
      ],
      999,
    ],
    [
      'the first has left the window',
      [
        ['a', 0],
        ['b', 600],
        ['c', 1000],
      ],
      null,
    ],
    [
      'and a later one fills it again',
      [
        ['a', 0],
        ['b', 600],
        ['c', 1000],
        ['d', 1500],
      ],
      1500,
    ],
    [
      'a repeated address counts again once it was forgotten',
      [
        ['a', 0],
        ['b', 700],
        ['c', 1100],
        ['a', 1200],
      ],
      1200,
    ],
  ] as Array<[string, Array<[string, number]>, number | null]>)('%s', (_what, guesses, denied) => {
    const watch = new HarvestWatch(LIMITS, 1);
    const denials = guesses.flatMap(([address, now]) => watch.absent('192.0.2.1', address, now) ?? []);
    expect(denials.map(({ since }) => since)).toEqual(denied === null ? [] : [denied]);
    expect(watch.denial('192.0.2.2', 2000)).toBeNull();
  });

  it('denies for a time, the whole /64 of an IPv6 client, and nobody else', () => {
    const watch = new HarvestWatch(LIMITS, 1);
    for (const [index, name] of ['a', 'b', 'c'].entries()) watch.absent(`2001:db8::${index + 1}`, name, 0);
    expect(watch.denial('2001:db8::ffff', 1)).toMatchObject({ client: '2001:db8:0:0::/64', until: 5000 });
    expect(watch.denial('2001:db8:0:1::1', 1)).toBeNull();
    expect(watch.denial('2001:db8::1', 4999)).not.toBeNull();
    expect(watch.denial('2001:db8::1', 5000)).toBeNull();
    expect([watch.over(4999), watch.over(5000).length, watch.over(5000)]).toEqual([[], 1, []]);
  });

  it('keeps a denial and its count when the client goes on guessing', () => {
    const watch = new HarvestWatch(LIMITS, 1);
    for (const name of ['a', 'b', 'c']) watch.absent('192.0.2.1', name, 0);
    const denial = watch.denial('192.0.2.1', 1);
    if (denial) denial.refusals = 7;
    expect(watch.absent('192.0.2.1', 'd', 100)).toMatchObject({ since: 0, until: 5000, refusals: 7 });
  });

  it('lets one client or everybody ask again, as if it had never guessed', () => {
    const watch = new HarvestWatch(LIMITS, 1);
    for (const client of ['192.0.2.1', '192.0.2.2'])
      for (const name of ['a', 'b', 'c']) watch.absent(client, name, 0);
    expect(watch.reset('::ffff:192.0.2.1').map(({ client }) => client)).toEqual(['192.0.2.1']);
    expect(watch.absent('192.0.2.1', 'd', 1)).toBeNull();
    expect(watch.denial('192.0.2.2', 1)).not.toBeNull();
    expect(watch.size.guesses).toBe(4);
    expect(watch.reset(null)).toHaveLength(1);
    expect([watch.size.guesses, watch.size.clients, watch.denied(1)]).toEqual([0, 0, []]);
  });

  it('is off with a limit of 0', () => {
    const watch = new HarvestWatch({ ...LIMITS, limit: 0 }, 1);
    for (const name of ['a', 'b', 'c']) expect(watch.absent('192.0.2.1', name, 0)).toBeNull();
    expect(watch.size.guesses).toBe(0);
  });

  it('remembers so many guesses and denials and no more, the oldest forgotten first', () => {
    const watch = new HarvestWatch({ ...LIMITS, guesses: 1024, denied: 10 }, 1);
    for (let host = 0; host < 5000; host += 1)
      watch.absent(`10.0.${host >> 8}.${host & 255}`, 'a', host / 100);
    expect(watch.size).toMatchObject({ guesses: 1024, clients: 1024 });
    // The second guess of a client that was forgotten is its first; that of one still known is its second.
    for (const [client, denied] of [
      ['10.0.0.1', false],
      ['10.0.19.135', true],
    ] as const) {
      watch.absent(client, 'b', 60);
      expect(watch.absent(client, 'c', 60) !== null, client).toBe(denied);
    }
    for (let host = 0; host < 50; host += 1)
      for (const name of ['a', 'b', 'c']) watch.absent(`192.0.2.${host}`, name, 70);
    expect(watch.denied(71)).toHaveLength(10);
    expect(watch.denied(71).at(-1)?.client).toBe('192.0.2.49');
  });

  it('forgets many at once without holding anybody up, and denies nobody for what is forgotten', () => {
    const watch = new HarvestWatch({ ...LIMITS, guesses: 4096 }, 1);
    for (let host = 0; host < 1500; host += 1) watch.absent(`10.0.${host >> 8}.${host & 255}`, 'a', 0);
    for (const name of ['a', 'b']) watch.absent('192.0.2.1', name, 1);
    expect(watch.absent('192.0.2.1', 'c', 2000)).toBeNull();
    expect(watch.size).toMatchObject({ guesses: 1, clients: 1 });
    for (let host = 0; host < 1500; host += 1) watch.absent(`10.0.${host >> 8}.${host & 255}`, 'a', 3000);
    watch.absent('192.0.2.2', 'a', 5000);
    expect(watch.size.guesses).toBe(1500 - 256 + 1);
    watch.tidy(5000);
    expect(watch.size.guesses).toBe(1);
  });

  it.each([1, 2, 3])('agrees with a slow model over random guesses, moments and resets (seed %i)', (seed) => {
    const random = seeded(seed);
    const limits = { ...LIMITS, limit: 5, window: 300, deny: 0, guesses: 8192 };
    const watch = new HarvestWatch(limits, seed);
    const model = new SlowModel(limits.window);
    let denials = 0;
    for (let now = 0; now < 6000; now += 1) {
      const spread = now < 3000 ? 3000 : 20;
      const client = `192.0.${random.below(spread) >> 8}.${random.below(spread) & 255}`;
      const address = `a${random.below(40)}`;
      if (random.below(50) === 0) {
        watch.reset(client);
        model.reset(client);
      }
      const denied = watch.absent(client, address, now) !== null;
      expect(denied, `at ${now}`).toBe(model.guess(client, address, now) > limits.limit);
      denials += Number(denied);
      expect(watch.size).toMatchObject(model.size);
    }
    expect(denials).toBeGreaterThan(10);
  });
});

/** Distinct guesses in a window, in the plainest way. */
class SlowModel {
  private readonly window: number;
  private guesses: Array<{ client: string; address: string; at: number }> = [];

  constructor(window: number) {
    this.window = window;
  }

  get size() {
    const clients = new Set(this.guesses.map(({ client }) => client)).size;
    return { guesses: this.guesses.length, clients };
  }

  reset(client: string): void {
    this.guesses = this.guesses.filter((each) => each.client !== client);
  }

  /** How many the client has then. */
  guess(client: string, address: string, now: number): number {
    this.guesses = this.guesses.filter(({ at }) => at > now - this.window);
    const own = (): typeof this.guesses => this.guesses.filter((each) => each.client === client);
    if (!own().some((each) => each.address === address)) this.guesses.push({ client, address, at: now });
    return own().length;
  }
}

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
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, network) => {
    expect(clientNetwork(address)).toBe(network);
  });
});
