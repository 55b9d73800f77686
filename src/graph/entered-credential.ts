/** A credential as a person enters it: checked, or made here. Its problems have the codes of core/problems.ts. */
import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { EnteredCredential } from '../core/application.ts';
import { SERIAL_BYTES, selfSignedCertificate } from '../core/self-signed.ts';
import { certificateCredential } from './certificate.ts';
import type { CertificateCredential, SecretCredential } from './credential.ts';
import { done, failed, type Outcome } from './failure.ts';

/** With the certificate (PEM) when there is one. */
export interface ReadyCredential {
  readonly credential: SecretCredential | CertificateCredential;
  readonly certificate: string | null;
  readonly generated: boolean;
}

/** Entra's own secrets have 40 characters; the longest that its documentation allows has 64. */
const LONGEST_SECRET = 1024;
const BITS = 2048;
/** As long as a secret may live in the portal. */
const YEARS = 2;
/** A certificate made here is valid a little earlier, for clocks that are behind. Ms. */
const BACKDATED = 3_600_000;

/** Reads or makes what was entered; `expires` (ms since 1970) is the end of a secret as typed, `now` judges certificates. */
export async function enteredCredential(
  entered: Exclude<EnteredCredential, { kind: 'keep' }>,
  expires: number | null,
  now: number,
): Promise<Outcome<ReadyCredential>> {
  if (entered.kind === 'secret') return secretCredential(entered.secret.trim(), expires, now);
  if (entered.kind === 'generate') return done(await generated(now));
  const credential = certificateCredential(entered, now);
  if (!credential.ok) return credential;
  const certificate = firstCertificate(entered.certificate);
  return done({ credential: credential.value, certificate, generated: false });
}

function secretCredential(secret: string, expires: number | null, now: number): Outcome<ReadyCredential> {
  const refuse = (code: string) => failed('credential', code, '');
  if (secret === '') return refuse('secret-empty');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (secret.length > LONGEST_SECRET || /[\u0000-\u001f]/.test(secret)) return refuse('secret-lines');
  if (expires !== null && expires <= now) return refuse('expires-past');
  return done({ credential: { kind: 'secret', secret, expires }, certificate: null, generated: false });
}

/** A new key and its certificate. The key is nowhere but here. */
async function generated(now: number): Promise<ReadyCredential> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: BITS });
  const end = new Date(now);
  end.setUTCFullYear(end.getUTCFullYear() + YEARS);
  const certificate = selfSignedCertificate({
    commonName: 'rcptgate',
    privateKey,
    from: now - BACKDATED,
    to: end.getTime(),
    serial: randomBytes(SERIAL_BYTES),
  });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const read = certificateCredential({ certificate, key, passphrase: null }, now);
  if (!read.ok) throw new Error(`a certificate made here cannot be read: ${read.failure.message}`);
  return { credential: read.value, certificate, generated: true };
}

/** The first certificate of a PEM text that holds one, without anything around it (a key, say). */
function firstCertificate(pem: string): string {
  const block = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(pem)?.[0] ?? '';
  return `${block}\n`;
}
