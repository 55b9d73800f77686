/**
 * Who is harvesting: a client that in one window asked for more addresses that do not exist than any honest sender
 * mistypes. Memory is bounded: so many clients, and of each no more addresses than the limit.
 */

export interface HarvestLimits {
  /** Distinct absent addresses a client may ask for in a window; 0 means that nobody is ever harvesting. */
  readonly limit: number;
  /** Ms, from the first of them. */
  readonly window: number;
  /** Clients remembered at a time; the one seen first is forgotten first. */
  readonly clients: number;
}

export interface HarvestWatch {
  /** Notes that `client` asked for an address that is confirmed to be absent. `now` is in ms of a steady clock. */
  absent(client: string, address: string, now: number): void;
  /** Whether a client has passed the limit in its window. */
  harvesting(client: string, now: number): boolean;
  /** Clients remembered. */
  readonly size: number;
}

/** Watches clients by their address; an IPv6 client is its /64, because it owns all of it. */
export function watchHarvests({ limit, window, clients }: HarvestLimits): HarvestWatch {
  const seen = new Map<string, { readonly since: number; readonly addresses: Set<string> }>();
  const current = (network: string, now: number) => {
    const entry = seen.get(network);
    if (!entry || now - entry.since < window) return entry;
    seen.delete(network);
    return undefined;
  };
  return {
    absent(client, address, now) {
      if (limit === 0) return;
      const network = clientNetwork(client);
      const entry = current(network, now) ?? { since: now, addresses: new Set<string>() };
      if (entry.addresses.size <= limit) entry.addresses.add(address);
      seen.set(network, entry);
      if (seen.size > clients) seen.delete(seen.keys().next().value ?? '');
    },
    harvesting: (client, now) =>
      limit > 0 && (current(clientNetwork(client), now)?.addresses.size ?? 0) > limit,
    get size() {
      return seen.size;
    },
  };
}

/** An IPv4 address as it is (also when IPv6 carries it), an IPv6 address by its first 64 bits. */
export function clientNetwork(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1]) return mapped[1];
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('%')[0]?.toLowerCase().split('::') ?? [];
  const front = head === '' ? [] : head.split(':');
  const back = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
