/**
 * One mail transaction of a client in relay mode: the recipients accepted so far and the next hop that took them.
 *
 * The next hop is opened on the first recipient that the directory accepts. While it has accepted nobody it can be
 * given up for another, so that a dead next hop never stands before the recipients of a living one.
 */
import type { Verdict } from '../core/verdict.ts';
import type { Sender } from './command.ts';
import { NO_RECIPIENT_DSN, type RecipientDsn } from './dsn.ts';
import type { ForwardedClient } from './hop-forward.ts';
import { HopTransaction, type Relayed } from './hop-transaction.ts';
import { Cut, type HopTrouble } from './next-hop.ts';
import type { Relay } from './relay.ts';
import { hopFailureReply, REPLY } from './reply.ts';

/** What a transaction reports and needs from its session. */
export interface TransactionEdge {
  readonly relay: Relay | null;
  /** Bytes that our own header adds to the message. */
  readonly extraSize: number;
  readonly client: ForwardedClient;
  notice(trouble: HopTrouble): void;
}

export class Transaction {
  readonly sender: Sender;
  /** Our own name for the message. */
  readonly id: string;
  /** Recipients the client was told yes for. */
  accepted = 0;
  /** Whether some recipient was told to come back later. */
  deferred = false;
  /** Whether the client is gone. */
  cancelled = false;
  /** Where the accepted recipients go. */
  nextHop: string | null = null;
  /** The verdict on the accepted recipient while there is one; null otherwise. */
  only: Verdict | null = null;
  private readonly edge: TransactionEdge;
  /** Made with the first next hop: most transactions of a verify listener never need one. */
  private cut: Cut | null = null;
  private hop: HopTransaction | null = null;

  constructor(id: string, sender: Sender, edge: TransactionEdge) {
    this.id = id;
    this.sender = sender;
    this.edge = edge;
  }

  /** Whether a recipient for `nextHop` can still join. */
  takes(nextHop: string): boolean {
    return this.accepted === 0 || this.nextHop === nextHop;
  }

  /** Gives one recipient to its next hop; `path` is verbatim. Several may be under way. */
  async recipient(path: string, nextHop: string, dsn: RecipientDsn = NO_RECIPIENT_DSN): Promise<Relayed> {
    if (this.nextHop !== nextHop) this.leave();
    this.nextHop = nextHop;
    if (this.cancelled) return abandoned();
    this.hop ??= this.begin(nextHop);
    const relayed = await this.hop.recipient(path, dsn);
    return this.cancelled ? abandoned() : relayed;
  }

  /** Counts a recipient that the client is told yes for. */
  accept(verdict: Verdict): void {
    this.accepted += 1;
    this.only = this.accepted === 1 ? verdict : null;
  }

  /** The client asks for DATA behind recipients that are still under way. */
  dataAhead(): void {
    this.hop?.dataAhead();
  }

  /** Asks the next hop for leave to send the message; the transaction behind it when it gave it. */
  async data(): Promise<{ readonly relayed: Relayed; readonly hop: HopTransaction | null }> {
    if (!this.hop || this.cancelled) {
      return {
        relayed: { positive: false, reply: REPLY.noRecipientsYet, nextHopReply: null },
        hop: null,
      };
    }
    const relayed = await this.hop.data();
    return { relayed, hop: relayed.positive ? this.hop : null };
  }

  /** Ends in good order: the connection is kept for the next transaction. */
  release(): void {
    this.leave();
  }

  /** Ends at once: whatever the next hop has of a message is cut before its end. */
  abort(): void {
    this.cancelled = true;
    this.cut?.fire();
  }

  /** Gives the next hop up; the next recipient begins anew. */
  leave(): void {
    this.hop?.release();
    this.hop = null;
    this.cut = null;
  }

  private begin(nextHop: string): HopTransaction {
    const { relay, extraSize, client } = this.edge;
    if (!relay) throw new Error('relay mode without a relay');
    const notice = (trouble: HopTrouble): void => {
      if (!this.cancelled) this.edge.notice(trouble);
    };
    this.cut = new Cut();
    const envelope = { sender: this.sender, extraSize, client };
    return new HopTransaction(nextHop, envelope, { relay, cut: this.cut, notice });
  }
}

function abandoned(): Relayed {
  return { positive: false, reply: hopFailureReply('closed'), nextHopReply: null };
}
