/**
 * Who a control request comes from. Node.js does not tell which user is at the other end of a Unix socket, so a command
 * is just `control socket`. The console may name its visitor: it alone has the token that the daemon made for it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';

/** For the audit lines. */
export interface Acting {
  readonly who: string;
  /** Address of the browser; null for a command. */
  readonly from: string | null;
}

/** The environment of the control socket's routes: `by` asks. */
export type ControlEnv = { Variables: { by: Acting } };

/** What a command is called. */
export const COMMAND: Acting = { who: 'control socket', from: null };

/** Names of the headers that the console sends. */
export const ACTING_HEADERS = {
  token: 'x-console-token',
  /** Percent-encoded UTF-8. */
  who: 'x-console-who',
  from: 'x-console-from',
} as const;

/** Longest name that gets into an audit line, UTF-16 code units. */
const LONGEST = 200;

/** Whether a request carries the console's token. `token` null: there is no console. */
export function isConsole(context: Context, token: string | null): boolean {
  const given = context.req.header(ACTING_HEADERS.token);
  return token !== null && given !== undefined && timingSafeEqual(digest(given), digest(token));
}

/** Who asks. Without the right token the other headers mean nothing. */
export function actingIn(context: Context, token: string | null): Acting {
  const who = context.req.header(ACTING_HEADERS.who);
  if (who === undefined || !isConsole(context, token)) return COMMAND;
  return { who: decoded(who).slice(0, LONGEST), from: context.req.header(ACTING_HEADERS.from) ?? null };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
