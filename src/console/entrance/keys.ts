/** The signing keys of each tenant, kept for a day; asked for again when a token names an unknown one, but not often. */
import type { JSONWebKeySet } from 'jose';

/** How long keys are good unless one is missing, ms. */
const KEYS_TIME = 24 * 3_600_000;
/** Ms between questions about an unknown key: anybody can make up a key's name. */
const REFETCH_PAUSE = 30_000;

/** The keys of every tenant. `fetch` may throw; the next call asks again. */
export function keyStore(
  fetch: (tenant: string) => Promise<JSONWebKeySet>,
  now: () => number,
): (tenant: string, fresh: boolean) => Promise<JSONWebKeySet> {
  const kept = new Map<string, { readonly keys: JSONWebKeySet; readonly at: number }>();
  /** Of the last question about an unknown key. */
  const asked = new Map<string, number>();
  return async (tenant, fresh) => {
    const known = kept.get(tenant);
    const paused = now() - (asked.get(tenant) ?? Number.NEGATIVE_INFINITY) < REFETCH_PAUSE;
    if (known && (fresh ? paused : now() - known.at < KEYS_TIME)) return known.keys;
    if (fresh) asked.set(tenant, now());
    const keys = await fetch(tenant);
    kept.set(tenant, { keys, at: now() });
    return keys;
  };
}
