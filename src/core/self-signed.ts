/**
 * A self-signed certificate of an application, for registration in Entra ID: X.509 v3 (RFC 5280), RSA with SHA-256.
 * Entra ID looks at key and validity only, so there is nothing else in it.
 */
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import {
  bitString,
  boolean,
  der,
  integer,
  octetString,
  oid,
  pem,
  sequence,
  tagged,
  utcTime,
  utf8,
} from './der.ts';

/** sha256WithRSAEncryption (RFC 4055). */
const RSA_SHA256 = sequence(oid('1.2.840.113549.1.1.11'), der(0x05));
const COMMON_NAME = '2.5.4.3';
const KEY_USAGE = '2.5.29.15';
const DIGITAL_SIGNATURE = 0x80;
/** Bytes of a serial number: 20 at most, and positive (RFC 5280 section 4.1.2.2). */
export const SERIAL_BYTES = 16;

export interface CertificateWish {
  readonly commonName: string;
  /** RSA. */
  readonly privateKey: KeyObject;
  /** Times in ms since 1970, before 2050. */
  readonly from: number;
  readonly to: number;
  /** {@link SERIAL_BYTES} random bytes. */
  readonly serial: Buffer;
}

/** The certificate, PEM. */
export function selfSignedCertificate({ commonName, privateKey, from, to, serial }: CertificateWish): string {
  const name = sequence(der(0x31, sequence(oid(COMMON_NAME), utf8(commonName))));
  const positive = Buffer.from(serial);
  positive[0] = ((positive[0] ?? 0) & 0x3f) | 0x40;
  const usage = octetString(bitString(Buffer.from([DIGITAL_SIGNATURE]), 7));
  const body = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(positive),
    RSA_SHA256,
    name,
    sequence(utcTime(new Date(from)), utcTime(new Date(to))),
    name,
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(sequence(oid(KEY_USAGE), boolean(true), usage))),
  );
  return pem('CERTIFICATE', sequence(body, RSA_SHA256, bitString(sign('sha256', body, privateKey))));
}
