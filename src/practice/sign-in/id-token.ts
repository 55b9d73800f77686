/**
 * Identity tokens of version 2.0 (OpenID Connect Core 1.0 section 2), right, or wrong in one way.
 * Reference: Microsoft identity platform id token claims.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { newSigningKey } from '../signing-keys.ts';
import type { TenantState } from '../tenant-state.ts';
import { DIRECTORY_ROLES, MEMBER_ROLE } from './accounts.ts';
import type { CodeGrant } from './codes.ts';

/** In which way id tokens are wrong. */
export type IdTokenFault =
  /** Signed by a stranger under the name of the tenant's key. */
  | 'bad-signature'
  /** Signed with a key that is not published. */
  | 'unknown-key'
  /** `alg: none` and no signature (RFC 7519 section 6). */
  | 'unsigned'
  | 'wrong-audience'
  | 'wrong-issuer'
  /** `tid` of another tenant, the issuer left as it is. */
  | 'wrong-tenant'
  | 'wrong-nonce'
  | 'no-nonce'
  | 'no-oid'
  | 'expired'
  | 'not-yet-valid';

const OTHER_TENANT = '9e107d9d-372b-4e3c-8f3a-0b8a7c9d1e2f';
const HOUR = 60 * 60;

/** The id token of a grant; `origin` is the one that the client called. */
export async function issueIdToken(state: TenantState, grant: CodeGrant, origin: string): Promise<string> {
  const claims = { ...claimsOf(state, grant, origin), ...wrongClaims(state) };
  switch (state.switches.idTokenFault) {
    case 'bad-signature':
      return state.tokens.sign(claims, { key: newSigningKey(), kid: state.signing.current.kid });
    case 'unknown-key':
      return state.tokens.sign(claims, { key: newSigningKey() });
    case 'unsigned':
      return `${base64url({ typ: 'JWT', alg: 'none' })}.${base64url(claims)}.`;
    default:
      return state.tokens.sign(claims);
  }
}

/** What MSAL takes as the account's id. */
export function clientInfo({ account }: CodeGrant, tenantId: string): string {
  return base64url({ uid: account.objectId, utid: tenantId });
}

function claimsOf(state: TenantState, { account, clientId, nonce }: CodeGrant, origin: string): JWTPayload {
  const seconds = Math.floor(state.now() / 1000);
  const { application, tenantId } = state;
  const offered = application.appRoles.filter(({ isEnabled }) => isEnabled).map(({ value }) => value);
  const roles = account.appRoles.filter((role) => offered.includes(role));
  const templates = account.directoryRoles.map((role) => DIRECTORY_ROLES[role]);
  return {
    aud: clientId,
    iss: `${origin}/${tenantId}/v2.0`,
    iat: seconds,
    nbf: seconds,
    exp: seconds + HOUR,
    name: account.displayName,
    ...(nonce === null ? {} : { nonce }),
    oid: account.objectId,
    preferred_username: account.userPrincipalName,
    rh: randomUUID(),
    ...(roles.length > 0 ? { roles } : {}),
    sid: randomUUID(),
    sub: createHash('sha256').update(`${account.objectId}${clientId}`).digest('base64url'),
    tid: tenantId,
    uti: randomUUID(),
    ver: '2.0',
    ...(application.groupMembershipClaims === null ? {} : { wids: [...templates, MEMBER_ROLE] }),
  };
}

function wrongClaims({ switches, now, tenantId }: TenantState): JWTPayload {
  const seconds = Math.floor(now() / 1000);
  switch (switches.idTokenFault) {
    case 'wrong-audience':
      return { aud: randomUUID() };
    case 'wrong-issuer':
      return { iss: `https://login.attacker.example/${tenantId}/v2.0` };
    case 'wrong-tenant':
      return { tid: OTHER_TENANT };
    case 'wrong-nonce':
      return { nonce: randomUUID() };
    case 'no-nonce':
      return { nonce: undefined };
    case 'no-oid':
      return { oid: undefined };
    case 'expired':
      return { iat: seconds - 2 * HOUR, nbf: seconds - 2 * HOUR, exp: seconds - HOUR };
    case 'not-yet-valid':
      return { iat: seconds + HOUR, nbf: seconds + HOUR, exp: seconds + 2 * HOUR };
    default:
      return {};
  }
}

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
