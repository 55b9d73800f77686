/** The address of the browser behind a request, through proxies that are trusted and no others. */
import { BlockList, isIP } from 'node:net';

/** Whether an address is one of the given addresses and networks (CIDR). */
export function networks(entries: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/**
 * The client of a connection from `peer`. X-Forwarded-For counts only as far back as trusted proxies wrote it: from its
 * end, the first address that is not one of theirs.
 */
export function clientAddress(
  peer: string,
  forwardedFor: string | undefined,
  isTrusted: (address: string) => boolean,
): string {
  const chain = [...(forwardedFor ?? '').split(','), peer].map((text) => bare(text.trim())).reverse();
  for (const [index, address] of chain.entries()) {
    if (isIP(address) === 0) return chain[index - 1] ?? 'unknown';
    if (!isTrusted(address)) return address;
  }
  return chain.at(-1) ?? 'unknown';
}

/** Without brackets, port or the prefix of an IPv4 address in IPv6. */
function bare(text: string): string {
  const address =
    /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
