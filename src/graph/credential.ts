/** What proves to Entra ID who we are. A certificate or a federated assertion is another kind of the same value. */
import { readFile } from 'node:fs/promises';
import { done, failed, type Outcome } from './failure.ts';

export interface Credential {
  readonly kind: 'secret';
  readonly secret: string;
}

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Reads a client secret from its file; surrounding white space does not belong to it. */
export async function readSecretFile(path: string): Promise<Outcome<Credential>> {
  try {
    const secret = (await readFile(path, 'utf8')).trim();
    if (secret !== '') return done({ kind: 'secret', secret });
    return failed(
      'credential',
      'secret-empty',
      `secret file ${path} is empty`,
      'Write the secret value into it.',
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = 'Check secret_file, and that the service user may read it.';
    return failed('credential', 'secret-file', `secret file cannot be read: ${reason}`, hint);
  }
}

/** Whether two credentials are the same, so that a token of one may be used for the other. */
export function sameCredential(one: Credential | null, other: Credential): boolean {
  return one !== null && one.kind === other.kind && one.secret === other.secret;
}

/** Whether the secret looks like a secret's id, which is the usual mistake: values are never GUIDs. */
export function looksLikeSecretId(credential: Credential): boolean {
  return GUID.test(credential.secret);
}
