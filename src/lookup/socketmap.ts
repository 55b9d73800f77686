/**
 * Postfix socketmap (socketmap_table(5)): requests and replies are netstrings. A request is `<map name> <key>`; a reply
 * is `OK <value>`, `NOTFOUND `, `TEMP <reason>`, `TIMEOUT <reason>` or `PERM <reason>`.
 *
 * Limits: a request of 8,192 bytes; Postfix itself reads replies of at most 100,000. Postfix asks once, with the whole
 * address in lower case: no query without the extension, none for `@domain`, so both are the verdict's business. A
 * defer is always `TEMP`. `PERM` would make Postfix answer 451 4.3.5 and is never said: no trouble of ours is permanent.
 * The map name is not looked at, so that one socket can stand in several tables. The value of `OK` is the reason of the
 * verdict; a list of recipients does not use it, `postmap -q` shows it.
 *
 * The protocol has no client address, no encryption and no authentication: the socket is for Postfix only.
 */
import type { Answer, Dialect, Question } from './answer.ts';
import { netstring, netstringReader } from './netstring.ts';

const LONGEST_REQUEST = 8192;

/** A key to look up; null when the request has none. */
export interface SocketmapRequest {
  readonly key: string | null;
}

/** The dialect of one connection. `session` names it in the log. */
export function socketmap(session: string): Dialect<SocketmapRequest> {
  const reader = netstringReader(LONGEST_REQUEST);
  return {
    read(bytes) {
      const { complete, problem } = reader.push(bytes);
      return { requests: complete.map(readRequest), problem };
    },
    question: ({ key }): Question | null =>
      key === null ? null : { recipient: key, client: null, helo: null, mailFrom: '', session, tls: null },
    reply: (answer) => netstring(Buffer.from(socketmapReply(answer))),
  };
}

/** `<map name> <key>`; a map name has no space, a key may. */
export function readRequest(bytes: Uint8Array): SocketmapRequest {
  const text = Buffer.from(bytes).toString('utf8');
  const space = text.indexOf(' ');
  return { key: space < 0 ? null : text.slice(space + 1) };
}

/** The reply to an answer; without a question there is nothing that could be found. */
export function socketmapReply(answer: Answer | null): string {
  if (answer === null) return 'NOTFOUND ';
  const { verdict, wording } = answer;
  if (verdict.action === 'accept') return `OK ${verdict.reason}`;
  return verdict.action === 'reject' ? 'NOTFOUND ' : `TEMP ${wording.text}`;
}
