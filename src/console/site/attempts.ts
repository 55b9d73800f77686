/** How often somebody may try to come in: token buckets, one for each client and one for all. Memory is bounded. */
import { type BucketLimits, fullBucket, type TokenBucket, takeToken } from '../../core/token-bucket.ts';

/** Ten at once, then one in six seconds, for one address. All together: what the daemon does not notice. */
const CLIENT: BucketLimits = { rate: 1 / 6, burst: 10 };
const TOTAL: BucketLimits = { rate: 5, burst: 200 };
/** Clients remembered; the one that tried longest ago is forgotten. */
const MOST = 2000;

/** Counts attempts. */
export class Attempts {
  readonly #clients = new Map<string, TokenBucket>();
  #total: TokenBucket | null = null;

  /** Whether `client` may try now (ms, of a steady clock). A client over its own limit does not use up that of all. */
  allow(client: string, now: number): boolean {
    const key = networkOf(client);
    const own = takeToken(this.#clients.get(key) ?? fullBucket(CLIENT, now), CLIENT, now);
    this.#clients.delete(key);
    for (const oldest of this.#clients.keys()) {
      if (this.#clients.size < MOST) break;
      this.#clients.delete(oldest);
    }
    this.#clients.set(key, own.bucket);
    if (!own.taken) return false;
    const all = takeToken(this.#total ?? fullBucket(TOTAL, now), TOTAL, now);
    this.#total = all.bucket;
    return all.taken;
  }
}

/** A person has a whole /64 of IPv6. The text is only a key, so an unusual spelling of an address costs nothing. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  const filled = tail === undefined ? groups : [...groups, '0', '0', '0', '0'];
  return filled.slice(0, 4).join(':');
}
