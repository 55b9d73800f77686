/** The application registration that the gateway signs in with, its credentials, and what its portal page can change. */
import { X509Certificate } from 'node:crypto';
import type { PasswordCredential } from '@microsoft/microsoft-graph-types';
import type { AppRole, ManifestChange } from './manifest.ts';
import { manifestChange, redirectUriProblem } from './manifest.ts';
import { guidFor } from './object-id.ts';
import type { RequestedPermission } from './permission-ids.ts';

export interface PracticeSecret {
  readonly keyId: string;
  readonly displayName: string;
  readonly secretText: string;
  /** ms since 1970. */
  readonly start: number;
  readonly end: number;
}

/** A federated identity credential: assertions of another issuer that are accepted. */
export interface FederatedCredential {
  readonly issuer: string;
  readonly subject: string;
  /** `api://AzureADTokenExchange` in practice. */
  readonly audience: string;
  /** The issuer's public key (a real tenant fetches it from the issuer). */
  readonly publicKeyPem: string;
}

/** What an administrator can do to a registration in the portal. */
export interface PortalVerbs {
  /** Registers the application; until then nobody knows it (AADSTS700016). */
  register(): void;
  /** @throws RangeError with what the portal would say against the URI. */
  addRedirectUri(uri: string): void;
  removeRedirectUri(uri: string): void;
  /** Takes what the JSON of a manifest says and leaves the rest. @throws RangeError as the portal would refuse it. */
  importManifest(manifest: string | object): void;
  /** A new secret; `end` is ms since 1970, two years from now unless given. Its text is shown by this call only. */
  addSecret(displayName?: string, end?: number): PracticeSecret;
  /** @throws RangeError when there is no such secret. */
  removeSecret(keyId: string): void;
  /** Registers a certificate, PEM. @throws Error when it is none. */
  uploadCertificate(certPem: string): void;
}

export interface PracticeApplication extends PortalVerbs {
  readonly applicationId: string;
  readonly objectId: string;
  readonly servicePrincipalId: string;
  displayName: string;
  registered: boolean;
  /** Compared whole, as Entra ID compares them. */
  redirectUris: readonly string[];
  /** What a consent page asks for. */
  requestedPermissions: readonly RequestedPermission[];
  appRoles: readonly AppRole[];
  /** Id tokens carry `wids` unless this is null. */
  groupMembershipClaims: string | null;
  /** Every secret is accepted until its end. */
  secrets: PracticeSecret[];
  /** Registered certificates, PEM. */
  certificates: string[];
  federated: FederatedCredential[];
}

const TWO_YEARS = 2 * 365 * 24 * 60 * 60 * 1000;

/** A registration without credentials, redirect URIs, permissions or roles. */
export function emptyApplication(applicationId: string, now: () => number): PracticeApplication {
  const application: PracticeApplication = {
    applicationId,
    objectId: guidFor(applicationId.length, 1),
    servicePrincipalId: guidFor(applicationId.length, 2),
    displayName: 'rcptgate',
    registered: false,
    redirectUris: [],
    requestedPermissions: [],
    appRoles: [],
    groupMembershipClaims: null,
    secrets: [],
    certificates: [],
    federated: [],
    register() {
      application.registered = true;
    },
    addRedirectUri: (uri) => addRedirectUris(application, [uri]),
    removeRedirectUri(uri) {
      application.redirectUris = application.redirectUris.filter((known) => known !== uri);
    },
    importManifest: (manifest) => change(application, manifestChange(manifest)),
    addSecret(displayName = 'rcptgate', end) {
      const secret = newSecret(displayName, newSecretText(), now(), end);
      application.secrets = [...application.secrets, secret];
      return secret;
    },
    removeSecret(keyId) {
      const left = application.secrets.filter((secret) => secret.keyId !== keyId);
      if (left.length === application.secrets.length) throw new RangeError(`no secret has the id ${keyId}`);
      application.secrets = left;
    },
    uploadCertificate(certPem) {
      application.certificates = [...application.certificates, new X509Certificate(certPem).toString()];
    },
  };
  return application;
}

/** A registration with one secret that is good for two years. */
export function practiceApplication(
  applicationId: string,
  secret: string,
  now: () => number,
): PracticeApplication {
  const application = emptyApplication(applicationId, now);
  application.register();
  application.secrets = [newSecret('rcptgate', secret, now())];
  return application;
}

/** A secret that starts now and is good for two years unless an end is given. */
export function newSecret(
  displayName: string,
  secretText: string,
  now: number,
  end?: number,
): PracticeSecret {
  return { keyId: crypto.randomUUID(), displayName, secretText, start: now, end: end ?? now + TWO_YEARS };
}

/** A secret as Graph lists it: without its text, which is shown once only. */
export function passwordCredential(secret: PracticeSecret): PasswordCredential {
  return {
    customKeyIdentifier: null,
    displayName: secret.displayName,
    endDateTime: new Date(secret.end).toISOString(),
    hint: secret.secretText.slice(0, 3),
    keyId: secret.keyId,
    secretText: null,
    startDateTime: new Date(secret.start).toISOString(),
  } satisfies PasswordCredential;
}

/** Forty characters with the tilde that Entra ID's own secrets have, so that forms meet it. */
export function newSecretText(): string {
  const text = Buffer.from(crypto.getRandomValues(new Uint8Array(30))).toString('base64url');
  return `${text.slice(0, 3)}8Q~${text.slice(6)}`;
}

function change(application: PracticeApplication, changes: ManifestChange): void {
  const { redirectUris, ...rest } = changes;
  addRedirectUris(application, redirectUris);
  Object.assign(application, rest);
}

function addRedirectUris(application: PracticeApplication, uris: readonly string[]): void {
  const problem = uris.map(redirectUriProblem).find((each) => each !== null);
  if (problem) throw new RangeError(problem);
  application.redirectUris = [...new Set([...application.redirectUris, ...uris])];
}
