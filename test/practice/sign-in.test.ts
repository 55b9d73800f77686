/** Sign-in: the real MSAL for the code flow, jose for what it does not check, and every refusal. */
import { createHash } from 'node:crypto';
import { CryptoProvider } from '@azure/msal-node';
import type { JWTVerifyResult } from 'jose';
import { createRemoteJWKSet, customFetch, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { IdTokenFault } from '../../src/practice/sign-in/id-token.ts';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import type { Step } from './browse.ts';
import { address, open } from './browse.ts';
import { fetchOf, msalOf } from './clients.ts';

const CALLBACK = 'http://localhost:8025/oauth/callback';
const VERIFIER = 'a'.repeat(43);
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

let tenant: PracticeTenant;
let clock = 0;
beforeAll(async () => {
  tenant = await startPracticeTenant({ now: () => Date.now() + clock });
  tenant.application.addRedirectUri(CALLBACK);
});
afterEach(() => {
  tenant.switches.reset();
  clock = 0;
});
afterAll(() => tenant.close());

type Query = Readonly<Record<string, string | null>>;

function authorizeUrl(changes: Query = {}, path = `/${tenant.tenantId}/oauth2/v2.0/authorize`): string {
  return address(tenant, path, {
    client_id: tenant.applicationId,
    response_type: 'code',
    redirect_uri: CALLBACK,
    response_mode: 'query',
    scope: 'openid profile',
    state: 'state & more',
    nonce: 'the nonce',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...changes,
  });
}

async function codeOf(account = 'adam.admin@contoso.example', changes: Query = {}): Promise<string> {
  const { sent } = await open(tenant, authorizeUrl(changes), { account });
  return sent?.code ?? '';
}

async function redeem(code: string, changes: Query = {}): Promise<Record<string, unknown>> {
  const fields = {
    grant_type: 'authorization_code',
    client_id: tenant.applicationId,
    client_secret: tenant.secret,
    redirect_uri: CALLBACK,
    code_verifier: VERIFIER,
    code,
    ...changes,
  };
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== null);
  const response = await fetchOf(tenant)(`${tenant.login}/${tenant.tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(given).toString(),
  });
  return (await response.json()) as Record<string, unknown>;
}

async function idTokenOf(account?: string): Promise<string> {
  return String((await redeem(await codeOf(account))).id_token);
}

/** What the console must check; MSAL checks none of it but the nonce. */
function verified(token: string): Promise<JWTVerifyResult> {
  const keys = createRemoteJWKSet(new URL(`${tenant.login}/${tenant.tenantId}/discovery/v2.0/keys`), {
    [customFetch]: (url, options) => fetchOf(tenant)(url, options as RequestInit),
  });
  return jwtVerify(token, keys, {
    audience: tenant.applicationId,
    issuer: `${tenant.login}/${tenant.tenantId}/v2.0`,
    clockTolerance: 300,
  });
}

describe('the code flow of the real MSAL', () => {
  it('ends with the identity of the person who was picked', async () => {
    const msal = msalOf(tenant);
    const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
    const url = await msal.getAuthCodeUrl({
      scopes: ['openid', 'profile'],
      redirectUri: CALLBACK,
      state: 'opaque',
      nonce: 'once',
      codeChallenge: challenge,
      codeChallengeMethod: 'S256',
      prompt: 'select_account',
    });
    const { sent, to } = await open(tenant, url, { account: 'adam.admin@contoso.example' });
    expect(to).toBe(CALLBACK);
    expect(sent).toMatchObject({ state: 'opaque', session_state: expect.any(String) });
    // The reply is not handed to MSAL: it takes no state but its own kind, and looks at nothing else in it.
    const result = await msal.acquireTokenByCode({
      code: sent?.code ?? '',
      scopes: ['openid'],
      redirectUri: CALLBACK,
      codeVerifier: verifier,
      nonce: 'once',
    });
    const adam = tenant.accounts.find(({ displayName }) => displayName === 'Adam Admin');
    expect(result.account?.homeAccountId).toBe(`${adam?.objectId}.${tenant.tenantId}`);
    expect(result.idTokenClaims).toMatchObject({ oid: adam?.objectId, tid: tenant.tenantId, nonce: 'once' });
  });
});

describe('the id token', () => {
  it('verifies, and says who in what role', async () => {
    const { payload } = await verified(await idTokenOf());
    expect(payload).toMatchObject({
      aud: tenant.applicationId,
      nonce: 'the nonce',
      preferred_username: 'adam.admin@contoso.example',
      name: 'Adam Admin',
      roles: ['Gateway.Admin'],
      ver: '2.0',
    });
    expect(payload).not.toHaveProperty('wids');
    expect(decodeJwt(await idTokenOf('uma.user@contoso.example'))).not.toHaveProperty('roles');
  });

  it('has roles only that the application has, and directory roles only when the manifest asks', async () => {
    const { appRoles } = tenant.application;
    tenant.application.importManifest({ appRoles: [], groupMembershipClaims: 'DirectoryRole' });
    const claims = decodeJwt(await idTokenOf('gwen.global@contoso.example'));
    expect(claims.wids).toContain('62e90394-69f5-4237-9190-012177145e10');
    expect(decodeJwt(await idTokenOf())).not.toHaveProperty('roles');
    tenant.application.importManifest({ appRoles, groupMembershipClaims: null });
  });

  it.each<[fault: IdTokenFault, claim: string, value: unknown]>([
    ['wrong-nonce', 'nonce', expect.not.stringMatching('the nonce')],
    ['no-nonce', 'nonce', undefined],
    ['no-oid', 'oid', undefined],
    ['wrong-tenant', 'tid', expect.not.stringMatching('3f2504e0')],
  ])('can be wrong: %s', async (fault, claim, value) => {
    tenant.switches.idTokenFault = fault;
    const { payload } = await verified(await idTokenOf());
    expect(payload[claim]).toEqual(value);
  });

  it.each<[fault: IdTokenFault, code: string]>([
    ['bad-signature', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
    ['unknown-key', 'ERR_JWKS_NO_MATCHING_KEY'],
    ['unsigned', 'ERR_JOSE_NOT_SUPPORTED'],
    ['wrong-audience', 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['wrong-issuer', 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
    ['expired', 'ERR_JWT_EXPIRED'],
    ['not-yet-valid', 'ERR_JWT_CLAIM_VALIDATION_FAILED'],
  ])('can fail verification: %s', async (fault, code) => {
    tenant.switches.idTokenFault = fault;
    await expect(verified(await idTokenOf())).rejects.toMatchObject({ code });
  });

  it('is signed with a new key after a rotation; the old ones go when they are dropped', async () => {
    const before = await idTokenOf();
    tenant.signing.rotate();
    const after = await idTokenOf();
    expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid);
    await verified(before);
    await verified(after);
    tenant.signing.dropOld();
    await expect(verified(before)).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    await verified(after);
  });
});

describe('the sign-in page', () => {
  it('offers every account, or the one that is hinted at', async () => {
    const all = await open(tenant, authorizeUrl());
    expect(all.status).toBe(200);
    for (const { userPrincipalName } of tenant.accounts) expect(all.text).toContain(userPrincipalName);
    const one = await open(tenant, authorizeUrl({ login_hint: 'uma.user@contoso.example' }));
    expect(one.text).not.toContain('adam.admin');
  });

  it('escapes what the address says', async () => {
    const { text } = await open(tenant, authorizeUrl({ login_hint: '"><script>' }));
    expect(text).toContain('&quot;&gt;&lt;script&gt;');
    expect(text).not.toContain('<script>');
  });

  it('goes back when the person cancels', async () => {
    const { sent } = await open(tenant, authorizeUrl(), { decision: 'cancel' });
    expect(sent).toEqual({ error: 'access_denied', error_subcode: 'cancel', state: 'state & more' });
  });

  it('asks for consent when the switch says so', async () => {
    tenant.switches.userConsent = 'asked';
    const account = 'uma.user@contoso.example';
    const page = await open(tenant, authorizeUrl(), { account });
    expect(page.text).toContain('Permissions requested');
    const { sent } = await open(tenant, authorizeUrl(), { account, decision: 'accept' });
    expect(sent).toHaveProperty('code');
  });

  it.each<[name: string, code: number, changes: Query, fields?: Record<string, string>]>([
    ['an unknown application', 700016, { client_id: '00000000-0000-0000-0000-000000000000' }],
    ['no application', 900144, { client_id: null }],
    ['no redirect URI', 900144, { redirect_uri: null }],
    ['a redirect URI of somebody else', 50011, { redirect_uri: 'https://attacker.example/oauth/callback' }],
    ['a redirect URI that goes on', 50011, { redirect_uri: `${CALLBACK}/` }],
    ['a redirect URI in another case', 50011, { redirect_uri: CALLBACK.replace('oauth', 'OAuth') }],
    ['an account that is not in the tenant', 50034, {}, { account: 'ghost@contoso.example' }],
    ['an account of another tenant', 50020, {}, { account: 'ghost@fabrikam.example' }],
  ])('shows %s as AADSTS%i and sends nobody anywhere', async (_name, code, changes, fields) => {
    const { status, text, sent } = await open(tenant, authorizeUrl(changes), fields);
    expect({ status, sent }).toEqual({ status: 400, sent: null });
    expect(text).toContain(`AADSTS${code}: `);
  });

  it('does not know other tenants, nor an application that is not registered', async () => {
    const other = await open(tenant, authorizeUrl({}, '/elsewhere.example/oauth2/v2.0/authorize'));
    expect(other.text).toContain('AADSTS90002: ');
    await using empty = await startPracticeTenant({ registration: 'absent' });
    const url = address(empty, `/${empty.tenantId}/oauth2/v2.0/authorize`, {
      client_id: empty.applicationId,
    });
    expect((await open(empty, url)).text).toContain('AADSTS700016: ');
  });

  it.each([50020, 50034, 50105, 53003, 530035, 90094, 90095])(
    'shows AADSTS%i when the switch says so',
    async (code) => {
      tenant.switches.refuseSignIn = code;
      const { text, sent } = await open(tenant, authorizeUrl(), { account: 'uma.user@contoso.example' });
      expect(sent).toBeNull();
      expect(text).toContain(`AADSTS${code}: `);
    },
  );

  it.each([
    [65001, 'consent_required'],
    [65004, 'access_denied'],
    [90033, 'temporarily_unavailable'],
    [50000, 'server_error'],
  ])('tells the application of AADSTS%i', async (code, error) => {
    tenant.switches.refuseSignIn = code;
    const { sent } = await open(tenant, authorizeUrl(), { account: 'uma.user@contoso.example' });
    expect(sent).toMatchObject({ error, state: 'state & more' });
    expect(sent?.error_description).toContain(`AADSTS${code}: `);
  });

  it.each<[name: string, error: string, changes: Query]>([
    ['another response type', 'unsupported_response_type', { response_type: 'token' }],
    ['another response mode', 'invalid_request', { response_mode: 'fragment' }],
    ['a scope without openid', 'invalid_scope', { scope: 'profile' }],
    ['a plain challenge', 'invalid_request', { code_challenge_method: 'plain' }],
    ['a challenge of another size', 'invalid_request', { code_challenge: 'short' }],
    ['no session for prompt=none', 'login_required', { prompt: 'none' }],
  ])('tells the application of %s', async (_name, error, changes) => {
    const { sent } = await open(tenant, authorizeUrl(changes));
    expect(sent).toMatchObject({ error, state: 'state & more' });
  });

  it('signs out to a registered address only', async () => {
    const path = `/${tenant.tenantId}/oauth2/v2.0/logout`;
    const to = (uri: string): Promise<Step> =>
      open(tenant, address(tenant, path, { post_logout_redirect_uri: uri }));
    expect((await to(CALLBACK)).to).toBe(CALLBACK);
    expect((await to('https://attacker.example/')).text).toContain('You signed out');
  });
});

describe('the redemption of a code', () => {
  it('gives tokens once', async () => {
    const code = await codeOf(undefined, { scope: 'openid profile offline_access' });
    const tokens = await redeem(code, { client_info: '1' });
    expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'openid profile email', expires_in: 3599 });
    expect(tokens).toMatchObject({ client_info: expect.any(String), refresh_token: expect.any(String) });
    expect(await redeem(code)).toMatchObject({ error: 'invalid_grant', error_codes: [54005] });
  });

  it('gives a token that opens nothing at Graph', async () => {
    const { access_token } = await redeem(await codeOf());
    const answer = await fetchOf(tenant)(`${tenant.graph}/v1.0/users`, {
      headers: { authorization: `Bearer ${access_token}` },
    });
    expect(answer.status).toBe(403);
  });

  it('works without PKCE when none was asked for', async () => {
    const code = await codeOf(undefined, { code_challenge: null, code_challenge_method: null });
    expect(await redeem(code, { code_verifier: VERIFIER })).toMatchObject({ error_codes: [501481] });
    expect(await redeem(code, { code_verifier: null })).toHaveProperty('id_token');
  });

  it('comes too late after the lifetime', async () => {
    const code = await codeOf();
    clock = 601_000;
    expect(await redeem(code)).toMatchObject({ error: 'invalid_grant', error_codes: [70008] });
  });

  it.each<[name: string, error: string, number: number, changes: Query]>([
    ['a code that never was', 'invalid_request', 9002313, { code: 'forged' }],
    ['no code', 'invalid_request', 900144, { code: null }],
    ['another verifier', 'invalid_grant', 501481, { code_verifier: 'b'.repeat(43) }],
    ['no verifier', 'invalid_grant', 501481, { code_verifier: null }],
    [
      'another redirect URI',
      'invalid_grant',
      500112,
      { redirect_uri: 'http://localhost:8025/oauth/consent' },
    ],
    ['a wrong secret', 'invalid_client', 7000215, { client_secret: 'wrong' }],
    ['no credential', 'invalid_client', 7000218, { client_secret: null }],
    ['an unknown application', 'unauthorized_client', 700016, { client_id: 'x' }],
  ])('refuses %s', async (_name, error, number, changes) => {
    const code = await codeOf();
    expect(await redeem(code, changes)).toMatchObject({ error, error_codes: [number] });
    if (changes.code === undefined) expect(await redeem(code)).toHaveProperty('id_token');
  });
});
