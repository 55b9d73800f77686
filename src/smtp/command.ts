/**
 * The arguments of MAIL and RCPT: RFC 5321 sections 4.1.1.2, 4.1.1.3 and 4.1.2, with the parameters of RFC 1870
 * (SIZE), RFC 6152 (BODY) and RFC 6531 (SMTPUTF8). Pure.
 *
 * Limits: a command line of 1,000 octets (512 and what the extensions add, with room). A parameter nobody offered
 * is refused: passing over it would promise what nobody keeps. Those of DSN (dsn.ts) count as offered when EHLO said so.
 *
 * Closes gaps of `smtp-server`: unknown parameters accepted (4), 8-bit addresses without SMTPUTF8 and invalid UTF-8
 * accepted (5), A-labels decoded into what may be another domain (6), quoted local parts refused (8).
 */
import { type Mailbox, needsSmtpUtf8, parseMailbox, plainMailbox } from '../core/address.ts';
import {
  NO_RECIPIENT_DSN,
  NO_SENDER_DSN,
  type RecipientDsn,
  recipientDsn,
  type SenderDsn,
  senderDsn,
} from './dsn.ts';
import { REPLY, type Reply } from './reply.ts';

/** Longest command line in octets, without its CR LF. */
export const MAX_COMMAND_LINE = 1000;

/** What MAIL said. */
export interface Sender extends SenderDsn {
  /** Verbatim, without angle brackets and source route; '' is the null sender. */
  readonly text: string;
  readonly size: number | null;
  readonly body: '7BIT' | '8BITMIME' | null;
  readonly smtpUtf8: boolean;
}

export type ParsedSender =
  | { readonly ok: true; readonly sender: Sender }
  | { readonly ok: false; readonly reply: Reply };

/** `text` is the address as the client sent it, as far as it could be made out. */
export type ParsedRecipient =
  | { readonly ok: true; readonly text: string; readonly mailbox: Mailbox; readonly dsn: RecipientDsn }
  | { readonly ok: false; readonly text: string; readonly reply: Reply };

const PATH = /^(?:MAIL FROM|RCPT TO): ?<((?:"(?:[^"\\]|\\.)*"|[^"<>\s])*)>(?: +(.*))?$/is;
/** What nearly every client sends: an ASCII dot-string, a domain name of ASCII letters, no parameters. */
const PLAIN_RCPT =
  /^RCPT TO: ?<(([A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)*)@([A-Za-z0-9.-]+))>$/i;
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?$/;
/** The syntax of the value of each parameter of MAIL. */
const MAIL_PARAMETERS = new Map([
  ['SIZE', /^\d{1,15}$/],
  ['BODY', /^(?:7BIT|8BITMIME)$/i],
  ['SMTPUTF8', /^$/],
]);
const DSN_PARAMETERS = { mail: ['RET', 'ENVID'], rcpt: ['NOTIFY', 'ORCPT'] } as const;
const MAX_PATH = 254;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads a whole `MAIL FROM:<…> …` line; `dsn` says whether DSN was offered. */
export function parseMailCommand(line: Buffer, dsn = false): ParsedSender {
  const text = decode(line);
  if (text === null) return { ok: false, reply: REPLY.badEncoding };
  const match = PATH.exec(text);
  if (!match || !/^MAIL/i.test(text)) return { ok: false, reply: REPLY.badSender };
  const parameters = parseParameters(match[2] ?? '');
  if (!parameters) return { ok: false, reply: REPLY.badParameter };
  const read = mailParameters(parameters, dsn);
  if ('code' in read) return { ok: false, reply: read };
  const address = senderText(match[1] ?? '');
  if (address === null) return { ok: false, reply: REPLY.badSender };
  if (needsSmtpUtf8(address) && !read.smtpUtf8) return { ok: false, reply: REPLY.needsUtf8 };
  return { ok: true, sender: { text: address, ...read } };
}

/** Reads a whole `RCPT TO:<…> …` line within a transaction that has SMTPUTF8 or not; `dsn` as above. */
export function parseRcptCommand(line: Buffer, smtpUtf8: boolean, dsn = false): ParsedRecipient {
  return plainRecipient(line) ?? parseAnyRcpt(line, smtpUtf8, dsn);
}

