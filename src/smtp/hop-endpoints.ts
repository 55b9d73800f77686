/**
 * The addresses of a next hop in the order to try them (RFC 5321 section 5.1), remembered for their TTL. When DNS does
 * not answer, the last answer goes on: an old address is better than no mail.
 */
import { isIP } from 'node:net';
import { type HopHost, parseNextHop } from '../core/next-hop.ts';
import type { Endpoint } from './next-hop.ts';
import type { Addresses, Resolver } from './resolver.ts';

/** Seconds an answer is believed, whatever its TTL says. */
const SHORTEST = 5;
const LONGEST = 3600;
/** Seconds until DNS is asked again after it failed. */
const RETRY = 10;

interface Known {
  readonly endpoints: readonly Endpoint[];
  /** On the steady clock, ms. */
  readonly until: number;
}

export class HopEndpoints {
  private readonly resolver: Resolver;
  private readonly now: () => number;
  private readonly random: () => number;
  private readonly known = new Map<string, Known>();
  private readonly asking = new Map<string, Promise<readonly Endpoint[]>>();

  /** `now`: ms of a steady clock; `random`: in [0, 1). */
  constructor(resolver: Resolver, now: () => number = () => performance.now(), random = Math.random) {
    this.resolver = resolver;
    this.now = now;
    this.random = random;
  }

  /**
   * The endpoints of `nextHop`, at once when they are known.
   * @throws Error (or rejects) when there are none, or DNS does not say.
   */
  of(nextHop: string): readonly Endpoint[] | Promise<readonly Endpoint[]> {
    const known = this.known.get(nextHop);
    if (known && this.now() < known.until) return known.endpoints;
    const running = this.asking.get(nextHop);
    if (running) return running;
    const asked = this.ask(nextHop).finally(() => this.asking.delete(nextHop));
    this.asking.set(nextHop, asked);
    // Who asked may be gone by then.
    asked.catch(() => undefined);
    return asked;
  }

  private async ask(nextHop: string): Promise<readonly Endpoint[]> {
    const last = this.known.get(nextHop);
    try {
      const { endpoints, ttl } = await this.resolve(nextHop);
      const seconds = Math.min(Math.max(ttl, SHORTEST), LONGEST);
      this.known.set(nextHop, { endpoints, until: this.now() + seconds * 1000 });
      return endpoints;
    } catch (error) {
      if (!last) throw error;
      this.known.set(nextHop, { ...last, until: this.now() + RETRY * 1000 });
      return last.endpoints;
    }
  }

  private async resolve(nextHop: string): Promise<{ endpoints: readonly Endpoint[]; ttl: number }> {
    const route = parseNextHop(nextHop);
    if (!route) throw new Error(`"${nextHop}" is no next hop`);
    if (route.kind === 'mx') return this.exchanges(route.domain, route.port);
    const found = await this.gather(
      route.hosts.map((host, rank) => ({ ...host, rank })),
      (host) => this.resolver.host(host),
    );
    if (found.endpoints.length === 0) throw new Error(`${nextHop} has no address`);
    return found;
  }

  private async exchanges(domain: string, port: number): Promise<{ endpoints: Endpoint[]; ttl: number }> {
    const records = await this.resolver.mx(domain);
    // RFC 7505: the one exchange "." says that the domain takes no mail.
    if (records.some(({ exchange }) => exchange === '' || exchange === '.')) {
      throw new Error(`${domain} has a null MX record: it takes no mail`);
    }
    // Without MX records the domain is its own exchange.
    const named = records.length > 0 ? records : [{ exchange: domain, priority: 0 }];
    const hosts = named.map(({ exchange, priority }) => ({ host: exchange, port, rank: priority }));
    const found = await this.gather(hosts, (host) => this.resolver.exchange(host));
    if (found.endpoints.length === 0) throw new Error(`no mail exchange of ${domain} has an address`);
    return { endpoints: shuffledByRank(found.endpoints, this.random), ttl: found.ttl };
  }

  /** One host that cannot be resolved does not stand before the others. */
  private async gather(
    hosts: ReadonlyArray<HopHost & { readonly rank: number }>,
    ask: (host: string) => Promise<Addresses>,
  ): Promise<{ endpoints: Endpoint[]; ttl: number }> {
    const endpoints: Endpoint[] = [];
    let ttl = LONGEST;
    let failure: unknown = null;
    const answers = await Promise.allSettled(
      hosts.map(({ host }) => (isIP(host) ? { addresses: [host], ttl: LONGEST } : ask(host))),
    );
    for (const [index, { host, port, rank }] of hosts.entries()) {
      const answer = answers[index];
      if (answer?.status === 'rejected') {
        failure = answer.reason;
        ttl = RETRY;
      } else if (answer) {
        ttl = Math.min(ttl, answer.value.ttl);
        for (const address of answer.value.addresses) endpoints.push({ address, port, name: host, rank });
      }
    }
    if (endpoints.length === 0 && failure) throw failure;
    return { endpoints, ttl };
  }
}

/** In order of rank; those of equal rank in random order, to share the load. */
export function shuffledByRank(endpoints: readonly Endpoint[], random: () => number): Endpoint[] {
  return endpoints
    .map((endpoint) => ({ endpoint, lot: random() }))
    .sort((a, b) => a.endpoint.rank - b.endpoint.rank || a.lot - b.lot)
    .map(({ endpoint }) => endpoint);
}
