/**
 * One-shot states (RFC 6749 section 10.12): a random name for something begun here that comes back from elsewhere. Each
 * is good for ten minutes and once, and only in the session that began it, unless it was issued for anybody.
 */
import { randomBytes } from 'node:crypto';

/** How long a state is good, ms. */
export const ONE_SHOT_TIME = 10 * 60_000;
/**
 * States kept at a time, of all sessions and of one; one more drops the oldest. All: more than strangers can make in ten
 * minutes (attempts.ts), so that they cannot push out somebody who is at Microsoft's sign-in page.
 */
const MOST = 5000;
const MOST_OF_A_SESSION = 20;

/** What a state stood for, or why it stands for nothing: never issued or used before, too late, of another session. */
export type Taken<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly why: 'unknown' | 'late' | 'foreign' };

export interface OneShots<Value> {
  /** A new state of 43 characters (256 bits) that stands for `value`. `session` null: whoever brings it may use it. */
  issue(value: Value, session: string | null): string;
  /** Uses a state up. A foreign session does not use it up. */
  take(state: string, session: string | null): Taken<Value>;
}

interface Entry<Value> {
  readonly value: Value;
  readonly session: string | null;
  readonly until: number;
}

/** An empty store. `now` is in ms. */
export function openOneShots<Value>(now: () => number = Date.now): OneShots<Value> {
  const entries = new Map<string, Entry<Value>>();
  const makeRoom = (session: string | null): void => {
    const own = [...entries].filter(([, entry]) => entry.session === session);
    const oldest = session !== null && own.length >= MOST_OF_A_SESSION ? own[0] : undefined;
    if (oldest) entries.delete(oldest[0]);
    for (const state of entries.keys()) {
      if (entries.size < MOST) break;
      entries.delete(state);
    }
  };
  return {
    issue(value, session) {
      makeRoom(session);
      const state = randomBytes(32).toString('base64url');
      entries.set(state, { value, session, until: now() + ONE_SHOT_TIME });
      return state;
    },
    take(state, session) {
      const entry = entries.get(state);
      if (!entry) return { ok: false, why: 'unknown' };
      if (entry.session !== null && entry.session !== session) return { ok: false, why: 'foreign' };
      entries.delete(state);
      return entry.until > now() ? { ok: true, value: entry.value } : { ok: false, why: 'late' };
    },
  };
}
