/**
 * One mail transaction with a next hop: MAIL, RCPT, DATA, message. Each answer is already what our client is told.
 *
 * With PIPELINING (RFC 2920) nothing waits for the answer before it: MAIL and the recipients that came while the next
 * hop was opened leave in one packet, and DATA behind them when the client has asked for it already.
 */
import type { RecipientDsn } from './dsn.ts';
import type { HopConnection } from './hop-connection.ts';
import { type Envelope, introduce, lackOf, mailLine, recipientLack, recipientLine } from './hop-envelope.ts';
import {
  type Cut,
  endpointKey,
  type HopAnswer,
  type HopReply,
  type HopTrouble,
  hopReplyText,
  type Stage,
} from './next-hop.ts';
import type { Relay } from './relay.ts';
import { isPositive, relayReply } from './relay-reply.ts';
import { hopFailureReply, type Reply } from './reply.ts';

/** An answer for the client, with what the next hop said for the log. */
export interface Relayed {
  readonly positive: boolean;
  readonly reply: Reply;
  /** The next hop's own words; null when it said nothing. */
  readonly nextHopReply: string | null;
}

/** What a transaction needs beside its envelope. */
export interface HopEdge {
  readonly relay: Relay;
  /** Ends whatever is going on, at any moment. */
  readonly cut: Cut;
  notice(trouble: HopTrouble): void;
}

/** What came of MAIL or RCPT: an answer, or what the next hop lacks for it. */
type Told = HopAnswer | { readonly ok: true; readonly lack: Reply };

/** A recipient that was asked for before MAIL was answered. */
interface Early {
  readonly path: string;
  readonly dsn: RecipientDsn;
  /** On the connection in use; null while it was not sent. */
  answer: Promise<Told> | null;
  answered(relayed: Relayed | Promise<Relayed>): void;
}

export class HopTransaction {
  private readonly nextHop: string;
  private readonly envelope: Envelope;
  private readonly edge: HopEdge;
  private hop: HopConnection | null = null;
  /** Whether MAIL was answered, and how; null while it was not. */
  private begun: Relayed | null = null;
  private early: Early[] = [];
  private readonly mail: Promise<unknown>;
  /** Without PIPELINING: the answer to the command before. */
  private before: Promise<unknown> = Promise.resolve();
  private dataWanted = false;
  private dataAnswer: Promise<HopAnswer> | null = null;
  private dataTaken = false;
  /** Whether the next hop holds nothing of this transaction any more. */
  private clean = true;
  private released = false;
  private noticed: HopTrouble | null = null;

  /** Opens `nextHop` and gives it the sender; ask for recipients at once, they follow. */
  constructor(nextHop: string, envelope: Envelope, edge: HopEdge) {
    this.nextHop = nextHop;
    this.envelope = envelope;
    this.edge = edge;
    this.mail = this.begin();
  }

  /** Names one recipient; `path` is its verbatim text. */
  recipient(path: string, dsn: RecipientDsn): Promise<Relayed> {
    if (this.begun) return this.begun.positive ? this.told(this.ask(path, dsn)) : Promise.resolve(this.begun);
    return new Promise((answered) => {
      const early: Early = { path, dsn, answer: null, answered };
      this.early.push(early);
      // MAIL is on its way; nothing keeps this one back.
      if (this.hop?.capabilities.pipelining) early.answer = this.ask(path, dsn);
    });
  }

  /** DATA is what comes next, whatever becomes of the recipients: a next hop that can may be asked at once. */
  dataAhead(): void {
    this.dataWanted = true;
    if (this.hop?.capabilities.pipelining) void this.sendData(this.hop);
  }

  /** Asks to send the message; positive is its 354. */
  async data(): Promise<Relayed> {
    await this.mail;
    const { hop } = this;
    if (!this.begun?.positive || !hop) return this.begun ?? closed();
    await this.before;
    const answer = this.sendData(hop);
    this.dataTaken = true;
    return this.judge('data', await answer);
  }

  /** Passes wire bytes of the message on; false when {@link drained} should be awaited before the next. */
  write(pieces: readonly Buffer[]): boolean {
    return this.hop?.write(pieces) ?? true;
  }

  /** Waits for room for more of the message. */
  async drained(): Promise<void> {
    await this.hop?.drained(this.edge.relay.timeouts.body);
  }

  /** Waits for the answer to the final dot. */
  async outcome(): Promise<Relayed> {
    if (!this.hop) return closed();
    const relayed = this.judge('message', await this.hop.reply('message', this.edge.relay.timeouts.message));
    this.clean = true;
    return relayed;
  }

  /** Whether the next hop has answered or failed without waiting for the end of the message. */
  get interrupted(): boolean {
    return this.hop === null || this.hop.spoke || this.hop.trouble !== null;
  }

  /** What became of the message when the next hop answered or failed before the final dot; null while it has not. */
  async interruption(): Promise<Relayed | null> {
    const { hop } = this;
    if (!hop || !this.interrupted) return null;
    const answer = await hop.reply('body', this.edge.relay.timeouts.body);
    hop.destroy('answered before the end of the message');
    // A yes to half a message is no yes.
    if (answer.ok && answer.reply.code < 400) return this.garbled(answer.reply, 'body');
    return this.judge(answer.ok ? 'message' : 'body', answer);
  }

