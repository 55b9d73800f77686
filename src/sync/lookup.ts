/**
 * Live lookups on the answering side: who asks, whether Graph may be asked at all, and what is remembered of the
 * answers. Many may wait for one address, but it is asked for once; nobody waits longer than the deadline, and an answer
 * that comes later is there for the next try. Whatever cannot be told is not a no.
 *
 * Ages are measured on the process's steady clock, so a clock that is set changes nothing here.
 */
import type { TenantDirectory } from '../core/directory.ts';
import type { LookupOutcome } from '../core/lookup.ts';
import { type BucketLimits, fullBucket, type TokenBucket, takeToken } from '../core/token-bucket.ts';
import type { LookupAnswer, LookupAsk } from './protocol.ts';
import type { RoundError } from './report.ts';

/** Times are in ms. */
export interface LookupLimits extends BucketLimits {
  /** Longest wait of one recipient. */
  readonly deadline: number;
  /** How long a confirmed absence is believed. */
  readonly negative: number;
}

/** One question: the normalised addresses that would do, of one mailbox. */
export interface LookupQuestion {
  readonly tenant: string;
  readonly addresses: readonly string[];
}

/** What lookups report. None of them may throw. */
export interface LookupEvents {
  /** A recipient got its outcome. */
  answered(tenant: string, outcome: LookupOutcome['kind']): void;
  /** Graph knows an address that the directory does not. */
  found(tenant: string, address: string, durationMs: number): void;
  /** Lookups began to fail, or fail differently. */
  trouble(tenant: string, error: RoundError): void;
}

export interface LiveLookups {
  /** Answers at once from memory when it can. Never rejects. */
  ask(question: LookupQuestion): LookupOutcome | Promise<LookupOutcome>;
  /** A new directory answers: what it knows needs no other memory, and a complete round means that Graph works. */
  published(directory: TenantDirectory): void;
}

/** Lookups of one tenant that may be under way at a time. */
const CONCURRENCY = 32;
/** How long a lookup may go on, for the next try, after those who waited were told to come back. Ms. */
const FLIGHT = 10_000;
/** A lookup that had no answer in that time is followed by this pause, so that not everybody waits in vain. Ms. */
const SILENT = 5000;
const SILENCE: RoundError = { code: 'timeout', message: 'no answer to a live lookup in time', hint: '' };
/** How long a found address is known when no later round has anything to say about it, ms. */
const OVERLAY = 86_400_000;
/** Addresses remembered at a time, of each sort; the oldest are forgotten first. */
const REMEMBERED = 20_000;

/** Opens lookups over `lookUp`, the learning side. `clock` is a steady one, in ms. */
export function openLookups(
  limits: LookupLimits,
  lookUp: (ask: LookupAsk) => Promise<LookupAnswer>,
  events: LookupEvents,
  clock: () => number = () => performance.now(),
): LiveLookups {
  const found = memory<FoundAddress>(OVERLAY);
  const absent = memory<true>(limits.negative);
  const tenants = new Map<string, TenantLookups>();
  const tenantOf = (id: string): TenantLookups => {
    const tenant = tenants.get(id) ?? new TenantLookups(id, limits, lookUp, { found, absent }, events, clock);
    tenants.set(id, tenant);
    return tenant;
  };
  const told = ({ tenant }: LookupQuestion, outcome: LookupOutcome): LookupOutcome => {
    events.answered(tenant, outcome.kind);
    return outcome;
  };
  return {
    ask(question) {
      const { tenant, addresses } = question;
      const now = clock();
      const known = addresses.find((address) => found.get(address, now)?.tenant === tenant);
      if (known !== undefined) return told(question, { kind: 'found', address: known });
      if (absent.get(keyOf(question), now)) return told(question, { kind: 'absent' });
      const answer = tenantOf(tenant).ask(question);
      return answer instanceof Promise
        ? answer.then((outcome) => told(question, outcome))
        : told(question, answer);
    },
    published(directory) {
      const { tenant, known, syncedAt } = directory;
      // What was found is in the mirror, so a complete round that began later has the last word, whatever it is.
      const settled = (since: number): boolean => syncedAt !== null && syncedAt > since;
      found.forget(
        (address, entry) => entry.tenant === tenant && (known.has(address) || settled(entry.since)),
      );
      tenants.get(tenant)?.synced(syncedAt);
    },
  };
}

interface FoundAddress {
  readonly tenant: string;
  /** Ms since 1970: a round tells its start that way. */
  readonly since: number;
}

interface Memories {
  readonly found: Memory<FoundAddress>;
  readonly absent: Memory<true>;
}

