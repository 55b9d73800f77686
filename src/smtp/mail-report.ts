/** What is told of recipients, of a message and its client: our own trace header, XCLIENT or XFORWARD, the event at the end of each. */
import type { Verdict } from '../core/verdict.ts';
import type { SentReply, SessionFacts, SmtpEvents } from './events.ts';
import type { ForwardedClient } from './hop-forward.ts';
import type { Relayed } from './hop-transaction.ts';
import { receivedHeader } from './received.ts';
import { REPLY, type Reply, replyText } from './reply.ts';
import type { Transaction } from './transaction.ts';
import type { TransferOutcome } from './transfer.ts';

/** The answer to one recipient, before it has its reference. */
export interface RecipientOutcome extends Pick<Relayed, 'nextHopReply'> {
  readonly verdict: Verdict;
  /** The reply with this reference at its end. */
  worded(ref: string): Reply;
  readonly rcpt: string;
  /** On the steady clock. */
  readonly started: number;
}

/** Reports the answer to one recipient; `ref` is the reference in `reply`, if it has one. */
export function reportRecipient(
  events: Pick<SmtpEvents, 'recipientAnswered'>,
  { session, mode, client, peer, name, helo, tls, tlsClient = null }: SessionFacts,
  { sender }: Transaction,
  { verdict, rcpt, nextHopReply, started }: RecipientOutcome,
  reply: Reply,
  ref: string,
): void {
  // Field by field: a spread costs a third of the whole answer.
  events.recipientAnswered({
    session,
    mode,
    client,
    peer,
    name,
    helo,
    tls,
    tlsClient,
    verdict,
    reply: sent(reply),
    ref: reply.code < 400 ? null : ref,
    mailFrom: sender.text,
    rcpt,
    nextHopReply,
    durationMs: performance.now() - started,
  });
}

/** Reports the end of a message; `started` is on the steady clock, `ref` the reference in the reply, if it has one. */
export function reportMessage(
  events: Pick<SmtpEvents, 'messageRelayed' | 'messageFailed'>,
  facts: SessionFacts,
  transaction: Transaction,
  outcome: TransferOutcome,
  started: number,
  ref: string | null,
): void {
  const { reply, nextHopReply, bytes, duplicatePossible } = outcome;
  const { session, mode, client, peer, name, helo, tls, tlsClient = null } = facts;
  // Field by field: spreading costs more than sending the message.
  const report = {
    session,
    mode,
    client,
    peer,
    helo,
    name,
    tls,
    tlsClient,
    message: transaction.id,
    mailFrom: transaction.sender.text,
    recipients: transaction.accepted,
    nextHop: transaction.nextHop ?? '',
    only: transaction.only,
    bytes,
    reply: sent(reply),
    nextHopReply,
    durationMs: performance.now() - started,
    result: 'relayed' as const,
  };
  if (outcome.positive) {
    events.messageRelayed(report);
    return;
  }
  const result = reply === REPLY.clientGone ? 'aborted' : reply.code >= 500 ? 'refused' : 'deferred';
  events.messageFailed({ ...report, result, ref, duplicatePossible });
}

/** The Received field of a message that begins now. */
export function traceHeader(
  facts: SessionFacts,
  hostname: string,
  esmtp: boolean,
  id: string,
  smtpUtf8: boolean,
): string {
  const { client, helo, tls } = facts;
  return receivedHeader({
    helo: helo ?? '',
    address: client.address,
    hostname,
    esmtp,
    tls,
    smtpUtf8,
    id,
    time: Date.now(),
  });
}

/** The client as a next hop that asks is told. */
export function forwardedClient({ client, helo, name }: SessionFacts, esmtp: boolean): ForwardedClient {
  return { address: client.address, port: client.port, name, helo, esmtp };
}

/** A reply as the events carry it. */
export function sent(reply: Reply): SentReply {
  return { code: reply.code, enhanced: reply.enhanced, text: replyText(reply) };
}
