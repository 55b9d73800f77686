/**
 * From nothing to a next hop that is ready for MAIL: connect, greeting, EHLO, STARTTLS (RFC 3207) and EHLO again.
 * Any refusal on this way is about us and not about a recipient, so it comes back as trouble.
 */
import { capabilitiesOf, NO_CAPABILITIES } from './capabilities.ts';
import { HopConnection } from './hop-connection.ts';
import { type HopTimeouts, type HopTrouble, hopReplyText, type Stage } from './next-hop.ts';

/** `opportunistic`: when offered, unverified; `required`: or nothing; `verified`: with name and chain checked. */
export type HopTls = 'off' | 'opportunistic' | 'required' | 'verified';

export interface HandshakeOptions {
  /** Our name in EHLO. */
  readonly hostname: string;
  readonly timeouts: HopTimeouts;
  readonly tls: HopTls;
  /** PEM of a further authority to trust. */
  readonly ca?: string;
}

export type OpenedHop =
  | { readonly ok: true; readonly hop: HopConnection }
  | { readonly ok: false; readonly trouble: HopTrouble };

/**
 * Opens a next hop. `notice` hears of trouble that does not stop it: an opportunistic handshake that failed and
 * made us connect again in the clear. `signal` cuts the attempt.
 */
export async function openHop(
  nextHop: string,
  options: HandshakeOptions,
  signal: AbortSignal,
  notice: (trouble: HopTrouble) => void,
): Promise<OpenedHop> {
  const opened = await attempt(nextHop, options, signal);
  if (opened.ok || options.tls !== 'opportunistic' || opened.trouble.stage !== 'starttls' || signal.aborted) {
    return opened;
  }
  notice(opened.trouble);
  return attempt(nextHop, { ...options, tls: 'off' }, signal);
}

async function attempt(nextHop: string, options: HandshakeOptions, signal: AbortSignal): Promise<OpenedHop> {
  const hop = new HopConnection(nextHop);
  hop.bind(signal);
  const trouble = await handshake(hop, options);
  if (!trouble) return { ok: true, hop };
  hop.destroy(trouble.error);
  return { ok: false, trouble };
}

async function handshake(hop: HopConnection, options: HandshakeOptions): Promise<HopTrouble | null> {
  const { timeouts, tls } = options;
  const unreachable = await hop.ready(timeouts.connect);
  if (unreachable) return unreachable;
  const greeting = await hop.reply('greeting', timeouts.greeting);
  if (!greeting.ok) return greeting.trouble;
  if (greeting.reply.code !== 220) return refusal(hop, 'greeting', hopReplyText(greeting.reply));
  const silent = await sayHello(hop, options);
  if (silent || tls === 'off') return silent;
  if (!hop.capabilities.startTls) {
    return tls === 'opportunistic' ? null : refusal(hop, 'starttls', 'STARTTLS is not offered');
  }
  return (await startTls(hop, options)) ?? (await sayHello(hop, options));
}

async function startTls(hop: HopConnection, options: HandshakeOptions): Promise<HopTrouble | null> {
  const { timeouts, tls, ca } = options;
  const answer = await hop.command('STARTTLS', 'starttls', timeouts.starttls);
  if (!answer.ok) return answer.trouble;
  if (answer.reply.code !== 220) return refusal(hop, 'starttls', hopReplyText(answer.reply));
  return hop.secure(tls === 'verified', ca, timeouts.starttls);
}

async function sayHello(hop: HopConnection, options: HandshakeOptions): Promise<HopTrouble | null> {
  const { hostname, timeouts } = options;
  const ehlo = await hop.command(`EHLO ${hostname}`, 'ehlo', timeouts.ehlo);
  if (!ehlo.ok) return ehlo.trouble;
  hop.capabilities = ehlo.reply.code === 250 ? capabilitiesOf(ehlo.reply.lines) : NO_CAPABILITIES;
  if (ehlo.reply.code === 250) return null;
  if (ehlo.reply.code < 500) return refusal(hop, 'ehlo', hopReplyText(ehlo.reply));
  // RFC 5321 section 3.2: a server that does not know EHLO is greeted with HELO.
  const helo = await hop.command(`HELO ${hostname}`, 'ehlo', timeouts.ehlo);
  if (!helo.ok) return helo.trouble;
  return helo.reply.code === 250 ? null : refusal(hop, 'ehlo', hopReplyText(helo.reply));
}

function refusal(hop: HopConnection, stage: Stage, error: string): HopTrouble {
  return { failure: stage === 'starttls' ? 'tls' : 'unreachable', stage, nextHop: hop.nextHop, error };
}
