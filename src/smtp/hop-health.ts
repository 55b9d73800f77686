/**
 * Which hosts of a next hop are in trouble. One that could not be reached, or did not get as far as MAIL, is left alone
 * for a while that doubles with every further failure, so that nobody waits for it and it is not pestered.
 */
import type { HopTrouble } from './next-hop.ts';

export interface BackoffLimits {
  /** The first pause, ms; 0 for none. */
  readonly first: number;
  readonly longest: number;
}

/** How long a host is left alone after `failures` in a row, in ms. */
export function backoff(failures: number, { first, longest }: BackoffLimits): number {
  return Math.min(longest, first * 2 ** Math.min(failures - 1, 30));
}

interface Illness {
  readonly failures: number;
  readonly until: number;
  readonly trouble: HopTrouble;
}

/** Bounded by the number of addresses the next hops ever had; this many are remembered. */
const LIMIT = 1000;

export class HopHealth {
  private readonly limits: BackoffLimits;
  private readonly now: () => number;
  private readonly ill = new Map<string, Illness>();

  /** `now`: ms of a steady clock. */
  constructor(limits: BackoffLimits, now: () => number = () => performance.now()) {
    this.limits = limits;
    this.now = now;
  }

  /** Why the host is left alone at the moment; null when it is not. */
  troubleOf(key: string): HopTrouble | null {
    const illness = this.ill.get(key);
    return illness && this.now() < illness.until ? illness.trouble : null;
  }

  failed(key: string, trouble: HopTrouble): void {
    const failures = (this.ill.get(key)?.failures ?? 0) + 1;
    this.ill.delete(key);
    this.ill.set(key, { failures, until: this.now() + backoff(failures, this.limits), trouble });
    const [oldest] = this.ill.keys();
    if (this.ill.size > LIMIT && oldest !== undefined) this.ill.delete(oldest);
  }

  recovered(key: string): void {
    this.ill.delete(key);
  }
}
