/**
 * An application manifest as the portal takes it, in the Microsoft Graph form (`web.redirectUris`) and in the older
 * one (`replyUrlsWithType`). Reference: Microsoft identity platform app manifest; redirect URI restrictions.
 */
import type { RequestedPermission, RequiredResourceAccess } from './permission-ids.ts';
import { GRAPH_APP_ID, permissionOf } from './permission-ids.ts';

/** A role that people can be given on the application; its `value` comes in the id token. */
export interface AppRole {
  readonly id: string;
  readonly value: string;
  readonly displayName: string;
  readonly isEnabled: boolean;
  readonly allowedMemberTypes: readonly string[];
}

/** What a manifest says; what it does not say is absent. */
export interface ManifestChange {
  readonly redirectUris: readonly string[];
  readonly displayName?: string;
  readonly requestedPermissions?: readonly RequestedPermission[];
  readonly appRoles?: readonly AppRole[];
  readonly groupMembershipClaims?: string | null;
}

interface Manifest {
  readonly displayName?: string;
  readonly web?: { readonly redirectUris?: readonly string[] };
  readonly replyUrlsWithType?: ReadonlyArray<{ readonly url: string }>;
  readonly requiredResourceAccess?: readonly RequiredResourceAccess[];
  readonly appRoles?: readonly AppRole[];
  readonly groupMembershipClaims?: string | null;
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What a manifest asks to change. @throws RangeError for what the portal refuses to save. */
export function manifestChange(input: string | object): ManifestChange {
  const manifest: Manifest = typeof input === 'string' ? JSON.parse(input) : input;
  const { displayName, requiredResourceAccess, appRoles, groupMembershipClaims } = manifest;
  return {
    redirectUris: [
      ...(manifest.web?.redirectUris ?? []),
      ...(manifest.replyUrlsWithType ?? []).map(({ url }) => url),
    ],
    ...(displayName === undefined ? {} : { displayName }),
    ...(requiredResourceAccess && { requestedPermissions: requestedPermissions(requiredResourceAccess) }),
    ...(appRoles && { appRoles: checkedRoles(appRoles) }),
    ...(groupMembershipClaims === undefined ? {} : { groupMembershipClaims }),
  };
}

/** What the portal says against a redirect URI of the platform "Web"; null for a good one. */
export function redirectUriProblem(uri: string): string | null {
  const url = URL.canParse(uri) ? new URL(uri) : null;
  if (url === null || uri.length > 256) return `${uri} is not a URI of at most 256 characters`;
  const local = url.protocol === 'http:' && url.hostname === 'localhost';
  if (url.protocol !== 'https:' && !local) return `${uri} must start with https:// or http://localhost`;
  if (url.hash !== '' || uri.includes('*')) return `${uri} must have no fragment and no wildcard`;
  return /[!$'(),;]/.test(uri) ? `${uri} has a character that is not supported` : null;
}

function requestedPermissions(required: readonly RequiredResourceAccess[]): RequestedPermission[] {
  return required.flatMap(({ resourceAppId, resourceAccess }) => {
    if (resourceAppId !== GRAPH_APP_ID) throw new RangeError(`no resource application ${resourceAppId}`);
    return resourceAccess.map((access) => {
      const permission = permissionOf(access);
      if (permission === null) throw new RangeError(`Microsoft Graph has no ${access.type} ${access.id}`);
      return permission;
    });
  });
}

function checkedRoles(roles: readonly AppRole[]): readonly AppRole[] {
  for (const role of roles) {
    if (!GUID.test(role.id)) throw new RangeError(`the id of app role ${role.value} is no GUID`);
    if (!/^\S{1,120}$/.test(role.value))
      throw new RangeError(`the app role value "${role.value}" is not valid`);
    if (!role.displayName) throw new RangeError(`app role ${role.value} has no displayName`);
    const members = role.allowedMemberTypes ?? [];
    if (members.length === 0 || members.some((type) => type !== 'User' && type !== 'Application')) {
      throw new RangeError(`app role ${role.value} must be for User, Application or both`);
    }
  }
  const distinct = (values: readonly string[]): boolean => new Set(values).size === values.length;
  if (!distinct(roles.map(({ id }) => id)) || !distinct(roles.map(({ value }) => value))) {
    throw new RangeError('two app roles have the same id or value');
  }
  return roles;
}
