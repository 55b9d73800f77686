/**
 * The time a client has: for each of its steps, and for the session as a whole. While we owe it something its time stands
 * still.
 *
 * Closes from the list of the package's known gaps: a timer that any byte resets (11), or that never ends while we wait
 * (12), and callbacks that answer twice (13).
 */

/** What a client must send of a message within its time, so that single bytes do not keep it for ever. */
export const MIN_PROGRESS = 16_384;
/** A wait of ours, ms, that a client could not use for sending. */
const LONG_WAIT = 1000;

/** What the clock asks and tells. */
export interface ClockOwner {
  /** Whether answers are due that nobody waits for with {@link SessionClock.owe}. */
  readonly answering: boolean;
  /** The client was silent or too slow. */
  idle(): void;
  /** The session has lasted too long. */
  over(): void;
}

export class SessionClock {
  /** We owe the client something. */
  owing = false;
  private readonly owner: ClockOwner;
  private expired = false;
  private stopped = false;
  private step: NodeJS.Timeout | undefined;
  private session: NodeJS.Timeout | undefined;

  constructor(owner: ClockOwner) {
    this.owner = owner;
  }

  /** Starts both times, ms. */
  start(session: number, step: number): void {
    this.session = setTimeout(() => this.expire(), session).unref();
    this.allow(step);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.step);
    clearTimeout(this.session);
  }

  /** Gives the client `limit` ms for each of its next steps, from now on. */
  allow(limit: number): void {
    clearTimeout(this.step);
    if (!this.stopped) this.step = setTimeout(() => this.elapsed(), limit).unref();
  }

  /**
   * Stops the client's clock until the returned function is called, at most once with effect. What it had of its time is
   * given back unless `progress` is false and we were quick: then it has done nothing for it.
   */
  owe(next: () => void, progress = true): () => void {
    let called = false;
    this.owing = true;
    const since = progress ? 0 : performance.now();
    return () => {
      if (called) return;
      called = true;
      this.owing = false;
      if (this.expired) this.owner.over();
      else if (!this.stopped && (progress || performance.now() - since > LONG_WAIT)) this.step?.refresh();
      next();
    };
  }

  private elapsed(): void {
    if (this.owing || this.owner.answering) this.step?.refresh();
    else this.owner.idle();
  }

  private expire(): void {
    this.expired = true;
    if (!this.owing) this.owner.over();
  }
}
