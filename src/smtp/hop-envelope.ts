/**
 * MAIL and RCPT as a next hop understands them, what it lacks for a transaction, and who the client is where it wants
 * to know: RFC 5321 section 4.1.1, RFC 1870, RFC 6152, RFC 6531, RFC 3461, and Postfix's XCLIENT and XFORWARD.
 */
import type { Capabilities } from './capabilities.ts';
import type { Sender } from './command.ts';
import { NO_SENDER_DSN, type RecipientDsn, recipientDsnText, type SenderDsn, senderDsnText } from './dsn.ts';
import type { HopConnection } from './hop-connection.ts';
import { type ForwardClient, type ForwardedClient, forwardCommand } from './hop-forward.ts';
import { sayHello } from './hop-handshake.ts';
import { endpointKey, type HopTimeouts, type HopTrouble, hopReplyText } from './next-hop.ts';
import { REPLY, type Reply } from './reply.ts';

/** A sender with what MAIL asked for by DSN, if it did. */
export type EnvelopeSender = Sender & Partial<SenderDsn>;

/** What a transaction begins with. */
export interface Envelope {
  readonly sender: EnvelopeSender;
  /** Bytes that our own header adds to the message. */
  readonly extraSize: number;
  readonly client: ForwardedClient;
}

/** The MAIL line as far as the next hop understands it. */
export function mailLine(
  { sender, extraSize }: Pick<Envelope, 'sender' | 'extraSize'>,
  capabilities: Capabilities,
): string {
  const parameters = [`MAIL FROM:<${sender.text}>`];
  if (sender.size !== null && capabilities.size !== null) parameters.push(`SIZE=${sender.size + extraSize}`);
  if (sender.body !== null && capabilities.eightBitMime) parameters.push(`BODY=${sender.body}`);
  if (sender.smtpUtf8) parameters.push('SMTPUTF8');
  return parameters.join(' ') + (capabilities.dsn ? senderDsnText({ ...NO_SENDER_DSN, ...sender }) : '');
}

/** The RCPT line; `path` is verbatim. */
export function recipientLine(path: string, dsn: RecipientDsn): string {
  return `RCPT TO:<${path}>${recipientDsnText(dsn)}`;
}

/** What the transaction needs and the next hop lacks; null when it lacks nothing. */
export function lackOf(capabilities: Capabilities, sender: EnvelopeSender): Reply | null {
  if (sender.body === '8BITMIME' && !capabilities.eightBitMime) return REPLY.hopLacksEightBit;
  if (sender.smtpUtf8 && !capabilities.smtpUtf8) return REPLY.hopLacksUtf8;
  const asks = (sender.ret ?? null) !== null || (sender.envid ?? null) !== null;
  return asks && !capabilities.dsn ? REPLY.hopLacksDsn : null;
}

/**
 * What a recipient needs and the next hop lacks. We could not send the notification that RFC 3461 section 5.2.2 asks
 * for in its place, so the recipient is deferred, and the next EHLO offers no DSN.
 */
export function recipientLack(capabilities: Capabilities, dsn: RecipientDsn): Reply | null {
  const asks = dsn.notify !== null || dsn.orcpt !== null;
  return asks && !capabilities.dsn ? REPLY.hopLacksDsn : null;
}

/**
 * Tells the next hop who the client is; null when it knows, or does not care. XFORWARD leaves with the MAIL behind it;
 * XCLIENT begins the session anew (220, EHLO), and holds for the connection.
 */
export function introduce(
  hop: HopConnection,
  how: ForwardClient,
  client: ForwardedClient,
  session: { readonly hostname: string; readonly timeouts: HopTimeouts },
): Promise<HopTrouble | null> | null {
  if (how === 'off') return null;
  const offered = how === 'xclient' ? hop.capabilities.xclient : hop.capabilities.xforward;
  const command = forwardCommand(how, offered, client);
  if (command === null)
    return hop.forwarded === '' ? null : Promise.resolve(refusedBy(hop, 'XCLIENT is no longer offered'));
  if (how === 'xforward') {
    // What it says about this is for its log only; the mail goes on.
    void hop.command(command, 'forward', session.timeouts.mail);
    return null;
  }
  return command === hop.forwarded ? null : impersonate(hop, command, session);
}

async function impersonate(
  hop: HopConnection,
  command: string,
  session: { readonly hostname: string; readonly timeouts: HopTimeouts },
): Promise<HopTrouble | null> {
  const answer = await hop.command(command, 'forward', session.timeouts.mail);
  if (!answer.ok) return answer.trouble;
  if (answer.reply.code !== 220) return refusedBy(hop, hopReplyText(answer.reply));
  hop.forwarded = command;
  return sayHello(hop, session);
}

function refusedBy(hop: HopConnection, error: string): HopTrouble {
  return {
    failure: 'session',
    stage: 'forward',
    nextHop: hop.nextHop,
    address: endpointKey(hop.endpoint),
    error,
  };
}
