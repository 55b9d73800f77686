/**
 * Netstrings (D. J. Bernstein, 1997): `<length>:<bytes>,` with the length in decimal digits, no leading zero.
 *
 * The reader takes bytes in pieces of any size and never holds more than one netstring of the allowed size. What is
 * not a netstring cannot be resynchronised, so the first fault is the last word.
 */

/** What a piece of input completed. */
export interface Netstrings {
  readonly complete: readonly Uint8Array[];
  /** Why nothing more can be read; null while it can. */
  readonly problem: string | null;
}

export interface NetstringReader {
  /** Takes the next bytes. After a problem everything is refused with the same one. */
  push(bytes: Uint8Array): Netstrings;
  /** Bytes that wait for the rest of their netstring. */
  waiting(): number;
}

const COLON = 0x3a;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;

/** Reads netstrings of at most `limit` bytes. */
export function netstringReader(limit: number): NetstringReader {
  let pending: Uint8Array = new Uint8Array(0);
  let problem: string | null = null;
  return {
    waiting: () => pending.length,
    push(bytes) {
      const complete: Uint8Array[] = [];
      if (problem !== null) return { complete, problem };
      const input = pending.length === 0 ? bytes : Buffer.concat([pending, bytes]);
      let at = 0;
      for (;;) {
        const next = netstringAt(input, at, limit);
        if (next.kind === 'complete') {
          complete.push(input.subarray(next.start, next.end));
          at = next.end + 1;
          continue;
        }
        if (next.kind === 'broken') problem = next.problem;
        // A copy, so that a small rest does not keep a large chunk alive.
        pending = problem === null ? Uint8Array.from(input.subarray(at)) : new Uint8Array(0);
        return { complete, problem };
      }
    },
  };
}

/** The netstring of some bytes. */
export function netstring(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${bytes.length}:`), bytes, Buffer.from(',')]);
}

type Next =
  | { readonly kind: 'complete'; readonly start: number; readonly end: number }
  | { readonly kind: 'partial' }
  | { readonly kind: 'broken'; readonly problem: string };

function netstringAt(input: Uint8Array, from: number, limit: number): Next {
  let at = from;
  let length = 0;
  for (; at < input.length && input[at] !== COLON; at++) {
    const digit = input[at] ?? 0;
    if (digit < ZERO || digit > NINE) return broken('a length is not a number');
    if (at > from && length === 0) return broken('a length begins with zero');
    length = length * 10 + (digit - ZERO);
    if (length > limit) return broken(`a request is longer than ${limit} bytes`);
  }
  if (at === input.length) return { kind: 'partial' };
  if (at === from) return broken('a length is missing');
  const [start, end] = [at + 1, at + 1 + length];
  if (end >= input.length) return { kind: 'partial' };
  return input[end] === COMMA
    ? { kind: 'complete', start, end }
    : broken('a request does not end in a comma');
}

function broken(problem: string): Next {
  return { kind: 'broken', problem };
}
