/**
 * MAIL, RCPT and DATA of one session: RFC 5321 section 3.3. The directory answers first and synchronously; only about
 * somebody it does not know may a lookup be awaited. In relay mode the next hop has the last word about everybody who is
 * accepted.
 *
 * Closes gaps of `smtp-server`: DATA cannot be refused before the message (9), the parameters of a refused MAIL leak
 * into the next (16), no limit of recipients by default (22).
 */
import { bareVerdict, type Verdict } from '../core/verdict.ts';
import { AnswerQueue } from './answer-queue.ts';
import { type ParsedRecipient, parseMailCommand, parseRcptCommand } from './command.ts';
import type { HopTransaction, Relayed } from './hop-transaction.ts';
import type { MailEdge, MailSession, MailSettings } from './mail-edge.ts';
import {
  forwardedClient,
  type RecipientOutcome,
  reportMessage,
  reportRecipient,
  traceHeader,
} from './mail-report.ts';
import { checkRecipient, joined } from './recipient-check.ts';
import { REPLY, type Reply, replyFor, withReference } from './reply.ts';
import { Transaction } from './transaction.ts';
import { Transfer, type TransferOutcome } from './transfer.ts';

/** Recipients of one client that may be under way at a time; the next waits for them. */
const MAX_UNDER_WAY = 100;

type GoodRecipient = Extract<ParsedRecipient, { readonly ok: true }>;

interface Message {
  readonly transfer: Transfer;
  readonly transaction: Transaction;
  readonly started: number;
}

export class Mail {
  private readonly settings: MailSettings;
  private readonly edge: MailEdge;
  private readonly session: MailSession;
  private transaction: Transaction | null = null;
  private header = '';
  private count = 0;
  private message: Message | null = null;
  private readonly answers = new AnswerQueue();

  constructor(settings: MailSettings, edge: MailEdge, session: MailSession) {
    this.settings = settings;
    this.edge = edge;
    this.session = session;
  }

  /** Whether a transaction is open. */
  get open(): boolean {
    return this.transaction !== null;
  }

  /** Whether answers to recipients are due. */
  get answering(): boolean {
    return this.answers.waiting > 0;
  }

  /** Whether answers are due, and none of the batch has been given. */
  get silent(): boolean {
    return this.answers.waiting > 0 && this.answers.given === 0;
  }

  /** Calls `then` when every recipient was answered, at once when none is due. */
  settled(then: () => void): void {
    this.answers.settled(then);
  }

  /** DATA is what comes behind the recipients that are under way. */
  dataAhead(): void {
    this.transaction?.dataAhead();
  }

  mail(line: Buffer): void {
    if (this.transaction) {
      this.session.refuse(REPLY.nestedMail, 'MAIL');
      return;
    }
    const parsed = parseMailCommand(line, this.session.dsn);
    if (!parsed.ok) {
      this.session.refuse(parsed.reply, 'MAIL');
      return;
    }
    const { sender } = parsed;
    if ((sender.size ?? 0) > this.settings.maxMessageSize) {
      this.session.refuse(REPLY.tooBig, 'MAIL');
      return;
    }
    const facts = this.session.facts();
    this.count += 1;
    const id = `${facts.session}.${this.count}`;
    if (this.settings.mode === 'relay')
      this.header = traceHeader(facts, this.settings.hostname, this.session.esmtp, id, sender.smtpUtf8);
    this.transaction = new Transaction(id, sender, {
      relay: this.edge.relay,
      extraSize: this.header.length,
      client: forwardedClient(facts, this.session.esmtp),
      notice: (trouble) => this.edge.events.nextHopTrouble(trouble),
    });
    this.session.send(REPLY.senderOk);
  }

  rcpt(line: Buffer, done: () => void): void {
    const started = performance.now();
    const { transaction } = this;
    if (!transaction) {
      this.session.refuse(REPLY.senderFirst, 'RCPT');
      done();
      return;
    }
    const { watched } = this.session;
    const harvest = watched === null ? null : this.edge.harvest;
    if (watched !== null && harvest?.refuses(watched)) {
      // Those before it hear their answers first.
      this.answers.settled(() => {
        this.session.turnAway(REPLY.harvesting, true);
        done();
      });
      return;
    }
    const parsed = parseRcptCommand(line, transaction.sender.smtpUtf8, this.session.dsn);
    if (!parsed.ok) {
      const { text: rcpt, reply } = parsed;
      const worded = (ref: string): Reply => withReference(reply, ref);
      const verdict = bareVerdict('malformed');
      this.answer(transaction, { verdict, worded, rcpt, nextHopReply: null, started });
      done();
      return;
    }
    const verdict = checkRecipient(this.edge, harvest, parsed.mailbox, this.session);
    if (!(verdict instanceof Promise)) {
      this.decided(transaction, parsed, verdict, started, done);
      return;
    }
    // The next command waits for `done`, so the replies of a pipelined batch keep their order.
    const told = verdict.then((late) => {
      // Nothing may be opened for a client that went away meanwhile.
      if (transaction.cancelled) done();
      else this.decided(transaction, parsed, late, started, done);
    });
    void told.catch((error: unknown) => {
      this.session.fault(error);
      done();
    });
  }

