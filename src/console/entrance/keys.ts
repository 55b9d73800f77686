/** The signing keys of each tenant, kept for a day; asked for again when a token names an unknown one, but not often. */
import type { JSONWebKeySet } from 'jose';

/** How long keys are good unless one is missing, ms. */
const KEYS_TIME = 24 * 3_600_000;
/** Ms between questions about an unknown key: anybody can make up a key's name. */
const REFETCH_PAUSE = 60_000;

/** The keys of every tenant. `fetch` may throw; the next call asks again. */
export function keyStore(
  fetch: (tenant: string) => Promise<JSONWebKeySet>,
  now: () => number,
): (tenant: string, fresh: boolean) => Promise<JSONWebKeySet> {
  const kept = new Map<string, { readonly keys: JSONWebKeySet; readonly at: number }>();
  return async (tenant, fresh) => {
    const known = kept.get(tenant);
    const age = known ? now() - known.at : Number.POSITIVE_INFINITY;
    if (known && age < (fresh ? REFETCH_PAUSE : KEYS_TIME)) return known.keys;
    const keys = await fetch(tenant);
    kept.set(tenant, { keys, at: now() });
    return keys;
  };
}
