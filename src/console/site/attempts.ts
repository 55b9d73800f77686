/** How often somebody may try to come in: token buckets, one for each client and one for all. Memory is bounded. */
import { type BucketLimits, fullBucket, type TokenBucket, takeToken } from '../../core/token-bucket.ts';

/** Twenty at once, then one in three seconds, for one address. All together: what the daemon does not notice. */
const CLIENT: BucketLimits = { rate: 1 / 3, burst: 20 };
const TOTAL: BucketLimits = { rate: 5, burst: 200 };
/** Clients remembered; the one that tried longest ago is forgotten. */
const MOST = 2000;

/** `refused`: for the first time since the client was last allowed, which is worth a line in the log; `again`: is not. */
export type Attempt = 'allowed' | 'refused' | 'again';

interface Client {
  readonly bucket: TokenBucket;
  readonly last: Attempt;
}

/** Counts attempts. */
export class Attempts {
  readonly #clients = new Map<string, Client>();
  #total: TokenBucket | null = null;

  /** An attempt of `address` now (ms, of a steady clock). A client over its own limit does not use up that of all. */
  attempt(address: string, now: number): Attempt {
    const key = networkOf(address);
    const client = this.#clients.get(key);
    const own = takeToken(client?.bucket ?? fullBucket(CLIENT, now), CLIENT, now);
    const allowed = own.taken && this.#takeOfAll(now);
    const last = allowed ? 'allowed' : (client?.last ?? 'allowed') === 'allowed' ? 'refused' : 'again';
    this.#clients.delete(key);
    for (const oldest of this.#clients.keys()) {
      if (this.#clients.size < MOST) break;
      this.#clients.delete(oldest);
    }
    this.#clients.set(key, { bucket: own.bucket, last });
    return last;
  }

  #takeOfAll(now: number): boolean {
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
