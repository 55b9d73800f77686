/**
 * Sessions of the console, in memory only: a restart of the console ends them. The browser has 256 random bits in a
 * cookie; what is kept here is their digest, so that neither a dump nor the time of a look-up tells a valid cookie.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Notice } from './notice.ts';
import type { Account, Visitor } from './visit.ts';

/** Ms. */
export interface SessionLimits {
  /** However busy, a session ends after this long. */
  readonly longest: number;
  /** Without a request it ends after this long. */
  readonly idle: number;
}

export interface Session {
  /** Names it without opening it. */
  readonly name: string;
  readonly visitor: Visitor;
  readonly csrf: string;
  /** Ms since 1970. */
  readonly since: number;
  /** Shown on the next page, then forgotten. */
  notice: Notice | null;
}

/** Sessions at a time; one more ends the one that was idle longest. */
const MOST = 500;

/** Every session there is. Times are in ms since 1970. */
export class Sessions {
  readonly #limits: SessionLimits;
  /** By digest of the cookie, the one that was used longest ago first. */
  readonly #sessions = new Map<string, { readonly session: Session; seen: number }>();

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Begins a session; the answer is the value of its cookie. */
  open(visitor: Visitor, now: number): { readonly cookie: string; readonly session: Session } {
    for (const key of this.#sessions.keys()) {
      if (this.#sessions.size < MOST) break;
      this.#sessions.delete(key);
    }
    const cookie = token();
    const session = { name: token(), visitor, csrf: token(), since: now, notice: null };
    this.#sessions.set(digest(cookie), { session, seen: now });
    return { cookie, session };
  }

  /** The living session of a cookie; it counts as used now. */
  find(cookie: string, now: number): Session | null {
    const key = digest(cookie);
    const entry = this.#sessions.get(key);
    if (!entry) return null;
    this.#sessions.delete(key);
    if (now - entry.session.since >= this.#limits.longest || now - entry.seen >= this.#limits.idle)
      return null;
    // A clock that was set back must not lengthen a session.
    entry.seen = Math.max(entry.seen, now);
    this.#sessions.set(key, entry);
    return entry.session;
  }

  /** Ends the session of a cookie. */
  close(cookie: string): void {
    this.#sessions.delete(digest(cookie));
  }

  /** Ends every session of an account. */
  closeOf({ tenant, object }: Account): void {
    for (const [key, { session }] of this.#sessions) {
      const { account } = session.visitor;
      if (account?.tenant === tenant && account.object === object) this.#sessions.delete(key);
    }
  }
}

function token(): string {
  return randomBytes(32).toString('base64url');
}

function digest(cookie: string): string {
  return createHash('sha256').update(cookie).digest('base64url');
}
