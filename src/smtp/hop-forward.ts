/**
 * Telling a Postfix next hop who the client is: XCLIENT (it treats us as that client) or XFORWARD (it logs the client),
 * as Postfix's XCLIENT_README and XFORWARD_README say. Only attributes that the next hop names are sent; values are
 * xtext (RFC 3461 section 4). Pure.
 */
import { isIPv6 } from 'node:net';

export type ForwardClient = 'off' | 'xclient' | 'xforward';

/** The client of a transaction. */
export interface ForwardedClient {
  readonly address: string;
  readonly port: number;
  /** Its host name, when somebody told it. */
  readonly name: string | null;
  readonly helo: string | null;
  readonly esmtp: boolean;
}

/** The command, or null when the next hop offers none of its attributes. */
export function forwardCommand(
  how: Exclude<ForwardClient, 'off'>,
  offered: readonly string[],
  client: ForwardedClient,
): string | null {
  const values: ReadonlyArray<readonly [attribute: string, value: string]> = [
    ['NAME', client.name ?? '[UNAVAILABLE]'],
    ['ADDR', isIPv6(client.address) ? `IPV6:${client.address}` : client.address],
    ['PORT', String(client.port)],
    ['PROTO', client.esmtp ? 'ESMTP' : 'SMTP'],
    ['HELO', client.helo ?? '[UNAVAILABLE]'],
    ...(how === 'xforward' ? [['SOURCE', 'REMOTE'] as const] : []),
  ];
  const names = new Set(offered.map((name) => name.toUpperCase()));
  const sent = values.filter(([name]) => names.has(name)).map(([name, value]) => `${name}=${xtext(value)}`);
  return sent.length === 0 ? null : `${how.toUpperCase()} ${sent.join(' ')}`;
}

/** RFC 3461 section 4: anything but printable ASCII, and "+" and "=", as +HH. Cut at 255 octets of value. */
function xtext(value: string): string {
  const bytes = Buffer.from(value, 'utf8').subarray(0, 255).toString('latin1');
  return bytes.replace(/[^!-~]|[+=]/g, (char) => {
    return `+${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
