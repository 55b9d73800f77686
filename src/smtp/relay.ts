/**
 * The next hops: which of their hosts to use, how many transactions at a time, and the idle connections to them. One
 * transaction holds one connection; afterwards it is kept a while for the next, because a TLS handshake costs more than
 * a message.
 *
 * Another host of a next hop is tried only while nothing of a transaction was said to the first: when it cannot be
 * reached, refuses us in its greeting, or does not get through EHLO and STARTTLS (RFC 5321 section 5.1).
 */
import type { Capabilities } from './capabilities.ts';
import type { HopConnection } from './hop-connection.ts';
import { HopEndpoints } from './hop-endpoints.ts';
import type { ForwardClient } from './hop-forward.ts';
import { type OpenedHop, openHop } from './hop-handshake.ts';
import { type BackoffLimits, HopHealth } from './hop-health.ts';
import { IdleHops } from './hop-idle.ts';
import { HopSlots } from './hop-slots.ts';
import { type HopTls, HopTlsClient } from './hop-tls.ts';
import {
  Cut,
  DEFAULT_TIMEOUTS,
  type Endpoint,
  endpointKey,
  type HopTimeouts,
  type HopTrouble,
} from './next-hop.ts';
import { type Resolver, systemResolver } from './resolver.ts';

export interface RelayOptions {
  /** Our name in EHLO. */
  readonly hostname: string;
  /** Limits that differ from those of RFC 5321 section 4.5.3.2, in ms. */
  readonly timeouts: Partial<HopTimeouts>;
  /** For every next hop, or for each. */
  readonly tls: HopTls | ((nextHop: string) => HopTls);
  /** PEM of a further authority to trust when verifying. */
  readonly ca?: string;
  readonly forwardClient?: ForwardClient;
  /** Idle connections kept per next hop. */
  readonly maxIdle: number;
  /** How long an idle connection is kept, in ms. */
  readonly idleMs: number;
  /** Transactions of one connection. */
  readonly maxMessages?: number;
  /** Transactions at a time per next hop, and how long (ms) one more waits. */
  readonly maxConnections?: number;
  readonly slotWait?: number;
  /** How long a host in trouble is left alone. */
  readonly backoff?: BackoffLimits;
  readonly resolver?: Resolver;
}

export interface Relay {
  readonly hostname: string;
  readonly timeouts: HopTimeouts;
  readonly forwardClient: ForwardClient;
  /**
   * A connection ready for MAIL, an idle one unless `fresh`. `cut` ends it at any time until it is released; `notice`
   * hears of trouble that was overcome.
   */
  open(nextHop: string, cut: Cut, notice: (trouble: HopTrouble) => void, fresh?: boolean): Promise<OpenedHop>;
  /** Takes a connection back and keeps it if there is room; not `clean` when a transaction is still open on it. */
  release(hop: HopConnection, clean: boolean): void;
  /** What the hosts of the next hop said to their last EHLO, as far as all of them can. */
  capabilities(nextHop: string): Capabilities | 'unknown';
  /** Asks a next hop that was never asked what it can do, so that clients are offered no more. Never rejects. */
  learn(nextHop: string, notice: (trouble: HopTrouble) => void): Promise<void>;
  /** Closes every idle connection; those in use end with their transaction. */
  close(): Promise<void>;
}

/** Hosts tried for one transaction. */
const MAX_ATTEMPTS = 5;
const BACKOFF: BackoffLimits = { first: 1000, longest: 60_000 };
/** A host that goes on without TLS is told again after this long, ms. */
const TELL_AGAIN = 3_600_000;

/** The outbound side; it connects to nothing until a recipient needs it. */
export function createRelay(options: RelayOptions): Relay {
  return new NextHops(options);
}

class NextHops implements Relay {
  readonly hostname: string;
  readonly timeouts: HopTimeouts;
  readonly forwardClient: ForwardClient;
  private readonly tlsOf: (nextHop: string) => HopTls;
  private readonly tlsClient: HopTlsClient;
  private readonly endpoints: HopEndpoints;
  private readonly health: HopHealth;
  private readonly slots: HopSlots;
  private readonly idle: IdleHops;
  private readonly seen = new Map<string, Map<string, Capabilities>>();
  /** When a host was last told to be without TLS, on the steady clock. */
  private readonly told = new Map<string, number>();
  private readonly maxMessages: number;

  constructor(options: RelayOptions) {
    const { tls } = options;
    this.hostname = options.hostname;
    this.timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.forwardClient = options.forwardClient ?? 'off';
    this.tlsOf = typeof tls === 'string' ? () => tls : tls;
    this.tlsClient = new HopTlsClient(options.ca);
    this.endpoints = new HopEndpoints(options.resolver ?? systemResolver());
    this.health = new HopHealth(options.backoff ?? BACKOFF);
    this.slots = new HopSlots({ most: options.maxConnections ?? 100, wait: options.slotWait ?? 5000 });
    this.idle = new IdleHops({ most: options.maxIdle, ms: options.idleMs });
    this.maxMessages = options.maxMessages ?? 100;
  }

  async open(
    nextHop: string,
    cut: Cut,
    notice: (trouble: HopTrouble) => void,
    fresh = false,
  ): Promise<OpenedHop> {
    const place = this.slots.take(nextHop);
    const slot = place instanceof Promise ? await place : place;
    if (!slot) return { ok: false, trouble: troubleOf(nextHop, 'busy', 'too many transactions at a time') };
    const opened = await this.openWith(nextHop, cut, notice, fresh).catch((error: unknown): OpenedHop => {
      return { ok: false, trouble: troubleOf(nextHop, 'unreachable', textOf(error)) };
    });
    // A client may have gone while we waited for our turn.
    if (opened.ok && !opened.hop.trouble) opened.hop.ended = () => slot.free();
    else slot.free();
    return opened;
  }

