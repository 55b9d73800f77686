/**
 * The worker threads that answer when there is more than one: they accept from the same sockets and read the same
 * directories in shared memory. The main thread keeps what there is one of: the learning thread, live lookups, the
 * harvest guard, the log, the counters. A worker that dies, or hangs and is ended, is started again; the others go on.
 */
import { Worker } from 'node:worker_threads';
import type { DirectorySnapshot } from './core/directory.ts';
import { joinNextHops, type NextHopStatus } from './core/next-hop-status.ts';
import type { OperatorSnapshot } from './core/operator.ts';
import type { SmtpListener } from './smtp/listener.ts';
import { bindSocket, duplicate, type SharedSocket } from './smtp/shared-socket.ts';
import type { TlsMaterial } from './smtp/tls-context.ts';
import type { LiveLookups, LookupQuestion } from './sync/lookup.ts';
import type {
  FromWorker,
  ToWorker,
  WorkerSettings,
  WorkerState,
  Workers,
  WorkersParts,
} from './worker-protocol.ts';
import { denialsNow, shareOut, takeGuesses, takeReport } from './worker-report.ts';
import { PATIENCE, type Patience, Silence, stopThread } from './worker-watch.ts';

const ENTRY = new URL('./worker.js', import.meta.url);
/** Before a dead worker is started again, and at most, ms. */
const FIRST_RESTART = 200;
const LONGEST_RESTART = 30_000;
/** A worker that lived this long starts over with short waits, ms. */
const STABLE = 60_000;

/**
 * Opens the sockets and starts the workers; they answer when the promise resolves. `fds`: inherited descriptors, null
 * where a listener has an address of its own.
 * @throws Error when an address cannot be used, or a worker does not start.
 */
export async function openWorkers(
  parts: WorkersParts,
  fds: ReadonlyArray<number | null>,
  closers: Array<() => PromiseLike<unknown>>,
  entry: URL = ENTRY,
  patience: Patience = PATIENCE,
): Promise<Workers> {
  const { live, certificates } = parts;
  const { config } = live;
  const sockets: SharedSocket[] = [];
  const materials = config.smtp.map((smtp) => certificates.first(smtp));
  const census = new SharedArrayBuffer(4 * config.smtp.length * config.workers);
  const pool = new Pool(parts, sockets, materials, census, entry, patience);
  closers.push(() => pool.stop(live.config.stopTimeout));
  for (const [index, smtp] of config.smtp.entries()) {
    const fd = fds[index] ?? null;
    sockets.push(await bindSocket(fd === null ? smtp : { fd }));
  }
  parts.follow((news) => pool.tell(news));
  await pool.start(config.workers);
  return {
    listeners: sockets.map((socket, index) => pool.listener(socket, index)),
    state: () => pool.state(),
    nextHops: () => joinNextHops(pool.nextHops()),
  };
}

interface Member {
  readonly id: number;
  thread: Worker | null;
  startedAt: number;
  readonly silence: Silence;
  /** Why it was ended; empty as long as it was not. */
  ended: string;
  restarts: number;
  delay: number;
  nextHops: readonly NextHopStatus[];
}

class Pool {
  readonly #parts: WorkersParts;
  readonly #sockets: readonly SharedSocket[];
  readonly #materials: Array<TlsMaterial | null>;
  readonly #census: Int32Array<SharedArrayBuffer>;
  readonly #share = new Int32Array(new SharedArrayBuffer(4));
  readonly #entry: URL;
  readonly #patience: Patience;
  readonly #members: Member[] = [];
  readonly #directories: Map<string, DirectorySnapshot>;
  #told: OperatorSnapshot;
  #watchdog: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | null = null;

  constructor(
    parts: WorkersParts,
    sockets: readonly SharedSocket[],
    materials: Array<TlsMaterial | null>,
    census: SharedArrayBuffer,
    entry: URL,
    patience: Patience,
  ) {
    this.#parts = parts;
    this.#sockets = sockets;
    this.#materials = materials;
    this.#census = new Int32Array(census);
    this.#entry = entry;
    this.#patience = patience;
    this.#directories = new Map(parts.directories.map((snapshot) => [snapshot.tenant, snapshot]));
    this.#told = parts.told;
  }

