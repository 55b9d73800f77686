/**
 * One mail transaction with a next hop: MAIL, RCPT, DATA, message. Each answer is already what our client is told.
 */
import type { Capabilities } from './capabilities.ts';
import type { Sender } from './command.ts';
import { type RecipientDsn, recipientDsnText, senderDsnText } from './dsn.ts';
import type { HopConnection } from './hop-connection.ts';
import { type HopAnswer, type HopReply, type HopTrouble, hopReplyText, type Stage } from './next-hop.ts';
import type { Relay } from './relay.ts';
import { isPositive, relayReply } from './relay-reply.ts';
import { hopFailureReply, REPLY, type Reply } from './reply.ts';

/** An answer for the client, with what the next hop said for the log. */
export interface Relayed {
  readonly positive: boolean;
  readonly reply: Reply;
  /** The next hop's own words; null when it said nothing. */
  readonly nextHopReply: string | null;
}

export type BegunTransaction =
  | { readonly ok: true; readonly transaction: HopTransaction }
  | { readonly ok: false; readonly refusal: Relayed };

export class HopTransaction {
  private readonly hop: HopConnection;
  private readonly relay: Relay;
  private readonly notice: (trouble: HopTrouble) => void;

  /** Whether the next hop holds nothing of this transaction any more. */
  private clean = true;
  private noticed: HopTrouble | null = null;

  private constructor(relay: Relay, hop: HopConnection, notice: (trouble: HopTrouble) => void) {
    this.relay = relay;
    this.hop = hop;
    this.notice = notice;
  }

  /**
   * Opens `nextHop` and gives it the sender; `extraSize` is what we add to the message. A kept connection that
   * turns out dead is replaced once: nothing was accepted on it yet.
   */
  static async begin(
    relay: Relay,
    nextHop: string,
    sender: Sender,
    extraSize: number,
    signal: AbortSignal,
    notice: (trouble: HopTrouble) => void,
  ): Promise<BegunTransaction> {
    for (const fresh of [false, true]) {
      const opened = await relay.open(nextHop, signal, notice, fresh);
      if (!opened.ok) {
        notice(opened.trouble);
        return { ok: false, refusal: failed(opened.trouble) };
      }
      const transaction = new HopTransaction(relay, opened.hop, notice);
      const lack = lackOf(opened.hop.capabilities, sender);
      if (lack) {
        transaction.release();
        return { ok: false, refusal: { positive: false, reply: lack, nextHopReply: null } };
      }
      const line = mailLine(sender, extraSize, opened.hop.capabilities);
      const answer = await opened.hop.command(line, 'mail', relay.timeouts.mail);
      if (!fresh && opened.hop.reused && isDead(answer) && !signal.aborted) {
        opened.hop.destroy('kept connection was dead');
        continue;
      }
      const relayed = transaction.judge('mail', answer);
      transaction.clean = !relayed.positive;
      if (relayed.positive) return { ok: true, transaction };
      transaction.release();
      return { ok: false, refusal: relayed };
    }
    return { ok: false, refusal: { positive: false, reply: hopFailureReply('closed'), nextHopReply: null } };
  }

  /** Names one recipient; `path` is its verbatim text. */
  async recipient(path: string, dsn: RecipientDsn): Promise<Relayed> {
    const { rcpt } = this.relay.timeouts;
    const wishes = recipientDsnText(dsn);
    if (wishes !== '' && !this.hop.capabilities.dsn) {
      return { positive: false, reply: REPLY.hopLacksDsn, nextHopReply: null };
    }
    return this.judge('rcpt', await this.hop.command(`RCPT TO:<${path}>${wishes}`, 'rcpt', rcpt));
  }

  /** Asks to send the message; positive is its 354. */
  async data(): Promise<Relayed> {
    return this.judge('data', await this.hop.command('DATA', 'data', this.relay.timeouts.data));
  }

  /** Passes wire bytes of the message on; false when {@link drained} should be awaited before the next. */
  write(bytes: Buffer): boolean {
    return this.hop.write(bytes);
  }

