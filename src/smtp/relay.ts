/**
 * The next hops and the idle connections to them. One transaction holds one connection; afterwards it is reset and
 * kept a while for the next, because a TLS handshake costs more than a message.
 */
import type { Capabilities } from './capabilities.ts';
import type { HopConnection } from './hop-connection.ts';
import { type HopTls, type OpenedHop, openHop } from './hop-handshake.ts';
import { DEFAULT_TIMEOUTS, type HopTimeouts, type HopTrouble } from './next-hop.ts';

export interface RelayOptions {
  /** Our name in EHLO. */
  readonly hostname: string;
  /** Limits that differ from those of RFC 5321 section 4.5.3.2, in ms. */
  readonly timeouts: Partial<HopTimeouts>;
  readonly tls: HopTls;
  /** PEM of a further authority to trust when verifying. */
  readonly ca?: string;
  /** Idle connections kept per next hop. */
  readonly maxIdle: number;
  /** How long an idle connection is kept, in ms. */
  readonly idleMs: number;
}

export interface Relay {
  readonly timeouts: HopTimeouts;
  /**
   * A connection ready for MAIL, an idle one unless `fresh`. `signal` cuts it at any time until it is released;
   * `notice` hears of trouble that was overcome.
   */
  open(
    nextHop: string,
    signal: AbortSignal,
    notice: (trouble: HopTrouble) => void,
    fresh?: boolean,
  ): Promise<OpenedHop>;
  /** Takes a connection back and keeps it if there is room; not `clean` when a transaction is still open on it. */
  release(hop: HopConnection, clean: boolean): void;
  /** What the next hop said to its last EHLO. */
  capabilities(nextHop: string): Capabilities | 'unknown';
  /** Closes every idle connection; those in use end with their transaction. */
  close(): Promise<void>;
}

interface Idle {
  readonly hop: HopConnection;
  readonly expiry: NodeJS.Timeout;
}

/** The outbound side; it connects to nothing until a recipient needs it. */
export function createRelay(options: RelayOptions): Relay {
  const idle = new Map<string, Idle[]>();
  const seen = new Map<string, Capabilities>();
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  let closed = false;

  const drop = (entry: Idle): void => {
    const list = idle.get(entry.hop.nextHop) ?? [];
    if (list.includes(entry)) list.splice(list.indexOf(entry), 1);
    clearTimeout(entry.expiry);
  };
  const takeIdle = (nextHop: string): HopConnection | null => {
    for (let entry = idle.get(nextHop)?.at(-1); entry; entry = idle.get(nextHop)?.at(-1)) {
      drop(entry);
      if (!entry.hop.trouble && !entry.hop.spoke) return entry.hop;
      entry.hop.destroy('spoke while idle');
    }
    return null;
  };
  const keep = (hop: HopConnection): void => {
    const list = idle.get(hop.nextHop) ?? [];
    if (closed || list.length >= options.maxIdle) {
      hop.quit();
      return;
    }
    const expire = (): void => {
      drop(entry);
      hop.quit();
    };
    const entry: Idle = { hop, expiry: setTimeout(expire, options.idleMs) };
    entry.expiry.unref();
    idle.set(hop.nextHop, list);
    list.push(entry);
  };

  return {
    timeouts,
    async open(nextHop, signal, notice, fresh = false) {
      const kept = fresh ? null : takeIdle(nextHop);
      if (kept) {
        kept.bind(signal);
        kept.reused = true;
        return { ok: true, hop: kept };
      }
      const opened = await openHop(nextHop, { ...options, timeouts }, signal, notice);
      if (opened.ok) seen.set(nextHop, opened.hop.capabilities);
      return opened;
    },
    release(hop, clean) {
      hop.bind(null);
      if (hop.trouble) return;
      if (clean) {
        keep(hop);
        return;
      }
      void hop.command('RSET', 'reset', timeouts.reset).then((answer) => {
        if (answer.ok && answer.reply.code === 250) keep(hop);
        else hop.destroy('RSET refused');
      });
    },
    capabilities: (nextHop) => seen.get(nextHop) ?? 'unknown',
    async close() {
      closed = true;
      for (const entry of [...idle.values()].flat()) {
        drop(entry);
        entry.hop.quit();
      }
    },
  };
}
