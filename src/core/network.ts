/**
 * IP addresses and networks: RFC 4291 section 2.2 (IPv6 text), RFC 4632 (prefixes). An IPv4 address that IPv6 carries
 * (`::ffff:192.0.2.1`, what a dual-stack socket reports) is the IPv4 address everywhere, and no IPv6 network holds it.
 */

/** An address as numbers: one word of 32 bits for IPv4, four for IPv6. */
export type AddressWords = readonly number[];

/** A network; only the first `prefix` bits of `words` count, and the others are zero. */
export interface Network {
  readonly words: AddressWords;
  readonly prefix: number;
}

export type ParsedNetwork =
  | { readonly ok: true; readonly network: Network }
  | { readonly ok: false; readonly problem: string };

const OCTET = '(?:0|[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-5])';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const GROUP = /^[0-9A-Fa-f]{1,4}$/;

/** The words of an address, or null when it is none. A zone (`fe80::1%eth0`) is left out. */
export function addressWords(text: string): AddressWords | null {
  if (IPV4.test(text)) return [ipv4Word(text)];
  if (!text.includes(':')) return null;
  const groups = ipv6Groups(text.replace(/%[^%]*$/, ''));
  if (groups === null) return null;
  const words = [0, 2, 4, 6].map((at) => (((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0);
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return mapped ? words.slice(3) : words;
}

/** One spelling of an address: dotted IPv4 also when IPv6 carries it, IPv6 as RFC 5952 writes it. As it came otherwise. */
export function normaliseIp(text: string): string {
  if (!text.includes(':')) return text;
  const words = addressWords(text);
  return words === null ? text : ipText(words);
}

/** The text of an address. */
export function ipText(words: AddressWords): string {
  if (words.length === 1) return dotted(words[0] ?? 0);
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const { start, length } = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** Reads `192.0.2.0/24`, `2001:db8::/32` or a single address. Bits beyond the prefix are a mistake worth telling. */
export function parseNetwork(text: string): ParsedNetwork {
  const [address = '', length, more] = text.trim().split('/');
  const words = addressWords(address);
  if (words === null || more !== undefined || address.includes('%')) {
    return { ok: false, problem: 'is not an address or network such as "192.0.2.0/24" or "2001:db8::/32"' };
  }
  const bits = words.length * 32;
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (prefix < 0 || prefix > bits) return { ok: false, problem: `has no prefix length from 0 to ${bits}` };
  const masked = words.map((word, index) => (word & maskOf(prefix, index)) >>> 0);
  if (masked.every((word, index) => word === words[index])) {
    return { ok: true, network: { words, prefix } };
  }
  return { ok: false, problem: `has bits beyond its prefix; the network is ${ipText(masked)}/${prefix}` };
}

/** Whether one of the networks holds an address. What is no address is in no network. */
export function inNetworks(networks: readonly Network[], address: string): boolean {
  if (networks.length === 0) return false;
  const words = addressWords(address);
  return words !== null && networks.some((network) => holdsAddress(network, words));
}

function holdsAddress({ words, prefix }: Network, address: AddressWords): boolean {
  return (
    words.length === address.length &&
    words.every((word, index) => ((address[index] ?? 0) & maskOf(prefix, index)) >>> 0 === word)
  );
}

/** The mask of one word of a prefix. */
function maskOf(prefix: number, index: number): number {
  const bits = Math.min(32, Math.max(0, prefix - index * 32));
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}

function ipv4Word(text: string): number {
  return text.split('.').reduce((word, octet) => word * 256 + Number(octet), 0);
}

function dotted(word: number): string {
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join('.');
}

/** Eight groups, or null. The last two may be written as a dotted IPv4 address. */
function ipv6Groups(text: string): number[] | null {
  const [head = '', tail, more] = text.split('::');
  if (more !== undefined) return null;
  const front = groupsOf(head, tail === undefined);
  const back = tail === undefined ? [] : groupsOf(tail, true);
  if (front === null || back === null) return null;
  const zeros = 8 - front.length - back.length;
  if (tail === undefined ? zeros !== 0 : zeros < 1) return null;
  return [...front, ...Array<number>(zeros).fill(0), ...back];
}

function groupsOf(text: string, last: boolean): number[] | null {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && IPV4.test(part)) {
      const word = ipv4Word(part);
      groups.push(word >>> 16, word & 0xffff);
    } else if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}
