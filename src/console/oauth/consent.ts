/**
 * Admin consent, version 2 (Microsoft identity platform, "Admin consent on the Microsoft identity platform"): the address
 * that asks for it, and what the answer means. The answer proves nothing, because anybody can write its query: what it
 * leads to is a proof with a fresh token. Its `error` comes first, because `admin_consent=True` stands beside it.
 */
import type { OneShots } from '../site/one-shot.ts';
import type { ConsentParts } from './applications.ts';

/** What a consent that is under way stands for. */
export interface PendingConsent {
  readonly tenant: string;
  /** Who made the link. */
  readonly who: string;
  /** The link is for somebody else, who may have no access to the console. */
  readonly shared: boolean;
}

/** Path of the redirect URI. */
export const CONSENT_PATH = '/oauth/consent';

/** The address at which an administrator of the tenant consents. */
export function consentAddress(
  tenant: string,
  { applicationId, login, graph }: ConsentParts,
  publicUrl: string,
  state: string,
): string {
  const url = new URL(`${login}/${tenant}/v2.0/adminconsent`);
  url.searchParams.set('client_id', applicationId ?? '');
  // Only .default includes application permissions.
  url.searchParams.set('scope', `${graph}/.default`);
  url.searchParams.set('redirect_uri', `${publicUrl}${CONSENT_PATH}`);
  url.searchParams.set('state', state);
  return url.href;
}

/** What came back. `forged`: it names another tenant; the other refusals are of the state, or of the form. */
export type ConsentReply =
  | { readonly kind: 'granted'; readonly consent: PendingConsent }
  | { readonly kind: 'declined'; readonly consent: PendingConsent; readonly code: string }
  | {
      readonly kind: 'refused';
      readonly why: 'repeated' | 'unknown' | 'late' | 'foreign' | 'forged' | 'incomplete';
    }
  /** An error without a state, as version 1 of adminconsent answers: nobody can tell what it belongs to. */
  | { readonly kind: 'refused'; readonly why: 'stateless'; readonly code: string };

/** Reads the query of the callback in a session (null: none). The state is used up, whatever the rest says. */
export function readConsent(
  query: URLSearchParams,
  states: OneShots<PendingConsent>,
  session: string | null,
): ConsentReply {
  const names = [...query.keys()];
  if (new Set(names).size !== names.length) return { kind: 'refused', why: 'repeated' };
  const error = query.get('error');
  if (error !== null && !query.has('state')) {
    return { kind: 'refused', why: 'stateless', code: codeIn(query, error) };
  }
  const taken = states.take(query.get('state') ?? '', session);
  if (!taken.ok) return { kind: 'refused', why: taken.why };
  const consent = taken.value;
  if (error !== null) return { kind: 'declined', consent, code: codeIn(query, error) };
  if (query.get('admin_consent')?.toLowerCase() !== 'true') return { kind: 'refused', why: 'incomplete' };
  const tenant = query.get('tenant')?.toLowerCase();
  return tenant === consent.tenant ? { kind: 'granted', consent } : { kind: 'refused', why: 'forged' };
}

/** The AADSTS code of an error; a decline without one is 65004. */
function codeIn(query: URLSearchParams, error: string): string {
  const named = /AADSTS\d{4,8}/.exec(query.get('error_description') ?? '')?.[0];
  if (named !== undefined) return named;
  const declined = ['access_denied', 'consent_required', 'permission_denied'].includes(error);
  return declined ? 'AADSTS65004' : error.slice(0, 80);
}
