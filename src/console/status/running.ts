/** Rounds that were asked for on a page: they go on in the background, and every page can show how far they are. */
import type { Actor, Daemon } from '../site/daemon.ts';
import type { RoundView } from './gateway.ts';

export interface RunningRound {
  readonly tenant: string;
  readonly startedAt: number;
  /** Entries read so far, by stream. */
  readonly entries: ReadonlyMap<string, number>;
  /** When it ended; null while it runs. */
  readonly endedAt: number | null;
  readonly report: RoundView | null;
  /** Why there is no report; null while there may be one. */
  readonly error: string | null;
}

export interface RunningRounds {
  /** Begins a round; false when one that was asked for here still runs. */
  start(tenant: string, actor: Actor): boolean;
  /** The last one that was asked for here, while it runs and ten minutes after; null when there is none. */
  of(tenant: string): RunningRound | null;
}

/** How long an ended round is still shown, ms. */
const SHOWN = 10 * 60_000;

/** None yet. `now` is in ms since 1970. */
export function openRunningRounds(daemon: Pick<Daemon, 'lines'>, now: () => number): RunningRounds {
  const rounds = new Map<string, RunningRound>();
  const update = (tenant: string, change: Partial<RunningRound>): void => {
    const round = rounds.get(tenant);
    if (round) rounds.set(tenant, { ...round, ...change });
  };
  const follow = async (tenant: string, actor: Actor): Promise<void> => {
    for await (const line of daemon.lines('/v1/sync', { tenant }, actor)) {
      const { progress, reports, error } = Object(line) as SyncLine;
      if (progress) {
        const entries = new Map(rounds.get(tenant)?.entries).set(progress.stream, progress.entries);
        update(tenant, { entries });
      }
      if (reports) update(tenant, { report: reports[0] ?? null });
      if (error !== undefined) update(tenant, { error });
    }
  };
  return {
    start(tenant, actor) {
      if (rounds.get(tenant)?.endedAt === null) return false;
      rounds.set(tenant, {
        tenant,
        startedAt: now(),
        entries: new Map(),
        endedAt: null,
        report: null,
        error: null,
      });
      void follow(tenant, actor)
        .catch((error: unknown) =>
          update(tenant, { error: error instanceof Error ? error.message : String(error) }),
        )
        .then(() => {
          const round = rounds.get(tenant);
          const silent = round?.report === null && round.error === null;
          update(tenant, { endedAt: now(), ...(silent ? { error: CUT_OFF } : {}) });
        });
      return true;
    },
    of(tenant) {
      const round = rounds.get(tenant);
      if (!round) return null;
      return round.endedAt !== null && now() - round.endedAt > SHOWN ? null : round;
    },
  };
}

const CUT_OFF = 'the daemon closed the connection before the round ended';

/** A line of the answer to `POST /v1/sync`. */
interface SyncLine {
  readonly progress?: { readonly stream: string; readonly entries: number };
  readonly reports?: readonly RoundView[];
  readonly error?: string;
}