  /** Waits for room for more of the message. */
  drained(): Promise<void> {
    return this.hop.drained(this.relay.timeouts.body);
  }

  /** Waits for the answer to the final dot. */
  async outcome(): Promise<Relayed> {
    const relayed = this.judge('message', await this.hop.reply('message', this.relay.timeouts.message));
    this.clean = true;
    return relayed;
  }

  /** Whether the next hop has answered or failed without waiting for the end of the message. */
  get interrupted(): boolean {
    return this.hop.spoke || this.hop.trouble !== null;
  }

  /** What became of the message when the next hop answered or failed before the final dot; null while it has not. */
  async interruption(): Promise<Relayed | null> {
    if (!this.interrupted) return null;
    const answer = await this.hop.reply('body', this.relay.timeouts.body);
    this.hop.destroy('answered before the end of the message');
    // A yes to half a message is no yes.
    if (answer.ok && answer.reply.code < 400) return this.garbled(answer.reply);
    return this.judge(answer.ok ? 'message' : 'body', answer);
  }

  /** Gives the connection back: reset if it is in order, dropped if it is not. */
  release(): void {
    this.relay.release(this.hop, this.clean);
  }

  /** Cuts the connection, so that a message under way is not delivered. */
  abort(why: string): void {
    this.hop.destroy(why);
  }

  private judge(stage: Stage, answer: HopAnswer): Relayed {
    if (!answer.ok) {
      // The trouble of a connection stays the same however often it is asked; once is enough to know.
      if (this.noticed !== answer.trouble) this.notice(answer.trouble);
      this.noticed = answer.trouble;
      return failed(answer.trouble);
    }
    const reply = relayReply(stage, answer.reply);
    const nextHopReply = hopReplyText(answer.reply);
    const positive = isPositive(stage, answer.reply);
    // An answer to the wrong question: nothing later on this connection can be matched to a command.
    if (!positive && answer.reply.code < 400) return this.garbled(answer.reply);
    if (answer.reply.code === 421) this.hop.destroy(nextHopReply);
    return { positive, reply, nextHopReply };
  }

  private garbled(reply: HopReply): Relayed {
    const nextHopReply = hopReplyText(reply);
    this.notice({ failure: 'garbage', stage: 'message', nextHop: this.hop.nextHop, error: nextHopReply });
    this.hop.destroy(nextHopReply);
    return { positive: false, reply: hopFailureReply('garbage'), nextHopReply: null };
  }
}

/** The MAIL line as far as the next hop understands it. */
export function mailLine(sender: Sender, extraSize: number, capabilities: Capabilities): string {
  const parameters = [`MAIL FROM:<${sender.text}>`];
  if (sender.size !== null && capabilities.size !== null) parameters.push(`SIZE=${sender.size + extraSize}`);
  if (sender.body !== null && capabilities.eightBitMime) parameters.push(`BODY=${sender.body}`);
  if (sender.smtpUtf8) parameters.push('SMTPUTF8');
  return parameters.join(' ') + (capabilities.dsn ? senderDsnText(sender) : '');
}

/** What the transaction needs and the next hop lacks; null when it lacks nothing. */
function lackOf(capabilities: Capabilities, sender: Sender): Reply | null {
  if (sender.body === '8BITMIME' && !capabilities.eightBitMime) return REPLY.hopLacksEightBit;
  if (senderDsnText(sender) !== '' && !capabilities.dsn) return REPLY.hopLacksDsn;
  return sender.smtpUtf8 && !capabilities.smtpUtf8 ? REPLY.hopLacksUtf8 : null;
}

function isDead(answer: HopAnswer): boolean {
  return answer.ok ? answer.reply.code === 421 : answer.trouble.failure !== 'timeout';
}

function failed(trouble: HopTrouble): Relayed {
  return { positive: false, reply: hopFailureReply(trouble.failure), nextHopReply: null };
}
