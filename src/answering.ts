/** The answering side opened: in the main thread, or in several worker threads that share its sockets. */
import { edgeOf, openListeners, openRelay, type Shared } from './edge.ts';
import { addressText } from './inquiry.ts';
import type { Events } from './ops/events.ts';
import { claimSockets, forgetInheritedSockets, inheritedSockets } from './ops/inherited-sockets.ts';
import type { Log } from './ops/log.ts';
import { addGrowth, type Metrics } from './ops/metrics.ts';
import type { HarvestEvents, HarvestGuard } from './smtp/harvest-guard.ts';
import type { SmtpListener } from './smtp/listener.ts';
import type { ToWorker } from './worker-messages.ts';
import { openWorkers, type WorkerState, type WorkersParts } from './workers.ts';

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

export interface AnsweringParts extends Pick<WorkersParts, 'live' | 'certificates' | 'lookups' | 'accepted'> {
  readonly shared: Shared;
  readonly harvest: HarvestGuard;
  readonly events: Events;
  readonly metrics: Metrics;
  readonly log: Log;
  follow(follower: Follower): void;
}

export interface Answering {
  readonly listeners: readonly SmtpListener[];
  /** Empty when the main thread answers. */
  workers(): readonly WorkerState[];
}

/**
 * Opens every listener of the configuration.
 * @throws Error when an address cannot be listened on, or an inherited socket was not passed.
 */
export async function openAnswering(
  parts: AnsweringParts,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<Answering> {
  const { live, events } = parts;
  const { config } = live;
  const sockets = inheritedSockets(process.env, process.pid);
  forgetInheritedSockets(process.env);
  const fds = claimSockets(
    config.smtp.map(({ inherited }) => inherited),
    sockets,
  );
  if (config.workers > 1) {
    const answering = await openInWorkers(parts, fds, closers);
    for (const [index, listener] of answering.listeners.entries())
      events.listenerOpen(addressText(listener), config.smtp[index]?.mode ?? '', listener.certified());
    return answering;
  }
  const relay = openRelay(config);
  closers.push(() => relay.close());
  const edge = edgeOf(parts.shared, relay, parts, events);
  const listeners = await openListeners(live, edge, parts.certificates, fds, events, closers);
  return { listeners, workers: () => [] };
}

async function openInWorkers(
  parts: AnsweringParts,
  fds: ReadonlyArray<number | null>,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<Answering> {
  const { shared, metrics, log, events } = parts;
  const workers = await openWorkers(
    {
      ...parts,
      directories: [...shared.snapshots.values()],
      told: shared.told,
      log: log.write,
      count: (growth) => addGrowth(metrics, growth),
      trouble: events.workerTrouble,
    },
    fds,
    closers,
  );
  return { listeners: workers.listeners, workers: workers.state };
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
