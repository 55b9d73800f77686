/**
 * Client assertions (RFC 7523 section 2.2): a JWT signed with a registered certificate (PS256 with `x5t#S256`, or
 * RS256 with `x5t`), or a federated identity credential's JWT from another issuer.
 * Reference: Microsoft identity platform application authentication certificate credentials.
 */
import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import type { JWTVerifyOptions } from 'jose';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import { AadstsProblem } from './aadsts.ts';
import type { FederatedCredential, PracticeApplication } from './application.ts';

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Who may be the audience of a certificate's assertion. */
export interface AssertionContext {
  readonly application: PracticeApplication;
  readonly audiences: readonly string[];
  readonly now: number;
}

/** Accepts an assertion, or throws the code that Entra ID refuses it with. */
export async function checkAssertion(assertion: string, context: AssertionContext): Promise<void> {
  const { x5t, 'x5t#S256': x5tS256 } = headerOf(assertion);
  const certificate = typeof x5tS256 === 'string' || typeof x5t === 'string';
  return certificate
    ? checkCertificate(assertion, String(x5tS256 ?? x5t), context)
    : checkFederated(assertion, context);
}

async function checkCertificate(
  assertion: string,
  thumbprint: string,
  context: AssertionContext,
): Promise<void> {
  const { application, audiences, now } = context;
  const pem = application.certificates.find((certPem) => thumbprintsOf(certPem).includes(thumbprint));
  if (pem === undefined) throw new AadstsProblem(700027);
  await verify(assertion, pem, {
    algorithms: ['PS256', 'RS256'],
    audience: [...audiences],
    issuer: application.applicationId,
    subject: application.applicationId,
    currentDate: new Date(now),
    clockTolerance: 300,
  });
}

async function checkFederated(assertion: string, { application, now }: AssertionContext): Promise<void> {
  const { iss, sub } = decodeJwt(assertion);
  const credential = application.federated.find((known) => known.issuer === iss && known.subject === sub);
  if (credential === undefined) throw new AadstsProblem(700213);
  await verify(assertion, credential.publicKeyPem, optionsFor(credential, now));
}

function optionsFor({ issuer, subject, audience }: FederatedCredential, now: number): JWTVerifyOptions {
  return { issuer, subject, audience, currentDate: new Date(now), clockTolerance: 300 };
}

async function verify(assertion: string, publicPem: string, options: JWTVerifyOptions): Promise<void> {
  try {
    await jwtVerify(assertion, createPublicKey(publicPem), options);
  } catch (error) {
    const outsideTime =
      error instanceof errors.JWTExpired ||
      (error instanceof errors.JWTClaimValidationFailed && ['nbf', 'iat', 'exp'].includes(error.claim));
    throw new AadstsProblem(outsideTime ? 700024 : 700027);
  }
}

function headerOf(assertion: string): Record<string, unknown> {
  try {
    return decodeProtectedHeader(assertion);
  } catch {
    throw new AadstsProblem(9002313);
  }
}

function thumbprintsOf(certPem: string): string[] {
  const { raw } = new X509Certificate(certPem);
  return ['sha256', 'sha1'].map((hash) => createHash(hash).update(raw).digest('base64url'));
}
