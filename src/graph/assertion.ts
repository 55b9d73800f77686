/**
 * A federated assertion: a JWT (RFC 7519) that another issuer writes into a file and renews there, such as a projected
 * service account token. Entra ID checks its signature; here only its form and its end are looked at.
 */
import type { AssertionCredential } from './credential.ts';
import { done, failed, type Outcome } from './failure.ts';
import { isRecord } from './objects.ts';

/** The credential in the text of an assertion file, judged at `now` (ms since 1970). */
export function assertionCredential(text: string, now: number): Outcome<AssertionCredential> {
  const assertion = text.trim();
  const expires = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(assertion) ? expiryOf(assertion) : null;
  if (expires === null) {
    const hint = 'assertion_file wants one signed JWT with an exp, as the identity provider writes it.';
    return failed('credential', 'assertion', 'assertion_file holds no JWT', hint);
  }
  if (expires <= now) {
    const message = `the assertion expired at ${new Date(expires).toISOString()}`;
    const hint = 'Check that its issuer still renews assertion_file, and the clock of this machine (NTP).';
    return failed('credential', 'assertion-expired', message, hint);
  }
  return done({ kind: 'assertion', assertion, expires });
}

/** `exp` of a JWT in ms since 1970; null when it has none. */
function expiryOf(jwt: string): number | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const seconds = isRecord(claims) ? claims.exp : null;
    return typeof seconds === 'number' && Number.isFinite(seconds) ? seconds * 1000 : null;
  } catch {
    return null;
  }
}
