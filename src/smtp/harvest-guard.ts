/**
 * The harvest guard at work: the rule of core/harvest.ts with a clock, and what it tells the log. A client that is denied is
 * told of once; its refusals are counted and told together, so that a flood of them costs no line each and none is lost.
 */
import { randomBytes } from 'node:crypto';
import { type DeniedClient, HARVEST_CAPACITY, type HarvestLimits, HarvestWatch } from '../core/harvest.ts';
import type { HarvestGate } from './admission.ts';

/** Refusals since the last report. */
export interface RefusalReport {
  readonly refused: number;
  /** Clients they went to. */
  readonly clients: number;
  /** Those with the most, and how many each. */
  readonly top: ReadonlyArray<readonly [client: string, refused: number]>;
}

/** What the guard reports. None of them may throw. */
export interface HarvestEvents {
  denied(client: string, guesses: number, denyMs: number): void;
  refused(report: RefusalReport): void;
  /** A denial is over; `refused` is how often it was felt. */
  over(client: string, refused: number, reset: boolean): void;
}

/** The guard's state for a person. Times are ms since 1970. */
export interface HarvestState {
  readonly limit: number;
  /** Clients with a guess in the window, their guesses, and the most memory they may take. */
  readonly clients: number;
  readonly guesses: number;
  readonly bytes: number;
  readonly denied: ReadonlyArray<{
    readonly client: string;
    readonly since: number;
    readonly until: number;
    readonly refused: number;
  }>;
}

export interface HarvestGuard extends HarvestGate, Disposable {
  state(): HarvestState;
  /** Lets one client, or for null everybody, ask again; the clients that were denied. */
  reset(client: string | null): readonly string[];
}

/** How often refusals are told, ms. */
const REPORT_EVERY = 60_000;
/** Clients told apart in a report; the refusals of more are in its sum. */
const TOLD_APART = 1000;
const TOP = 5;

/** Opens the guard; disposing it tells what is left. `clock` is a steady one, in ms. */
export function openHarvestGuard(
  limits: Pick<HarvestLimits, 'limit' | 'window' | 'deny'>,
  events: HarvestEvents,
  clock: () => number = () => performance.now(),
): HarvestGuard {
  const seed = randomBytes(4).readUInt32LE(0);
  const watch = new HarvestWatch({ ...HARVEST_CAPACITY, ...limits }, seed);
  const tally = new Tally();
  const report = (): void => {
    const refused = tally.take();
    if (refused) events.refused(refused);
    watch.tidy(clock());
    for (const each of watch.over(clock())) events.over(each.client, each.refusals, false);
  };
  const timer = setInterval(report, REPORT_EVERY);
  timer.unref();
  return {
    refuses(client) {
      const denial = watch.denial(client, clock());
      if (denial === null) return false;
      denial.refusals += 1;
      tally.count(denial.client);
      return true;
    },
    absent(client, address) {
      const now = clock();
      if (watch.denial(client, now) !== null) return true;
      const denial = watch.absent(client, address, now);
      if (denial) events.denied(denial.client, limits.limit + 1, limits.deny);
      return denial !== null;
    },
    state: () => stateOf(watch, limits.limit, clock()),
    reset(client) {
      const ended = watch.reset(client);
      for (const each of ended) events.over(each.client, each.refusals, true);
      return ended.map((each) => each.client);
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      report();
    },
  };
}

function stateOf(watch: HarvestWatch, limit: number, now: number): HarvestState {
  watch.tidy(now);
  const wall = Date.now() - now;
  const timed = ({ client, since, until, refusals }: DeniedClient) => ({
    client,
    since: Math.round(since + wall),
    until: Math.round(until + wall),
    refused: refusals,
  });
  return { limit, ...watch.size, denied: watch.denied(now).map(timed) };
}

/** Refusals by client since the last report. */
class Tally {
  private refused = 0;
  private byClient = new Map<string, number>();

  /** `client`: the network that the watch counts it by. */
  count(client: string): void {
    this.refused += 1;
    const before = this.byClient.get(client);
    if (before !== undefined || this.byClient.size < TOLD_APART) this.byClient.set(client, (before ?? 0) + 1);
  }

  take(): RefusalReport | null {
    if (this.refused === 0) return null;
    const { refused, byClient } = this;
    this.refused = 0;
    this.byClient = new Map();
    const top = [...byClient].sort(([, a], [, b]) => b - a).slice(0, TOP);
    return { refused, clients: byClient.size, top };
  }
}
