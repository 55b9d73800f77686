/**
 * Access tokens for Graph: JWTs (RFC 7519) signed RS256, in the v1 shape that Entra ID gives Graph, and the check
 * that Graph makes of them. Reference: Microsoft identity platform access token claims.
 */
import { randomUUID } from 'node:crypto';
import type { JWK, JWTHeaderParameters, JWTPayload } from 'jose';
import { errors, exportJWK, jwtVerify, SignJWT } from 'jose';
import type { PracticeApplication } from './application.ts';
import { expiredToken, GraphProblem } from './graph-error.ts';
import type { SigningKey, SigningKeys } from './signing-keys.ts';

/** What every access token is for. */
export const GRAPH_AUDIENCE = 'https://graph.microsoft.com';

export interface TokenRequest {
  readonly application: PracticeApplication;
  readonly roles: readonly string[];
  /** Seconds. */
  readonly lifetime: number;
}

export interface AccessTokens {
  issue(request: TokenRequest): Promise<string>;
  /** The roles of a token that is good; otherwise throws what Graph answers. */
  verify(token: string): Promise<ReadonlySet<string>>;
  /** Signs any claims with the tenant's key, or with another, for id tokens and for tokens that are wrong on purpose. */
  sign(claims: JWTPayload, choice?: Partial<SigningChoice>): Promise<string>;
  /** The JSON Web Key Set with the tenant's keys. */
  keySet(issuer: string): Promise<{ keys: JWK[] }>;
}

/** How a token is signed when not as usual. */
export interface SigningChoice {
  readonly key: SigningKey;
  /** What the header says the key is. */
  readonly kid: string;
}

/** Tokens of one tenant. */
export function accessTokens(tenantId: string, signing: SigningKeys, now: () => number): AccessTokens {
  const sign: AccessTokens['sign'] = (claims, choice = {}) => {
    const key = choice.key ?? signing.current;
    const kid = choice.kid ?? key.kid;
    return new SignJWT(claims)
      .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid, x5t: kid })
      .sign(key.privateKey);
  };
  return {
    sign,
    issue: (request) => sign(claimsOf(tenantId, request, Math.floor(now() / 1000))),
    async verify(token) {
      if (token === '') throw unauthorised('Access token is empty.');
      const currentDate = new Date(now());
      const options = { audience: GRAPH_AUDIENCE, algorithms: ['RS256'], currentDate };
      const keyOf = ({ kid }: JWTHeaderParameters) => publicKeyOf(signing, kid);
      const { payload } = await jwtVerify(token, keyOf, options).catch(refuse);
      if (payload.tid !== tenantId) throw unauthorised('Access token validation failure. Invalid tenant.');
      return new Set(Array.isArray(payload.roles) ? payload.roles.map(String) : []);
    },
    async keySet(issuer) {
      return { keys: await Promise.all(signing.published.map((key) => jwkOf(key, issuer))) };
    },
  };
}

function publicKeyOf(signing: SigningKeys, kid: string | undefined): SigningKey['publicKey'] {
  const key = signing.published.find((published) => published.kid === kid);
  if (key === undefined) throw new errors.JWSSignatureVerificationFailed();
  return key.publicKey;
}

async function jwkOf({ kid, publicKey, certificate }: SigningKey, issuer: string) {
  return { ...(await exportJWK(publicKey)), use: 'sig', kid, x5t: kid, x5c: [certificate], issuer };
}

function claimsOf(
  tenantId: string,
  { application, roles, lifetime }: TokenRequest,
  seconds: number,
): JWTPayload {
  const identity = { oid: application.servicePrincipalId, sub: application.servicePrincipalId };
  return {
    aud: GRAPH_AUDIENCE,
    iss: `https://sts.windows.net/${tenantId}/`,
    iat: seconds,
    nbf: seconds,
    exp: seconds + lifetime,
    app_displayname: application.displayName,
    appid: application.applicationId,
    appidacr: '1',
    idp: `https://sts.windows.net/${tenantId}/`,
    idtyp: 'app',
    ...identity,
    // Without consent Entra ID still issues a token; it just has no roles claim.
    ...(roles.length > 0 ? { roles: [...roles] } : {}),
    tid: tenantId,
    uti: randomUUID(),
    ver: '1.0',
  };
}

function refuse(error: unknown): never {
  if (error instanceof errors.JWTExpired) throw expiredToken();
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') {
    throw unauthorised('Access token validation failure. Invalid audience.');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    throw unauthorised('Access token validation failure. Invalid signature.');
  }
  throw unauthorised('CompactToken parsing failed with error code: 80049217');
}

function unauthorised(message: string): GraphProblem {
  return new GraphProblem(401, 'InvalidAuthenticationToken', message);
}
