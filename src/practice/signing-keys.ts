/** The keys a tenant signs tokens with: several at once, changed without notice as Entra ID does (key rollover). */
import type { KeyObject } from 'node:crypto';
import { createHash, createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import type { Identity } from './certificate.ts';
import { createClientCertificate } from './certificate.ts';

export interface SigningKey {
  /** Also `x5t`: SHA-1 of the certificate. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** DER, base64. */
  readonly certificate: string;
}

export interface SigningKeys {
  /** Signs new tokens. */
  readonly current: SigningKey;
  /** Every key that is published, the current one last. */
  readonly published: readonly SigningKey[];
  /** Adds a key and signs with it from now on; the old ones stay published. */
  rotate(): void;
  /** Stops publishing every key but the current one: what they signed no longer verifies. */
  dropOld(): void;
}

/** Keys that begin with one. */
export function signingKeys(first: Identity): SigningKeys {
  let published: readonly [...SigningKey[], SigningKey] = [signingKey(first)];
  return {
    get current() {
      return published.at(-1) as SigningKey;
    },
    get published() {
      return published;
    },
    rotate() {
      published = [...published, newSigningKey()];
    },
    dropOld() {
      published = [published.at(-1) as SigningKey];
    },
  };
}

/** A key that no tenant publishes. */
export function newSigningKey(): SigningKey {
  return signingKey(createClientCertificate('accounts.accesscontrol.example'));
}

function signingKey({ certPem, keyPem }: Identity): SigningKey {
  const { raw } = new X509Certificate(certPem);
  return {
    kid: createHash('sha1').update(raw).digest('base64url'),
    privateKey: createPrivateKey(keyPem),
    publicKey: createPublicKey(certPem),
    certificate: raw.toString('base64'),
  };
}
