/**
 * The memory of the harvest guard: who asked for which absent address and when, in typed arrays of a fixed size, 52 bytes a
 * guess with the tables' free places. The system gives memory to what is written only, so that nobody's guesses cost little.
 * A client has no record but its count.
 */

/** Both words of a client in the place of one that was forgotten: no host has an address like that. */
const NOBODY = 0xffffffff;

/**
 * The guesses in the order they came, each distinct one once, and how many each client has. Ring, set and counters are
 * open-addressing tables over typed arrays; entries are taken out by closing the gap, so there are no tombstones.
 */
export class GuessRing {
  readonly capacity: number;
  /** Guesses, and clients that have one. */
  length = 0;
  clients = 0;
  private head = 0;
  /** Places of the ring that are in use, those of forgotten clients too. */
  private used = 0;
  private readonly high: Uint32Array;
  private readonly low: Uint32Array;
  private readonly guess: Uint32Array;
  private readonly time: Float64Array;
  /** Ring index + 1 by the hash of client and guess; 0 is free. */
  private readonly set: Uint32Array;
  private readonly clientHigh: Uint32Array;
  private readonly clientLow: Uint32Array;
  /** Guesses of a client; 0 is a free place. */
  private readonly clientCount: Uint32Array;

  private readonly seed: number;

  /** `capacity`: a power of two. `seed`: 32 random bits, so that nobody can choose clients that share a place. */
  constructor(capacity: number, seed: number) {
    this.capacity = capacity;
    this.seed = seed;
    this.high = new Uint32Array(capacity);
    this.low = new Uint32Array(capacity);
    this.guess = new Uint32Array(capacity);
    this.time = new Float64Array(capacity);
    this.set = new Uint32Array(capacity * 2);
    this.clientHigh = new Uint32Array(capacity * 2);
    this.clientLow = new Uint32Array(capacity * 2);
    this.clientCount = new Uint32Array(capacity * 2);
  }

  get full(): boolean {
    return this.used === this.capacity;
  }

  get bytes(): number {
    return this.capacity * 52;
  }

  /** Adds a guess unless it is there; how many distinct ones the client has then. */
  add(high: number, low: number, guess: number, now: number): number {
    const place = this.find(high, low, guess);
    const client = this.clientPlace(high, low);
    if (this.set[place] !== 0) return this.clientCount[client] ?? 0;
    const at = (this.head + this.used) & (this.capacity - 1);
    this.high[at] = high;
    this.low[at] = low;
    this.guess[at] = guess;
    this.time[at] = now;
    this.set[place] = at + 1;
    this.length += 1;
    this.used += 1;
    if (this.clientCount[client] === 0) {
      this.clientHigh[client] = high;
      this.clientLow[client] = low;
      this.clients += 1;
    }
    this.clientCount[client] = (this.clientCount[client] ?? 0) + 1;
    return this.clientCount[client] ?? 0;
  }

  /** Forgets guesses made at `before` or earlier, `most` of them; whether none is left. */
  expire(before: number, most: number): boolean {
    for (let dropped = 0; this.used > 0 && (this.time[this.head] ?? 0) <= before; dropped += 1) {
      if (dropped === most) return false;
      this.dropOldest();
    }
    return true;
  }

  dropOldest(): void {
    const { head } = this;
    if (this.high[head] !== NOBODY || this.low[head] !== NOBODY) this.remove(head);
    this.head = (head + 1) & (this.capacity - 1);
    this.used -= 1;
  }

  /** Forgets one client; its places in the ring stay empty until their time is over. */
  forget(high: number, low: number): void {
    for (let index = 0; index < this.used; index += 1) {
      const at = (this.head + index) & (this.capacity - 1);
      if (this.high[at] === high && this.low[at] === low) this.remove(at);
    }
  }

  /** Takes a guess out of everything but the ring. */
  private remove(at: number): void {
    const high = this.high[at] ?? 0;
    const low = this.low[at] ?? 0;
    this.removeGuess(this.find(high, low, this.guess[at] ?? 0));
    this.high[at] = NOBODY;
    this.low[at] = NOBODY;
    this.length -= 1;
    const client = this.clientPlace(high, low);
    const left = (this.clientCount[client] ?? 1) - 1;
    this.clientCount[client] = left;
    if (left > 0) return;
    this.clients -= 1;
    this.closeClientGap(client);
  }

  private home(high: number, low: number, guess: number): number {
    return mixWords(this.seed, high, low, guess);
  }

  /** Where a guess is in the set, or the free place where it belongs. */
  private find(high: number, low: number, guess: number): number {
    const mask = this.set.length - 1;
    let place = this.home(high, low, guess) & mask;
    for (;;) {
      const at = (this.set[place] ?? 0) - 1;
      if (at < 0) return place;
      if (this.guess[at] === guess && this.low[at] === low && this.high[at] === high) return place;
      place = (place + 1) & mask;
    }
  }

  private clientPlace(high: number, low: number): number {
    const mask = this.clientCount.length - 1;
    let place = this.home(high, low, 0) & mask;
    while (
      this.clientCount[place] !== 0 &&
      (this.clientLow[place] !== low || this.clientHigh[place] !== high)
    ) {
      place = (place + 1) & mask;
    }
    return place;
  }

  private removeGuess(hole: number): void {
    const mask = this.set.length - 1;
    let free = hole;
    for (let place = (hole + 1) & mask; this.set[place] !== 0; place = (place + 1) & mask) {
      const at = (this.set[place] ?? 0) - 1;
      const home = this.home(this.high[at] ?? 0, this.low[at] ?? 0, this.guess[at] ?? 0) & mask;
      if (!reaches(home, free, place, mask)) continue;
      this.set[free] = this.set[place] ?? 0;
      free = place;
    }
    this.set[free] = 0;
  }

  private closeClientGap(hole: number): void {
    const mask = this.clientCount.length - 1;
    let free = hole;
    for (let place = (hole + 1) & mask; this.clientCount[place] !== 0; place = (place + 1) & mask) {
      const home = this.home(this.clientHigh[place] ?? 0, this.clientLow[place] ?? 0, 0) & mask;
      if (!reaches(home, free, place, mask)) continue;
      this.clientHigh[free] = this.clientHigh[place] ?? 0;
      this.clientLow[free] = this.clientLow[place] ?? 0;
      this.clientCount[free] = this.clientCount[place] ?? 0;
      free = place;
    }
    this.clientCount[free] = 0;
  }
}

/** Whether an entry at `place` that belongs at `home` may move back to `free`. */
function reaches(home: number, free: number, place: number, mask: number): boolean {
  return ((place - home) & mask) >= ((place - free) & mask);
}

/** Words to one: the finaliser of MurmurHash3 over each in turn. */
export function mixWords(...words: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return hash >>> 0;
}
