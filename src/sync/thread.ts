/**
 * The main thread's handle of the learning thread. A thread that dies is started again, each time a little later; who
 * was waiting for an answer gets an error at once. What was published stays published: an old yes is still a yes.
 */
import { Worker } from 'node:worker_threads';
import type { DirectorySnapshot } from '../core/directory.ts';
import type { OperatorSnapshot } from '../core/operator.ts';
import type { HeldPlan } from '../core/reconcile.ts';
import type { ApplicationRequestName } from './application-protocol.ts';
import type { ConsoleRequests } from './console-requests.ts';
import type {
  AcceptedMail,
  AddressDescription,
  Approval,
  CredentialNews,
  LearnerMessage,
  LearnerSettings,
  LookupAnswer,
  LookupAsk,
  RequestMessage,
  RequestName,
  Requests,
  TenantStatus,
  Trouble,
} from './protocol.ts';
import type { RoundProgress, RoundReport } from './report.ts';
import type { UpkeepRequests } from './upkeep-protocol.ts';

/** What the learning side tells. None of them may throw. */
export interface LearningEvents {
  directory(snapshot: DirectorySnapshot): void;
  operator(snapshot: OperatorSnapshot): void;
  round(report: RoundReport): void;
  /** What the guard holds of a tenant; `news` when it was not told before. */
  held?(tenant: string, plan: HeldPlan | null, news: boolean): void;
  progress(progress: RoundProgress): void;
  credential(tenant: string, news: CredentialNews): void;
  trouble(trouble: Trouble): void;
  /** Requests to Microsoft since the last telling. */
  requests?(counts: ReadonlyArray<readonly [endpoint: string, code: string, times: number]>): void;
}

