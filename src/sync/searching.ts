/**
 * Searches in the learning thread: in small steps with a pause after each, so that rounds and lookups go on between
 * them, and one search at a time, so that many of them take no more of the thread than one.
 */
import type { FoundRecipient, SearchAsk, SearchPage } from '../core/recipient-search.ts';

/** Where a step goes on. */
export interface SearchPlace {
  readonly phase: number;
  readonly key: readonly [string, string | number] | null;
}

/** One step of a search, by the mirror. */
export type SearchSteps = (ask: {
  readonly tenant: string;
  readonly text: string;
  readonly kind: string | null;
  readonly from: SearchPlace | null;
  readonly room: number;
  readonly graceSince: number;
}) => { readonly items: readonly FoundRecipient[]; readonly next: SearchPlace | null };

export interface SearchLimits {
  /** How long one search may take before it answers with what it has, ms. */
  readonly time: number;
  /** Searches that may wait for their turn. */
  readonly waiting: number;
}

const LIMITS: SearchLimits = { time: 1500, waiting: 8 };
/** Most rows of a page, whatever is asked for. */
const MOST = 200;
/** No address and no name is longer. */
const LONGEST = 320;

/** What searches need of the thread. */
export interface SearchClock {
  /** Ms, steady. */
  now(): number;
  /** Lets everything else of the thread run. */
  pause(): Promise<void>;
}

const CLOCK: SearchClock = {
  now: () => performance.now(),
  // A millisecond and not none: beside rounds and lookups the thread should have time to spare.
  pause: () => new Promise((resolve) => setTimeout(resolve, 1)),
};

/**
 * Searches one after another. Rejects with an Error when too many wait already, or when `after` is not from a page
 * before. `graceSince`: departures after it (ms since 1970) are in their grace period.
 */
export function openSearching(
  clock: SearchClock = CLOCK,
  limits: SearchLimits = LIMITS,
): (ask: SearchAsk, steps: SearchSteps, graceSince: number) => Promise<SearchPage> {
  let waiting = 0;
  let turn: Promise<unknown> = Promise.resolve();
  return async (ask, steps, graceSince) => {
    const from = ask.after === null ? null : readCursor(ask.after);
    if (waiting >= limits.waiting) {
      throw new Error('too many searches are waiting; try again in a moment');
    }
    waiting += 1;
    const page = turn.then(() => onePage({ ask, from, steps, graceSince }, clock, limits.time));
    turn = page.catch(() => null);
    return page.finally(() => {
      waiting -= 1;
    });
  };
}

interface OneSearch {
  readonly ask: SearchAsk;
  readonly from: SearchPlace | null;
  readonly steps: SearchSteps;
  readonly graceSince: number;
}

async function onePage(
  { ask, from, steps, graceSince }: OneSearch,
  clock: SearchClock,
  time: number,
): Promise<SearchPage> {
  const limit = Math.max(1, Math.min(MOST, Math.floor(ask.limit) || 1));
  const question = { tenant: ask.tenant, text: ask.text.slice(0, LONGEST), kind: ask.kind, graceSince };
  const items: FoundRecipient[] = [];
  const until = clock.now() + time;
  for (let place = from; ; ) {
    const step = steps({ ...question, from: place, room: limit - items.length });
    items.push(...step.items);
    place = step.next;
    if (place === null) return { items, next: null };
    if (items.length >= limit || clock.now() >= until) return { items, next: writeCursor(place) };
    await clock.pause();
  }
}

/** A place as text that survives an address line. */
export function writeCursor({ phase, key }: SearchPlace): string {
  return Buffer.from(JSON.stringify([phase, ...(key ?? [])])).toString('base64url');
}

/**
 * The place that {@link writeCursor} wrote.
 * @throws Error when it did not.
 */
export function readCursor(text: string): SearchPlace {
  const [phase, first, second] = parsedList(Buffer.from(text, 'base64url').toString());
  const key = typeof second === 'string' || typeof second === 'number' ? second : null;
  if (typeof phase !== 'number' || !Number.isInteger(phase) || phase < 0) throw new Error(FOREIGN);
  if (first === undefined) return { phase, key: null };
  if (typeof first !== 'string' || key === null) throw new Error(FOREIGN);
  return { phase, key: [first, key] };
}

const FOREIGN = 'this page of the search does not exist; begin again';

function parsedList(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
