/**
 * The TLS contexts of a listener: TLS 1.2 and 1.3 with the suites of Mozilla's "intermediate" recommendation, a
 * certificate by the server name that the client asks for (SNI, RFC 6066 section 3), client certificates (RFC 8446
 * section 4.4.2.4) and session tickets (RFC 5077).
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/** A certificate chain and its key, PEM. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** A certificate for certain names; without any, for the names that stand in it. */
export interface NamedKeyPair extends KeyPair {
  readonly names: readonly string[];
}

/** Everything a listener presents and trusts. The pair itself is for every name that no other one is for. */
export interface TlsMaterial extends KeyPair {
  readonly named?: readonly NamedKeyPair[];
  /** PEM of the authorities that client certificates are judged by. */
  readonly clientCa?: string | null;
  /** 48 random bytes that tickets are sealed with; the same in every thread, so that each resumes sessions of all. */
  readonly ticketKeys?: Uint8Array;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';
export type ClientCertificate = 'off' | 'request' | 'require';

export interface TlsPolicy {
  readonly minVersion: TlsVersion;
  readonly clientCertificate: ClientCertificate;
  /** Tells listeners apart, so that none resumes a session that another one opened, perhaps on softer terms. */
  readonly listener: string;
}

/** The context for a server name, lower-case A-label or ''. */
export type ContextFor = (serverName: string) => SecureContext;

/** Mozilla "intermediate", without the finite-field suites, which need parameters that few clients still ask for. */
const SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');
const GROUPS = 'X25519:prime256v1:secp384r1';

/**
 * Builds every context, so that nothing is replaced before all of it is known to be good.
 * @throws Error when a certificate or key cannot be read, or a key belongs to another certificate.
 */
export function tlsContexts(material: TlsMaterial, policy: TlsPolicy): ContextFor {
  const fallback = contextOf(material, material, policy);
  const exact = new Map<string, SecureContext>();
  const wild = new Map<string, SecureContext>();
  for (const pair of material.named ?? []) {
    const context = contextOf(pair, material, policy);
    for (const name of pair.names.length > 0 ? pair.names : certificateNames(pair.cert)) {
      const lower = name.toLowerCase();
      if (lower.startsWith('*.')) wild.set(lower.slice(1), context);
      else exact.set(lower, context);
    }
  }
  return (name) => exact.get(name) ?? wild.get(name.slice(Math.max(0, name.indexOf('.')))) ?? fallback;
}

function contextOf(pair: KeyPair, material: TlsMaterial, policy: TlsPolicy): SecureContext {
  const problem = keyPairProblem(pair);
  if (problem !== null) throw new Error(problem);
  const { clientCa, ticketKeys } = material;
  return createSecureContext({
    key: pair.key,
    cert: pair.cert,
    ciphers: SUITES,
    ecdhCurve: GROUPS,
    minVersion: policy.minVersion,
    // Every suite is a good one, so the client knows best which is fast for it.
    honorCipherOrder: false,
    // Longer than 32 bytes is refused by OpenSSL.
    sessionIdContext: policy.listener.slice(-32),
    ...(clientCa && policy.clientCertificate !== 'off' ? { ca: clientCa } : {}),
    ...(ticketKeys ? { ticketKeys: Buffer.from(ticketKeys) } : {}),
  });
}

/**
 * What is wrong with a pair, or null. A renewal writes two files; between the two writes the key belongs to another
 * certificate.
 */
export function keyPairProblem({ key, cert }: KeyPair): string | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch {
    return 'the certificate is not PEM';
  }
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      return 'the key does not belong to the certificate';
  } catch {
    return 'the key is not an unencrypted PEM key';
  }
  return null;
}

/** The DNS names that a certificate (PEM, the first of a chain) is for, lower case. */
export function certificateNames(cert: string): string[] {
  const { subjectAltName, subject } = new X509Certificate(cert);
  const names = [...(subjectAltName ?? '').matchAll(/DNS:([^,\s"]+)/g)].map((match) => match[1] ?? '');
  if (names.length > 0) return names.map((name) => name.toLowerCase());
  const common = /^CN=(.+)$/m.exec(subject ?? '')?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}
