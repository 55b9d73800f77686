/**
 * Every reply this gateway words itself: RFC 5321 section 4.2 (codes), RFC 3463 (enhanced codes).
 *
 * A reply never repeats what the client sent, so no client text can shape a reply line. A 4xx or 5xx ends in a
 * short reference that `rcptgate explain` resolves.
 */
import { ACTION_OF, type Action, type Reason, type Verdict } from '../core/verdict.ts';

/** One reply, of one line or several. */
export interface Reply {
  readonly code: number;
  /** RFC 3463 code; null for the greeting, EHLO and 3xx, which carry none (RFC 2034 section 3). */
  readonly enhanced: string | null;
  /** Text of each line without its codes; at least one. */
  readonly lines: readonly string[];
}

/** What went wrong on the way to the next hop, as far as a client is told. */
export type HopFailure = 'unreachable' | 'busy' | 'timeout' | 'closed' | 'garbage' | 'tls' | 'session';

const BY_REASON: Record<Reason, Reply> = {
  known: one(250, '2.1.5', 'Recipient OK'),
  subaddress: one(250, '2.1.5', 'Recipient OK'),
  grace: one(250, '2.1.5', 'Recipient OK'),
  imported: one(250, '2.1.5', 'Recipient OK'),
  'override-allow': one(250, '2.1.5', 'Recipient OK'),
  postmaster: one(250, '2.1.5', 'Recipient OK'),
  'domain-open': one(250, '2.1.5', 'Recipient OK'),
  'observed-unknown': one(250, '2.1.5', 'Recipient OK'),
  'live-lookup': one(250, '2.1.5', 'Recipient OK'),
  'override-deny': one(550, '5.1.1', 'No such recipient here'),
  unknown: one(550, '5.1.1', 'No such recipient here'),
  'directory-stale': one(451, '4.4.3', 'Recipient cannot be verified at the moment, try again later'),
  'directory-empty': one(451, '4.4.3', 'Recipient cannot be verified at the moment, try again later'),
  'lookup-timeout': one(451, '4.4.3', 'Recipient cannot be verified at the moment, try again later'),
  'lookup-over-budget': one(451, '4.4.3', 'Recipient cannot be verified at the moment, try again later'),
  'lookup-failed': one(451, '4.4.3', 'Recipient cannot be verified at the moment, try again later'),
  'harvest-limit': one(421, '4.7.0', 'Too many unknown recipients, try again later'),
  'not-our-domain': one(554, '5.7.1', 'Relay access denied'),
  malformed: one(501, '5.1.3', 'Bad recipient address syntax'),
  'too-many-recipients': one(452, '4.5.3', 'Too many recipients'),
  'other-next-hop': one(452, '4.5.3', 'Send this recipient in a separate transaction'),
  'internal-error': one(451, '4.3.0', 'Internal error, try again later'),
};

const BY_ACTION: Record<Action, Reply> = {
  accept: BY_REASON.known,
  reject: BY_REASON.unknown,
  defer: BY_REASON['internal-error'],
};

/** The fixed replies of a session, by what they say. */
export const REPLY = {
  senderOk: one(250, '2.1.0', 'Sender OK'),
  reset: one(250, '2.0.0', 'Reset'),
  nothing: one(250, '2.0.0', 'OK'),
  goodbye: one(221, '2.0.0', 'Bye'),
  startData: one(354, null, 'End data with <CR><LF>.<CR><LF>'),
  startTls: one(220, '2.0.0', 'Ready to start TLS'),
  help: one(214, '2.0.0', 'See RFC 5321'),
  verify: one(252, '2.5.0', 'Send some mail, it will be tried'),
  internalError: BY_REASON['internal-error'],
  notForMail: one(451, '4.3.5', 'This listener only answers recipient checks'),
  shuttingDown: one(421, '4.3.2', 'Service is shutting down'),
  tooManyConnections: one(421, '4.3.2', 'Too many connections, try again later'),
  tooManyOfClient: one(421, '4.7.0', 'Too many connections from your address, try again later'),
  notThroughProxy: one(421, '4.3.5', 'This listener takes connections of its proxies only'),
  accessDenied: one(554, '5.7.1', 'Access denied'),
  harvesting: BY_REASON['harvest-limit'],
  xclientDenied: one(550, '5.7.0', 'XCLIENT is not permitted'),
  inTransaction: one(503, '5.5.1', 'Not within a transaction'),
  tooSoon: one(421, '4.7.0', 'Client spoke before the greeting'),
  notSmtp: one(421, '4.7.0', 'This is an SMTP service'),
  tooManyErrors: one(421, '4.7.0', 'Too many errors'),
  clientGone: one(421, '4.4.2', 'Client is gone'),
  idle: one(421, '4.4.2', 'Timeout'),
  sessionOver: one(421, '4.4.2', 'Session has lasted too long'),
  unknownCommand: one(500, '5.5.1', 'Command not recognised'),
  badLine: one(500, '5.5.2', 'Control character or bare line break in command'),
  longLine: one(500, '5.5.2', 'Line too long'),
  notImplemented: one(502, '5.5.1', 'Command not implemented'),
  noArgument: one(501, '5.5.4', 'Bad or missing argument'),
  unexpectedArgument: one(501, '5.5.4', 'Command takes no argument'),
  greetFirst: one(503, '5.5.1', 'Send EHLO or HELO first'),
  alreadySecure: one(503, '5.5.1', 'TLS is already active'),
  startTlsFirst: one(530, '5.7.0', 'Must issue a STARTTLS command first'),
  nestedMail: one(503, '5.5.1', 'Transaction already started'),
  senderFirst: one(503, '5.5.1', 'Send MAIL first'),
  noRecipients: one(554, '5.5.1', 'No valid recipients'),
  noRecipientsYet: one(451, '4.5.1', 'No recipient could be accepted, try again later'),
  badSender: one(501, '5.1.7', 'Bad sender address syntax'),
  badRecipient: BY_REASON.malformed,
  badEncoding: one(501, '5.5.4', 'Argument is not valid UTF-8'),
  badRecipientEncoding: one(501, '5.1.3', 'Recipient address is not valid UTF-8'),
  needsUtf8: one(553, '5.6.7', 'Address needs SMTPUTF8'),
  badParameter: one(501, '5.5.4', 'Bad or repeated parameter'),
  unknownParameter: one(555, '5.5.4', 'Parameter not recognised'),
  tooBig: one(552, '5.3.4', 'Message exceeds the size limit'),
  bareNewline: one(550, '5.6.11', 'Message contains bare CR or LF'),
  hopLacksEightBit: one(451, '4.4.0', 'Next hop does not take 8BITMIME, try again later'),
  hopLacksDsn: one(451, '4.4.0', 'Next hop does not take DSN, try again later'),
  tooManyHops: one(554, '5.4.6', 'Too many hops, this mail goes round in circles'),
  hopLacksUtf8: one(451, '4.4.0', 'Next hop does not take SMTPUTF8, try again later'),
} as const satisfies Record<string, Reply>;