  /** Gives the connection back: reset if it is in order, dropped if it is not. */
  release(): void {
    if (this.released) return;
    this.released = true;
    const { hop, dataAnswer } = this;
    if (!hop) return;
    if (!dataAnswer || this.dataTaken) this.edge.relay.release(hop, this.clean);
    else void dataAnswer.then((answer) => this.giveUpData(hop, answer));
  }

  /** Cuts the connection, so that a message under way is not delivered. */
  abort(why: string): void {
    this.hop?.destroy(why);
  }

  /** A kept connection that turns out dead is replaced once: nothing was accepted on it yet. */
  private async begin(): Promise<void> {
    const { relay, cut, notice } = this.edge;
    for (const fresh of [false, true]) {
      const opened = await relay.open(this.nextHop, cut, notice, fresh);
      if (!opened.ok) return this.refuse(this.failed(opened.trouble));
      const { hop } = opened;
      if (this.released) return relay.release(hop, true);
      const again = !fresh && hop.served > 0;
      const answer = await this.introduced(hop);
      if (again && isDead(answer) && !cut.fired) {
        hop.bind(null);
        hop.quit();
        continue;
      }
      return this.opened('lack' in answer ? refusing(answer.lack) : this.judge('mail', answer));
    }
  }

  /** Says MAIL, and behind it what it can take without waiting. */
  private async introduced(hop: HopConnection): Promise<Told> {
    const { relay } = this.edge;
    const { sender, client } = this.envelope;
    const introduced = introduce(hop, relay.forwardClient, client, relay);
    const trouble = introduced && (await introduced);
    this.hop = hop;
    if (trouble) {
      hop.quit();
      return { ok: false, trouble };
    }
    const lack = lackOf(hop.capabilities, sender);
    if (lack) return { ok: true, lack };
    const mail = hop.command(mailLine(this.envelope, hop.capabilities), 'mail', relay.timeouts.mail);
    const { pipelining } = hop.capabilities;
    this.clean = false;
    this.dataAnswer = null;
    for (const early of this.early) early.answer = pipelining ? this.ask(early.path, early.dsn) : null;
    if (pipelining && this.dataWanted) void this.sendData(hop);
    return mail;
  }

  private opened(relayed: Relayed): void {
    if (!relayed.positive) {
      this.refuse(relayed);
      return;
    }
    this.begun = relayed;
    for (const { answer, answered, path, dsn } of this.early.splice(0)) {
      answered(this.told(answer ?? this.ask(path, dsn)));
    }
  }

  private refuse(refusal: Relayed): void {
    this.begun = refusal;
    this.release();
    for (const { answered } of this.early.splice(0)) answered(refusal);
  }

  private ask(path: string, dsn: RecipientDsn): Promise<Told> {
    const { hop } = this;
    const lack = hop && recipientLack(hop.capabilities, dsn);
    if (!hop || lack) return Promise.resolve({ ok: true, lack: lack ?? hopFailureReply('closed') });
    const { rcpt } = this.edge.relay.timeouts;
    const send = (): Promise<HopAnswer> => hop.command(recipientLine(path, dsn), 'rcpt', rcpt);
    if (hop.capabilities.pipelining) return send();
    const answer = this.before.then(send);
    this.before = answer;
    return answer;
  }

  private async told(answer: Promise<Told>): Promise<Relayed> {
    const told = await answer;
    return 'lack' in told ? refusing(told.lack) : this.judge('rcpt', told);
  }

  private sendData(hop: HopConnection): Promise<HopAnswer> {
    this.dataAnswer ??= hop.command('DATA', 'data', this.edge.relay.timeouts.data);
    return this.dataAnswer;
  }

  /** DATA was said for recipients that were all refused. A next hop that waits for the message now is cut off. */
  private giveUpData(hop: HopConnection, answer: HopAnswer): void {
    if (answer.ok && answer.reply.code < 400) hop.destroy('nobody to send the message to');
    this.edge.relay.release(hop, false);
  }

  private judge(stage: Stage, answer: HopAnswer): Relayed {
    if (!answer.ok) return this.failed(answer.trouble);
    const reply = relayReply(stage, answer.reply);
    const nextHopReply = hopReplyText(answer.reply);
    const positive = isPositive(stage, answer.reply);
    // An answer to the wrong question: nothing later on this connection can be matched to a command.
    if (!positive && answer.reply.code < 400) return this.garbled(answer.reply, stage);
    if (answer.reply.code === 421) this.hop?.destroy(nextHopReply);
    return { positive, reply, nextHopReply };
  }

  private failed(trouble: HopTrouble): Relayed {
    // The trouble of a connection stays the same however often it is asked; once is enough to know.
    if (this.noticed !== trouble && !trouble.repeated) this.edge.notice(trouble);
    this.noticed = trouble;
    return refusing(hopFailureReply(trouble.failure));
  }

  private garbled(reply: HopReply, stage: Stage): Relayed {
    const error = hopReplyText(reply);
    const address = this.hop && endpointKey(this.hop.endpoint);
    this.edge.notice({ failure: 'garbage', stage, nextHop: this.nextHop, address, error });
    this.hop?.destroy(error);
    return refusing(hopFailureReply('garbage'));
  }
}

function isDead(answer: Told): boolean {
  if (!answer.ok) return answer.trouble.failure !== 'timeout';
  return 'reply' in answer && answer.reply.code === 421;
}

function closed(): Relayed {
  return refusing(hopFailureReply('closed'));
}

function refusing(reply: Reply): Relayed {
  return { positive: false, reply, nextHopReply: null };
}
