/** Answers that wait to be kept, collected as cheaply as it gets, because it stands in the way of every answer. */
import {
  type AnswerBatch,
  type AnswerCount,
  type Answered,
  BUCKET,
  type PackedValue,
  packAnswered,
} from '../core/answered.ts';

/** What is handed over at once. */
export type Collected = Pick<AnswerBatch, 'values' | 'answers' | 'counts'>;

export interface Collector {
  /** Answers that wait. */
  readonly size: number;
  /** A whole hand-over is waiting. */
  readonly full: boolean;
  add(answered: Answered): void;
  /** Counts an answered recipient by the class of its reply code. */
  count(at: number, tenant: string | null, domain: string | null, code: number, times?: number): void;
  /** The oldest answers, and all counts; null when there is nothing. */
  take(): Collected | null;
}

/** Answers in one hand-over. */
const CHUNK = 1000;
/** Domains whose tally is found without wording a key. */
const REMEMBERED = 1000;

interface Chunk {
  readonly values: PackedValue[];
  answers: number;
  last: Answered | null;
}

type Tally = { -readonly [Name in keyof AnswerCount]: AnswerCount[Name] };

/** An empty collector. Its bound is for the caller to keep. */
export function openCollector(): Collector {
  const full: Chunk[] = [];
  let filling = emptyChunk();
  let tallies = new Map<string, Tally>();
  let tally: Tally | null = null;
  /** The newest tally of a domain. */
  let tallyOf = new Map<string | null, Tally>();

  const tallyFor = (at: number, tenant: string | null, domain: string | null): Tally => {
    const recent = tallyOf.get(domain);
    if (recent !== undefined && recent.at === at && recent.tenant === tenant) return recent;
    const key = `${at} ${tenant} ${domain}`;
    const found = tallies.get(key) ?? { at, tenant, domain, accepted: 0, rejected: 0, deferred: 0 };
    tallies.set(key, found);
    if (tallyOf.size < REMEMBERED) tallyOf.set(domain, found);
    return found;
  };
  return {
    get size() {
      return full.length * CHUNK + filling.answers;
    },
    get full() {
      return full.length > 0;
    },
    add(answered) {
      packAnswered(filling.values, answered, filling.last);
      filling.last = answered;
      filling.answers += 1;
      if (filling.answers < CHUNK) return;
      full.push(filling);
      filling = emptyChunk();
    },
    count(time, tenant, domain, code, times = 1) {
      const at = time - (time % BUCKET);
      // Nearly always it is the same domain in the same five minutes as before.
      if (tally === null || tally.at !== at || tally.domain !== domain || tally.tenant !== tenant) {
        tally = tallyFor(at, tenant, domain);
      }
      if (code < 400) tally.accepted += times;
      else if (code < 500) tally.deferred += times;
      else tally.rejected += times;
    },
    take() {
      const oldest = full.shift() ?? filling;
      if (oldest === filling) filling = emptyChunk();
      if (oldest.answers === 0 && tallies.size === 0) return null;
      const counts = [...tallies.values()];
      tallies = new Map();
      tally = null;
      tallyOf = new Map();
      return { values: oldest.values, answers: oldest.answers, counts };
    },
  };
}

function emptyChunk(): Chunk {
  return { values: [], answers: 0, last: null };
}
