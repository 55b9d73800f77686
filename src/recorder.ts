/**
 * The recording thread, where the rejection log's store and its requests meet. It writes what was answered, looks for
 * regrets when a directory is new, and answers questions; whoever answers SMTP never waits for it.
 */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type Directory, openSnapshot, withTenant } from './core/directory.ts';
import { isRegret } from './core/regret.ts';
import type { RegretNews } from './core/rejection.ts';
import { answerLedgerCalls } from './ledger/answering.ts';
import type { LedgerHandlers, LedgerNews, RecorderSettings } from './ledger/protocol.ts';
import { isDamage, setAside } from './mirror/ledger/file.ts';
import { type Ledger, openLedger } from './mirror/ledger/ledger.ts';
import { mergeNews } from './mirror/ledger/regrets.ts';

type Tell = (news: LedgerNews) => void;

/** Ms between attempts to open the file. */
const REOPEN = 5_000;
/** Ms between looks for what is too old. */
const AGEING = 60_000;
/** Niceness of the recording thread: answering goes first. */
const NICENESS = 15;

if (parentPort) {
  const port = parentPort;
  standBack();
  answerLedgerCalls(
    port,
    startRecorder(workerData as RecorderSettings, (news) => port.postMessage(news)),
  );
}

/** On Linux a priority belongs to a thread (setpriority(2)); a sandbox may forbid it, and then nothing is changed. */
function standBack(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, NICENESS);
  } catch {
    // It costs a little latency during a flood, and nothing else.
  }
}

/** Opens the store, and returns what answers requests. `now` is in ms since 1970. */
export function startRecorder(
  settings: RecorderSettings,
  tell: Tell,
  now: () => number = Date.now,
): LedgerHandlers {
  const store = openStore(settings, tell);
  const regrets = lookForRegrets(settings, store, tell, now);
  const ageing = setInterval(() => store.attempt(({ pruning }) => age(pruning, now)), AGEING);
  return {
    record: (batch) =>
      store.use(({ record, pruning }) => {
        const effect = record(batch);
        pruning.excess(effect.kept);
        return effect;
      }),
    directory(snapshot) {
      regrets.look(withTenant(new Map(), openSnapshot(snapshot)), snapshot.tenant);
      return null;
    },
    list: (query) => store.use(({ ask }) => ask.list(query)),
    top: (query) => store.use(({ ask }) => ask.top(query)),
    history: (query) => store.use(({ ask }) => ask.history(query)),
    reference: ({ reference, tenants }) => store.use(({ ask }) => ask.reference(reference, tenants)),
    regrets: (query) => store.use(({ ask }) => ask.regrets(query)),
    stop() {
      clearInterval(ageing);
      regrets.stop();
      store.close();
      return null;
    },
  };
}

interface Store {
  /** Works with the store; a damaged file is replaced and the work done again. Throws when it cannot be done. */
  use<T>(work: (ledger: Ledger) => T): T;
  /** The same, but what goes wrong is only told. */
  attempt<T>(work: (ledger: Ledger) => T): T | null;
  close(): void;
}

function openStore(settings: RecorderSettings, tell: Tell): Store {
  let ledger: Ledger | null = null;
  let triedAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  let told: string | null = null;

  const replace = (error: unknown): Ledger => {
    ledger?.[Symbol.dispose]();
    ledger = null;
    const file = setAside(settings.path);
    tell({ kind: 'set-aside', file, reason: messageOf(error) });
    ledger = openLedger(settings.path, settings);
    return ledger;
  };
  const opened = (): Ledger => {
    if (ledger) return ledger;
    if (closed) throw new Error('the recording thread is stopping');
    if (performance.now() - triedAt < REOPEN) throw new Error(told ?? 'the rejection log cannot be opened');
    triedAt = performance.now();
    try {
      ledger = openLedger(settings.path, settings);
    } catch (error) {
      if (!isDamage(error)) throw error;
      ledger = replace(error);
    }
    return ledger;
  };
  const once = <T>(work: (ledger: Ledger) => T): T => {
    const current = opened();
    try {
      return work(current);
    } catch (error) {
      if (!isDamage(error)) throw error;
      return work(replace(error));
    }
  };
  const use = <T>(work: (ledger: Ledger) => T): T => {
    try {
      const result = once(work);
      told = null;
      return result;
    } catch (error) {
      const message = messageOf(error);
      // Every batch fails the same way while a disk is full; once is enough.
      if (message !== told && !closed) tell({ kind: 'trouble', message });
      told = message;
      throw error;
    }
  };
  return {
    use,
    attempt(work) {
      try {
        return use(work);
      } catch {
        return null;
      }
    },
    close() {
      closed = true;
      ledger?.[Symbol.dispose]();
      ledger = null;
    },
  };
}

function age(pruning: Ledger['pruning'], now: () => number): void {
  // A little at a time: what is left over waits for the next look.
  for (let step = 0; step < 10 && pruning.aged(now()); step++);
}

/** Looks through the log step by step, so that batches and questions are answered in between. */
function lookForRegrets(settings: RecorderSettings, store: Store, tell: Tell, now: () => number) {
  const waiting = new Map<string, Directory>();
  let next: NodeJS.Immediate | null = null;
  const begin = (): void => {
    const [first] = waiting;
    if (!first) return;
    const [tenant, directory] = first;
    waiting.delete(tenant);
    const at = now();
    const found = (rcpt: string): boolean => isRegret(rcpt, directory, settings.policy);
    const step = (after: number, before: RegretNews | null): void => {
      const done = store.attempt(({ regrets }) => regrets.step(tenant, after, found, at));
      const news = mergeNews(before, done?.news ?? null);
      const from = done?.next ?? null;
      if (from !== null) {
        next = setImmediate(step, from, news);
        return;
      }
      next = null;
      if (news) tell({ kind: 'regret', news });
      begin();
    };
    next = setImmediate(step, 0, null);
  };
  return {
    look(directory: Directory, tenant: string): void {
      waiting.set(tenant, directory);
      if (next === null) begin();
    },
    stop(): void {
      waiting.clear();
      if (next) clearImmediate(next);
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
