/**
 * Which worker threads hang, and how one is ended. Looks are counted, not time: between two looks of the main thread everything that a worker told was
 * read, so a main thread that was itself held up, or a machine that slept, takes no worker for hung.
 */
import type { Worker } from 'node:worker_threads';
import type { ToWorker } from './worker-protocol.ts';

/** Beyond the grace of a stop, ms. */
const LAST_WORDS = 2000;

/** How a silent worker is dealt with. */
export interface Patience {
  /** Ms between two looks. A worker tells something every second at least. */
  readonly lookEvery: number;
  /** Silent looks after which a worker hangs, and is ended. */
  readonly hung: number;
  /** Silent looks after which one that was ended and is still there cannot be ended. */
  readonly stuck: number;
}

/** Ten seconds, and four more: less than half of the time that the service manager gives the main thread. */
export const PATIENCE: Patience = { lookEvery: 2000, hung: 5, stuck: 7 };

/** What a look finds: nothing to do; a thread to be ended; one that cannot be ended. The last two once each. */
export type Finding = 'wait' | 'hung' | 'stuck';

/** The silence of one worker. */
export class Silence {
  readonly #patience: Patience;
  #looks = 0;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** It told something, or was started. */
  broken(): void {
    this.#looks = 0;
  }

  look(): Finding {
    this.#looks += 1;
    if (this.#looks === this.#patience.hung) return 'hung';
    return this.#looks === this.#patience.stuck ? 'stuck' : 'wait';
  }
}

/** Lets a worker finish, or ends it. */
export async function stopThread(thread: Worker, grace: number): Promise<void> {
  const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  thread.postMessage({ kind: 'stop', grace } satisfies ToWorker);
  const timer = setTimeout(() => void thread.terminate(), grace + LAST_WORDS);
  await ended;
  clearTimeout(timer);
}
