/** One-time links into the console: 256 random bits, ten minutes, once. The daemon keeps their digests in memory. */
import { createHash, randomBytes } from 'node:crypto';

/** How long a link is good, ms. */
export const LINK_TIME = 10 * 60_000;
/** Links at a time; one more drops the oldest. */
const MOST = 20;

/** `unknown`: never issued, or used, or dropped. */
export type LinkUse = 'good' | 'late' | 'unknown';

/** Every link that is waiting to be used. Times are in ms since 1970. */
export class OneTimeLinks {
  /** End of each link, by its digest. */
  readonly #links = new Map<string, number>();

  /** A new link's secret, and when it ends. */
  issue(now: number): { readonly secret: string; readonly until: number } {
    for (const oldest of this.#links.keys()) {
      if (this.#links.size < MOST) break;
      this.#links.delete(oldest);
    }
    const secret = randomBytes(32).toString('base64url');
    const until = now + LINK_TIME;
    this.#links.set(digest(secret), until);
    return { secret, until };
  }

  /** Uses a link up. */
  use(secret: string, now: number): LinkUse {
    const key = digest(secret);
    const until = this.#links.get(key);
    this.#links.delete(key);
    if (until === undefined) return 'unknown';
    return now < until ? 'good' : 'late';
  }
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
