/** How far a tenant's directory can be trusted to prove that somebody is absent. */

/** `empty`: never loaded; `fresh`: within the limit; `stale`: too old, or its age cannot be told. */
export type Freshness = 'empty' | 'fresh' | 'stale';

/** A clock set back further than this makes the age of the directory unknown. */
const CLOCK_SKEW_MS = 60_000;

/**
 * Freshness at `now` of a directory last synced at `syncedAt` (ms since 1970, null for never), with an age limit
 * in ms. A directory from the future is stale: after the clock was set back nobody can say how old it is.
 */
export function freshness(syncedAt: number | null, now: number, limit: number): Freshness {
  if (syncedAt === null) return 'empty';
  const age = now - syncedAt;
  return age < -CLOCK_SKEW_MS || age > limit ? 'stale' : 'fresh';
}

/**
 * Whether an address that left its tenant at `removedAt` is still accepted: during the grace period, and until a
 * complete round that began no earlier has confirmed that it is gone. A round that could not read every stream may have
 * seen an address leave one object and missed the object it went to. Times in ms since 1970, the period in ms.
 */
export function inGrace(
  removedAt: number,
  syncedAt: number | null,
  now: number,
  gracePeriod: number,
): boolean {
  return now < removedAt + gracePeriod || syncedAt === null || syncedAt < removedAt;
}

/** What is worth saying when a directory was `before` and is `after`: it turned stale, or fresh; null for nothing. */
export function freshnessTurn(before: Freshness, after: Freshness): 'stale' | 'fresh' | null {
  return before === after || after === 'empty' ? null : after;
}