/** Budget, pause and flights of one tenant; nothing of it is shared with another. */
class TenantLookups {
  readonly #id: string;
  readonly #limits: LookupLimits;
  readonly #lookUp: (ask: LookupAsk) => Promise<LookupAnswer>;
  readonly #memories: Memories;
  readonly #events: LookupEvents;
  readonly #clock: () => number;
  readonly #flights = new Map<string, Promise<LookupOutcome>>();
  #bucket: TokenBucket;
  #pausedUntil = 0;
  #lastTrouble: string | null = null;
  #syncedAt: number | null = null;

  constructor(
    id: string,
    limits: LookupLimits,
    lookUp: (ask: LookupAsk) => Promise<LookupAnswer>,
    memories: Memories,
    events: LookupEvents,
    clock: () => number,
  ) {
    this.#id = id;
    this.#limits = limits;
    this.#lookUp = lookUp;
    this.#memories = memories;
    this.#events = events;
    this.#clock = clock;
    this.#bucket = fullBucket(limits, clock());
  }

  ask(question: LookupQuestion): LookupOutcome | Promise<LookupOutcome> {
    const key = keyOf(question);
    const flying = this.#flights.get(key);
    if (flying) return within(this.#limits.deadline, flying);
    const now = this.#clock();
    if (now < this.#pausedUntil) return { kind: 'failed' };
    if (this.#flights.size >= CONCURRENCY) return { kind: 'over-budget' };
    const { taken, bucket } = takeToken(this.#bucket, this.#limits, now);
    this.#bucket = bucket;
    if (!taken) return { kind: 'over-budget' };
    const flight = this.#fly(key, question.addresses, now).finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return within(this.#limits.deadline, flight);
  }

  /** A directory with a later complete round was published, so there is no reason to pause. */
  synced(syncedAt: number | null): void {
    if (syncedAt !== this.#syncedAt) this.#pausedUntil = 0;
    this.#syncedAt = syncedAt;
  }

  async #fly(key: string, addresses: readonly string[], started: number): Promise<LookupOutcome> {
    const until = Date.now() + Math.max(FLIGHT, this.#limits.deadline);
    const answer = await this.#lookUp({ tenant: this.#id, addresses, until }).catch(unanswered);
    if (answer.kind === 'failed') return this.#failed(answer);
    if (answer.kind === 'late') {
      this.#failed({ kind: 'failed', error: SILENCE, pause: SILENT });
      return { kind: 'timeout' };
    }
    this.#lastTrouble = null;
    const now = this.#clock();
    const [address] = answer.kind === 'found' ? answer.addresses : [];
    if (address === undefined) {
      this.#memories.absent.set(key, true, now);
      return { kind: 'absent' };
    }
    this.#memories.found.set(address, { tenant: this.#id, since: Date.now() }, now);
    this.#events.found(this.#id, address, now - started);
    return { kind: 'found', address };
  }

  #failed({ error, pause }: Extract<LookupAnswer, { kind: 'failed' }>): LookupOutcome {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#clock() + pause);
    if (this.#lastTrouble !== error.code) this.#events.trouble(this.#id, error);
    this.#lastTrouble = error.code;
    return { kind: 'failed' };
  }
}

function keyOf({ tenant, addresses }: LookupQuestion): string {
  return `${tenant} ${addresses.join(' ')}`;
}

function unanswered(cause: unknown): LookupAnswer {
  const message = cause instanceof Error ? cause.message : String(cause);
  return { kind: 'failed', error: { code: 'learning-thread', message, hint: '' }, pause: 0 };
}

async function within(ms: number, flight: Promise<LookupOutcome>): Promise<LookupOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<LookupOutcome>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'timeout' }), ms);
  });
  try {
    return await Promise.race([flight, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface Memory<Value> {
  get(key: string, now: number): Value | undefined;
  set(key: string, value: Value, now: number): void;
  /** Drops every entry for which `over` says so. */
  forget(over: (key: string, value: Value) => boolean): void;
}

/** Values that are remembered for `age` ms, a bounded number of them. */
function memory<Value>(age: number): Memory<Value> {
  const entries = new Map<string, { readonly value: Value; readonly at: number }>();
  return {
    get(key, now) {
      const entry = entries.get(key);
      if (entry && now - entry.at < age) return entry.value;
      entries.delete(key);
      return undefined;
    },
    set(key, value, now) {
      // Taken out first, so that the order of the map is the order of age.
      entries.delete(key);
      entries.set(key, { value, at: now });
      if (entries.size > REMEMBERED) entries.delete(entries.keys().next().value ?? '');
    },
    forget(over) {
      for (const [key, { value }] of entries) if (over(key, value)) entries.delete(key);
    },
  };
}
