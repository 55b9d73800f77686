/**
 * Opening something that may not be openable yet, a mirror on a disk that is full or damaged for instance: it is tried
 * again until it works, and what is wrong is told once, not at every try.
 */

export interface Opening<T> {
  /** The opened thing; null until it is. */
  current(): T | null;
  /** Why the last attempt failed; null after success. */
  trouble(): string | null;
  stop(): void;
}

/**
 * Tries `open` now and then every `interval` ms until it returns; then calls `opened`. `trouble` hears each new reason.
 */
export function openPatiently<T>(
  open: () => T,
  interval: number,
  opened: (thing: T) => void,
  trouble: (message: string) => void,
): Opening<T> {
  let thing: T | null = null;
  let reason: string | null = null;
  let timer: NodeJS.Timeout | null = null;
  const attempt = (): void => {
    try {
      thing = open();
      reason = null;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== reason) trouble(message);
      reason = message;
      timer = setTimeout(attempt, interval);
      return;
    }
    opened(thing);
  };
  attempt();
  return {
    current: () => thing,
    trouble: () => reason,
    stop: () => {
      if (timer) clearTimeout(timer);
    },
  };
}
