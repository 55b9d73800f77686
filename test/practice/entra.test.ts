/** Tokens: the real MSAL against the practice tenant's Entra ID. */
import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { ServerError } from '@azure/msal-node';
import { createRemoteJWKSet, customFetch, decodeJwt, jwtVerify, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AADSTS_CODES } from '../../src/practice/aadsts.ts';
import { newSecret } from '../../src/practice/application.ts';
import { createClientCertificate } from '../../src/practice/certificate.ts';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { fetchOf, msalOf, tokenOf } from './clients.ts';

let tenant: PracticeTenant;
beforeAll(async () => {
  tenant = await startPracticeTenant();
});
afterEach(() => tenant.switches.reset());
afterAll(() => tenant.close());

async function failure(promise: Promise<unknown>): Promise<ServerError> {
  const error = await promise.then(
    () => new Error('a token was issued'),
    (reason: unknown) => reason,
  );
  return error as ServerError;
}

function post(
  fields: Record<string, string>,
  path = `/${tenant.tenantId}/oauth2/v2.0/token`,
): Promise<Response> {
  return fetchOf(tenant)(`${tenant.login}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  });
}

describe('access tokens', () => {
  it('carry the granted roles and verify against the published keys', async () => {
    const token = await tokenOf(tenant);
    const keys = createRemoteJWKSet(new URL(`${tenant.login}/${tenant.tenantId}/discovery/v2.0/keys`), {
      [customFetch]: (url, options) => fetchOf(tenant)(url, options as RequestInit),
    });
    const { payload } = await jwtVerify(token, keys, { audience: 'https://graph.microsoft.com' });
    expect(payload).toMatchObject({
      appid: tenant.applicationId,
      tid: tenant.tenantId,
      idtyp: 'app',
      roles: ['User.Read.All', 'Group.Read.All'],
    });
  });

  it('have no roles claim without consent, and a new role from the next token on', async () => {
    tenant.switches.rolesGranted.clear();
    expect(decodeJwt(await tokenOf(tenant))).not.toHaveProperty('roles');
    tenant.switches.rolesGranted.add('Domain.Read.All');
    expect(decodeJwt(await tokenOf(tenant)).roles).toEqual(['Domain.Read.All']);
  });

  it('are issued for the tenant by domain name and in any case', async () => {
    const authority = `${tenant.login}/CONTOSO.example`;
    expect(await tokenOf(tenant, msalOf(tenant, { authority }))).not.toBe('');
  });

  it('last as long as the switch says', async () => {
    tenant.switches.tokenLifetime = 1000;
    const { exp = 0, iat = 0 } = decodeJwt(await tokenOf(tenant));
    expect(exp - iat).toBe(1000);
  });

  it('are given for every accepted secret', async () => {
    tenant.application.secrets.push(newSecret('second', 'another secret', Date.now()));
    expect(await tokenOf(tenant, msalOf(tenant, { clientSecret: 'another secret' }))).not.toBe('');
    expect(await tokenOf(tenant)).not.toBe('');
  });
});

describe('refusals', () => {
  it('names a wrong secret as Entra ID does', async () => {
    const error = await failure(tokenOf(tenant, msalOf(tenant, { clientSecret: 'wrong' })));
    expect(error).toBeInstanceOf(ServerError);
    expect(error).toMatchObject({ errorCode: 'invalid_client', errorNo: 7000215, status: 401 });
    expect(error.errorMessage).toContain('AADSTS7000215: Invalid client secret provided.');
    expect(error.errorMessage).toContain('Correlation ID:');
  });

  it('names an expired secret', async () => {
    tenant.application.secrets.push(newSecret('old', 'old secret', 0, Date.now() - 1));
    const error = await failure(tokenOf(tenant, msalOf(tenant, { clientSecret: 'old secret' })));
    expect(error).toMatchObject({ errorNo: 7000222, status: 401 });
    tenant.switches.secretExpired = true;
    expect(await failure(tokenOf(tenant))).toMatchObject({ errorNo: 7000222 });
  });

  const base = { grant_type: 'client_credentials', scope: 'https://graph.microsoft.com/.default' };
  const cases: Array<[name: string, code: number, status: number, fields: Record<string, string>]> = [
    [
      'an unknown application',
      700016,
      400,
      { client_id: '00000000-0000-0000-0000-000000000000', client_secret: 'x' },
    ],
    ['no credential', 7000218, 401, {}],
    ['no client id', 900144, 400, { client_id: '' }],
    ['a scope that is not .default', 1002012, 400, { scope: 'https://graph.microsoft.com/User.Read' }],
    ['no scope', 70011, 400, { scope: '' }],
    ['an unknown resource', 500011, 400, { scope: 'https://nowhere.example/.default' }],
    ['another grant', 70003, 400, { grant_type: 'password' }],
  ];
  it.each(cases)('refuses %s with %i', async (name, code, status, fields) => {
    const credential = name === 'no credential' ? {} : { client_secret: tenant.secret };
    const form = { ...base, client_id: tenant.applicationId, ...credential, ...fields };
    const entries = Object.entries(form).filter(([key, value]) => key !== 'client_id' || value !== '');
    const response = await post(Object.fromEntries(entries));
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error_codes: [code] });
  });

  it.each([
    ['applicationDisabled', 7000112],
    ['servicePrincipalMissing', 7000229],
  ] as const)('follows the switch %s', async (name, code) => {
    tenant.switches[name] = true;
    expect(await failure(tokenOf(tenant))).toMatchObject({ errorNo: code });
  });

  it('does not know other tenants', async () => {
    const form = { ...base, client_id: tenant.applicationId, client_secret: tenant.secret };
    const response = await post(form, '/elsewhere.example/oauth2/v2.0/token');
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: 'invalid_request', error_codes: [90002] });
    const url = `${tenant.login}/elsewhere.example/v2.0/.well-known/openid-configuration`;
    expect(await (await fetchOf(tenant)(url)).json()).toMatchObject({ error: 'invalid_tenant' });
  });

  it.each([...AADSTS_CODES])('can be told to answer AADSTS%i', async (code) => {
    tenant.switches.failToken({ kind: 'aadsts', code });
    const response = await post({});
    expect(response.status).toBeGreaterThanOrEqual(400);
    const body: Record<string, unknown> = JSON.parse(await response.text());
    expect(body).toMatchObject({
      error_codes: [code],
      error: expect.any(String),
      trace_id: expect.any(String),
    });
    expect(body.error_description).toMatch(new RegExp(`^AADSTS${code}: .*\\r\\nTrace ID: `));
  });

  it('answers with HTML, an empty object or a closed connection when told to', async () => {
    tenant.switches.failToken({ kind: 'html', status: 503 }, 1);
    tenant.switches.failToken({ kind: 'empty-object' }, 1);
    tenant.switches.failToken({ kind: 'reset' }, 1);
    expect((await post({})).headers.get('content-type')).toContain('text/html');
    expect(await (await post({})).json()).toEqual({});
    await expect(post({})).rejects.toThrow('fetch failed');
    tenant.switches.failToken({ kind: 'aadsts', code: 90055, retryAfter: '7' });
    const throttled = await post({});
    expect([throttled.status, throttled.headers.get('retry-after')]).toEqual([429, '7']);
  });
});

describe('client assertions', () => {
  const registered = createClientCertificate('gateway');
  const stranger = createClientCertificate('stranger');
  const thumbprint = ({ certPem }: { certPem: string }): string =>
    createHash('sha256').update(new X509Certificate(certPem).raw).digest('hex');

  it('accepts a certificate once it is registered', async () => {
    const clientCertificate = { thumbprintSha256: thumbprint(registered), privateKey: registered.keyPem };
    expect(await failure(tokenOf(tenant, msalOf(tenant, { clientCertificate })))).toMatchObject({
      errorNo: 700027,
    });
    tenant.application.certificates.push(registered.certPem);
    expect(await tokenOf(tenant, msalOf(tenant, { clientCertificate }))).not.toBe('');
  });

  it('refuses a signature by another key', async () => {
    tenant.application.certificates = [registered.certPem];
    const clientCertificate = { thumbprintSha256: thumbprint(registered), privateKey: stranger.keyPem };
    expect(await failure(tokenOf(tenant, msalOf(tenant, { clientCertificate })))).toMatchObject({
      errorNo: 700027,
    });
  });

  it('refuses an assertion outside its time', async () => {
    tenant.application.certificates = [registered.certPem];
    const x5t = Buffer.from(thumbprint(registered), 'hex').toString('base64url');
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'PS256', 'x5t#S256': x5t } as never)
      .setIssuer(tenant.applicationId)
      .setSubject(tenant.applicationId)
      .setAudience(`${tenant.login}/${tenant.tenantId}/oauth2/v2.0/token`)
      .setExpirationTime(1000)
      .sign(createPrivateKey(registered.keyPem));
    const error = await failure(tokenOf(tenant, msalOf(tenant, { clientAssertion: assertion })));
    expect(error).toMatchObject({ errorNo: 700024 });
  });

  it('accepts a federated credential by its issuer and subject', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const credential = {
      issuer: 'https://ci.example',
      subject: 'repo:gateway',
      audience: 'api://AzureADTokenExchange',
    };
    tenant.application.federated = [{ ...credential, publicKeyPem }];
    const assertion = (subject: string): Promise<string> =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'RS256' })
        .setIssuer(credential.issuer)
        .setSubject(subject)
        .setAudience(credential.audience)
        .setExpirationTime('5m')
        .sign(privateKey);
    const good = msalOf(tenant, { clientAssertion: await assertion('repo:gateway') });
    expect(await tokenOf(tenant, good)).not.toBe('');
    const other = msalOf(tenant, { clientAssertion: await assertion('repo:other') });
    expect(await failure(tokenOf(tenant, other))).toMatchObject({ errorNo: 700213 });
  });
});

describe('instance discovery', () => {
  it('knows its own host and no other', async () => {
    const ask = (host: string): Promise<Response> =>
      fetchOf(tenant)(
        `${tenant.login}/common/discovery/instance?api-version=1.1&authorization_endpoint=${host}/x/oauth2/v2.0/authorize`,
      );
    expect(await (await ask(tenant.login)).json()).toMatchObject({ 'api-version': '1.1' });
    expect((await ask('https://elsewhere.example')).status).toBe(400);
  });
});
