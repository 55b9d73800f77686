/**
 * Whether an identity token (OpenID Connect Core 1.0 section 2 and 3.1.3.7) is what Microsoft Entra ID issued to this
 * application, for this sign-in, to a person of this tenant; and who that is. MSAL checks none of it.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';

/** What the token has to say. */
export interface Expected {
  /** Id of the tenant, in lower case. */
  readonly tenant: string;
  readonly applicationId: string;
  /** Base URL of the login service. */
  readonly login: string;
  readonly nonce: string;
}

/** Who signed in. */
export interface Person {
  readonly tenant: string;
  /** Object id, which with the tenant names the person for good. */
  readonly object: string;
  /** For display only: people choose and change it. */
  readonly name: string;
  /** App roles of the application that they were given. */
  readonly roles: readonly string[];
}

/** The keys of the tenant; `fresh` asks for new ones, which may be refused by giving the same. */
export type KeySource = (fresh: boolean) => Promise<JSONWebKeySet>;

export type Verified =
  | { readonly ok: true; readonly person: Person }
  /** `why` in words of ours, for the log. */
  | { readonly ok: false; readonly why: string };

/** How far clocks may be apart, seconds. */
const SKEW = 300;
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Verifies a token; `now` in ms since 1970. @throws what `keys` throws. */
export async function verifyIdentity(
  token: string,
  keys: KeySource,
  expected: Expected,
  now: number,
): Promise<Verified> {
  const first = await verifySigned(token, await keys(false), expected, now);
  // Keys rotate without notice.
  const signed = first === 'unknown key' ? await verifySigned(token, await keys(true), expected, now) : first;
  if (typeof signed === 'string') return { ok: false, why: signed };
  return personIn(signed, expected);
}

/** The claims, once signature, algorithm, issuer, audience and times are right; otherwise what is wrong. */
async function verifySigned(
  token: string,
  set: JSONWebKeySet,
  expected: Expected,
  now: number,
): Promise<JWTPayload | string> {
  const issuer = `${new URL(expected.login).origin}/${expected.tenant}/v2.0`;
  const ours = set.keys.filter((key) => isKeyOf(key, issuer, expected.tenant));
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: ours }), {
      // Without this list a token could choose "none", or HMAC with our public key as the secret.
      algorithms: ['RS256'],
      issuer,
      audience: expected.applicationId,
      clockTolerance: SKEW,
      currentDate: new Date(now),
      requiredClaims: ['exp', 'nonce', 'tid', 'oid'],
    });
    return payload;
  } catch (error) {
    return faultOf(error);
  }
}

/** A key may name the issuer it is for, `{tenantid}` standing for any tenant. */
function isKeyOf(key: object, issuer: string, tenant: string): boolean {
  const named = 'issuer' in key ? key.issuer : undefined;
  return named === undefined || (typeof named === 'string' && named.replace('{tenantid}', tenant) === issuer);
}

function faultOf(error: unknown): string {
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknown key';
  if (error instanceof errors.JWTExpired) return 'the token has expired; compare the clocks';
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the token is not for us: ${error.claim} is wrong`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature is wrong';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the signature algorithm is not RS256';
  return 'the token cannot be read';
}

function personIn(claims: JWTPayload, { tenant, applicationId, nonce }: Expected): Verified {
  const wrong = (claim: string): Verified => ({
    ok: false,
    why: `the token is not for us: ${claim} is wrong`,
  });
  const { aud, tid, oid, name, preferred_username: userName, roles } = claims;
  if (aud !== applicationId) return wrong('aud');
  if (claims.nonce !== nonce) return wrong('nonce');
  if (typeof tid !== 'string' || tid.toLowerCase() !== tenant) return wrong('tid');
  if (typeof oid !== 'string' || !GUID.test(oid.toLowerCase())) return wrong('oid');
  const object = oid.toLowerCase();
  const shown = [name, userName].find((text) => typeof text === 'string' && text !== '') ?? object;
  return {
    ok: true,
    person: {
      tenant,
      object,
      name: printable(String(shown)),
      roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
    },
  };
}

/** Without control and direction characters, and not longer than a name is. */
function printable(text: string): string {
  return text
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')
    .trim()
    .slice(0, 80);
}