  /** Answers a recipient whose verdict is known, by asking the next hop when it is an accept in relay mode. */
  private decided(
    transaction: Transaction,
    parsed: GoodRecipient,
    told: Verdict,
    started: number,
    done: () => void,
  ): void {
    const { mailbox, text: rcpt, dsn } = parsed;
    const { maxRecipients, mode } = this.settings;
    const relayed = told.action === 'accept' && mode === 'relay';
    const crowded = transaction.accepted + this.answers.waiting >= maxRecipients;
    if (relayed && this.answering && (crowded || told.nextHop !== transaction.nextHop)) {
      // What can be said to this one depends on those before it.
      this.answers.settled(() => this.decided(transaction, parsed, told, started, done));
      return;
    }
    const verdict = joined(told, this.settings, transaction);
    const hop = verdict.action === 'accept' && mode === 'relay' ? verdict.nextHop : null;
    if (hop === null) {
      const worded = (ref: string): Reply => replyFor(verdict, ref);
      this.answer(transaction, { verdict, worded, rcpt, nextHopReply: null, started });
      // Whoever is turned away is read no further, though the answer may wait for those before it.
      if (verdict.reason === 'harvest-limit') this.answers.settled(done);
      else done();
      return;
    }
    const say = ({ reply, nextHopReply }: Relayed): void => {
      const worded = (ref: string): Reply => withReference(reply, ref);
      this.say(transaction, { verdict, worded, rcpt, nextHopReply, started });
    };
    this.answers.add(transaction.recipient(mailbox.text, hop, dsn), say, (error) =>
      this.session.fault(error),
    );
    // The next recipient of a pipelined batch need not wait for the answer to this one; its own answer will.
    if (this.answers.waiting < MAX_UNDER_WAY) done();
    else this.answers.settled(done);
  }

  data(done: () => void): void {
    const { transaction } = this;
    const refusal = this.dataRefusal(transaction);
    if (!transaction || refusal) {
      this.session.refuse(refusal ?? REPLY.senderFirst, 'DATA');
      done();
      return;
    }
    const started = performance.now();
    const begun = transaction.data().then(({ relayed, hop }) => {
      if (transaction.cancelled) return;
      if (hop) this.startMessage(transaction, hop, started);
      else this.report(transaction, { ...relayed, bytes: 0, duplicatePossible: false, cut: false }, started);
    });
    void begun.catch((error: unknown) => this.session.fault(error)).then(done);
  }

  /** RSET, EHLO, STARTTLS: the transaction is over and nothing of it is sent on. */
  reset(): void {
    this.transaction?.release();
    this.transaction = null;
  }

  /** The client is gone, or is being cut off: a message under way must not arrive. */
  abandon(): void {
    const { message } = this;
    this.message = null;
    this.transaction?.abort();
    this.transaction = null;
    if (!message) return;
    message.transaction.abort();
    const outcome = { positive: false, reply: REPLY.clientGone, nextHopReply: null, cut: false };
    const ended = { ...outcome, ...message.transfer.progress };
    reportMessage(this.edge.events, this.session.facts(), message.transaction, ended, message.started, null);
  }

  /** Answers a recipient now, or behind those that wait for their next hop. */
  private answer(transaction: Transaction, outcome: RecipientOutcome): void {
    if (!this.answering) {
      this.say(transaction, outcome);
      return;
    }
    const say = (): void => this.say(transaction, outcome);
    this.answers.add(Promise.resolve(), say, (error) => this.session.fault(error));
  }

  private say(transaction: Transaction, outcome: RecipientOutcome): void {
    if (transaction.cancelled) return;
    const ref = this.edge.reference();
    const reply = outcome.worded(ref);
    if (reply.code < 300) transaction.accept(outcome.verdict);
    if (reply.code >= 400 && reply.code < 500) transaction.deferred = true;
    this.session.send(reply);
    reportRecipient(this.edge.events, this.session.facts(), transaction, outcome, reply, ref);
  }

  private dataRefusal(transaction: Transaction | null): Reply | null {
    if (!transaction) return REPLY.senderFirst;
    if (transaction.accepted === 0) {
      // The next hop may have been asked for DATA already, in vain.
      transaction.leave();
      return transaction.deferred ? REPLY.noRecipientsYet : REPLY.noRecipients;
    }
    // Mail sent to a listener that only answers checks is the sender's mistake to notice, not a reason to bounce.
    return this.settings.mode === 'verify' ? REPLY.notForMail : null;
  }

  private startMessage(transaction: Transaction, hop: HopTransaction, started: number): void {
    const transfer = new Transfer(hop, this.header, this.settings, (outcome) => {
      if (this.message?.transfer !== transfer) return;
      this.message = null;
      this.report(transaction, outcome, started);
    });
    this.message = { transfer, transaction, started };
    this.session.send(REPLY.startData);
    this.session.receive(transfer);
  }

  /** Answers DATA for good, and ends the transaction. */
  private report(transaction: Transaction, outcome: TransferOutcome, started: number): void {
    const ref = this.edge.reference();
    const reply = withReference(outcome.reply, ref);
    this.session.send(reply);
    const ended = reply === outcome.reply ? outcome : { ...outcome, reply };
    const told = outcome.positive ? null : ref;
    reportMessage(this.edge.events, this.session.facts(), transaction, ended, started, told);
    this.reset();
    if (outcome.cut) this.session.close();
  }
}