/** One look for what nearly all are; null for any other, and for whatever is wrong. */
function plainRecipient(line: Buffer): ParsedRecipient | null {
  const match = PLAIN_RCPT.exec(line.toString('latin1'));
  if (match === null) return null;
  const text = match[1] ?? '';
  const mailbox = plainMailbox(text, match[2] ?? '', match[3] ?? '');
  return mailbox && { ok: true, text, mailbox, dsn: NO_RECIPIENT_DSN };
}

function parseAnyRcpt(line: Buffer, smtpUtf8: boolean, dsn: boolean): ParsedRecipient {
  const text = decode(line);
  if (text === null) return { ok: false, text: line.toString('latin1'), reply: REPLY.badRecipientEncoding };
  const match = PATH.exec(text);
  if (!match || !/^RCPT/i.test(text)) return { ok: false, text, reply: REPLY.badRecipient };
  const path = match[1] ?? '';
  const parameters = parseParameters(match[2] ?? '');
  if (!parameters) return { ok: false, text: path, reply: REPLY.badParameter };
  const wishes = rcptParameters(parameters, dsn);
  if ('code' in wishes) return { ok: false, text: path, reply: wishes };
  const parsed = parseMailbox(path);
  if (!parsed.ok) return { ok: false, text: path, reply: REPLY.badRecipient };
  if (needsSmtpUtf8(path) && !smtpUtf8) return { ok: false, text: path, reply: REPLY.needsUtf8 };
  return { ok: true, text: path, mailbox: parsed.mailbox, dsn: wishes };
}

/** ESMTP parameters by upper-case keyword; '' is a keyword without value. Null for bad syntax or a repetition. */
export function parseParameters(text: string): ReadonlyMap<string, string> | null {
  if (text === '') return NO_PARAMETERS;
  const parameters = new Map<string, string>();
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const match = PARAMETER.exec(word);
    const keyword = match?.[1]?.toUpperCase();
    if (keyword === undefined || parameters.has(keyword)) return null;
    parameters.set(keyword, match?.[2] ?? '');
  }
  return parameters;
}

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();

function rcptParameters(parameters: ReadonlyMap<string, string>, dsn: boolean): RecipientDsn | Reply {
  if (parameters.size === 0) return NO_RECIPIENT_DSN;
  const known: readonly string[] = dsn ? DSN_PARAMETERS.rcpt : [];
  if ([...parameters.keys()].some((keyword) => !known.includes(keyword))) return REPLY.unknownParameter;
  return recipientDsn(parameters) ?? REPLY.badParameter;
}

function mailParameters(parameters: ReadonlyMap<string, string>, dsn: boolean): Omit<Sender, 'text'> | Reply {
  const known: readonly string[] = dsn ? DSN_PARAMETERS.mail : [];
  for (const [keyword, value] of parameters) {
    if (known.includes(keyword)) continue;
    const syntax = MAIL_PARAMETERS.get(keyword);
    if (!syntax) return REPLY.unknownParameter;
    if (!syntax.test(value)) return REPLY.badParameter;
  }
  const wishes = dsn ? senderDsn(parameters) : NO_SENDER_DSN;
  if (wishes === null) return REPLY.badParameter;
  const size = parameters.get('SIZE');
  const body = parameters.get('BODY')?.toUpperCase();
  return {
    size: size === undefined ? null : Number(size),
    body: body === '7BIT' || body === '8BITMIME' ? body : null,
    smtpUtf8: parameters.has('SMTPUTF8'),
    ...wishes,
  };
}

/**
 * The sender to pass on, or null. Forwarders build senders whose local part is longer than the 64 octets of
 * RFC 5321 section 4.5.3.1.1; that is no reason to refuse their mail as long as the path holds them.
 */
function senderText(path: string): string | null {
  if (path === '') return '';
  const parsed = parseMailbox(path);
  if (parsed.ok) return parsed.mailbox.text;
  return parsed.problem === 'too-long' && Buffer.byteLength(path) <= MAX_PATH ? path : null;
}

/** Text of a line, or null when it is not UTF-8: a lossy reading could make one address of two. */
function decode(line: Buffer): string | null {
  const latin = line.toString('latin1').trimEnd();
  if (/^[\u0020-\u007e]*$/.test(latin)) return latin;
  try {
    return strictUtf8.decode(line).replace(/ +$/, '');
  } catch {
    return null;
  }
}
