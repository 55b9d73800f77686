/**
 * Watches how old the directories get: their age as a metric, and one log line when a tenant turns stale or fresh again.
 * It runs beside the answers; what an answer is worth is decided for each anew.
 */
import type { Directory } from '../core/directory.ts';
import { type Freshness, freshness, freshnessTurn } from '../core/freshness.ts';

export interface FreshnessEvents {
  /** `age` in ms. */
  directoryAge(tenant: string, fresh: boolean, age: number | null): void;
  directoryStale(tenant: string, age: number | null): void;
  directoryFresh(tenant: string, age: number | null): void;
}

export interface FreshnessWatch extends Disposable {
  /** Looks now; also done every {@link INTERVAL}. */
  look(): void;
}

/** Ms. */
const INTERVAL = 5000;

/** Watches the directories that `current` returns, against the age limit in ms that `limit` returns. `now` is in ms since 1970. */
export function watchFreshness(
  current: () => Directory,
  limit: () => number,
  events: FreshnessEvents,
  now: () => number = Date.now,
): FreshnessWatch {
  const last = new Map<string, Freshness>();
  const look = (): void => {
    for (const { tenant, syncedAt } of current().values()) {
      const at = now();
      const age = syncedAt === null ? null : at - syncedAt;
      const state = freshness(syncedAt, at, limit());
      const turn = freshnessTurn(last.get(tenant) ?? 'empty', state);
      last.set(tenant, state);
      events.directoryAge(tenant, state === 'fresh', age);
      if (turn === 'stale') events.directoryStale(tenant, age);
      if (turn === 'fresh') events.directoryFresh(tenant, age);
    }
  };
  const timer = setInterval(look, INTERVAL);
  timer.unref();
  return { look, [Symbol.dispose]: () => clearInterval(timer) };
}
