/**
 * MAIL, RCPT and DATA of one session: RFC 5321 section 3.3. The directory answers first and synchronously; in relay
 * mode the next hop has the last word about everybody the directory accepts.
 *
 * Closes gaps of `smtp-server`: DATA cannot be refused before the message (9), the parameters of a refused MAIL leak
 * into the next (16), no limit of recipients by default (22).
 */
import type { Mailbox } from '../core/address.ts';
import { ACTION_OF, bareVerdict, type Reason, type Verdict } from '../core/verdict.ts';
import { parseMailCommand, parseRcptCommand } from './command.ts';
import type { SentReply, SessionFacts, SmtpEvents } from './events.ts';
import type { HopTransaction, Relayed } from './hop-transaction.ts';
import { receivedHeader } from './received.ts';
import type { Relay } from './relay.ts';
import { REPLY, type Reply, replyFor, replyText, withReference } from './reply.ts';
import { Transaction } from './transaction.ts';
import { type MessageSink, Transfer, type TransferLimits, type TransferOutcome } from './transfer.ts';

export interface MailSettings extends TransferLimits {
  readonly hostname: string;
  readonly mode: 'relay' | 'verify';
  readonly maxRecipients: number;
}

/** What the mail commands need from the gateway. */
export interface MailEdge {
  check(mailbox: Mailbox): Verdict;
  readonly relay: Relay | null;
  reference(): string;
  readonly events: SmtpEvents;
}

/** What the mail commands need from their session. */
export interface MailSession {
  facts(): SessionFacts;
  readonly esmtp: boolean;
  /** Sends a reply as it is. */
  send(reply: Reply): void;
  /** Refuses a command for its protocol. */
  refuse(reply: Reply, command: string): void;
  /** Reports a fault of our own and answers 451. */
  fault(error: unknown): void;
  /** Takes everything up to the final dot as a message. */
  receive(sink: MessageSink): void;
  /** Ends the session; what was sent still goes out. */
  close(): void;
}

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

  constructor(settings: MailSettings, edge: MailEdge, session: MailSession) {
    this.settings = settings;
    this.edge = edge;
    this.session = session;
  }

  /** Whether a transaction is open. */
  get open(): boolean {
    return this.transaction !== null;
  }

  mail(line: Buffer): void {
    if (this.transaction) {
      this.session.refuse(REPLY.nestedMail, 'MAIL');
      return;
    }
    const parsed = parseMailCommand(line);
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
    if (this.settings.mode === 'relay') this.header = this.traceHeader(facts, id, sender.smtpUtf8);
    this.transaction = new Transaction(id, sender, {
      relay: this.edge.relay,
      extraSize: this.header.length,
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
    const parsed = parseRcptCommand(line, transaction.sender.smtpUtf8);
    const verdict = parsed.ok ? this.verdict(transaction, parsed.mailbox) : bareVerdict('malformed');
    const hop = verdict.action === 'accept' && this.settings.mode === 'relay' ? verdict.nextHop : null;
    if (!parsed.ok || hop === null) {
      if (verdict.action === 'accept') transaction.accepted += 1;
      const ref = this.edge.reference();
      const reply = parsed.ok ? replyFor(verdict, ref) : withReference(parsed.reply, ref);
      this.answer(transaction, { verdict, reply, ref, rcpt: parsed.text, nextHopReply: null, started });
      done();
      return;
    }
    const answered = transaction.recipient(parsed.mailbox.text, hop).then((relayed) => {
      const ref = this.edge.reference();
      const { nextHopReply } = relayed;
      const reply = withReference(relayed.reply, ref);
      this.answer(transaction, { verdict, reply, ref, rcpt: parsed.text, nextHopReply, started });
    });
    void answered.catch((error: unknown) => this.session.fault(error)).then(done);
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
    this.reportMessage(
      message.transaction,
      { ...outcome, ...message.transfer.progress },
      message.started,
      null,
    );
  }

  private verdict(transaction: Transaction, mailbox: Mailbox): Verdict {
    let verdict: Verdict;
    try {
      verdict = this.edge.check(mailbox);
    } catch (error) {
      this.edge.events.listenerTrouble({ stage: 'check', error, client: this.session.facts().client });
      return bareVerdict('internal-error', mailbox.key);
    }
    if (verdict.action !== 'accept') return verdict;
    if (transaction.accepted >= this.settings.maxRecipients) return because(verdict, 'too-many-recipients');
    if (this.settings.mode === 'verify') return verdict;
    if (verdict.nextHop === null) return because(verdict, 'internal-error');
    return transaction.takes(verdict.nextHop) ? verdict : because(verdict, 'other-next-hop');
  }

  private answer(
    transaction: Transaction,
    { verdict, reply, ref, rcpt, nextHopReply, started }: RecipientOutcome,
  ): void {
    if (transaction.cancelled) return;
    if (reply.code >= 400 && reply.code < 500) transaction.deferred = true;
    this.session.send(reply);
    const { session, mode, client, helo, tls } = this.session.facts();
    // Field by field: a spread costs a third of the whole answer.
    this.edge.events.recipientAnswered({
      session,
      mode,
      client,
      helo,
      tls,
      verdict,
      reply: sent(reply),
      ref: reply.code < 400 ? null : ref,
      mailFrom: transaction.sender.text,
      rcpt,
      nextHopReply,
      durationMs: performance.now() - started,
    });
  }

  private dataRefusal(transaction: Transaction | null): Reply | null {
    if (!transaction) return REPLY.senderFirst;
    if (transaction.accepted === 0) return transaction.deferred ? REPLY.noRecipientsYet : REPLY.noRecipients;
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
    this.reportMessage(transaction, { ...outcome, reply }, started, outcome.positive ? null : ref);
    this.reset();
    if (outcome.cut) this.session.close();
  }

  private reportMessage(
    transaction: Transaction,
    outcome: TransferOutcome,
    started: number,
    ref: string | null,
  ): void {
    const { reply, nextHopReply, bytes, duplicatePossible } = outcome;
    const report = {
      ...this.session.facts(),
      message: transaction.id,
      mailFrom: transaction.sender.text,
      recipients: transaction.accepted,
      nextHop: transaction.nextHop ?? '',
      bytes,
      reply: sent(reply),
      nextHopReply,
      durationMs: performance.now() - started,
    };
    if (outcome.positive) {
      this.edge.events.messageRelayed({ ...report, result: 'relayed' });
      return;
    }
    const result = reply === REPLY.clientGone ? 'aborted' : reply.code >= 500 ? 'refused' : 'deferred';
    this.edge.events.messageFailed({ ...report, result, ref, duplicatePossible });
  }

  private traceHeader(facts: SessionFacts, id: string, smtpUtf8: boolean): string {
    return receivedHeader({
      helo: facts.helo ?? '',
      address: facts.client.address,
      hostname: this.settings.hostname,
      esmtp: this.session.esmtp,
      tls: facts.tls !== null,
      smtpUtf8,
      id,
      time: Date.now(),
    });
  }
}

interface RecipientOutcome extends Pick<Relayed, 'reply' | 'nextHopReply'> {
  readonly verdict: Verdict;
  readonly ref: string;
  readonly rcpt: string;
  readonly started: number;
}

function because(verdict: Verdict, reason: Reason): Verdict {
  return { ...verdict, action: ACTION_OF[reason], reason };
}

/** A reply as the events carry it. */
export function sent(reply: Reply): SentReply {
  return { code: reply.code, enhanced: reply.enhanced, text: replyText(reply) };
}
