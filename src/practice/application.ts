/** The application registration that the gateway signs in with, and its credentials. */
import type { PasswordCredential } from '@microsoft/microsoft-graph-types';
import { guidFor } from './object-id.ts';

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

export interface PracticeApplication {
  readonly applicationId: string;
  readonly objectId: string;
  readonly servicePrincipalId: string;
  readonly displayName: string;
  /** Every secret is accepted until its end. */
  secrets: PracticeSecret[];
  /** Registered certificates, PEM. */
  certificates: string[];
  federated: FederatedCredential[];
}

const TWO_YEARS = 2 * 365 * 24 * 60 * 60 * 1000;

/** A registration with one secret that is good for two years. */
export function practiceApplication(applicationId: string, secret: string, now: number): PracticeApplication {
  return {
    applicationId,
    objectId: guidFor(applicationId.length, 1),
    servicePrincipalId: guidFor(applicationId.length, 2),
    displayName: 'rcptgate',
    secrets: [newSecret('rcptgate', secret, now)],
    certificates: [],
    federated: [],
  };
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
