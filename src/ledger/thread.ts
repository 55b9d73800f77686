/**
 * The main thread's handle of the recording thread. A thread that dies is started again, each time a little later; who was
 * waiting for an answer gets an error at once.
 */
import { Worker } from 'node:worker_threads';
import type { DirectorySnapshot } from '../core/directory.ts';
import type {
  LedgerCall,
  LedgerMessage,
  LedgerNews,
  LedgerRequest,
  LedgerRequests,
  RecorderSettings,
} from './protocol.ts';

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Ms: before the first restart of a dead thread, and at most. */
const FIRST_RESTART = 500;
const LONGEST_RESTART = 60_000;
/** A thread that lived this long starts over with short waits, ms. */
const STABLE = 300_000;
/** A stopping thread has this long (ms) before it is ended from outside; the file survives that. */
const STOP_TIME = 5_000;

export class LedgerThread {
  readonly #entry: URL;
  readonly #settings: RecorderSettings;
  readonly #told: (news: LedgerNews) => void;
  readonly #pending = new Map<number, Pending>();
  readonly #directories = new Map<string, DirectorySnapshot>();
  #worker: Worker | null = null;
  #startedAt = 0;
  #restartDelay = FIRST_RESTART;
  #restart: NodeJS.Timeout | null = null;
  #stopping: Promise<void> | null = null;
  #nextId = 1;

  constructor(entry: URL, settings: RecorderSettings, told: (news: LedgerNews) => void) {
    this.#entry = entry;
    this.#settings = settings;
    this.#told = told;
  }

  start(): void {
    this.#startedAt = performance.now();
    const worker = new Worker(this.#entry, { workerData: this.#settings, name: 'recorder' });
    this.#worker = worker;
    worker.on('message', (message: LedgerMessage) => this.#receive(message));
    worker.on('error', (error: unknown) =>
      this.#trouble(error instanceof Error ? error.message : String(error)),
    );
    worker.on('exit', (code) => this.#ended(code));
    for (const directory of this.#directories.values()) this.#look(directory);
  }

  /** Asks the thread. Rejects when it cannot answer. */
  ask<Name extends LedgerRequest>(
    name: Name,
    ask: LedgerRequests[Name]['ask'],
  ): Promise<LedgerRequests[Name]['answer']> {
    const worker = this.#worker;
    if (!worker) {
      return Promise.reject(
        new Error(`the recording thread ${this.#stopping ? 'has stopped' : 'is being restarted'}`),
      );
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (value) => resolve(value as LedgerRequests[Name]['answer']), reject });
      worker.postMessage({ id, name, ask } satisfies LedgerCall);
    });
  }

  /** Has the thread look for regrets in a new directory; one with the same addresses as the last is passed over. */
  directory(snapshot: DirectorySnapshot): void {
    const last = this.#directories.get(snapshot.tenant);
    this.#directories.set(snapshot.tenant, snapshot);
    if (last?.known !== snapshot.known) this.#look(snapshot);
  }

  /** Lets a running request finish and ends the thread. Later calls do nothing. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #look(snapshot: DirectorySnapshot): void {
    // A thread that cannot be asked gets the directory when it is started again.
    void this.ask('directory', snapshot).catch(() => undefined);
  }

  async #stop(): Promise<void> {
    if (this.#restart) clearTimeout(this.#restart);
    const worker = this.#worker;
    if (!worker) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const timer = setTimeout(() => void worker.terminate(), STOP_TIME);
    await this.ask('stop', null).catch(() => null);
    await worker.terminate();
    await ended;
    clearTimeout(timer);
  }

  #receive(message: LedgerMessage): void {
    switch (message.kind) {
      case 'answer':
        this.#take(message.id)?.resolve(message.value);
        break;
      case 'refusal':
        this.#take(message.id)?.reject(new Error(message.message));
        break;
      default:
        this.#told(message);
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #trouble(message: string): void {
    this.#told({ kind: 'trouble', message: `recording thread: ${message}` });
  }

  #ended(code: number): void {
    this.#worker = null;
    const reason = new Error(
      `the recording thread ${this.#stopping ? 'was stopped' : 'died'} before it could answer`,
    );
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    if (this.#stopping) return;
    if (performance.now() - this.#startedAt > STABLE) this.#restartDelay = FIRST_RESTART;
    const delay = this.#restartDelay;
    this.#restartDelay = Math.min(delay * 2, LONGEST_RESTART);
    this.#trouble(`it ended (code ${code}); it starts again in ${delay} ms`);
    this.#restart = setTimeout(() => this.start(), delay);
  }
}
