/** What a listener reports: one function per business event. Client text appears as values only. */
import type { Verdict } from '../core/verdict.ts';
import type { HopTrouble } from './next-hop.ts';

export type ListenerMode = 'relay' | 'verify';

/** A reply as it was sent. */
export interface SentReply {
  readonly code: number;
  readonly enhanced: string | null;
  readonly text: string;
}

/** Who was talking when it happened. */
export interface SessionFacts {
  readonly session: string;
  readonly mode: ListenerMode;
  /** The real client, whoever is connected. */
  readonly client: { readonly address: string; readonly port: number };
  /** The proxy or relay that speaks for it; null when the client itself is connected. */
  readonly peer: string | null;
  /** The client's host name as a relay told it (XCLIENT); we ask no name server. */
  readonly name: string | null;
  readonly helo: string | null;
  /** Protocol version such as `TLSv1.3`; null in the clear. */
  readonly tls: string | null;
  /** Name and fingerprint of the client certificate that was verified; null or absent without one. */
  readonly tlsClient?: string | null;
}

/** The answer to one RCPT. */
export interface RecipientAnswer extends SessionFacts {
  readonly verdict: Verdict;
  readonly reply: SentReply;
  /** Reference in the reply; null when it accepts. */
  readonly ref: string | null;
  readonly mailFrom: string;
  /** As the client sent it. */
  readonly rcpt: string;
  /** What the next hop said about it; null when it was not asked or did not answer. */
  readonly nextHopReply: string | null;
  readonly durationMs: number;
}

/** The end of a message. `bytes` is its size as the client sent it. */
export interface MessageReport extends SessionFacts {
  /** Message id of this gateway, as in its Received field. */
  readonly message: string;
  readonly mailFrom: string;
  readonly recipients: number;
  readonly nextHop: string;
  /** The verdict on its recipient when it has only one: then the final answer is about that one. */
  readonly only: Verdict | null;
  readonly bytes: number;
  readonly reply: SentReply;
  readonly nextHopReply: string | null;
  readonly durationMs: number;
}

export interface RelayedMessage extends MessageReport {
  readonly result: 'relayed';
}

/** `duplicatePossible`: the next hop had the whole message when it fell silent, so a retry may deliver it twice. */
export interface FailedMessage extends MessageReport {
  readonly result: 'refused' | 'deferred' | 'aborted';
  readonly ref: string | null;
  readonly duplicatePossible: boolean;
}

/** A session or command that was refused for its protocol, its time or our limits; never about a recipient. */
export interface SessionRefusal extends SessionFacts {
  readonly reply: SentReply;
  readonly ref: string;
  /** Upper-case verb; null when there was no command. */
  readonly command: string | null;
}

/** A fault below the sessions: sockets, handshakes, a failing check. */
export interface ListenerTrouble {
  /** `tls`: a handshake failed; the fault is the client's as a rule. */
  readonly stage: 'listener' | 'client' | 'tls' | 'check' | 'session';
  readonly error: unknown;
  readonly client: { readonly address: string; readonly port: number } | null;
}

export interface SmtpEvents {
  recipientAnswered(event: RecipientAnswer): void;
  messageRelayed(event: RelayedMessage): void;
  messageFailed(event: FailedMessage): void;
  nextHopTrouble(event: HopTrouble): void;
  sessionRefused(event: SessionRefusal): void;
  listenerTrouble(event: ListenerTrouble): void;
}

/** The same events, deaf to errors of whoever listens: a failing log must not fail an answer. */
export function guardedEvents(events: SmtpEvents): SmtpEvents {
  const guard =
    <Event>(report: (event: Event) => void) =>
    (event: Event): void => {
      try {
        report(event);
      } catch {
        // There is nowhere left to report it.
      }
    };
  return {
    recipientAnswered: guard((event) => events.recipientAnswered(event)),
    messageRelayed: guard((event) => events.messageRelayed(event)),
    messageFailed: guard((event) => events.messageFailed(event)),
    nextHopTrouble: guard((event) => events.nextHopTrouble(event)),
    sessionRefused: guard((event) => events.sessionRefused(event)),
    listenerTrouble: guard((event) => events.listenerTrouble(event)),
  };
}
