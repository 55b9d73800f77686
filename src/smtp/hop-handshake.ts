/**
 * From nothing to a next hop that is ready for MAIL: connect, greeting, EHLO, STARTTLS (RFC 3207) and EHLO again.
 * Any refusal on this way is about us and not about a recipient, so it comes back as trouble.
 */
import { capabilitiesOf, NO_CAPABILITIES } from './capabilities.ts';
import { HopConnection } from './hop-connection.ts';
import type { HopTls, HopTlsClient } from './hop-tls.ts';
import {
  type Cut,
  type Endpoint,
  endpointKey,
  type HopTimeouts,
  type HopTrouble,
  hopReplyText,
  type Stage,
} from './next-hop.ts';

export interface HandshakeOptions {
  /** Our name in EHLO. */
  readonly hostname: string;
  readonly timeouts: HopTimeouts;
  readonly tls: HopTls;
  readonly tlsClient: HopTlsClient;
}

export type OpenedHop =
  | { readonly ok: true; readonly hop: HopConnection }
  | { readonly ok: false; readonly trouble: HopTrouble };

/** An opened host; `fellBack`: why an opportunistic handshake failed, and mail goes in the clear. */
export type HandshakeOutcome =
  | { readonly ok: true; readonly hop: HopConnection; readonly fellBack: HopTrouble | null }
  | { readonly ok: false; readonly trouble: HopTrouble };

/** Opens one host of a next hop. `cut` ends the attempt. */
export async function openHop(
  nextHop: string,
  endpoint: Endpoint,
  options: HandshakeOptions,
  cut: Cut,
): Promise<HandshakeOutcome> {
  const opened = await attempt(nextHop, endpoint, options, cut);
  if (opened.ok) return { ...opened, fellBack: null };
  const { trouble } = opened;
  if (options.tls !== 'opportunistic' || trouble.stage !== 'starttls' || cut.fired) return opened;
  const again = await attempt(nextHop, endpoint, { ...options, tls: 'off' }, cut);
  return again.ok ? { ...again, fellBack: trouble } : again;
}

async function attempt(
  nextHop: string,
  endpoint: Endpoint,
  options: HandshakeOptions,
  cut: Cut,
): Promise<OpenedHop> {
  const hop = new HopConnection(nextHop, endpoint);
  hop.bind(cut);
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
  const { timeouts, tls, tlsClient } = options;
  const answer = await hop.command('STARTTLS', 'starttls', timeouts.starttls);
  if (!answer.ok) return answer.trouble;
  if (answer.reply.code !== 220) return refusal(hop, 'starttls', hopReplyText(answer.reply));
  return hop.secure(tlsClient, tls === 'verified', timeouts.starttls);
}

/** EHLO, at the beginning, after STARTTLS and after XCLIENT. */
export async function sayHello(
  hop: HopConnection,
  { hostname, timeouts }: Pick<HandshakeOptions, 'hostname' | 'timeouts'>,
): Promise<HopTrouble | null> {
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
  const failure = stage === 'starttls' ? 'tls' : 'unreachable';
  return { failure, stage, nextHop: hop.nextHop, address: endpointKey(hop.endpoint), error };
}
