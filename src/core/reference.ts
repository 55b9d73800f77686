/** References: the short code at the end of a 4xx or 5xx reply, by which an operator finds the log line. */

// Crockford's alphabet: no I, L, O or U, so that a reference survives being read out on the telephone.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 6;

/**
 * Six characters (30 bits) from `bytes`, of which the first six are used.
 * @throws RangeError when there are fewer than six bytes.
 */
export function referenceFrom(bytes: Uint8Array): string {
  if (bytes.length < LENGTH) throw new RangeError(`a reference needs ${LENGTH} bytes`);
  let reference = '';
  for (let index = 0; index < LENGTH; index++) reference += ALPHABET[(bytes[index] ?? 0) & 31];
  return reference;
}

/** The number (30 bits) that a reference stands for; null when the text is none. Small letters, O, I and L are forgiven. */
export function referenceNumber(text: string): number | null {
  const upper = text.toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
  if (upper.length !== LENGTH) return null;
  let number = 0;
  for (const letter of upper) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return null;
    number = number * 32 + value;
  }
  return number;
}

/** The reference that stands for a number. */
export function referenceText(number: number): string {
  let text = '';
  for (let shift = (LENGTH - 1) * 5; shift >= 0; shift -= 5) text += ALPHABET[(number >>> shift) & 31];
  return text;
}

/** References for one drawing of random bytes: the system's generator costs more than the answer it stands in. */
const AT_ONCE = 512;

/** A source of references that draws its randomness (`draw`, a number of bytes) for many of them at once. */
export function referenceSource(draw: (size: number) => Uint8Array): () => string {
  let drawn: Uint8Array = new Uint8Array(0);
  let used = 0;
  return () => {
    if (used + LENGTH > drawn.length) {
      drawn = draw(AT_ONCE * LENGTH);
      used = 0;
    }
    const reference = referenceFrom(drawn.subarray(used, used + LENGTH));
    used += LENGTH;
    return reference;
  };
}
