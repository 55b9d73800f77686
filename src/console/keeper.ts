/**
 * Keeps the console running in a process of its own: what crashes, floods or fills it stays there. A process that ends
 * is started again, each time a little later. It has little memory, a lower priority, and almost no environment.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { ConsoleMessage, ConsoleNews, ConsoleSettings } from './ipc.ts';

/** What the keeper tells. None of them may throw. */
export interface KeeperEvents {
  /** `port` 0: a Unix socket. */
  listening(host: string, port: number): void;
  trouble(message: string): void;
  news(news: ConsoleNews): void;
}

export interface ConsoleKeeper extends AsyncDisposable {
  /** What the console proves itself with on the control socket. */
  readonly token: string;
  /** Why the console cannot be reached; null when it listens. */
  trouble(): string | null;
  /** Starts the process. */
  start(): void;
}

/** Ms: before the first restart, and at most. */
const FIRST_RESTART = 500;
const LONGEST_RESTART = 30_000;
/** A process that lived this long starts over with short waits, ms. */
const STABLE = 60_000;
/** A stopping process has this long (ms) before it is killed; it has nothing to save. */
const STOP_TIME = 2_000;
/** Limits V8's heap; uploads are outside it and limited by the pages that take them. */
const FLAGS = ['--max-old-space-size=160', '--enable-source-maps'];
/** What the console needs of our environment. Credentials may be in the rest. */
const ENVIRONMENT = ['PATH', 'TZ', 'LANG', 'LC_ALL'];

/** What a keeper hands on: `fd` is a listening socket for the console, null when it opens its own. */
export interface KeptSettings extends Omit<ConsoleSettings, 'token' | 'inherited'> {
  readonly fd: number | null;
}

/** A keeper for the module at `entry`; nothing runs before `start`. */
export function keepConsole(entry: URL, settings: KeptSettings, on: KeeperEvents): ConsoleKeeper {
  const keeper = new Keeper(entry, settings, on);
  return {
    token: keeper.token,
    trouble: () => keeper.trouble,
    start: () => keeper.start(),
    [Symbol.asyncDispose]: () => keeper.stop(),
  };
}

class Keeper {
  readonly token = randomBytes(32).toString('base64url');
  trouble: string | null = 'it is starting';
  readonly #entry: URL;
  readonly #settings: KeptSettings;
  readonly #on: KeeperEvents;
  #child: ChildProcess | null = null;
  #startedAt = 0;
  #delay = FIRST_RESTART;
  #restart: NodeJS.Timeout | null = null;
  #stopping = false;

  constructor(entry: URL, settings: KeptSettings, on: KeeperEvents) {
    this.#entry = entry;
    this.#settings = settings;
    this.#on = on;
  }

  start(): void {
    if (this.#stopping) return;
    this.#startedAt = performance.now();
    const { fd, ...settings } = this.#settings;
    const child = fork(this.#entry, {
      execArgv: FLAGS,
      env: Object.fromEntries(ENVIRONMENT.map((name) => [name, process.env[name]])),
      // Standard output is our log; a stack trace on standard error may pass.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...(fd === null ? [] : [fd])],
    });
    this.#child = child;
    child.on('message', (message) => this.#receive(message as ConsoleMessage));
    // Without a process (too many, no memory) there is an error and no exit.
    child.once('error', (error) => this.#ended(child, error.message));
    child.once('exit', (code, signal) => this.#ended(child, `it ended (${signal ?? `code ${code}`})`));
    const start: ConsoleSettings = { ...settings, inherited: fd !== null, token: this.token };
    child.send(start, () => undefined);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#restart) clearTimeout(this.#restart);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIME);
    if (child.connected) child.disconnect();
    await ended;
    clearTimeout(timer);
  }

  #receive(message: ConsoleMessage): void {
    if (message.kind === 'listening') {
      this.trouble = null;
      this.#on.listening(message.host, message.port);
    } else if (message.kind === 'trouble') this.#report(message.message);
    else this.#on.news(message.news);
  }

  #report(message: string): void {
    this.trouble = message;
    this.#on.trouble(message);
  }

  #ended(child: ChildProcess, why: string): void {
    if (this.#stopping || this.#child !== child) return;
    this.#child = null;
    if (performance.now() - this.#startedAt > STABLE) this.#delay = FIRST_RESTART;
    const delay = this.#delay;
    this.#delay = Math.min(delay * 2, LONGEST_RESTART);
    this.#report(`${why}; it starts again in ${delay} ms, and everybody signs in again`);
    this.#restart = setTimeout(() => this.start(), delay);
  }
}