export interface Learning extends AsyncDisposable {
  /**
   * Resolves once every tenant's stored directory was published, before any request to Graph; or once the first
   * attempt to read the mirror has failed (told as trouble), so that the gateway can start degraded. Never rejects.
   */
  readonly ready: Promise<void>;
  /** Runs a round of one tenant, or (null) of all; a dry run changes nothing. Rejects when the thread cannot answer. */
  sync(
    tenant: string | null,
    onProgress?: (progress: RoundProgress) => void,
    dryRun?: boolean,
  ): Promise<readonly RoundReport[]>;
  status(): Promise<readonly TenantStatus[]>;
  /** Applies the held plan with this hash, and no other. */
  approve(hash: string, tenant: string | null): Promise<Approval>;
  /** Tells which addresses mail was accepted for. */
  accepted(mail: readonly AcceptedMail[]): Promise<unknown>;
  /** Who owns a normalised address. */
  describe(address: string): Promise<AddressDescription>;
  /** Asks Graph who owns an address. Rejects when the thread cannot answer. */
  lookup(ask: LookupAsk): Promise<LookupAnswer>;
  /** Asks about overrides, imports, applications, recipients, rounds or discrepancies. Rejects when the thread cannot answer. */
  operator<Name extends OperatorRequest>(
    name: Name,
    ask: Requests[Name]['ask'],
  ): Promise<Requests[Name]['answer']>;
  /** Asks one of the requests of the console. Rejects when the thread cannot answer. */
  console<Name extends keyof ConsoleRequests>(
    name: Name,
    ask: ConsoleRequests[Name]['ask'],
  ): Promise<ConsoleRequests[Name]['answer']>;
  /** Aborts running requests, lets a running commit finish, ends the thread. Later calls do nothing. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type OperatorRequest =
  | 'overrideAdd'
  | 'overrideRemove'
  | 'import'
  | 'holdings'
  | 'search'
  | 'recipient'
  | 'held'
  | 'rounds'
  | 'discrepancies'
  | 'observed'
  | keyof UpkeepRequests
  | ApplicationRequestName;

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Ms: before the first restart of a dead thread, and at most. */
const FIRST_RESTART = 1000;
const LONGEST_RESTART = 60_000;
/** A thread that lived this long starts over with short waits, ms. */
const STABLE = 300_000;
/** A stopping thread has this long (ms) before it is ended from outside; the mirror survives that. */
const STOP_TIME = 10_000;

/** Starts the learning thread with the module at `entry`. */
export function startLearning(entry: URL, settings: LearnerSettings, on: LearningEvents): Learning {
  const thread = new LearningThread(entry, settings, on);
  thread.start();
  const stop = (): Promise<void> => thread.stop();
  return {
    ready: thread.ready,
    async sync(tenant, onProgress, dryRun = false) {
      const listener = (progress: RoundProgress): void => {
        if (tenant === null || progress.tenant === tenant) onProgress?.(progress);
      };
      thread.watchers.add(listener);
      try {
        return await thread.ask('sync', { tenant, dryRun });
      } finally {
        thread.watchers.delete(listener);
      }
    },
    status: () => thread.ask('status', null),
    approve: (hash, tenant) => thread.ask('approve', { hash, tenant }),
    accepted: (mail) => thread.ask('accepted', mail),
    describe: (address) => thread.ask('describe', { address }),
    lookup: (ask) => thread.ask('lookup', ask),
    operator: (name, ask) => thread.ask(name, ask),
    console: (name, ask) => thread.ask(name, ask) as never,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

class LearningThread {
  readonly ready: Promise<void>;
  readonly watchers = new Set<(progress: RoundProgress) => void>();
  readonly #entry: URL;
  readonly #settings: LearnerSettings;
  readonly #on: LearningEvents;
  readonly #pending = new Map<number, Pending>();
  readonly #published = new Map<string, DirectorySnapshot>();
  #resolveReady: () => void = () => {};
  #worker: Worker | null = null;
  #startedAt = 0;
  #restartDelay = FIRST_RESTART;
  #restart: NodeJS.Timeout | null = null;
  #stopping: Promise<void> | null = null;
  #nextId = 1;

  constructor(entry: URL, settings: LearnerSettings, on: LearningEvents) {
    this.#entry = entry;
    this.#settings = settings;
    this.#on = on;
    this.ready = new Promise((resolve) => {
      this.#resolveReady = resolve;
    });
  }

  start(): void {
    this.#startedAt = performance.now();
    const worker = new Worker(this.#entry, { workerData: this.#settings, name: 'learner' });
    this.#worker = worker;
    worker.on('message', (message: LearnerMessage) => this.#receive(message));
    worker.on('error', (error: unknown) => this.#on.trouble(troubleOf(error)));
    worker.on('exit', (code) => this.#ended(code));
  }

  ask<Name extends RequestName>(name: Name, ask: Requests[Name]['ask']): Promise<Requests[Name]['answer']> {
    const worker = this.#worker;
    if (!worker) {
      const state = this.#stopping ? 'has stopped' : 'is being restarted';
      return Promise.reject(new Error(`the learning thread ${state}; answers come from the last directory`));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: (value) => resolve(value as Requests[Name]['answer']), reject });
      worker.postMessage({ id, name, ask } satisfies RequestMessage);
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (this.#restart) clearTimeout(this.#restart);
    const worker = this.#worker;
    if (!worker) return;
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    const asked = this.ask('stop', null).catch(() => null);
    const timer = setTimeout(() => void worker.terminate(), STOP_TIME);
    await asked;
    await worker.terminate();
    await ended;
    clearTimeout(timer);
  }

  #receive(message: LearnerMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#resolveReady();
        break;
      case 'directory':
        this.#publish(message.snapshot);
        break;
      case 'operator':
        this.#on.operator(message.snapshot);
        break;
      case 'unchanged': {
        const last = this.#published.get(message.tenant);
        if (last) this.#publish({ ...last, syncedAt: message.syncedAt });
        break;
      }
      case 'round':
        this.#on.round(message.report);
        break;
      case 'held':
        this.#on.held?.(message.tenant, message.plan, message.news);
        break;
      case 'progress':
        for (const watcher of this.watchers) watcher(message.progress);
        this.#on.progress(message.progress);
        break;
      case 'credential':
        this.#on.credential(message.tenant, message.news);
        break;
      case 'trouble':
        this.#on.trouble(message.trouble);
        break;
      case 'requests':
        this.#on.requests?.(message.counts);
        break;
      case 'answer':
        this.#take(message.id)?.resolve(message.value);
        break;
      case 'refusal':
        this.#take(message.id)?.reject(new Error(message.message));
    }
  }

  #publish(snapshot: DirectorySnapshot): void {
    this.#published.set(snapshot.tenant, snapshot);
    this.#on.directory(snapshot);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #ended(code: number): void {
    this.#worker = null;
    const stopping = this.#stopping !== null;
    const reason = new Error(
      `the learning thread ${stopping ? 'was stopped' : 'died'} before it could answer`,
    );
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    if (stopping) return;
    if (performance.now() - this.#startedAt > STABLE) this.#restartDelay = FIRST_RESTART;
    const delay = this.#restartDelay;
    this.#restartDelay = Math.min(delay * 2, LONGEST_RESTART);
    this.#on.trouble({ message: `the learning thread ended (code ${code}); it starts again in ${delay} ms` });
    this.#restart = setTimeout(() => this.start(), delay);
    this.#resolveReady();
  }
}

function troubleOf(error: unknown): Trouble {
  if (!(error instanceof Error)) return { message: `learning thread: ${String(error)}` };
  const message = `learning thread: ${error.message}`;
  return error.stack === undefined ? { message } : { message, stack: error.stack };
}
