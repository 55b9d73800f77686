/**
 * Spreads what the console asks of the daemon over time. The thread that answers the control socket answers SMTP too, and
 * two hundred requests that arrive at once are one long pause for it; one every few milliseconds are none.
 */
import type { Daemon } from './daemon.ts';

/** Between the beginnings of two requests, ms: a page asks for two or three things. */
const GAP = 3;

/** What pacing needs of time. Ms. */
export interface PacingClock {
  /** Steady. */
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

const CLOCK: PacingClock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** The same daemon, asked at most once in `gap` (ms), in order of arrival. */
export function paced(daemon: Daemon, gap = GAP, clock = CLOCK): Daemon {
  let free = 0;
  const turn = async (): Promise<void> => {
    const at = Math.max(clock.now(), free);
    free = at + gap;
    const wait = at - clock.now();
    if (wait > 0) await clock.sleep(wait);
  };
  return {
    async get(path) {
      await turn();
      return daemon.get(path);
    },
    async post(path, body, actor) {
      await turn();
      return daemon.post(path, body, actor);
    },
    async *lines(path, body, actor) {
      await turn();
      yield* daemon.lines(path, body, actor);
    },
  };
}
