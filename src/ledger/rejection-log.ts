/**
 * The main side of the rejection log. Answers are collected in memory and handed to the recording thread one batch after
 * another: whoever answers never waits for it. While it is behind, dead or cannot write, answers wait up to a bound, and
 * those beyond are lost and counted. A batch is kept until the thread has written it, and counts once however often it is sent.
 */
import type { Answered } from '../core/answered.ts';
import type { DirectorySnapshot } from '../core/directory.ts';
import { type Collected, type Collector, openCollector } from './collector.ts';
import type { LedgerNews, LedgerRequest, LedgerRequests, RecorderSettings } from './protocol.ts';
import { LedgerThread } from './thread.ts';

/** What the rejection log tells. None of them may throw. */
export interface RejectionLogEvents {
  /** What became of answers: `kept` as rows, `aggregated` into rows, `lost`. */
  rejectionsKept(entries: {
    readonly kept: number;
    readonly aggregated: number;
    readonly lost: number;
  }): void;
  /** Answers were lost since it was told last. */
  rejectionsLost(lost: number): void;
  rejectionsNews(news: LedgerNews): void;
}

export interface RejectionLog {
  /** Whether there is room for another answer; if not, it is counted as lost. Asked before an answer is put together. */
  room(): boolean;
  /** How many more answers there is room for. */
  free(): number;
  /** Counts answers as lost that somebody else had no room for. */
  lose(answers: number): void;
  /** Keeps an answer of 4xx or 5xx, when there is room. Costs about a microsecond and never throws. */
  note(answered: Answered): void;
  /** Counts answered recipients (one unless said). Costs less, and never throws. */
  count(tenant: string | null, domain: string | null, code: number, times?: number): void;
  directory(snapshot: DirectorySnapshot): void;
  /** Asks the recording thread. Rejects when it cannot answer. */
  ask<Name extends Exclude<LedgerRequest, 'record' | 'stop' | 'directory'>>(
    name: Name,
    ask: LedgerRequests[Name]['ask'],
  ): Promise<LedgerRequests[Name]['answer']>;
  /** Writes what is waiting, for a bounded time, and ends the thread. */
  stop(): Promise<void>;
}

/** Answers that may wait: about 20 MB. */
const CAPACITY = 50_000;
/** What happened is on disk about this much later, ms. */
const FLUSH = 1000;
/**
 * Ms between two full batches, so at most 5,000 answers a second are kept for longer than a burst: the thread shares its
 * processor, its caches and its memory with those who answer.
 */
const PACE = 200;
/** Ms before a batch that could not be written is tried again. */
const RETRY = 1000;
/** A batch that failed so often is given up, so that the ones after it get their turn. */
const PATIENCE = 300;
/** Lost answers are told at most this often, ms. */
const TELL_LOST = 60_000;
/** The longest wait for the last batches, ms. */
const LAST_WORD = 2_000;

/** Starts the recording thread with the module at `entry`; `run` names this life of the daemon. */
export function startRejectionLog(
  entry: URL,
  settings: RecorderSettings,
  run: string,
  events: RejectionLogEvents,
  capacity = CAPACITY,
): RejectionLog {
  const thread = new LedgerThread(entry, settings, (news) => events.rejectionsNews(news));
  const collector = openCollector();
  const lost = lostTelling(events);
  const pump = openPump(thread, run, collector, { events, lost: lost.count });
  const timer = setInterval(() => {
    pump.start();
    lost.tell();
  }, FLUSH);
  timer.unref();
  thread.start();
  return {
    room() {
      if (collector.size < capacity) return true;
      lost.count(1);
      return false;
    },
    free: () => Math.max(0, capacity - collector.size),
    lose: lost.count,
    note(answered) {
      collector.add(answered);
      if (collector.full) pump.start();
    },
    count: (tenant, domain, code, times) => collector.count(Date.now(), tenant, domain, code, times),
    directory: (snapshot) => thread.directory(snapshot),
    ask: (name, ask) => thread.ask(name, ask),
    async stop() {
      clearInterval(timer);
      pump.start();
      await pump.settle(LAST_WORD);
      lost.count(collector.size + pump.unwritten());
      lost.tell(true);
      await thread.stop();
    },
  };
}

/** Sends batches one after another; a batch is taken only when the one before is written. */
function openPump(
  thread: LedgerThread,
  run: string,
  collector: Collector,
  { events, lost }: { readonly events: RejectionLogEvents; lost(answers: number): void },
) {
  let id = 0;
  let batch: (Collected & { readonly run: string; readonly id: number }) | null = null;
  let running: Promise<void> | null = null;
  let settling = false;
  let stopped = false;
  const next = () => {
    const collected = collector.take();
    return collected && { ...collected, run, id: ++id };
  };
  let failures = 0;
  const pump = async (): Promise<void> => {
    for (batch ??= next(); batch !== null && !stopped; ) {
      const { answers } = batch;
      try {
        const { kept, aggregated } = await thread.ask('record', batch);
        events.rejectionsKept({ kept, aggregated, lost: 0 });
        failures = 0;
        if (collector.full && !settling) await pause(PACE);
        batch = next();
      } catch {
        // The reason was told by the thread; the batch stays the first to go, but not for good: it may be the reason.
        await pause(RETRY);
        failures += 1;
        if (failures < PATIENCE) continue;
        lost(answers);
        failures = 0;
        batch = next();
      }
    }
  };
  return {
    start(): void {
      running ??= pump().finally(() => {
        running = null;
      });
    },
    /** Waits until everything is written, at most `ms`; after that nothing is sent any more. */
    async settle(ms: number): Promise<void> {
      settling = true;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, ms);
      });
      await Promise.race([running, late]);
      clearTimeout(timer);
      stopped = true;
    },
    /** Answers of the batch that could not be written. */
    unwritten: () => batch?.answers ?? 0,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function lostTelling(events: RejectionLogEvents) {
  let untold = 0;
  let uncounted = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    count(lost: number): void {
      uncounted += lost;
    },
    tell(now = false): void {
      if (uncounted > 0) events.rejectionsKept({ kept: 0, aggregated: 0, lost: uncounted });
      untold += uncounted;
      uncounted = 0;
      if (untold === 0 || (!now && performance.now() - toldAt < TELL_LOST)) return;
      toldAt = performance.now();
      events.rejectionsLost(untold);
      untold = 0;
    },
  };
}