  async start(workers: number): Promise<void> {
    shareOut(this.#parts, this.#share);
    for (let id = 0; id < workers; id += 1) {
      this.#members.push({
        id,
        thread: null,
        startedAt: 0,
        silence: new Silence(this.#patience),
        ended: '',
        restarts: 0,
        delay: FIRST_RESTART,
        nextHops: [],
      });
    }
    const byListener = await duplicate(
      this.#sockets.map(({ fd }) => fd),
      workers,
    );
    await Promise.all(
      this.#members.map((member) =>
        this.#run(
          member,
          byListener.map((fds) => fds[member.id] ?? -1),
        ),
      ),
    );
    this.#watchdog = setInterval(() => this.#watch(), this.#patience.lookEvery);
    this.#watchdog.unref();
  }

  tell(news: ToWorker): void {
    if (news.kind === 'directory') this.#directories.set(news.snapshot.tenant, news.snapshot);
    if (news.kind === 'operator') this.#told = news.told;
    if (news.kind === 'certificate') this.#materials[news.listener] = news.material;
    for (const { thread } of this.#members) thread?.postMessage(news);
  }

  state(): WorkerState[] {
    const workers = this.#members.length;
    return this.#members.map(({ id, restarts }) => {
      const counts = this.#sockets.map((_socket, index) => this.#census[index * workers + id] ?? 0);
      return { worker: id, connections: counts.reduce((sum, count) => sum + count, 0), restarts };
    });
  }

  nextHops(): ReadonlyArray<readonly NextHopStatus[]> {
    return this.#members.map(({ nextHops }) => nextHops);
  }

  /** The listener that all workers are together. */
  listener(socket: SharedSocket, index: number): SmtpListener {
    const workers = this.#members.length;
    const close = (grace: number): Promise<void> => this.stop(grace);
    return {
      address: () => socket.address(),
      connections: () =>
        this.#census.subarray(index * workers, (index + 1) * workers).reduce((sum, count) => sum + count, 0),
      replaceCertificate: (material) => this.tell({ kind: 'certificate', listener: index, material }),
      certified: () => this.#materials[index] !== null,
      close,
      [Symbol.asyncDispose]: () => close(0),
    };
  }

  stop(grace: number): Promise<void> {
    this.#stopping ??= this.#stop(grace);
    return this.#stopping;
  }

  async #stop(grace: number): Promise<void> {
    clearInterval(this.#watchdog);
    // Ours first: with the last descriptor the port is closed, and clients go elsewhere instead of waiting here.
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#members.map(({ thread }) => thread && stopThread(thread, grace)));
  }

  /** Starts a worker; resolves once it answers. */
  #run(member: Member, fds: readonly number[]): Promise<void> {
    const settings: WorkerSettings = {
      id: member.id,
      config: this.#parts.live.config,
      listeners: fds.map((fd, index) => ({ fd, material: this.#materials[index] ?? null })),
      directories: [...this.#directories.values()],
      told: this.#told,
      denied: denialsNow(this.#parts, Date.now()),
      census: this.#census.buffer,
      share: this.#share.buffer,
    };
    const thread = new Worker(this.#entry, { workerData: settings, name: `worker ${member.id}` });
    member.thread = thread;
    member.startedAt = performance.now();
    member.silence.broken();
    member.ended = '';
    let fault = '';
    thread.on('error', (error: unknown) => {
      fault = error instanceof Error ? error.message : String(error);
    });
    return new Promise((resolve, reject) => {
      thread.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') resolve();
        this.#receive(member, message);
      });
      thread.on('exit', (code) => {
        member.thread = null;
        this.#leave(member);
        const why = member.ended || fault || `ended with ${code}`;
        reject(new Error(`worker ${member.id}: ${why}`));
        if (!this.#stopping && this.#watchdog) this.#restart(member, why);
      });
    });
  }

  /** Nobody is connected to a dead worker. */
  #leave({ id }: Member): void {
    const workers = this.#members.length;
    for (const index of this.#sockets.keys()) Atomics.store(this.#census, index * workers + id, 0);
  }

  #restart(member: Member, error: string): void {
    if (performance.now() - member.startedAt > STABLE) member.delay = FIRST_RESTART;
    const { delay } = member;
    member.delay = Math.min(delay * 2, LONGEST_RESTART);
    member.restarts += 1;
    this.#parts.trouble({ worker: member.id, restartMs: delay, error });
    const timer = setTimeout(() => {
      if (this.#stopping) return;
      duplicate(
        this.#sockets.map(({ fd }) => fd),
        1,
      ).then(
        (fds) => {
          // A thread that ends has told so itself.
          if (!this.#stopping) this.#run(member, fds.flat()).catch(() => undefined);
        },
        (cause: unknown) => this.#restart(member, cause instanceof Error ? cause.message : String(cause)),
      );
    }, delay);
    timer.unref();
  }

  #watch(): void {
    for (const member of this.#members) if (member.thread) this.#lookAt(member, member.thread);
  }

  #lookAt(member: Member, thread: Worker): void {
    const { lookEvery, hung } = this.#patience;
    const finding = member.silence.look();
    if (finding === 'stuck') this.#parts.stuck(member.id);
    if (finding !== 'hung') return;
    member.ended = `told nothing for ${(lookEvery * hung) / 1000} s and was ended: it hung`;
    void thread.terminate();
  }

  #receive(member: Member, message: FromWorker): void {
    const { lookups } = this.#parts;
    member.silence.broken();
    switch (message.kind) {
      case 'lookup':
        void this.#lookUp(member, message.id, message.question, lookups);
        break;
      case 'absent':
        takeGuesses(this.#parts, message.guesses);
        break;
      case 'observed':
        this.#parts.observed.add(message.batch);
        break;
      case 'report':
        takeReport(this.#parts, message, this.#share);
        member.nextHops = message.nextHops;
        break;
    }
  }

  async #lookUp(
    member: Member,
    id: number,
    question: LookupQuestion,
    lookups: LiveLookups | null,
  ): Promise<void> {
    // The thread that asked, and no other: one that took its place counts its questions from the start.
    const { thread } = member;
    const outcome = (await lookups?.ask(question)) ?? { kind: 'failed' as const };
    thread?.postMessage({ kind: 'lookup', id, outcome } satisfies ToWorker);
  }
}
