/** Seeded draws: what the generator shows is a pure function of the seed, so the same seed is the same tenant. */

/** A 32-bit hash of a list of integers (the finaliser of MurmurHash3). */
export function hash32(...words: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}

/** A sequence of draws: each call gives an integer from 0 to n - 1. */
export type Draw = (n: number) => number;

/** The draws that belong to `words`; always the same sequence. */
export function drawsFor(...words: readonly number[]): Draw {
  const start = hash32(...words);
  let step = 0;
  return (n) => hash32(start, ++step) % n;
}

/** One of `items`, by the next draw. */
export function pick<T>(draw: Draw, items: readonly [T, ...T[]]): T {
  return items[draw(items.length)] ?? items[0];
}
