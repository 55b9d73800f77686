/** Names into addresses: the two questions a relay asks of DNS, as the system answers them (RFC 5321 section 5.1). */
import { promises as dns } from 'node:dns';

export interface MailExchange {
  readonly exchange: string;
  readonly priority: number;
}

/** `ttl`: seconds the answer may be believed. */
export interface Addresses {
  readonly addresses: readonly string[];
  readonly ttl: number;
}

/** Each rejects when it could not tell, and answers an empty list when there is nothing. */
export interface Resolver {
  mx(domain: string): Promise<readonly MailExchange[]>;
  /** Addresses of a mail exchange, from DNS. */
  exchange(host: string): Promise<Addresses>;
  /** Addresses of a host of the configuration, from wherever this machine looks names up. */
  host(host: string): Promise<Addresses>;
}

/** getaddrinfo tells no TTL. */
const HOST_TTL = 60;
/** Answers that are no fault of DNS: the name is there without such records, or is not there. */
const NOTHING = new Set(['ENODATA', 'ENOTFOUND']);

/** The resolver of this machine. A server that is silent for 3 s is asked once more. */
export function systemResolver(): Resolver {
  const resolver = new dns.Resolver({ timeout: 3000, tries: 2 });
  return {
    mx: (domain) => orNothing(resolver.resolveMx(domain)),
    async exchange(host) {
      const [four, six] = await Promise.allSettled([
        orNothing(resolver.resolve4(host, { ttl: true })),
        orNothing(resolver.resolve6(host, { ttl: true })),
      ]);
      const records = [four, six].flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
      if (records.length === 0 && four.status === 'rejected') throw four.reason;
      if (records.length === 0 && six.status === 'rejected') throw six.reason;
      return {
        addresses: records.map(({ address }) => address),
        ttl: Math.min(HOST_TTL * 60, ...records.map(({ ttl }) => ttl)),
      };
    },
    async host(host) {
      const found = await orNothing(dns.lookup(host, { all: true, verbatim: true }));
      return { addresses: found.map(({ address }) => address), ttl: HOST_TTL };
    },
  };
}

async function orNothing<Item>(answer: Promise<readonly Item[]>): Promise<readonly Item[]> {
  try {
    return await answer;
  } catch (error) {
    if (NOTHING.has(String((error as NodeJS.ErrnoException).code))) return [];
    throw error;
  }
}
