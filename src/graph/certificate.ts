/**
 * A certificate and its key as an application's credential: Microsoft identity platform certificate credentials, JWT
 * signed PS256 with `x5t#S256`. RSA only. What is wrong with a pair is said here, because MSAL would say it late or,
 * with an EC or encrypted key, in the words of a JWT library.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { CertificateCredential } from './credential.ts';
import { done, failed, type Outcome } from './failure.ts';

/** The texts of the files; the passphrase is null when none is configured. */
export interface CertificateTexts {
  readonly certificate: string;
  readonly key: string;
  readonly passphrase: string | null;
}

/** Entra ID asks for at least this many bits. */
const LEAST_BITS = 2048;

/** The credential in a certificate (PEM, the first one counts) and a key (PEM, possibly encrypted), judged at `now` (ms). */
export function certificateCredential(texts: CertificateTexts, now: number): Outcome<CertificateCredential> {
  const certificate = readCertificate(texts.certificate);
  if (!certificate.ok) return certificate;
  const key = readKey(texts.key, texts.passphrase);
  if (!key.ok) return key;
  const problem = mismatch(certificate.value, key.value) ?? outOfDate(certificate.value, now);
  if (problem !== null) return problem;
  return done({
    kind: 'certificate',
    thumbprint: certificate.value.fingerprint256.replaceAll(':', ''),
    privateKey: key.value.export({ type: 'pkcs8', format: 'pem' }).toString(),
    expires: Date.parse(certificate.value.validTo),
  });
}

function readCertificate(pem: string): Outcome<X509Certificate> {
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    const hint = 'certificate_file wants the PEM form; convert with: openssl x509 -inform der -in FILE';
    return failed('credential', 'certificate', 'certificate_file holds no PEM certificate', hint);
  }
  try {
    return done(new X509Certificate(pem));
  } catch {
    const hint = 'Write the certificate anew; what stands between its BEGIN and END lines is damaged.';
    return failed('credential', 'certificate', 'the certificate in certificate_file cannot be read', hint);
  }
}

function readKey(pem: string, passphrase: string | null): Outcome<KeyObject> {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    const hint = 'key_file wants the private key in PEM form (BEGIN PRIVATE KEY).';
    return failed('credential', 'key', 'key_file holds no PEM private key', hint);
  }
  try {
    const key = createPrivateKey({ key: pem, ...(passphrase === null ? {} : { passphrase }) });
    return key.asymmetricKeyType === 'rsa' ? strongEnough(key) : notRsa(key);
  } catch (error) {
    return unreadableKey(pem, passphrase, error);
  }
}

function strongEnough(key: KeyObject): Outcome<KeyObject> {
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits >= LEAST_BITS) return done(key);
  const hint = `Make a key of at least ${LEAST_BITS} bits and register its certificate.`;
  return failed('credential', 'key-short', `the key in key_file has ${bits} bits only`, hint);
}

function notRsa(key: KeyObject): Outcome<KeyObject> {
  const message = `the key in key_file is of type ${key.asymmetricKeyType ?? 'unknown'}, but Entra ID wants RSA`;
  const hint = 'Make an RSA key (openssl req -x509 -newkey rsa:2048 …) and register its certificate.';
  return failed('credential', 'key-not-rsa', message, hint);
}

function unreadableKey(pem: string, passphrase: string | null, error: unknown): Outcome<KeyObject> {
  const encrypted = /BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type:.*ENCRYPTED/m.test(pem);
  if (encrypted && passphrase === null) {
    const hint = 'Name a file with its passphrase in key_passphrase_file.';
    return failed('credential', 'key-encrypted', 'the key in key_file is encrypted', hint);
  }
  if (encrypted) {
    const message = 'the passphrase in key_passphrase_file does not open the key in key_file';
    return failed('credential', 'key-passphrase', message, 'Write the passphrase of this key into the file.');
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'damaged';
  const hint = 'Write the key anew; what stands between its BEGIN and END lines is damaged.';
  return failed('credential', 'key', `the key in key_file cannot be read (${code})`, hint);
}

function mismatch(certificate: X509Certificate, key: KeyObject) {
  if (certificate.checkPrivateKey(key)) return null;
  const message = 'the key in key_file does not belong to the certificate in certificate_file';
  return failed('credential', 'key-mismatch', message, 'Name a certificate and key that were made together.');
}

function outOfDate(certificate: X509Certificate, now: number) {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  if (now > to) {
    const hint = 'Make a new certificate, register it for the application, and replace both files.';
    const message = `the certificate expired on ${dayOf(to)}; it is ${dayOf(now)} now`;
    return failed('credential', 'certificate-expired', message, hint);
  }
  if (now >= from) return null;
  const message = `the certificate is not valid before ${dayOf(from)}; it is ${dayOf(now)} now`;
  return failed('credential', 'certificate-early', message, 'Check the clock of this machine (NTP).');
}

function dayOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
