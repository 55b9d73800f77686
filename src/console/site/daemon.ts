/** The daemon as the console sees it: its control socket, with the name of who acts. */
import { ACTING_HEADERS } from '../acting.ts';
import { type ControlClient, controlClient } from '../control-client.ts';
import type { Visit } from './visit.ts';

/** Who acts, for the audit lines of the log. */
export interface Actor {
  readonly who: string;
  /** Address of the browser. */
  readonly from: string;
}

/**
 * The daemon's answers are unknown values: each area checks the form of what it uses.
 * Every function throws DaemonUnreachable when the daemon does not answer, and Error with the daemon's message when it
 * refuses; the frame turns both into a page.
 */
export interface Daemon {
  get(path: string): Promise<unknown>;
  /** Posts JSON, or bytes as they are. Changes need the actor. */
  post(path: string, body: unknown, actor?: Actor): Promise<unknown>;
  /** Posts and gives the JSON lines of the answer as they come. */
  lines(path: string, body: unknown, actor?: Actor): AsyncIterable<unknown>;
}

/** The actor behind a visit. */
export function actorOf({ visitor, from }: Visit): Actor {
  return { who: visitor.who, from };
}

/** The headers that name the actor; they count only together with the token that the daemon gave us. */
function headersOf(token: string, actor: Actor | undefined): Readonly<Record<string, string>> {
  if (!actor) return {};
  return {
    [ACTING_HEADERS.token]: token,
    [ACTING_HEADERS.who]: encodeURIComponent(actor.who),
    [ACTING_HEADERS.from]: actor.from,
  };
}

/** The daemon behind a control socket. */
export function daemonAt(
  socketPath: string,
  token: string,
  client: ControlClient = controlClient(socketPath),
): Daemon {
  return {
    get: (path) => client.get(path),
    post: (path, body, actor) => client.post(path, body, headersOf(token, actor)),
    lines: (path, body, actor) => client.postLines(path, body, headersOf(token, actor)),
  };
}
