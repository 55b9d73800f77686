/** A token bucket: a budget that refills at a steady rate and can be spent in a burst. Pure; time is a parameter. */

export interface BucketLimits {
  /** Tokens that come back in a second, above 0. */
  readonly rate: number;
  /** Most tokens at a time, at least 1. */
  readonly burst: number;
}

/** The state of a bucket at the moment `at` (ms, of any steady clock). */
export interface TokenBucket {
  readonly tokens: number;
  readonly at: number;
}

/** A bucket nobody has taken from. */
export function fullBucket({ burst }: BucketLimits, now: number): TokenBucket {
  return { tokens: burst, at: now };
}

/** Takes one token if there is one; a clock that went back refills nothing. */
export function takeToken(
  { tokens, at }: TokenBucket,
  { rate, burst }: BucketLimits,
  now: number,
): { readonly taken: boolean; readonly bucket: TokenBucket } {
  const refilled = Math.min(burst, tokens + (Math.max(0, now - at) / 1000) * rate);
  const taken = refilled >= 1;
  return { taken, bucket: { tokens: taken ? refilled - 1 : refilled, at: now } };
}
