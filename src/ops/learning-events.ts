/** The events of learning: directories, what the guard holds, live lookups. */
import type { Logger } from 'pino';
import type { HeldPlan } from '../core/reconcile.ts';
import type { Metrics } from './metrics.ts';

/** The functions, for `createEvents`. None of them throws. */
export function learningEvents(logger: Logger, metrics: Metrics) {
  const published = new Map<string, number>();
  return {
    directoryPublish: (tenant: string, addresses: number, departed: number, syncedAt: number | null) => {
      metrics.addresses.set({ tenant }, addresses);
      metrics.departed.set({ tenant }, departed);
      if (syncedAt !== null) metrics.syncedAt.set({ tenant }, syncedAt / 1000);
      // A quiet round publishes too; what an operator looks for is a change.
      const level = published.get(tenant) === addresses ? 'debug' : 'info';
      published.set(tenant, addresses);
      logger[level]({
        event: 'directory.publish',
        tenant,
        addresses,
        departed,
        synced_at: isoTime(syncedAt),
      });
    },
    /** `age` in ms; null when the directory was never loaded. */
    directoryAge: (tenant: string, fresh: boolean, age: number | null) => {
      metrics.directoryFresh.set({ tenant }, fresh ? 1 : 0);
      if (age !== null) metrics.directoryAge.set({ tenant }, Math.round(age / 1000));
    },
    directoryStale: (tenant: string, age: number | null) =>
      logger.warn({ event: 'directory.stale', tenant, directory_age: seconds(age) }),
    directoryFresh: (tenant: string, age: number | null) =>
      logger.info({ event: 'directory.fresh', tenant, directory_age: seconds(age) }),
    /** What the guard holds; only news is logged. */
    syncHeld: (tenant: string, plan: HeldPlan | null, news: boolean) => {
      metrics.held.set({ tenant }, plan?.addresses ?? 0);
      if (!plan || !news) return;
      const { hash, addresses, why, top } = plan;
      const since = isoTime(plan.since);
      logger.warn({ event: 'sync.held', tenant, plan: hash, since, held: addresses, why, addresses: top });
    },
    /** Requests to Microsoft; counted only. */
    requestsSent: (counts: ReadonlyArray<readonly [endpoint: string, code: string, times: number]>) => {
      for (const [endpoint, code, times] of counts) metrics.graphRequests.inc({ endpoint, code }, times);
    },
    lookupAnswered: (tenant: string, outcome: string) => metrics.lookups.inc({ tenant, outcome }),
    lookupFound: (tenant: string, address: string, durationMs: number) =>
      logger.info({ event: 'lookup.found', tenant, ms: rounded(durationMs), address }),
    lookupTrouble: (tenant: string, error: unknown) =>
      logger.warn({ event: 'lookup.trouble', tenant, error }),
  };
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms / 1000);
}

function isoTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
