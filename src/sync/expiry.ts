/** Tells when a credential ends soon, each warning once, also across restarts. */
import { type ExpiryWarning, expiryWarning } from '../core/expiry.ts';
import type { CredentialNews, CredentialUse } from './protocol.ts';

/** Where the last warning is remembered; the functions may throw. */
export interface ExpiryMemory {
  warned(): ExpiryWarning | null;
  keep(warning: ExpiryWarning): void;
}

/** The warning due at `now` (ms since 1970) about the credential in use, already remembered; null when none is. */
export function expiryNews(
  use: CredentialUse | null,
  now: number,
  memory: ExpiryMemory,
): CredentialNews | null {
  // An assertion ends every hour or so and is renewed by its issuer: nothing for a person to plan.
  if (use === null || use.expires === null || use.kind === 'assertion') return null;
  const warning = expiryWarning(use.expires, now, memory.warned());
  if (warning === null) return null;
  memory.keep(warning);
  return { event: 'expiry', kind: use.kind, source: use.source, ...warning };
}
