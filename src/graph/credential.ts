/** What proves to Entra ID who we are: one of three kinds, as values. Reading them from files is in credential-file.ts. */
import { isRecord } from './objects.ts';

/** A client secret. */
export interface SecretCredential {
  readonly kind: 'secret';
  readonly secret: string;
  /** End of its life as the operator stated it, ms since 1970; Entra ID does not tell it. */
  readonly expires: number | null;
}

/** A certificate that is registered for the application, with its key. */
export interface CertificateCredential {
  readonly kind: 'certificate';
  /** SHA-256 of the certificate, hex without colons: MSAL cuts it off at the first colon. */
  readonly thumbprint: string;
  /** RSA key, PKCS #8 PEM, not encrypted. */
  readonly privateKey: string;
  /** The certificate's notAfter, ms since 1970. */
  readonly expires: number;
}

/** A JWT of another issuer that the application trusts (federated identity credential). */
export interface AssertionCredential {
  readonly kind: 'assertion';
  readonly assertion: string;
  /** Its `exp`, ms since 1970. */
  readonly expires: number;
}

export type Credential = SecretCredential | CertificateCredential | AssertionCredential;
export type CredentialKind = Credential['kind'];

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether two credentials are the same, so that a token of one may be used for the other. */
export function sameCredential(one: Credential | null, other: Credential): boolean {
  return one !== null && one.kind === other.kind && essenceOf(one) === essenceOf(other);
}

function essenceOf(credential: Credential): string {
  if (credential.kind === 'secret') return credential.secret;
  if (credential.kind === 'assertion') return credential.assertion;
  return `${credential.thumbprint}\n${credential.privateKey}`;
}

/** Whether the secret looks like a secret's id, which is the usual mistake: values are never GUIDs. */
export function looksLikeSecretId(credential: Credential): boolean {
  return credential.kind === 'secret' && GUID.test(credential.secret);
}

/** A credential as text, to be sealed. It is the secret itself. */
export function credentialText(credential: Credential): string {
  return JSON.stringify(credential);
}

/** The credential in what {@link credentialText} made; null when it is not that. */
export function credentialFrom(text: string): Credential | null {
  try {
    const value: unknown = JSON.parse(text);
    return isCredential(value) ? value : null;
  } catch {
    return null;
  }
}

function isCredential(value: unknown): value is Credential {
  if (!isRecord(value)) return false;
  const dated = typeof value.expires === 'number';
  if (value.kind === 'secret') return typeof value.secret === 'string' && (dated || value.expires === null);
  if (value.kind === 'assertion') return typeof value.assertion === 'string' && dated;
  const { kind, thumbprint, privateKey } = value;
  return kind === 'certificate' && typeof thumbprint === 'string' && typeof privateKey === 'string' && dated;
}
