/**
 * One round at a time per tenant. node-cron's own overlap guard does not see rounds that somebody asks for, so it is
 * done here: a scheduled round joins the running one, and a requested round starts after it, because the running one
 * may have passed what its asker has just changed.
 */

export interface Turns<T> {
  /** The running round, or a new one. */
  join(key: string): Promise<T>;
  /** A round that starts after this call; several callers share one. */
  fresh(key: string): Promise<T>;
  /** Runs something else in between; who joins meanwhile gets its result, who wants a fresh round a real one. */
  aside(key: string, run: () => Promise<T>): Promise<T>;
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
}

/** Takes turns for `run`, which must not throw. */
export function takeTurns<T>(run: (key: string) => Promise<T>): Turns<T> {
  const running = new Map<string, Promise<T>>();
  const queued = new Map<string, Promise<T>>();
  const asides = new Set<string>();

  const start = (key: string): Promise<T> => {
    const turn = run(key).finally(() => running.delete(key));
    running.set(key, turn);
    return turn;
  };
  const join = (key: string): Promise<T> => running.get(key) ?? start(key);
  const after = async (key: string, current: Promise<T>): Promise<T> => {
    await current.catch(() => {});
    // Something else may have slipped in, and that is not a round.
    while (asides.has(key)) await running.get(key)?.catch(() => {});
    queued.delete(key);
    return join(key);
  };
  return {
    join,
    fresh(key) {
      const current = running.get(key);
      if (!current) return start(key);
      const waiting = queued.get(key) ?? after(key, current);
      queued.set(key, waiting);
      return waiting;
    },
    async aside(key, other) {
      for (let current = running.get(key); current; current = running.get(key)) await current.catch(() => {});
      asides.add(key);
      const turn = other().finally(() => {
        asides.delete(key);
        running.delete(key);
      });
      running.set(key, turn);
      return turn;
    },
    async idle() {
      while (running.size > 0) await Promise.allSettled(running.values());
    },
  };
}
