/**
 * The PROXY protocol, versions 1 and 2, as a receiver: HAProxy's `proxy-protocol.txt`. No I/O: bytes in, the client out.
 *
 * Limits of the specification: a v1 line has at most 107 characters with its CR LF (section 2.1), and one that is longer
 * is invalid; a v2 header is 16 bytes and the length they tell (2.2), of which addresses take 12 (IPv4), 36 (IPv6) or 216
 * (Unix). Both are meant to fit into 536 bytes; TLVs may be longer, so we read up to 4,096. It says too: nothing is
 * processed before a complete header, wait at least 3 seconds for it, never guess whether there is one, take it from
 * listed proxies only.
 * UNKNOWN, LOCAL, UNSPEC and AF_UNIX name no client: the connection itself is the client then. TLVs are passed over.
 *
 * Closes gap 24 of `smtp-server`: it refuses version 2.
 */
import { addressWords, ipText } from '../core/network.ts';

export const PROXY_LIMITS = { v1: 107, v2: 4096 } as const;

/** Who is behind the proxy. */
export interface ProxiedClient {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  | { readonly state: 'incomplete' }
  | { readonly state: 'invalid'; readonly problem: string }
  /** `client`: null when the header names none. `length`: bytes of the header. */
  | { readonly state: 'complete'; readonly client: ProxiedClient | null; readonly length: number };

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const PREFIX = Buffer.from('PROXY ', 'latin1');
const LINE = /^PROXY (?:UNKNOWN(?: .*)?|(TCP4|TCP6) (\S+) (\S+) (\d+) (\d+))$/;
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const INCOMPLETE: ProxyHeader = { state: 'incomplete' };

/** Reads the header at the start of what has arrived so far. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, PREFIX)) return readLine(bytes);
  if (begins(bytes, SIGNATURE)) return readBinary(bytes);
  return invalid('it does not begin with a PROXY header');
}

function begins(bytes: Buffer, mark: Buffer): boolean {
  const length = Math.min(bytes.length, mark.length);
  return bytes.subarray(0, length).equals(mark.subarray(0, length));
}

function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n');
  if (end < 0 && bytes.length < PROXY_LIMITS.v1) return INCOMPLETE;
  if (end < 0 || end + 2 > PROXY_LIMITS.v1) return invalid('its line is longer than 107 characters');
  const match = LINE.exec(bytes.toString('latin1', 0, end));
  if (!match) return invalid('its line is malformed');
  const [, family, source = '', destination = '', sourcePort = '', destinationPort = ''] = match;
  if (family === undefined) return { state: 'complete', client: null, length: end + 2 };
  const good =
    [source, destination].every((address) => isOfFamily(family, address)) &&
    [sourcePort, destinationPort].every((port) => PORT.test(port) && Number(port) <= 65_535);
  if (!good) return invalid('an address or a port in its line is malformed');
  const words = addressWords(source) ?? [];
  return complete({ address: ipText(words), port: Number(sourcePort) }, end + 2);
}

function isOfFamily(family: string, address: string): boolean {
  if (address.includes('%')) return false;
  return addressWords(address) !== null && address.includes(':') === (family === 'TCP6');
}

function readBinary(bytes: Buffer): ProxyHeader {
  if (bytes.length < 16) return INCOMPLETE;
  const command = bytes[12] ?? 0;
  const family = bytes[13] ?? 0;
  const length = 16 + bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return invalid('its version or command is unknown');
  if (family >> 4 > 3 || (family & 0xf) > 2) return invalid('its address family or protocol is unknown');
  if (length > PROXY_LIMITS.v2) return invalid(`its header is longer than ${PROXY_LIMITS.v2} bytes`);
  if (bytes.length < length) return INCOMPLETE;
  if (command === 0x20) return complete(null, length);
  return proxied(family, bytes.subarray(16, length), length);
}

/** The client of a PROXY command, which needs the whole address block of its family. */
function proxied(family: number, block: Buffer, length: number): ProxyHeader {
  const size = { 17: 12, 33: 36, 49: 216 }[family];
  if (size === undefined) return complete(null, length);
  if (block.length < size) return invalid('its addresses are cut short');
  if (family === 0x31) return complete(null, length);
  const words = family === 0x11 ? [0] : [0, 4, 8, 12];
  const ip = ipText(words.map((at) => block.readUInt32BE(at)));
  const address = ipText(addressWords(ip) ?? []);
  return complete({ address, port: block.readUInt16BE(size - 4) }, length);
}

function complete(client: ProxiedClient | null, length: number): ProxyHeader {
  return { state: 'complete', client, length };
}

function invalid(problem: string): ProxyHeader {
  return { state: 'invalid', problem };
}
