/** The answering side opened: in the main thread, or in several worker threads that share its sockets. */
import type { NextHopStatus } from './core/next-hop-status.ts';
import { edgeOf, openListeners, openRelay, type Shared } from './edge.ts';
import { watchEdge } from './edge-watch.ts';
import { addressText } from './inquiry.ts';
import type { Events } from './ops/events.ts';
import type { Log } from './ops/log.ts';
import { addGrowth, type Metrics } from './ops/metrics.ts';
import type { Notifier } from './ops/notify.ts';
import type { RejectionNotes } from './rejections.ts';
import type { HarvestEvents, HarvestGuard } from './smtp/harvest-guard.ts';
import type { SmtpListener } from './smtp/listener.ts';
import type { ToWorker, WorkerState, WorkersParts } from './worker-protocol.ts';
import { openWorkers } from './workers.ts';

/** The log is written within this, ms. */
const LAST_LINE = 500;

/** Hears of everything that workers have to know. */
export type Follower = (news: ToWorker) => void;

/** A way to tell followers, whoever they will be. */
export function announcements(): { readonly tell: Follower; follow(follower: Follower): void } {
  const followers: Follower[] = [];
  return {
    tell(news) {
      for (const follower of followers) follower(news);
    },
    follow: (follower) => void followers.push(follower),
  };
}

export interface AnsweringParts
  extends Pick<WorkersParts, 'live' | 'certificates' | 'lookups' | 'accepted' | 'observed' | 'noted'> {
  readonly rejections: RejectionNotes;
  readonly shared: Shared;
  readonly harvest: HarvestGuard;
  readonly events: Events;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly service: { readonly notifier: Pick<Notifier, 'fail'> };
  /** For each listener the descriptor it takes over; null when it has an address of its own. */
  readonly fds: ReadonlyArray<number | null>;
  follow(follower: Follower): void;
}

export interface Answering {
  readonly listeners: readonly SmtpListener[];
  /** Empty when the main thread answers. */
  workers(): readonly WorkerState[];
  /** How the next hops do, over all threads. */
  nextHops(): readonly NextHopStatus[];
}

/**
 * Opens every listener of the configuration.
 * @throws Error when an address cannot be listened on.
 */
export async function openAnswering(
  parts: AnsweringParts,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<Answering> {
  const { live, events, fds } = parts;
  const { config } = live;
  if (config.workers > 1) {
    const answering = await openInWorkers(parts, fds, closers);
    for (const [index, listener] of answering.listeners.entries())
      events.listenerOpen(addressText(listener), config.smtp[index]?.mode ?? '', listener.certified());
    return answering;
  }
  const relay = openRelay(config);
  closers.push(() => relay.close());
  const { edge, nextHops } = watchEdge(edgeOf(parts.shared, relay, parts, events));
  const listeners = await openListeners(live, edge, parts.certificates, fds, events, closers);
  return { listeners, workers: () => [], nextHops };
}

async function openInWorkers(
  parts: AnsweringParts,
  fds: ReadonlyArray<number | null>,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<Answering> {
  const { shared, metrics, log, events, service } = parts;
  const workers = await openWorkers(
    {
      ...parts,
      directories: [...shared.snapshots.values()],
      told: shared.told,
      log: log.write,
      count: (growth) => addGrowth(metrics, growth),
      trouble: events.workerTrouble,
      stuck(worker) {
        events.workerStuck(worker);
        // Not before the log is written: what the watchdog does comes without warning.
        setTimeout(() => service.notifier.fail(`worker thread ${worker} hangs`), LAST_LINE).unref();
      },
    },
    fds,
    closers,
  );
  return { listeners: workers.listeners, workers: workers.state, nextHops: workers.nextHops };
}

/** The events of the harvest guard, with workers told whom to deny and whom no more. */
export function denialsToldTo(tell: Follower, events: HarvestEvents): HarvestEvents {
  return {
    ...events,
    denied(client, guesses, denyMs) {
      tell({ kind: 'denied', client, ms: denyMs });
      events.denied(client, guesses, denyMs);
    },
    over(client, refused, reset) {
      tell({ kind: 'denied', client, ms: 0 });
      events.over(client, refused, reset);
    },
  };
}
