/** What every door asks and is told: one recipient, one verdict, and the words that go with it. */
import type { Verdict } from '../core/verdict.ts';

/** Who asks through a door, as far as the door knows. */
export interface Question {
  /** As the door's client wrote it. */
  readonly recipient: string;
  /** IP address of the SMTP client behind the door's client; null when the protocol does not say. */
  readonly client: string | null;
  readonly helo: string | null;
  readonly mailFrom: string;
  /** What connects the lines of one SMTP session in the log. */
  readonly session: string;
  readonly tls: string | null;
}

/** The reply SMTP would give, without its code in the text. */
export interface Wording {
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

export interface Answer {
  readonly verdict: Verdict;
  readonly wording: Wording;
}

/** Asks the one verdict of this gateway, at once unless a live lookup has to be waited for. Never throws or rejects. */
export type Ask = (question: Question, door: DoorProtocol) => Answer | Promise<Answer>;

export type DoorProtocol = 'socketmap' | 'policy';

/** One protocol's side of a connection: bytes in, whole requests out; one request in, its reply out. */
export interface Dialect<Request> {
  /** Takes the next bytes of the client. After a problem nothing more is read. */
  read(bytes: Uint8Array): { readonly requests: readonly Request[]; readonly problem: string | null };
  /** The recipient that a request asks about; null when the reply does not depend on one. */
  question(request: Request): Question | null;
  /** The reply on the wire. `answer` is null when there was no question. */
  reply(answer: Answer | null): Uint8Array;
}
