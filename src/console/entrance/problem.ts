/** Why somebody did not come in, kept for the sign-in page, which is another request. */
import { createHash, randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Cookies } from '../site/cookies.ts';
import type { Account } from '../site/visit.ts';

/** What the sign-in page explains. */
export type Problem =
  /** The one-time link is too old; or it was used, or never issued. */
  | { readonly kind: 'link'; readonly why: 'late' | 'unknown' }
  /** What came back from Microsoft was not begun in this browser, or too long ago, or came a second time. */
  | { readonly kind: 'state' }
  | { readonly kind: 'declined' }
  /** In the words of Microsoft, or of the daemon about it. */
  | { readonly kind: 'microsoft'; readonly text: string; readonly hint: string }
  /** The token is not right; `why` in words of ours. */
  | { readonly kind: 'identity'; readonly why: string }
  /** They are who they are, and on no list. */
  | { readonly kind: 'account'; readonly account: Account; readonly name: string };

/** Browsers that are on their way in, each known by a cookie. */
export interface Arrivals {
  /** Names the browser without its cookie; null when it has none yet. */
  of(context: Context): string | null;
  /** The same, with a new cookie when there is none. */
  known(context: Context): string;
  note(context: Context, problem: Problem): void;
  problem(context: Context): Problem | null;
  /** Forgets a browser: it has come in, or tries anew. */
  forget(context: Context): void;
}

/** Browsers remembered; the oldest is forgotten. */
const MOST = 2000;

/** An empty store. */
export function openArrivals(cookies: Cookies): Arrivals {
  const problems = new Map<string, Problem>();
  const of = (context: Context): string | null => {
    const cookie = getCookie(context, cookies.arrival);
    return cookie === undefined ? null : createHash('sha256').update(cookie).digest('base64url');
  };
  const known = (context: Context): string => {
    const name = of(context);
    if (name !== null) return name;
    const cookie = randomBytes(32).toString('base64url');
    cookies.keep(context, cookies.arrival, cookie, null);
    return createHash('sha256').update(cookie).digest('base64url');
  };
  return {
    of,
    known,
    note(context, problem) {
      for (const oldest of problems.keys()) {
        if (problems.size < MOST) break;
        problems.delete(oldest);
      }
      problems.set(known(context), problem);
    },
    problem: (context) => problems.get(of(context) ?? '') ?? null,
    forget(context) {
      problems.delete(of(context) ?? '');
    },
  };
}

/** A problem in words of ours, for the log. */
export function whyText(problem: Problem): string {
  switch (problem.kind) {
    case 'link':
      return problem.why === 'late' ? 'the link is too old' : 'the link was used, or never issued';
    case 'state':
      return 'the sign-in was not begun in this browser, or too long ago, or used before';
    case 'declined':
      return 'the person declined';
    case 'microsoft':
      return problem.text;
    case 'identity':
      return problem.why;
    case 'account':
      return 'the person has no app role and is on no list';
  }
}
