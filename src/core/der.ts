/**
 * The few DER values (ITU-T X.690) that a certificate needs. Node reads X.509 but cannot write it, and the decorators
 * of the usual package want a polyfill of `Reflect` loaded before anything else.
 */

const UNIVERSAL = { integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, utf8: 0x0c, time: 0x17 } as const;

/** A value with its tag and length. */
export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

/** A value under a context tag, as `[n] EXPLICIT` writes it. */
export function tagged(n: number, ...parts: readonly Buffer[]): Buffer {
  return der(0xa0 | n, ...parts);
}

export function integer(bytes: Buffer): Buffer {
  // A leading one bit would make the number negative.
  return der(UNIVERSAL.integer, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return der(UNIVERSAL.bits, Buffer.from([unusedBits]), content);
}

export function octetString(content: Buffer): Buffer {
  return der(UNIVERSAL.octets, content);
}

export function utf8(text: string): Buffer {
  return der(UNIVERSAL.utf8, Buffer.from(text));
}

export function boolean(value: boolean): Buffer {
  return Buffer.from([0x01, 0x01, value ? 0xff : 0]);
}

/** UTCTime, good for the years 1950 to 2049 (RFC 5280 section 4.1.2.5). */
export function utcTime(time: Date): Buffer {
  const digits = time.toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(UNIVERSAL.time, Buffer.from(`${digits}Z`));
}

/** An object identifier in dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(UNIVERSAL.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const bytes = [arc & 0x7f];
  for (let left = arc >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 0x7f) | 0x80);
  return bytes;
}

/** The textual form of a value (RFC 7468 section 2): lines of 64 characters, none of them empty. */
export function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
