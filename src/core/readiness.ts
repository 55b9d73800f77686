/** Whether a gateway should get mail from a load balancer. Pure. */
import type { Directory } from './directory.ts';
import { freshness } from './freshness.ts';

export interface Readiness {
  /** It answers, and knows somebody of every tenant. */
  readonly ready: boolean;
  /** It is stopping. */
  readonly draining: boolean;
  /** Tenants that were never read: everybody there is told 451. */
  readonly empty: readonly string[];
  /**
   * Tenants whose directory is too old to prove an absence. They do not count against `ready`: whoever is known is
   * accepted, and a fault of Microsoft Graph would otherwise take every gateway out at once.
   */
  readonly stale: readonly string[];
}

/** Judges `tenants` at `now` (ms since 1970), with an age limit in ms. */
export function readiness(
  directory: Directory,
  tenants: readonly string[],
  { now, limit, draining }: { readonly now: number; readonly limit: number; readonly draining: boolean },
): Readiness {
  const empty = tenants.filter((tenant) => {
    const known = directory.get(tenant);
    return !known || (known.syncedAt === null && known.known.size === 0);
  });
  const stale = tenants.filter((tenant) => {
    const known = directory.get(tenant);
    return known && !empty.includes(tenant) && freshness(known.syncedAt, now, limit) !== 'fresh';
  });
  return { ready: !draining && empty.length === 0, draining, empty, stale };
}
