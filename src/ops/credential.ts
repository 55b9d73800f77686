/** What log and metrics say of a tenant's credential. Never the credential itself. */
import type { Metrics } from './metrics.ts';

/** Times in ms since 1970. `source`: `file`, `console`, or `kept` when the file cannot be used. */
export type CredentialEvent =
  | {
      readonly event: 'use' | 'expiry';
      readonly kind: string;
      readonly source: string;
      readonly expires: number | null;
      readonly days?: number;
    }
  | { readonly event: 'trouble'; readonly code: string; readonly message: string; readonly hint: string };

/** The level and the fields of the log line. */
export function credentialLine(news: CredentialEvent): readonly [level: 'info' | 'warn', fields: object] {
  if (news.event === 'trouble') {
    const { code, message, hint } = news;
    return ['warn', { error: { code, message, hint } }];
  }
  const { event, kind, source, expires, days } = news;
  const end = expires === null ? null : new Date(expires).toISOString();
  const fields = { kind, source, expires: end, ...(days === undefined ? {} : { days }) };
  return [event === 'use' && source !== 'kept' ? 'info' : 'warn', fields];
}

/** An assertion is renewed by its issuer every hour or so; its end would only make alerts cry wolf. */
export function measureExpiry(metrics: Metrics, tenant: string, news: CredentialEvent): void {
  if (news.event === 'trouble') return;
  if (news.expires === null || news.kind === 'assertion') metrics.credentialExpiry.remove({ tenant });
  else metrics.credentialExpiry.set({ tenant }, news.expires / 1000);
}
