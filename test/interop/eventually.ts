/** Waiting for what another program does and nobody tells us: a condition is asked again until it holds. */
import { setTimeout as pause } from 'node:timers/promises';

const INTERVAL_MS = 25;

/** The first value of `ask` that is neither null, undefined nor false. @throws Error after `limitMs`. */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  limitMs = 20_000,
): Promise<Exclude<T, null | undefined | false>> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await ask();
    if (value !== null && value !== undefined && value !== false) {
      return value as Exclude<T, null | undefined | false>;
    }
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await pause(INTERVAL_MS);
  }
}
