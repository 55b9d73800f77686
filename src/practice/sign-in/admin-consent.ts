/**
 * Admin consent: `/{tenant}/adminconsent` (v1) and `/{tenant}/v2.0/adminconsent` (v2), which differ in what they answer.
 * Reference: Microsoft identity platform, admin consent and client credentials flow.
 */
import { AadstsProblem, aadstsText } from '../aadsts.ts';
import type { Call, Reply } from '../reply.ts';
import type { TenantState } from '../tenant-state.ts';
import { mayConsent } from './accounts.ts';
import { told } from './authorize.ts';
import type { Errand } from './errand.ts';
import { accountOf, addressWith, backWith, errandOf } from './errand.ts';
import { accountPage, consentPage, problemPage } from './pages.ts';

type Fields = Readonly<Record<string, string>>;

interface Consent {
  readonly errand: Errand;
  readonly version: 1 | 2;
}

/** Version 1: no scope, `common` allowed. */
export function adminConsent(state: TenantState, call: Call): Reply {
  return answered({ errand: errandOf(state, call), version: 1 });
}

/** Version 2: the scope is Graph's `.default`, which includes application permissions; `common` is not allowed. */
export function adminConsentV2(state: TenantState, call: Call): Reply {
  if (call.url.pathname.toLowerCase().startsWith('/common/')) throw new AadstsProblem(9002313);
  return answered({ errand: errandOf(state, call), version: 2 });
}

function answered(consent: Consent): Reply {
  try {
    if (consent.version === 2) checkScope(consent.errand.call.url.searchParams.get('scope'));
    return step(consent);
  } catch (error) {
    if (!(error instanceof AadstsProblem)) throw error;
    return told(consent.errand, error, consent.version === 2 ? { admin_consent: 'True' } : {});
  }
}

function step(consent: Consent): Reply {
  const { state, form } = consent.errand;
  const decision = form.get('decision');
  if (decision === 'cancel') return declined(consent);
  const account = accountOf(consent.errand);
  if (account === null) return accountPage(state, '');
  if (state.switches.refuseSignIn !== null) throw new AadstsProblem(state.switches.refuseSignIn);
  if (!mayConsent(account)) return needsAdministrator(consent);
  if (decision !== 'accept') return consentPage(state, account, true);
  return accepted(consent);
}

function accepted({ errand, version }: Consent): Reply {
  const { state } = errand;
  const requested = state.application.requestedPermissions;
  const roles = requested.filter(({ type }) => type === 'Role').map(({ value }) => value);
  state.switches.servicePrincipalMissing = false;
  if (state.switches.consentDelay === 0) state.switches.rolesGranted = new Set(roles);
  else state.consent.give(roles, state.switches.consentDelay);
  const scope = requested.map(({ value }) => `https://graph.microsoft.com/${value}`).join(' ');
  const fields: Fields = version === 1 ? {} : { scope };
  return backWith(errand, { admin_consent: 'True', tenant: state.tenantId, ...fields });
}

/** Version 1 documents one reply and is seen to send two others; version 2 sends `admin_consent` with the error. */
function declined(consent: Consent): Reply {
  return {
    status: 302,
    headers: { location: declinedAddress(consent), 'cache-control': 'no-store, no-cache' },
  };
}

function declinedAddress({ errand, version }: Consent): string {
  const { state, call, redirectUri, returned } = errand;
  const subject = { app: state.application.applicationId, tenant: state.tenantId };
  const { description } = aadstsText(65004, subject, call, state.now());
  const fields: Readonly<Record<string, Fields>> = {
    'permission-denied': { error: 'permission_denied', error_description: 'The admin canceled the request' },
    cancel: { error: 'access_denied', error_subcode: 'cancel' },
    'access-denied': { error: 'access_denied', error_description: description },
    'consent-required': { admin_consent: 'True', error: 'consent_required', error_description: description },
  };
  const shape = state.switches.declineShape ?? (version === 1 ? 'cancel' : 'consent-required');
  // The documented reply of version 1 has no state.
  return addressWith(redirectUri, fields[shape] ?? {}, shape === 'permission-denied' ? null : returned);
}

function needsAdministrator(consent: Consent): Reply {
  const { state, call } = consent.errand;
  const subject = { app: state.application.applicationId, tenant: state.tenantId };
  const problem = aadstsText(90094, subject, call, state.now());
  return problemPage(state.displayName, problem, declinedAddress(consent));
}

function checkScope(scope: string | null): void {
  if (scope === null) throw new AadstsProblem(900144, 'scope');
  if (!/^\S+\/\.default$/.test(scope)) throw new AadstsProblem(70011);
}
