/** What monitoring sees: metrics as they are now, readiness, and the listener that serves both beside the control socket. */
import type { Config } from './config/config.ts';
import type { Directory } from './core/directory.ts';
import { type NextHopStatus, nextHopHealth } from './core/next-hop-status.ts';
import { type Readiness, readiness } from './core/readiness.ts';
import { addressText } from './inquiry.ts';
import type { Events } from './ops/events.ts';
import type { Metrics } from './ops/metrics.ts';
import { openMetricsListener } from './ops/metrics-listener.ts';
import type { SmtpListener } from './smtp/listener.ts';

export interface WatchedParts {
  readonly live: { readonly config: Config };
  readonly shared: { readonly directory: Directory };
  readonly metrics: Metrics;
  readonly events: Pick<Events, 'listenerOpen' | 'listenerTrouble'>;
  readonly listeners: readonly SmtpListener[];
  nextHops(): readonly NextHopStatus[];
  /** Brings the ages of directories up to date. */
  look(): void;
}

export interface Watching {
  /** Prometheus text format. */
  metrics(): Promise<string>;
  readiness(): Readiness;
  /** From now on it is not ready: a load balancer sends nobody any more. */
  drain(): void;
}

/** Puts it together, and opens the listener of `[metrics]` if there is one. */
export function openWatching(parts: WatchedParts, closers: Array<() => PromiseLike<unknown>>): Watching {
  const { live, shared, events } = parts;
  let draining = false;
  const watching: Watching = {
    metrics() {
      parts.look();
      measure(parts);
      return parts.metrics.registry.metrics();
    },
    readiness() {
      const { tenants, policy } = live.config;
      const at = { now: Date.now(), limit: policy.freshnessLimit, draining };
      return readiness(
        shared.directory,
        tenants.map(({ id }) => id),
        at,
      );
    },
    drain() {
      draining = true;
    },
  };
  const { listen } = live.config.metrics;
  if (listen) {
    const listener = openMetricsListener(listen, watching, {
      listening: (address) => events.listenerOpen(address, 'metrics', false),
      trouble: (error) => events.listenerTrouble({ stage: 'metrics', error, client: null }),
    });
    // The last to close: until then it says that no more mail should come.
    closers.unshift(() => listener[Symbol.asyncDispose]());
  }
  return watching;
}

function measure({ metrics, listeners, nextHops }: WatchedParts): void {
  for (const listener of listeners)
    metrics.sessions.set({ listener: addressText(listener) }, listener.connections());
  metrics.nextHopUp.reset();
  for (const status of nextHops()) {
    const health = nextHopHealth(status);
    if (health !== 'unused') metrics.nextHopUp.set({ next_hop: status.nextHop }, health === 'good' ? 1 : 0);
  }
}
