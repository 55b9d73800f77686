/**
 * Answers that wait to be kept, collected as cheaply as it gets, because it stands in the way of every answer.
 */
import {
  type AnswerCount,
  type Answered,
  BUCKET,
  PACKED_WIDTH,
  type PackedValue,
  packAnswered,
} from '../core/answered.ts';

/** What is handed over at once. */
export interface Collected {
  readonly values: readonly PackedValue[];
  readonly counts: readonly AnswerCount[];
}

export interface Collector {
  /** Answers that wait. */
  readonly size: number;
  /** A whole hand-over is waiting. */
  readonly full: boolean;
  add(answered: Answered): void;
  /** Counts an answered recipient by the class of its reply code. */
  count(at: number, tenant: string | null, domain: string | null, code: number): void;
  /** The oldest answers, and all counts; null when there is nothing. */
  take(): Collected | null;
}

/** Answers in one hand-over. */
const CHUNK = 1000;

type Tally = { -readonly [Name in keyof AnswerCount]: AnswerCount[Name] };

/** An empty collector. Its bound is for the caller to keep. */
export function openCollector(): Collector {
  const chunks: PackedValue[][] = [];
  let filling: PackedValue[] = [];
  let before: Answered | null = null;
  let waiting = 0;
  let tallies = new Map<string, Tally>();
  let tally: Tally | null = null;

  const tallyFor = (at: number, tenant: string | null, domain: string | null): Tally => {
    const key = `${at} ${tenant} ${domain}`;
    const found = tallies.get(key) ?? { at, tenant, domain, accepted: 0, rejected: 0, deferred: 0 };
    tallies.set(key, found);
    return found;
  };
  return {
    get size() {
      return waiting;
    },
    get full() {
      return chunks.length > 0;
    },
    add(answered) {
      packAnswered(filling, answered, before);
      before = answered;
      waiting += 1;
      if (filling.length >= CHUNK * PACKED_WIDTH) {
        chunks.push(filling);
        filling = [];
        before = null;
      }
    },
    count(time, tenant, domain, code) {
      const at = time - (time % BUCKET);
      // Nearly always it is the same domain in the same five minutes as before.
      if (tally === null || tally.at !== at || tally.domain !== domain || tally.tenant !== tenant) {
        tally = tallyFor(at, tenant, domain);
      }
      if (code < 400) tally.accepted += 1;
      else if (code < 500) tally.deferred += 1;
      else tally.rejected += 1;
    },
    take() {
      if (waiting === 0 && tallies.size === 0) return null;
      const values = chunks.shift() ?? filling;
      if (values === filling) {
        filling = [];
        before = null;
      }
      const counts = [...tallies.values()];
      waiting -= values.length / PACKED_WIDTH;
      tallies = new Map();
      tally = null;
      return { values, counts };
    },
  };
}
