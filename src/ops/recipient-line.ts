/**
 * The log line of one answered recipient, as pino would word it. A flood writes nothing else, and pino's way through every
 * field costs as much as the whole answer, so it is worded by hand: pino's level, time and destination around our text.
 */
import { type Logger, pino } from 'pino';
import type { RecipientEvent } from './events.ts';

/** Text that JSON shows as it is: printable ASCII without quotes and backslashes. */
const PLAIN = /^[\u0020\u0021\u0023-\u005b\u005d-\u007e]*$/;

/** Writes the line; the caller has asked whether the level is enabled. */
export function writeRecipient(
  logger: Logger,
  level: 'debug' | 'info' | 'warn',
  event: string,
  answer: RecipientEvent,
): void {
  const { symbols } = pino;
  const inside = logger as unknown as {
    readonly [symbols.lsCacheSym]: Readonly<Record<number, string>>;
    readonly [symbols.chindingsSym]: string;
    readonly [symbols.timeSym]: () => string;
    readonly [symbols.streamSym]: { write(line: string): void };
  };
  const head = inside[symbols.lsCacheSym][logger.levels.values[level] ?? 0] ?? '{';
  const start = `${head}${inside[symbols.timeSym]()}${inside[symbols.chindingsSym]}`;
  inside[symbols.streamSym].write(`${start}${fields(event, answer)}}\n`);
}

function fields(event: string, answer: RecipientEvent): string {
  const { verdict, reply, client, peer, tlsClient, nextHopReply } = answer;
  const age = verdict.directoryAge === null ? null : Math.round(verdict.directoryAge / 1000);
  const certificate = tlsClient ? `,"tls_client":${text(tlsClient)}` : '';
  const hop =
    nextHopReply === null
      ? ''
      : `,"next_hop":${text(verdict.nextHop)},"next_hop_reply":${text(nextHopReply)}`;
  // What the gateway chose comes first; what a client chose comes last, and only as a value.
  return (
    `,"event":"${event}","ref":${text(answer.ref)},"verdict":"${verdict.action}","reason":"${verdict.reason}"` +
    `,"code":${reply.code},"client":${text(peer ?? client.address)},"real_client":${text(client.address)}` +
    `,"tls":${text(answer.tls)}${certificate},"domain":${text(verdict.domain)},"tenant":${text(verdict.tenant)}` +
    `,"directory_age":${age},"source":"${answer.mode}","session":${text(answer.session)}` +
    `,"ms":${Math.round(answer.durationMs * 1000) / 1000}${hop}` +
    `,"helo":${text(answer.helo)},"mail_from":${text(answer.mailFrom)},"rcpt":${text(answer.rcpt)}`
  );
}

function text(value: string | null): string {
  if (value === null) return 'null';
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
}
