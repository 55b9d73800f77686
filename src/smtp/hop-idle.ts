/** Connections between two transactions: kept a while, the last one used first. */
import type { HopConnection } from './hop-connection.ts';
import type { Endpoint } from './next-hop.ts';

export interface IdleLimits {
  /** Connections kept per next hop. */
  readonly most: number;
  /** How long one is kept, in ms. */
  readonly ms: number;
}

interface Idle {
  readonly hop: HopConnection;
  readonly expiry: NodeJS.Timeout;
}

/** A connection is not used longer than this, ms, so that changes of DNS and of routes take effect. */
const LONGEST_LIFE = 300_000;

export class IdleHops {
  private readonly limits: IdleLimits;
  private readonly idle = new Map<string, Idle[]>();
  private closed = false;

  constructor(limits: IdleLimits) {
    this.limits = limits;
  }

  /** A connection to a host that `suits`, and that is in order as far as can be told. */
  take(nextHop: string, suits: (endpoint: Endpoint) => boolean): HopConnection | null {
    const list = this.idle.get(nextHop) ?? [];
    for (let entry = list.pop(); entry; entry = list.pop()) {
      clearTimeout(entry.expiry);
      const { hop } = entry;
      if (hop.trouble) continue;
      if (hop.spoke) hop.destroy('spoke while idle');
      else if (!suits(hop.endpoint) || performance.now() - hop.since > LONGEST_LIFE) hop.quit();
      else return hop;
    }
    return null;
  }

  keep(hop: HopConnection): void {
    const list = this.idle.get(hop.nextHop) ?? [];
    if (this.closed || list.length >= this.limits.most) {
      hop.quit();
      return;
    }
    const expiry = setTimeout(() => {
      list.splice(list.indexOf(entry), 1);
      hop.quit();
    }, this.limits.ms);
    const entry: Idle = { hop, expiry: expiry.unref() };
    this.idle.set(hop.nextHop, list);
    list.push(entry);
  }

  /** Says goodbye on all of them; later ones are not kept. */
  close(): void {
    this.closed = true;
    for (const { hop, expiry } of [...this.idle.values()].flatMap((list) => list.splice(0))) {
      clearTimeout(expiry);
      hop.quit();
    }
  }
}
