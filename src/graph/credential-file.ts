/** Reads a credential from the files that the configuration names. They are small; they are read at every round. */

import { readFile } from 'node:fs/promises';
import type { CredentialFiles } from '../core/credential-files.ts';
import { assertionCredential } from './assertion.ts';
import { certificateCredential } from './certificate.ts';
import type { Credential } from './credential.ts';
import { done, failed, type Outcome } from './failure.ts';

/** Reads the credential as it is now; every fault of a file is a failure with words. `now` in ms since 1970. */
export async function readCredential(files: CredentialFiles, now: number): Promise<Outcome<Credential>> {
  if (files.kind === 'secret') return readSecretFile(files.secretFile, files.expires);
  if (files.kind === 'certificate') return readCertificateFiles(files, now);
  const text = await readText('assertion_file', files.assertionFile);
  return text.ok ? assertionCredential(text.value, now) : text;
}

/** Reads a client secret from its file; surrounding white space and a byte order mark do not belong to it. */
export async function readSecretFile(
  path: string,
  expires: number | null = null,
): Promise<Outcome<Credential>> {
  const text = await readText('secret_file', path);
  if (!text.ok) return text;
  const secret = text.value;
  if (!/[\r\n\0]/.test(secret)) return done({ kind: 'secret', secret, expires });
  const hint = 'Write the secret value into it and nothing else.';
  return failed('credential', 'secret-lines', `secret file ${path} holds more than one line`, hint);
}

type CertificateFiles = Extract<CredentialFiles, { kind: 'certificate' }>;

async function readCertificateFiles(files: CertificateFiles, now: number): Promise<Outcome<Credential>> {
  const certificate = await readText('certificate_file', files.certificateFile);
  if (!certificate.ok) return certificate;
  const key = await readText('key_file', files.keyFile);
  if (!key.ok) return key;
  const phrase =
    files.keyPassphraseFile === null ? null : await readText('key_passphrase_file', files.keyPassphraseFile);
  if (phrase !== null && !phrase.ok) return phrase;
  const texts = { certificate: certificate.value, key: key.value, passphrase: phrase?.value ?? null };
  return certificateCredential(texts, now);
}

/** The text of a file without surrounding white space. Codes and words name the key: `secret-file`, `secret-empty`. */
async function readText(key: string, path: string): Promise<Outcome<string>> {
  const name = key.replace('_file', '').replaceAll('_', ' ');
  const code = name.replaceAll(' ', '-');
  try {
    const text = decoded(await readFile(path)).trim();
    if (text !== '') return done(text);
    const hint = key === 'secret_file' ? 'Write the secret value into it.' : `Check ${key}.`;
    return failed('credential', `${code}-empty`, `${name} file ${path} is empty`, hint);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = `Check ${key}, and that the service user may read it.`;
    return failed('credential', `${code}-file`, `${name} file cannot be read: ${reason}`, hint);
  }
}

/** UTF-8, or UTF-16 as Windows tools write it; `trim` takes a byte order mark away. */
function decoded(bytes: Buffer): string {
  return bytes.toString(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf16le' : 'utf8');
}
