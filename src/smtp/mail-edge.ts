/** What the mail commands of a session need: from the configuration, from the gateway and from the session itself. */
import type { HarvestGate } from './admission.ts';
import type { SessionFacts, SmtpEvents } from './events.ts';
import type { CheckEdge } from './recipient-check.ts';
import type { Relay } from './relay.ts';
import type { Reply } from './reply.ts';
import type { MessageSink, TransferLimits } from './transfer.ts';

export interface MailSettings extends TransferLimits {
  readonly hostname: string;
  readonly mode: 'relay' | 'verify';
  readonly maxRecipients: number;
}

/** What the mail commands need from the gateway. */
export interface MailEdge extends CheckEdge {
  readonly relay: Relay | null;
  /** null: nobody is watched for harvesting. */
  readonly harvest: HarvestGate | null;
  reference(): string;
  readonly events: SmtpEvents;
}

/** What the mail commands need from their session. */
export interface MailSession {
  facts(): SessionFacts;
  readonly esmtp: boolean;
  /** Whether DSN was offered. */
  readonly dsn: boolean;
  /** The client that the harvest guard watches; null for one that is exempt. */
  readonly watched: string | null;
  /** Sends a reply as it is. */
  send(reply: Reply): void;
  /** Refuses a command for its protocol. */
  refuse(reply: Reply, command: string): void;
  /** Reports a fault of our own and answers 451. */
  fault(error: unknown): void;
  /** Takes everything up to the final dot as a message. */
  receive(sink: MessageSink): void;
  /** Refuses the whole session; `reported` when somebody has told the log already. */
  turnAway(reply: Reply, reported: boolean): void;
  /** Ends the session; what was sent still goes out. */
  close(): void;
}
