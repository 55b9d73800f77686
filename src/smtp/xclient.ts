/**
 * XCLIENT: Postfix's XCLIENT_README. A listed relay says for whom it speaks; the session starts again as if that client
 * had connected. Pure.
 *
 * Limits: 255 characters of NAME and of HELO. LOGIN, DESTADDR and DESTPORT are taken and not used. `[UNAVAILABLE]` and
 * `[TEMPUNAVAIL]` mean that the relay does not know. Attributes of an earlier XCLIENT stay unless they are named again.
 *
 * Closes gap 26 of `smtp-server`: single addresses only, and xtext decoded loosely.
 */
import { normaliseDomain } from '../core/address.ts';
import { addressWords, ipText } from '../core/network.ts';
import { decodeXtext } from './xtext.ts';

/** As EHLO announces them. */
export const XCLIENT_ATTRIBUTES = 'NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT';

/** What a relay has said; null is what it does not know, undefined what it did not say. */
export interface ClaimedClient {
  readonly name?: string | null;
  readonly address?: string | null;
  readonly port?: number | null;
  readonly helo?: string | null;
  readonly esmtp?: boolean;
}

/** Reads the attributes; null when one is unknown, repeated or not valid. */
export function parseXclient(argument: string): ClaimedClient | null {
  const words = argument.split(' ').filter((word) => word !== '');
  const seen = new Set<string>();
  let claimed: ClaimedClient = {};
  for (const word of words) {
    const match = /^([A-Za-z]+)=(.+)$/.exec(word);
    const keyword = match?.[1]?.toUpperCase() ?? '';
    const value = decodeXtext(match?.[2] ?? '');
    const read = READERS.get(keyword);
    if (!read || value === null || seen.has(keyword)) return null;
    const known = /^\[(?:UNAVAILABLE|TEMPUNAVAIL)\]$/i.test(value) ? null : value;
    const said = read(known);
    if (said === null) return null;
    seen.add(keyword);
    claimed = { ...claimed, ...said };
  }
  return words.length === 0 ? null : claimed;
}

type Reader = (value: string | null) => ClaimedClient | null;

const ignored: Reader = () => ({});

const READERS = new Map<string, Reader>([
  ['NAME', (name) => (name === null || isHostName(name) ? { name } : null)],
  ['ADDR', readAddress],
  ['PORT', readPort],
  ['PROTO', (protocol) => readProtocol(protocol)],
  ['HELO', (helo) => (helo === null || /^[!-~]{1,255}$/.test(helo) ? { helo } : null)],
  ['LOGIN', ignored],
  ['DESTADDR', ignored],
  ['DESTPORT', ignored],
]);

function readAddress(value: string | null): ClaimedClient | null {
  if (value === null) return { address: null };
  const words = addressWords(value.replace(/^IPV6:/i, ''));
  return words === null || value.includes('%') ? null : { address: ipText(words) };
}

function readPort(value: string | null): ClaimedClient | null {
  if (value === null) return { port: null };
  return /^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? { port: Number(value) } : null;
}

function readProtocol(value: string | null): ClaimedClient | null {
  if (value === null) return {};
  return /^E?SMTP$/i.test(value) ? { esmtp: value.length === 5 } : null;
}

/** A name goes into Received fields and logs, so it has to look like one. */
function isHostName(name: string): boolean {
  return normaliseDomain(name.replace(/\.$/, '')) !== null;
}
