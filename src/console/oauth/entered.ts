/** The form of the OAuth settings as the daemon takes it. */
import type { FormFields } from '../site/form.tsx';

/** What is posted to the daemon, or the code (core/problems.ts) of what cannot be. */
export type Entered =
  | { readonly ok: true; readonly body: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly code: string };

/** Largest certificate or key that is read, bytes. */
const LARGEST = 32 * 1024;

/** Reads the form. Nothing chosen or typed for the credential keeps the one that was entered before. */
export async function enteredIn(form: FormFields): Promise<Entered> {
  const day = form.text('expires');
  const expires = day === '' ? null : Date.parse(`${day}T00:00:00Z`);
  if (expires !== null && !Number.isFinite(expires)) return { ok: false, code: 'expires-past' };
  const application = { application_id: form.text('application_id'), cloud: form.text('cloud') };
  const credential = await credentialIn(form);
  if (credential === null) return { ok: false, code: 'certificate' };
  return { ok: true, body: { ...application, expires, ...credential } };
}

async function credentialIn(form: FormFields): Promise<Readonly<Record<string, unknown>> | null> {
  const kind = form.text('kind');
  if (kind === 'generate') return { generate: true };
  if (kind !== 'certificate') return { secret: form.raw('secret').trim() };
  const certificate = await textOf(form, 'certificate');
  const key = await textOf(form, 'key');
  if (certificate === null || key === null) return null;
  // One PEM file often holds both.
  return { certificate, key: key === '' ? certificate : key, passphrase: form.raw('passphrase') };
}

/** The text of a file, '' without one; null when it is far too large to be one. */
async function textOf(form: FormFields, name: string): Promise<string | null> {
  const file = await form.file(name);
  if (file === null) return '';
  return file.bytes.length > LARGEST ? null : new TextDecoder('latin1').decode(file.bytes);
}
