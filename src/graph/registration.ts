/**
 * The application's own registration, where a permission allows to read it: Microsoft Graph `GET /applications(appId=…)`.
 * Graph shows of a secret its first three characters only, so its end is known when exactly one secret begins so.
 */
import { hintOf } from '../core/application.ts';
import type { Credential } from './credential.ts';
import { isRecord } from './objects.ts';
import type { Get } from './requests.ts';

/** End of the credential as registered, ms since 1970; null when it cannot be told. A failure to read is no trouble. */
export async function readEnd(
  get: Get,
  { applicationId, credential }: { readonly applicationId: string; readonly credential: Credential },
  signal?: AbortSignal,
): Promise<number | null> {
  if (credential.kind !== 'secret') return null;
  const path = `/applications(appId='${encodeURIComponent(applicationId)}')?$select=passwordCredentials`;
  const body = await get(path, 'first', signal);
  return body.ok ? endOf(body.value, hintOf(credential.secret)) : null;
}

/** The end of the one secret that begins with `hint`; null when there is none, or several with different ends. */
export function endOf(registration: unknown, hint: string): number | null {
  const listed = isRecord(registration) ? registration.passwordCredentials : null;
  if (!Array.isArray(listed) || hint === '') return null;
  const ends = listed
    .filter(isRecord)
    .filter((entry) => entry.hint === hint && typeof entry.endDateTime === 'string')
    .map((entry) => Date.parse(String(entry.endDateTime)));
  const [end] = ends;
  return end !== undefined && Number.isFinite(end) && ends.every((other) => other === end) ? end : null;
}
