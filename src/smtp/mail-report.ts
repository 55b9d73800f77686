/** What is told of a message and its client: our own trace header, XCLIENT or XFORWARD, the event at its end. */
import type { SentReply, SessionFacts, SmtpEvents } from './events.ts';
import type { ForwardedClient } from './hop-forward.ts';
import { receivedHeader } from './received.ts';
import { REPLY, type Reply, replyText } from './reply.ts';
import type { Transaction } from './transaction.ts';
import type { TransferOutcome } from './transfer.ts';

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
  const { session, mode, client, peer, helo, name, tls } = facts;
  // Field by field: spreading costs more than sending the message.
  const report = {
    session,
    mode,
    client,
    peer,
    helo,
    name,
    tls,
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
