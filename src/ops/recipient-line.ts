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
  const { verdict, nextHopReply } = answer;
  const hop =
    nextHopReply === null
      ? ''
      : `,"next_hop":${text(verdict.nextHop)},"next_hop_reply":${text(nextHopReply)}`;
  // What the gateway chose comes first; what a client chose comes last, and only as a value.
  return (
    `,"event":"${event}","ref":${text(answer.ref)}${middleOf(answer)}` +
    `,"ms":${Math.round(answer.durationMs * 1000) / 1000}${hop}${senderOf(answer)}${text(answer.rcpt)}`
  );
}

/** The part of a line that is worded once for as long as it stays the same: a guesser's lines differ in their ends only. */
interface Worded<Of> {
  of: Of | null;
  text: string;
}

const middle: Worded<RecipientEvent> = { of: null, text: '' };
const sender: Worded<Pick<RecipientEvent, 'helo' | 'mailFrom'>> = { of: null, text: '' };

function middleOf(answer: RecipientEvent): string {
  if (middle.of !== null && sameMiddle(answer, middle.of)) return middle.text;
  const { verdict, reply, client, peer, tlsClient } = answer;
  const certificate = tlsClient ? `,"tls_client":${text(tlsClient)}` : '';
  middle.of = answer;
  middle.text = flat(
    `,"verdict":"${verdict.action}","reason":"${verdict.reason}"` +
      `,"code":${reply.code},"client":${text(peer ?? client.address)},"real_client":${text(client.address)}` +
      `,"tls":${text(answer.tls)}${certificate},"domain":${text(verdict.domain)},"tenant":${text(verdict.tenant)}` +
      `,"directory_age":${ageOf(answer)},"source":"${answer.mode}","session":${text(answer.session)}`,
  );
  return middle.text;
}

function sameMiddle(answer: RecipientEvent, before: RecipientEvent): boolean {
  const { verdict, reply, client, peer, tls, tlsClient, mode, session } = answer;
  return (
    session === before.session &&
    mode === before.mode &&
    verdict.reason === before.verdict.reason &&
    verdict.action === before.verdict.action &&
    reply.code === before.reply.code &&
    client.address === before.client.address &&
    peer === before.peer &&
    tls === before.tls &&
    tlsClient === before.tlsClient &&
    verdict.domain === before.verdict.domain &&
    verdict.tenant === before.verdict.tenant &&
    ageOf(answer) === ageOf(before)
  );
}

function senderOf({ helo, mailFrom }: RecipientEvent): string {
  if (sender.of === null || sender.of.helo !== helo || sender.of.mailFrom !== mailFrom) {
    sender.of = { helo, mailFrom };
    sender.text = flat(`,"helo":${text(helo)},"mail_from":${text(mailFrom)},"rcpt":`);
  }
  return sender.text;
}

/** Seconds. */
function ageOf({ verdict }: RecipientEvent): number | null {
  return verdict.directoryAge === null ? null : Math.round(verdict.directoryAge / 1000);
}

/** The same text in one piece: otherwise each line would be put together of all of its pieces again. */
function flat(pieces: string): string {
  return Buffer.from(pieces).toString();
}

function text(value: string | null): string {
  if (value === null) return 'null';
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
}
