/** A million seeded look-ups in the compact set beside a plain Set. Seeds that once failed stay in the table. */
import { describe, expect, it } from 'vitest';
import {
  addressSetBuilder,
  addressSetBuilderFrom,
  addressSetFrom,
  addressSetOf,
} from '../../src/core/address-set.ts';
import { openDeparted, packDeparted } from '../../src/core/departed.ts';
import { type Random, seeded } from '../random.ts';

/** Letters that some fold, fold of width or normal form would take for another. */
const ALIKE = [
  'k',
  'K',
  '\u212A',
  'i',
  'I',
  '\u0131',
  '\u0130',
  's',
  '\u017F',
  'ß',
  'ẞ',
  'a',
  '\uFF41',
  '\uFF21',
];
const FORMS = ['é', 'e\u0301', 'ü', 'u\u0308', 'Å', '\u212B', 'A\u030A', '\u200D', '名', '🙂', 'а', 'ο'];
const PLAIN = ['b', 'c', '0', '1', '.', '-', '_', '+', "'", '@'];
const ALL = [...ALIKE, ...FORMS, ...PLAIN];
const DOMAINS = ['contoso.example', 'contoso.onmicrosoft.com', 'xn--bcher-kva.example', 'a.b'];
/** Lengths in bytes at which the stored form changes, and the longest that mail knows. */
const EDGES = [1, 63, 64, 65, 253, 254, 255, 256, 257, 318, 319, 320];

function address(random: Random): string {
  const letters = random.below(8) === 0 ? ALL : PLAIN;
  const text = Array.from({ length: 1 + random.below(10) }, () => random.pick(letters)).join('');
  const whole = `${text}@${random.pick(DOMAINS)}`;
  return random.below(20) === 0
    ? whole.padStart(random.pick(EDGES), random.pick(['x', 'k', '\u212A']))
    : whole;
}

/** A question near a known answer: one letter, one form or one end away. */
function neighbour(random: Random, key: string): string {
  const at = random.below(key.length);
  switch (random.below(9)) {
    case 0:
      return key.normalize('NFC');
    case 1:
      return key.normalize('NFD');
    case 2:
      return key.normalize('NFKC');
    case 3:
      return key.toLowerCase();
    case 4:
      return key.toUpperCase();
    case 5:
      return key.slice(0, -1);
    case 6:
      return `${random.pick(ALL)}${key}`;
    default:
      return `${key.slice(0, at)}${random.pick(ALL)}${key.slice(at + 1)}`;
  }
}

/** A quarter known, a quarter made up, half near something known. */
function question(random: Random, known: string): string {
  const kind = random.below(4);
  const text = kind === 0 ? known : kind === 1 ? address(random) : neighbour(random, known);
  // Half a pair of surrogates cannot come over the wire.
  return Buffer.from(text).toString();
}

/** Expected sizes: none (grown from 16 slots), half, exact (highest load of the last growth), and far too many. */
const RUNS: ReadonlyArray<readonly [seed: number, count: number, hint: number]> = [
  [1, 70_000, 0],
  [2, 49_152, 24_576],
  [3, 49_152, 49_152],
  [4, 12_288, 12_288],
  [5, 60_000, 500_000],
  [6, 3, 0],
];
const LOOKUPS = 170_000;

describe('the compact set and a Set', () => {
  it.each(RUNS)(`agree on ${LOOKUPS} look-ups: seed %i, %i addresses, hint %i`, (seed, count, hint) => {
    const random = seeded(seed);
    const truth = new Set<string>();
    const builder = addressSetBuilder(hint);
    while (truth.size < count) truth.add(address(random));
    for (const key of truth) builder.add(key);
    const set = addressSetFrom(builder.build().buffer);
    const keys = [...truth];
    const wrong: string[] = [];
    let [hits, misses] = [0, 0];
    for (let index = 0; index < LOOKUPS; index++) {
      const known = keys[index % keys.length] ?? '';
      const asked = question(random, known);
      if (truth.has(asked)) hits++;
      else misses++;
      if (set.has(asked) !== truth.has(asked)) wrong.push(asked);
    }
    expect({ wrong, size: set.size }).toEqual({ wrong: [], size: count });
    expect(Math.min(hits, misses)).toBeGreaterThan(LOOKUPS / 8);
  });

  it('asks a million times in all', () => {
    expect(RUNS.length * LOOKUPS).toBeGreaterThan(1_000_000);
  });

  it('finds nothing in a table whose every neighbour is taken, and everything that is in it', () => {
    const builder = addressSetBuilder(12);
    const keys = Array.from({ length: 12 }, (_, index) => `${index}@a.b`);
    for (const key of keys) builder.add(key);
    const set = builder.build();
    expect([set.slots, set.size, keys.every((key) => set.has(key)), set.has('12@a.b')]).toEqual([
      16,
      12,
      true,
      false,
    ]);
    expect(new Set(keys.map((key) => set.slotOf(key))).size).toBe(12);
  });
});

/** Twenty changes to a set and to the truth about it. */
function changed(
  random: Random,
  pool: readonly string[],
  buffer: SharedArrayBuffer,
  truth: Set<string>,
  adds: number,
) {
  const builder = addressSetBuilderFrom(buffer);
  for (let change = 0; change < 20; change++) {
    const key = random.pick(pool);
    const added = random.below(4) < adds;
    builder[added ? 'add' : 'remove'](key);
    truth[added ? 'add' : 'delete'](key);
  }
  return builder.build().buffer;
}

describe('a set made from another', () => {
  it.each([21, 22, 23])('agrees with a Set through many rounds of changes: seed %i', (seed) => {
    const random = seeded(seed);
    // A small pool, so that most changes hit something and runs of taken slots are long.
    const pool = Array.from({ length: 400 }, () => address(random));
    const differing = (buffer: SharedArrayBuffer, truth: ReadonlySet<string>): string[] => {
      const set = addressSetFrom(buffer);
      expect(set.size).toBe(truth.size);
      return pool.filter((key) => set.has(key) !== truth.has(key));
    };
    const truth = new Set<string>();
    let buffer = addressSetOf([]).buffer;
    for (let turn = 0; turn < 300; turn++) {
      const [before, held] = [buffer, new Set(truth)];
      buffer = changed(random, pool, buffer, truth, turn % 60 < 30 ? 3 : 1);
      expect([differing(buffer, truth), differing(before, held)]).toEqual([[], []]);
    }
  });
});

it('departed addresses keep their times, as a Map would', () => {
  const random = seeded(11);
  const truth = new Map(
    Array.from({ length: 20_000 }, () => [address(random), random.below(2 ** 31) * 1000] as const),
  );
  const departed = openDeparted(packDeparted([...truth]));
  const asked = [...truth.keys()].flatMap((key) => [key, neighbour(random, key)]);
  expect(asked.filter((key) => departed.get(key) !== truth.get(key))).toEqual([]);
  expect(departed.size).toBe(truth.size);
});
