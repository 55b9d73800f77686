/**
 * The application as it is to be registered in Entra ID: redirect URIs, permissions, app roles, and the manifest with all
 * of it (Microsoft Graph `application` resource, which is the form of the portal's manifest page too).
 */
import { GRAPH_APPLICATION, PERMISSIONS } from '../../core/permissions.ts';

/** The name that is proposed. */
export const APPLICATION_NAME = 'rcptgate';

/** A role that people are given in Enterprise applications, Users and groups; its value comes in the id token. */
export interface AppRole {
  /** The same in every installation, so that a manifest can be applied again. */
  readonly id: string;
  readonly value: string;
  readonly displayName: string;
  readonly description: string;
}

export const APP_ROLES: readonly AppRole[] = [
  {
    id: 'a8d8ee1a-0f49-4eb0-b561-a6a071286dc3',
    value: 'Gateway.Admin',
    displayName: 'Gateway administrator',
    description: 'Sees and changes this tenant in the console of the mail gateway.',
  },
  {
    id: '439c84f9-397d-44f9-aadb-6bff4d97efbd',
    value: 'Gateway.Reader',
    displayName: 'Gateway reader',
    description: 'Sees this tenant in the console of the mail gateway and changes nothing.',
  },
];

/** Both redirect URIs of this installation: sign-in and admin consent. */
export function redirectUris(publicUrl: string): readonly [signIn: string, consent: string] {
  return [`${publicUrl}/oauth/callback`, `${publicUrl}/oauth/consent`];
}

/** Whether Entra ID takes the redirect URIs: https, or http on localhost, without some characters, 256 at most. */
export function isRegistrable(publicUrl: string): boolean {
  const { protocol, hostname } = new URL(publicUrl);
  const secure = protocol === 'https:' || (protocol === 'http:' && hostname === 'localhost');
  return secure && redirectUris(publicUrl).every((uri) => uri.length <= 256 && !/[!$'(),;*]/.test(uri));
}

/** `requiredResourceAccess`: what the consent page asks for. */
export function requiredAccess() {
  const resourceAccess = PERMISSIONS.map(({ id, type }) => ({
    id,
    type: type === 'application' ? 'Role' : 'Scope',
  }));
  return [{ resourceAppId: GRAPH_APPLICATION, resourceAccess }];
}

/** `appRoles`. */
export function appRoles() {
  return APP_ROLES.map((role) => ({ ...role, allowedMemberTypes: ['User'], isEnabled: true }));
}

/** The manifest. Implicit flows stay off: nothing here uses them. */
export function manifestOf(publicUrl: string) {
  return {
    displayName: APPLICATION_NAME,
    signInAudience: 'AzureADMyOrg',
    web: {
      redirectUris: redirectUris(publicUrl),
      implicitGrantSettings: { enableAccessTokenIssuance: false, enableIdTokenIssuance: false },
    },
    requiredResourceAccess: requiredAccess(),
    appRoles: appRoles(),
  };
}