  release(hop: HopConnection, clean: boolean): void {
    hop.bind(null);
    if (hop.trouble) return;
    if (clean) {
      this.keep(hop);
      return;
    }
    void hop.command('RSET', 'reset', this.timeouts.reset).then((answer) => {
      if (answer.ok && answer.reply.code === 250 && !hop.spoke) this.keep(hop);
      else hop.destroy('RSET refused');
    });
  }

  capabilities(nextHop: string): Capabilities | 'unknown' {
    const seen = this.seen.get(nextHop);
    return seen ? [...seen.values()].reduce(commonOf) : 'unknown';
  }

  async learn(nextHop: string, notice: (trouble: HopTrouble) => void): Promise<void> {
    if (this.seen.has(nextHop)) return;
    const opened = await this.open(nextHop, new Cut(), notice);
    if (opened.ok) this.release(opened.hop, true);
    else notice(opened.trouble);
  }

  async close(): Promise<void> {
    this.idle.close();
  }

  private keep(hop: HopConnection): void {
    // Idle connections take no place.
    hop.ended();
    hop.ended = () => undefined;
    hop.served += 1;
    if (hop.served >= this.maxMessages) hop.quit();
    else this.idle.keep(hop);
  }

  private async openWith(
    nextHop: string,
    cut: Cut,
    notice: (trouble: HopTrouble) => void,
    fresh: boolean,
  ): Promise<OpenedHop> {
    const known = this.endpoints.of(nextHop);
    const all = known instanceof Promise ? await known : known;
    const well = all.filter((endpoint) => !this.health.troubleOf(endpointKey(endpoint)));
    // A connection to a worse host is no reason to stay there once a better one may be back.
    const best = well[0]?.rank ?? Number.POSITIVE_INFINITY;
    const kept = fresh ? null : this.idle.take(nextHop, (endpoint) => endpoint.rank <= best);
    if (kept) {
      kept.bind(cut);
      return { ok: true, hop: kept };
    }
    return this.tryHosts(nextHop, all, well, cut, notice);
  }

  private async tryHosts(
    nextHop: string,
    all: readonly Endpoint[],
    well: readonly Endpoint[],
    cut: Cut,
    notice: (trouble: HopTrouble) => void,
  ): Promise<OpenedHop> {
    let last: HopTrouble | null = null;
    for (const endpoint of well.slice(0, MAX_ATTEMPTS)) {
      if (last) notice(last);
      const opened = await this.openHost(nextHop, endpoint, cut, notice);
      if (opened.ok || cut.fired) return opened;
      last = opened.trouble;
    }
    const left = all[0] && this.health.troubleOf(endpointKey(all[0]));
    const trouble = last ?? (left ? { ...left, repeated: true } : null);
    return { ok: false, trouble: trouble ?? troubleOf(nextHop, 'unreachable', 'no host') };
  }

  private async openHost(
    nextHop: string,
    endpoint: Endpoint,
    cut: Cut,
    notice: (trouble: HopTrouble) => void,
  ): Promise<OpenedHop> {
    const key = endpointKey(endpoint);
    const { hostname, timeouts, tlsClient } = this;
    const tls = this.tlsOf(nextHop);
    const opened = await openHop(nextHop, endpoint, { hostname, timeouts, tls, tlsClient }, cut);
    if (!opened.ok) {
      if (!cut.fired) this.health.failed(key, opened.trouble);
      return opened;
    }
    this.health.recovered(key);
    this.remember(nextHop, key, opened.hop.capabilities);
    this.tellFallback(key, opened.fellBack, notice);
    return opened;
  }

  private remember(nextHop: string, key: string, capabilities: Capabilities): void {
    const seen = this.seen.get(nextHop) ?? new Map<string, Capabilities>();
    this.seen.set(nextHop, seen);
    seen.delete(key);
    seen.set(key, capabilities);
    const [oldest] = seen.keys();
    if (seen.size > MAX_HOSTS && oldest !== undefined) seen.delete(oldest);
  }

  /** Once when a host stops taking TLS, not for every connection. */
  private tellFallback(key: string, why: HopTrouble | null, notice: (trouble: HopTrouble) => void): void {
    const now = performance.now();
    if (!why) this.told.delete(key);
    else if (now - (this.told.get(key) ?? Number.NEGATIVE_INFINITY) > TELL_AGAIN) {
      this.told.set(key, now);
      notice({ ...why, cleartext: true });
    }
  }
}

/** Hosts of one next hop whose capabilities are remembered. */
const MAX_HOSTS = 32;

function commonOf(one: Capabilities, other: Capabilities): Capabilities {
  const sizes = [one.size, other.size].filter((size) => size);
  return {
    size: sizes.length > 0 ? Math.min(...sizes.map(Number)) : (one.size ?? other.size),
    eightBitMime: one.eightBitMime && other.eightBitMime,
    smtpUtf8: one.smtpUtf8 && other.smtpUtf8,
    pipelining: one.pipelining && other.pipelining,
    startTls: one.startTls && other.startTls,
    dsn: one.dsn && other.dsn,
    xclient: one.xclient.filter((name) => other.xclient.includes(name)),
    xforward: one.xforward.filter((name) => other.xforward.includes(name)),
  };
}

function troubleOf(nextHop: string, failure: 'busy' | 'unreachable', error: string): HopTrouble {
  return { failure, stage: failure === 'busy' ? 'connect' : 'resolve', nextHop, address: null, error };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
