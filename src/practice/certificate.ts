/**
 * The practice certificate authority and the certificates it signs, EC P-256 (RFC 5280 profile, ecdsa-with-SHA256).
 * They exist so that unpatched clients, which insist on https, can talk to a server on loopback.
 */
import type { KeyObject } from 'node:crypto';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
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
} from '../core/der.ts';

/** A certificate with its key, both as PEM. */
export interface Identity {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Which server a certificate is for. */
export interface ServerNames {
  readonly dns: readonly string[];
  readonly ipv4: readonly string[];
}

interface CertificateParts {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly extensions: readonly Buffer[];
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const RSA_SHA256 = sequence(oid('1.2.840.113549.1.1.11'), der(0x05));
const CA_NAME = 'rcptgate practice CA';
const YEARS = 10;

/** A new certificate authority. */
export function createAuthority(): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const extensions = [
    extension('2.5.29.19', true, sequence(boolean(true))),
    extension('2.5.29.15', true, bitString(Buffer.from([0x06]), 1)),
    extension('2.5.29.14', false, octetString(keyIdOf(publicKey))),
  ];
  const parts = { subject: CA_NAME, issuer: CA_NAME, publicKey, signingKey: privateKey, extensions };
  return { certPem: certificatePem(parts), keyPem: pemOf(privateKey) };
}

/** A server certificate signed by the authority. */
export function createServerIdentity(authority: Identity, names: ServerNames): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const alternatives = [
    ...names.dns.map((name) => der(0x82, Buffer.from(name))),
    ...names.ipv4.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  const extensions = [
    extension('2.5.29.17', false, sequence(...alternatives)),
    extension('2.5.29.15', true, bitString(Buffer.from([0x80]), 7)),
    extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.1'))),
    extension('2.5.29.35', false, sequence(der(0x80, keyIdOf(createPublicKey(authority.keyPem))))),
  ];
  const signingKey = createPrivateKey(authority.keyPem);
  const parts = { subject: names.dns[0] ?? 'localhost', issuer: CA_NAME, publicKey, signingKey, extensions };
  return { certPem: certificatePem(parts), keyPem: pemOf(privateKey) };
}

/** A self-signed RSA certificate, as an administrator registers one for an application. */
export function createClientCertificate(subject: string): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const parts = { subject, issuer: subject, publicKey, signingKey: privateKey, extensions: [] };
  return { certPem: certificatePem(parts), keyPem: pemOf(privateKey) };
}

/** Whether a stored certificate is still good for a while. */
export function isCurrent({ certPem }: Identity, now: number): boolean {
  return Date.parse(new X509Certificate(certPem).validTo) > now + 24 * 60 * 60 * 1000;
}

/** Days before its making from which a certificate is valid: rehearsals set clocks back. */
const BACKDATED_DAYS = 60;

/** Signs a certificate for a public key. */
function certificatePem(parts: CertificateParts): string {
  const algorithm = parts.signingKey.asymmetricKeyType === 'rsa' ? RSA_SHA256 : ECDSA_SHA256;
  const start = new Date(Date.now() - BACKDATED_DAYS * 24 * 60 * 60 * 1000);
  const end = new Date(start);
  end.setUTCFullYear(start.getUTCFullYear() + YEARS);
  const body = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    distinguishedName(parts.issuer),
    sequence(utcTime(start), utcTime(end)),
    distinguishedName(parts.subject),
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    ...(parts.extensions.length > 0 ? [tagged(3, sequence(...parts.extensions))] : []),
  );
  const signature = sign('sha256', body, parts.signingKey);
  return pem('CERTIFICATE', sequence(body, algorithm, bitString(signature)));
}

/** The public key of a PEM certificate. */
export function publicKeyOf(certPem: string): KeyObject {
  return createPublicKey(certPem);
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** Tells authorities of one name apart, so that several can be trusted together. */
function keyIdOf(key: KeyObject): Buffer {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

function distinguishedName(commonName: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), utf8(commonName))));
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
