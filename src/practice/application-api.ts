/**
 * The application's own registration over Graph: reading its credentials, adding and removing secrets. Changing them
 * takes Application.ReadWrite.OwnedBy and ownership; reading takes less.
 * Reference: Microsoft Graph application: addPassword, removePassword.
 */
import type { Application, PasswordCredential } from '@microsoft/microsoft-graph-types';
import { newSecret, newSecretText, passwordCredential } from './application.ts';
import { usualProblem } from './graph-error.ts';
import type { Call, Reply } from './reply.ts';
import type { TenantState } from './tenant-state.ts';

/** `GET /applications/…`. */
export function applicationReply({ application }: TenantState, call: Call): Reply {
  const body = {
    id: application.objectId,
    appId: application.applicationId,
    displayName: application.displayName,
    passwordCredentials: application.secrets.map(passwordCredential),
    keyCredentials: [],
  } satisfies Application;
  return {
    status: 200,
    body: { '@odata.context': `${call.url.origin}/v1.0/$metadata#applications/$entity`, ...body },
  };
}

/** `POST /applications/…/addPassword`: the only reply that ever shows a secret. */
export function addPassword(state: TenantState, call: Call, roles: ReadonlySet<string>): Reply {
  requireOwnership(state, roles);
  const wanted = requestBody(call).passwordCredential ?? {};
  const end = wanted.endDateTime == null ? undefined : Date.parse(wanted.endDateTime);
  const secretText = newSecretText();
  const secret = newSecret(wanted.displayName ?? '', secretText, state.now(), end);
  state.application.secrets = [...state.application.secrets, secret];
  const body = { ...passwordCredential(secret), secretText } satisfies PasswordCredential;
  return {
    status: 200,
    body: {
      '@odata.context': `${call.url.origin}/v1.0/$metadata#microsoft.graph.passwordCredential`,
      ...body,
    },
  };
}

/** `POST /applications/…/removePassword`. */
export function removePassword(state: TenantState, call: Call, roles: ReadonlySet<string>): Reply {
  requireOwnership(state, roles);
  const { keyId } = requestBody(call);
  const left = state.application.secrets.filter((secret) => secret.keyId !== keyId);
  if (left.length === state.application.secrets.length) throw usualProblem(400);
  state.application.secrets = left;
  return { status: 204 };
}

interface PasswordRequest {
  readonly passwordCredential?: PasswordCredential;
  readonly keyId?: string;
}

function requireOwnership(state: TenantState, roles: ReadonlySet<string>): void {
  const owned = roles.has('Application.ReadWrite.OwnedBy') && state.switches.ownsItself;
  if (!owned && !roles.has('Application.ReadWrite.All')) throw usualProblem(403);
}

function requestBody(call: Call): PasswordRequest {
  try {
    return JSON.parse(call.body || '{}');
  } catch {
    throw usualProblem(400);
  }
}
