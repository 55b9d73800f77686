/** Repeatable chance for fuzz tests. */

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number below `limit`. */
export function below(chance: () => number, limit: number): number {
  return Math.floor(chance() * limit);
}

/** The bytes cut into pieces of random length, at most `longest`. */
export function pieces(bytes: Buffer, chance: () => number, longest: number): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + below(chance, longest);
    cut.push(bytes.subarray(at, at + length));
    at += length;
  }
  return cut;
}
