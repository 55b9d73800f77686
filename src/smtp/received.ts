/** The trace header: RFC 5321 section 4.4, with the protocol names of RFC 3848 and RFC 6531 section 4.3. */
import { isIPv6 } from 'node:net';

export interface Trace {
  /** What the client called itself. */
  readonly helo: string;
  readonly address: string;
  readonly hostname: string;
  readonly esmtp: boolean;
  /** Protocol version such as `TLSv1.3`; null in the clear. */
  readonly tls: string | null;
  readonly smtpUtf8: boolean;
  readonly id: string;
  /** ms since 1970. */
  readonly time: number;
}

/** One `Received:` field, folded, with its final CR LF. */
export function receivedHeader(trace: Trace): string {
  const literal = isIPv6(trace.address) ? `[IPv6:${trace.address}]` : `[${trace.address}]`;
  // The name is the client's own claim: nothing of it may end the line, the token or the comment.
  const helo = trace.helo.replace(/[^A-Za-z0-9.:_[\]-]/g, '?') || 'unknown';
  const date = dateText(trace.time);
  return (
    `Received: from ${helo} (${literal})\r\n` +
    `\tby ${trace.hostname} with ${protocolOf(trace)}${trace.tls === null ? '' : ` (${trace.tls})`} id ${trace.id};\r\n` +
    `\t${date}\r\n`
  );
}

let dated = { second: -1, text: '' };

/** RFC 5322 section 3.3; worded once a second. */
function dateText(time: number): string {
  const second = Math.floor(time / 1000);
  if (dated.second !== second) {
    dated = { second, text: new Date(time).toUTCString().replace('GMT', '+0000') };
  }
  return dated.text;
}

function protocolOf(trace: Trace): string {
  const base = trace.smtpUtf8 ? 'UTF8SMTP' : trace.esmtp ? 'ESMTP' : 'SMTP';
  return trace.tls !== null && (trace.esmtp || trace.smtpUtf8) ? `${base}S` : base;
}
