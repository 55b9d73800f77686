/**
 * The worker threads that answer when there is more than one: they accept from the same sockets and read the same
 * directories in shared memory. The main thread keeps what there is one of: the learning thread, live lookups, the
 * harvest guard, the log, the counters. A worker that dies is started again; the others go on.
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
  WorkerReport,
  WorkerSettings,
  WorkerState,
  Workers,
  WorkersParts,
} from './worker-protocol.ts';

const ENTRY = new URL('./worker.js', import.meta.url);
/** Before a dead worker is started again, and at most, ms. */
const FIRST_RESTART = 200;
const LONGEST_RESTART = 30_000;
/** A worker that lived this long starts over with short waits, ms. */
const STABLE = 60_000;
/** A worker that has told nothing for so long hangs, ms. It reports every second at least. */
const SILENCE = 30_000;
/** Beyond the grace of a stop, ms. */
const LAST_WORDS = 2000;

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
): Promise<Workers> {
  const { live, certificates } = parts;
  const { config } = live;
  const sockets: SharedSocket[] = [];
  const materials = config.smtp.map((smtp) => certificates.first(smtp));
  const census = new SharedArrayBuffer(4 * config.smtp.length * config.workers);
  const pool = new Pool(parts, sockets, materials, census, entry);
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
  heardAt: number;
  restarts: number;
  delay: number;
  nextHops: readonly NextHopStatus[];
}

class Pool {
  readonly #parts: WorkersParts;
  readonly #sockets: readonly SharedSocket[];
  readonly #materials: Array<TlsMaterial | null>;
  readonly #census: Int32Array;
  readonly #buffer: SharedArrayBuffer;
  readonly #entry: URL;
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
  ) {
    this.#parts = parts;
    this.#sockets = sockets;
    this.#materials = materials;
    this.#buffer = census;
    this.#census = new Int32Array(census);
    this.#entry = entry;
    this.#directories = new Map(parts.directories.map((snapshot) => [snapshot.tenant, snapshot]));
    this.#told = parts.told;
  }

  async start(workers: number): Promise<void> {
    for (let id = 0; id < workers; id += 1) {
      this.#members.push({
        id,
        thread: null,
        startedAt: 0,
        heardAt: 0,
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
    this.#watchdog = setInterval(() => this.#watch(), SILENCE / 6);
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
      census: this.#buffer,
    };
    const thread = new Worker(this.#entry, { workerData: settings, name: `worker ${member.id}` });
    member.thread = thread;
    member.startedAt = performance.now();
    member.heardAt = member.startedAt;
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
        reject(new Error(fault || `worker ${member.id} ended with ${code}`));
        if (!this.#stopping && this.#watchdog) this.#restart(member, fault || `ended with ${code}`);
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
    const now = performance.now();
    for (const { thread, heardAt } of this.#members)
      if (thread && now - heardAt > SILENCE) void thread.terminate();
  }

  #receive(member: Member, message: FromWorker): void {
    const { lookups, harvest } = this.#parts;
    member.heardAt = performance.now();
    switch (message.kind) {
      case 'lookup':
        void this.#lookUp(member, message.id, message.question, lookups);
        break;
      case 'absent':
        for (const [client, address] of message.guesses) harvest.absent(client, address);
        break;
      case 'observed':
        this.#parts.observed.add(message.batch);
        break;
      case 'report':
        this.#take(member, message);
        break;
    }
  }

  #take(member: Member, report: WorkerReport): void {
    const { harvest, accepted, noted, log, count } = this.#parts;
    if (report.log !== '') log(report.log);
    count(report.counters);
    for (const [tenant, address] of report.accepted) accepted.note(tenant, address);
    for (const [tenant, domain, code, times] of report.counts) noted.count(tenant, domain, code, times);
    for (const answer of report.answers) if (noted.room()) noted.note(answer);
    member.nextHops = report.nextHops;
    for (const [client, times] of report.refused)
      for (let time = 0; time < times; time += 1) harvest.refuses(client);
  }

  async #lookUp(
    member: Member,
    id: number,
    question: LookupQuestion,
    lookups: LiveLookups | null,
  ): Promise<void> {
    const outcome = (await lookups?.ask(question)) ?? { kind: 'failed' as const };
    member.thread?.postMessage({ kind: 'lookup', id, outcome } satisfies ToWorker);
  }
}

/** Lets a worker finish, or ends it. */
async function stopThread(thread: Worker, grace: number): Promise<void> {
  const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  thread.postMessage({ kind: 'stop', grace } satisfies ToWorker);
  const timer = setTimeout(() => void thread.terminate(), grace + LAST_WORDS);
  await ended;
  clearTimeout(timer);
}