const HOP_FAILURE: Record<HopFailure, Reply> = {
  unreachable: one(451, '4.4.1', 'Next hop cannot be reached, try again later'),
  busy: one(451, '4.4.5', 'Next hop has too much to do, try again later'),
  timeout: one(451, '4.4.2', 'Next hop did not answer in time, try again later'),
  closed: one(451, '4.4.2', 'Next hop closed the connection, try again later'),
  garbage: one(451, '4.4.0', 'Next hop gave no usable answer, try again later'),
  tls: one(451, '4.7.5', 'No secure connection to the next hop, try again later'),
  session: one(451, '4.4.0', 'Next hop does not take mail from here at the moment, try again later'),
};

/** The reply to one recipient. `ref` ends it unless it accepts. */
export function replyFor(verdict: Verdict, ref: string): Reply {
  const worded = BY_REASON[verdict.reason];
  // A verdict whose action was changed by its maker must never be answered by its reason alone.
  const base = ACTION_OF[verdict.reason] === verdict.action ? worded : BY_ACTION[verdict.action];
  const text = verdict.text === null ? null : printable(verdict.text);
  return withReference(text === null ? base : { ...base, lines: [text] }, ref);
}

/** The reply when the next hop could not be asked, or not to the end. */
export function hopFailureReply(failure: HopFailure): Reply {
  return HOP_FAILURE[failure];
}

/** The 220 greeting. */
export function greetingReply(hostname: string): Reply {
  return one(220, null, `${hostname} ESMTP`);
}

/** The answer to HELO, or with keywords to EHLO. */
export function heloReply(hostname: string, keywords: readonly string[]): Reply {
  return { code: 250, enhanced: null, lines: [hostname, ...keywords] };
}

/** The reply with ` [ref XXXXXX]` at its end when it is a 4xx or 5xx. */
export function withReference(reply: Reply, ref: string): Reply {
  if (reply.code < 400) return reply;
  const { code, enhanced, lines } = reply;
  if (lines.length === 1 && lines[0] !== '') return { code, enhanced, lines: [`${lines[0]} [ref ${ref}]`] };
  const last = `${reply.lines.at(-1) ?? ''} [ref ${ref}]`.trimStart();
  return { ...reply, lines: [...reply.lines.slice(0, -1), last] };
}

/** Text of every line with its enhanced code, as it stands behind the reply code. */
export function replyLines(reply: Reply): string[] {
  return reply.lines.map((line) => (reply.enhanced === null ? line : `${reply.enhanced} ${line}`));
}

/** The reply as it goes over the wire. */
export function replyWire(reply: Reply): string {
  return FIXED.get(reply) ?? wireOf(reply);
}

function wireOf(reply: Reply): string {
  if (reply.lines.length === 1 && reply.enhanced !== null) {
    return `${reply.code} ${reply.enhanced} ${reply.lines[0]}\r\n`;
  }
  const lines = replyLines(reply);
  return lines.map((line, n) => `${reply.code}${n < lines.length - 1 ? '-' : ' '}${line}\r\n`).join('');
}

/** The reply on one line, for logs. */
export function replyText(reply: Reply): string {
  return reply.lines.join(' ');
}

/** Text fit for a reply line: printable ASCII, at most 400 characters. */
export function printable(text: string): string {
  return text.replace(/[^\u0020-\u007e]/g, '?').slice(0, 400);
}

function one(code: number, enhanced: string | null, text: string): Reply {
  return { code, enhanced, lines: [text] };
}

/** The wire of every reply that is always the same. */
const FIXED: ReadonlyMap<Reply, string> = new Map(
  [...Object.values(BY_REASON), ...Object.values(REPLY)].map((reply) => [reply, wireOf(reply)]),
);
