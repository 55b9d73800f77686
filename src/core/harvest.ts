/**
 * Who is harvesting: a client that asked for more distinct addresses that do not exist within a sliding window than any
 * honest sender mistypes. It is then denied for a while.
 *
 * Memory is bounded whatever comes: a guess is 52 bytes in typed arrays (guess-ring.ts), at most `guesses` of them are remembered and
 * the oldest is forgotten first, so under a flood from very many clients the window is shorter, never the memory larger.
 * A client is counted by a 32-bit seeded hash of each address: two addresses that collide count once, in its favour.
 */
import { GuessRing, mixWords } from './guess-ring.ts';
import { addressWords } from './network.ts';

export interface HarvestLimits {
  /** Distinct absent addresses a client may ask for in a window; 0 means that nobody is ever harvesting. */
  readonly limit: number;
  /** Ms in which they count. */
  readonly window: number;
  /** Ms for which a client is denied once it has passed the limit. */
  readonly deny: number;
  /** Guesses remembered at a time, a power of two. */
  readonly guesses: number;
  /** Denied clients remembered at a time; the one denied first is forgotten first. */
  readonly denied: number;
}

/** Enough for a million clients with a guess each, in 55 MB at most; an idle gateway touches next to nothing of it. */
export const HARVEST_CAPACITY = { guesses: 2 ** 20, denied: 65_536 } as const;

/** A client that is denied. Times are ms of the clock that the caller uses. */
export interface DeniedClient {
  /** As {@link clientNetwork} says. */
  readonly client: string;
  readonly since: number;
  readonly until: number;
  /** Times it was turned away since. */
  refusals: number;
}

/** Guesses forgotten with each that comes: enough to catch up, too few to hold up an answer. */
const EXPIRED_AT_ONCE = 256;
/** The same when nobody waits. */
const TIDIED_AT_ONCE = 16_384;

export class HarvestWatch {
  /** Clients that are denied, or were until a moment ago, in the order of their denial. */
  private readonly deniedClients = new Map<string, DeniedClient>();
  private readonly limits: HarvestLimits;
  private readonly seed: number;
  private guesses: GuessRing;
  private lastClient = '';
  private lastWords: readonly [number, number] = [0, 0];

  /** `seed`: 32 random bits, so that nobody can choose addresses that count once. */
  constructor(limits: HarvestLimits, seed: number) {
    this.limits = limits;
    this.seed = seed;
    this.guesses = new GuessRing(limits.guesses, seed);
  }

  /** Notes that `client` asked for an address that is confirmed to be absent; the denial when that passes the limit. */
  absent(client: string, address: string, now: number): DeniedClient | null {
    const { limit, window, deny } = this.limits;
    if (limit === 0) return null;
    const before = this.denial(client, now);
    if (before) return before;
    const exact = this.guesses.expire(now - window, EXPIRED_AT_ONCE);
    if (this.guesses.full) this.guesses.dropOldest();
    const guess = [...this.wordsOf(client), hashText(address, this.seed), now] as const;
    if (this.guesses.add(...guess) <= limit) return null;
    // Nobody is denied for what should have been forgotten. A guess that is there already only counts.
    if (
      !exact &&
      this.guesses.expire(now - window, this.limits.guesses) &&
      this.guesses.add(...guess) <= limit
    ) {
      return null;
    }
    const denied = { client: clientNetwork(client), since: now, until: now + deny, refusals: 0 };
    this.deniedClients.delete(denied.client);
    this.deniedClients.set(denied.client, denied);
    // A client that was forgotten is let in again, and counts from the start.
    const [oldest = ''] = this.deniedClients.keys();
    if (this.deniedClients.size > this.limits.denied) this.deniedClients.delete(oldest);
    return denied;
  }

  /** The words of a client; one that guesses does so many times in a row. */
  private wordsOf(client: string): readonly [number, number] {
    if (client !== this.lastClient) this.lastWords = networkWords(client, this.seed);
    this.lastClient = client;
    return this.lastWords;
  }

  /** The denial that is in force for a client; null when it may ask. */
  denial(client: string, now: number): DeniedClient | null {
    if (this.deniedClients.size === 0) return null;
    const denied = this.deniedClients.get(clientNetwork(client));
    return denied && denied.until > now ? denied : null;
  }

  /** Forgets what has left the window, as much as takes a few milliseconds. */
  tidy(now: number): void {
    this.guesses.expire(now - this.limits.window, TIDIED_AT_ONCE);
  }

  /** Takes out the clients whose denial is over. */
  over(now: number): DeniedClient[] {
    const ended = [...this.deniedClients.values()].filter(({ until }) => until <= now);
    for (const { client } of ended) this.deniedClients.delete(client);
    return ended;
  }

  /** The clients that are denied, the one denied first at the front. */
  denied(now: number): DeniedClient[] {
    return [...this.deniedClients.values()].filter(({ until }) => until > now);
  }

  /** Lets a client ask again, as if it had never guessed; everybody for null. Those who were denied. */
  reset(client: string | null): DeniedClient[] {
    const network = client === null ? null : clientNetwork(client);
    const ended = [...this.deniedClients.values()].filter(
      (denied) => network === null || denied.client === network,
    );
    for (const each of ended) this.deniedClients.delete(each.client);
    if (client === null) this.guesses = new GuessRing(this.limits.guesses, this.seed);
    else this.guesses.forget(...networkWords(client, this.seed));
    return ended;
  }

  /** Clients with a guess in the window, guesses remembered, and the bytes held for them. */
  get size(): { readonly clients: number; readonly guesses: number; readonly bytes: number } {
    const { clients, length, bytes } = this.guesses;
    return { clients, guesses: length, bytes };
  }
}

/** An IPv4 address as it is (also when IPv6 carries it), an IPv6 address by its first 64 bits: one client owns all of them. */
export function clientNetwork(address: string): string {
  const words = address.includes(':') ? addressWords(address) : null;
  if (words === null) return address;
  const [first = 0, second = 0] = words;
  if (words.length === 1) return [24, 16, 8, 0].map((shift) => (first >>> shift) & 0xff).join('.');
  const groups = [first >>> 16, first & 0xffff, second >>> 16, second & 0xffff];
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`;
}

/** The same as two words; `[0, ipv4]` is no network that IPv6 gives to anybody. */
function networkWords(address: string, seed: number): readonly [number, number] {
  // A client asks many times in a row, and reading its address costs as much as counting it.
  if (address !== lastAddress || seed !== lastSeed) lastWords = readNetwork(address, seed);
  lastAddress = address;
  lastSeed = seed;
  return lastWords;
}

let lastAddress = '';
let lastSeed = -1;
let lastWords: readonly [number, number] = [0, 0];

function readNetwork(address: string, seed: number): readonly [number, number] {
  const words = addressWords(address);
  if (words === null) return [1, hashText(address, seed)];
  const [first = 0, second = 0] = words;
  return words.length === 1 ? [0, first] : [first, second];
}

/** FNV-1a with a seed, mixed at the end. */
function hashText(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return mixWords(hash, seed);
}
