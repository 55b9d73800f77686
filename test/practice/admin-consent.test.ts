/** Admin consent in both versions, and the registration that it gives permissions to. */
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClientCertificate } from '../../src/practice/certificate.ts';
import { applicationPermissions } from '../../src/practice/permission-ids.ts';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import type { Step } from './browse.ts';
import { address, open } from './browse.ts';
import { msalOf, tokenOf } from './clients.ts';

const CONSENT = 'http://localhost:8025/oauth/consent';
const ADMIN = { account: 'gwen.global@contoso.example' };
const SCOPE = 'https://graph.microsoft.com/.default';

let tenant: PracticeTenant;
beforeAll(async () => {
  tenant = await startPracticeTenant({ registration: 'unconsented' });
  tenant.application.addRedirectUri(CONSENT);
});
beforeEach(() => tenant.switches.reset());
afterAll(() => tenant.close());

type Fields = Readonly<Record<string, string>>;
type Query = Readonly<Record<string, string | null>>;

function consent(
  version: 1 | 2,
  fields?: Fields,
  changes: Query = {},
  segment = tenant.tenantId,
): Promise<Step> {
  const path = version === 1 ? `/${segment}/adminconsent` : `/${segment}/v2.0/adminconsent`;
  const query = { client_id: tenant.applicationId, redirect_uri: CONSENT, state: 's1', ...changes };
  return open(tenant, address(tenant, path, version === 1 ? query : { scope: SCOPE, ...query }), fields);
}

async function roles(): Promise<unknown> {
  return decodeJwt(await tokenOf(tenant)).roles;
}

describe('admin consent', () => {
  it('gives nothing before somebody accepts', async () => {
    expect(await roles()).toBeUndefined();
    expect((await consent(1)).text).toContain('Pick an account');
    const page = await consent(1, ADMIN);
    for (const permission of ['User.Read.All', 'Group.Read.All']) expect(page.text).toContain(permission);
    expect(await roles()).toBeUndefined();
  });

  it('gives what the registration requests, and says so in version 1', async () => {
    const { sent, to } = await consent(1, { ...ADMIN, decision: 'accept' }, {}, 'common');
    expect(to).toBe(CONSENT);
    expect(sent).toEqual({ admin_consent: 'True', tenant: tenant.tenantId, state: 's1' });
    expect(await roles()).toEqual(['User.Read.All', 'Group.Read.All']);
  });

  it('names the scopes in version 2', async () => {
    const { sent } = await consent(2, { ...ADMIN, decision: 'accept' }, {}, 'organizations');
    expect(sent).toEqual({
      admin_consent: 'True',
      tenant: tenant.tenantId,
      state: 's1',
      scope: 'https://graph.microsoft.com/User.Read.All https://graph.microsoft.com/Group.Read.All',
    });
  });

  it('reaches tokens late when the switch says so', async () => {
    tenant.switches.consentDelay = 2;
    await consent(1, { ...ADMIN, decision: 'accept' });
    expect([await roles(), await roles(), await roles()]).toEqual([
      undefined,
      undefined,
      ['User.Read.All', 'Group.Read.All'],
    ]);
  });

  it('makes the service principal that was missing', async () => {
    tenant.switches.servicePrincipalMissing = true;
    await consent(1, { ...ADMIN, decision: 'accept' });
    expect(await roles()).toHaveLength(2);
  });

  it.each(['uma.user', 'eve.exchange', 'adam.admin'])('is nothing that %s can give', async (name) => {
    const account = `${name}@contoso.example`;
    for (const fields of [{ account }, { account, decision: 'accept' }]) {
      const { text, sent } = await consent(1, fields);
      expect(sent).toBeNull();
      expect(text).toContain('AADSTS90094: ');
      expect(text).toContain(`${CONSENT}?error=access_denied&amp;error_subcode=cancel&amp;state=s1`);
    }
    expect(await roles()).toBeUndefined();
  });

  const declined = expect.stringContaining('AADSTS65004: ');
  it.each([
    [1, null, { error: 'access_denied', error_subcode: 'cancel', state: 's1' }],
    [
      1,
      'permission-denied',
      { error: 'permission_denied', error_description: 'The admin canceled the request' },
    ],
    [1, 'access-denied', { error: 'access_denied', error_description: declined, state: 's1' }],
    [2, null, { admin_consent: 'True', error: 'consent_required', error_description: declined, state: 's1' }],
    [2, 'cancel', { error: 'access_denied', error_subcode: 'cancel', state: 's1' }],
  ] as const)('is declined in version %i, shape %s', async (version, shape, reply) => {
    tenant.switches.declineShape = shape;
    const { sent } = await consent(version, { ...ADMIN, decision: 'cancel' });
    expect(sent).toEqual(reply);
    expect(await roles()).toBeUndefined();
  });

  it.each([
    [1, { error: 'access_denied', state: 's1' }],
    [2, { error: 'access_denied', state: 's1', admin_consent: 'True' }],
  ] as const)('says with a problem in version %i what it says with success', async (version, reply) => {
    tenant.switches.refuseSignIn = 65004;
    const { sent } = await consent(version, ADMIN);
    expect(sent).toEqual({ ...reply, error_description: declined });
  });

  it.each<
    [
      name: string,
      code: number,
      version: 1 | 2,
      changes: Query,
      segment?: string | undefined,
      fields?: Fields,
    ]
  >([
    ['an unknown application', 700016, 1, { client_id: 'x' }],
    ['a foreign redirect URI', 50011, 1, { redirect_uri: 'https://attacker.example/' }],
    ['no scope', 900144, 2, { scope: null }],
    ['an unknown tenant', 90002, 1, {}, 'elsewhere.example'],
    ['common in version 2', 9002313, 2, {}, 'common'],
    ['somebody who is not there', 50034, 1, {}, undefined, { account: 'ghost@contoso.example' }],
    ['somebody from elsewhere', 50020, 2, {}, undefined, { account: 'ghost@fabrikam.example' }],
  ])('shows %s as AADSTS%i', async (_name, code, version, changes, segment, fields) => {
    const { text, sent } = await consent(version, fields, changes, segment);
    expect(sent).toBeNull();
    expect(text).toContain(`AADSTS${code}: `);
  });

  it('wants .default in version 2', async () => {
    const { sent } = await consent(2, ADMIN, { scope: 'https://graph.microsoft.com/User.Read.All' });
    expect(sent).toMatchObject({ error: 'invalid_scope', admin_consent: 'True' });
  });
});

describe('the registration', () => {
  const mail = { requiredResourceAccess: [applicationPermissions('User.Read.All', 'Mail.Read')] };

  it('is absent until it is registered, and then has only what was added', async () => {
    await using empty = await startPracticeTenant({ registration: 'absent' });
    const { application } = empty;
    await expect(tokenOf(empty)).rejects.toMatchObject({ errorNo: 700016 });
    application.register();
    await expect(tokenOf(empty)).rejects.toMatchObject({ errorNo: 7000215 });
    const { secretText, keyId } = application.addSecret('first');
    const msal = () => msalOf(empty, { clientSecret: secretText });
    expect(decodeJwt(await tokenOf(empty, msal()))).not.toHaveProperty('roles');
    await expect(tokenOf(empty, msalOf(empty, { clientSecret: keyId }))).rejects.toMatchObject({
      errorNo: 7000215,
    });
    application.removeSecret(keyId);
    await expect(tokenOf(empty, msal())).rejects.toMatchObject({ errorNo: 7000215 });
  });

  it('takes a manifest in both forms, and consent gives what it requests', async () => {
    await using other = await startPracticeTenant({ registration: 'unconsented' });
    const { application } = other;
    application.importManifest(JSON.stringify({ ...mail, web: { redirectUris: [CONSENT] } }));
    application.importManifest({
      replyUrlsWithType: [{ url: 'https://console.example/oauth/consent', type: 'Web' }],
    });
    expect(application.redirectUris).toEqual([CONSENT, 'https://console.example/oauth/consent']);
    const query = { client_id: other.applicationId, redirect_uri: CONSENT };
    await open(other, address(other, `/${other.tenantId}/adminconsent`, query), {
      ...ADMIN,
      decision: 'accept',
    });
    expect(decodeJwt(await tokenOf(other)).roles).toEqual(['User.Read.All', 'Mail.Read']);
  });

  const role = { id: 'x', value: 'A', displayName: 'A', isEnabled: true, allowedMemberTypes: ['User'] };
  const id = '4b1f4f0e-7d0b-4a52-9d58-1f9f5b0a6e11';
  it.each<[problem: RegExp, manifest: object]>([
    [/no resource application/, { requiredResourceAccess: [{ resourceAppId: id, resourceAccess: [] }] }],
    [
      /has no Role/,
      {
        requiredResourceAccess: [
          { ...mail.requiredResourceAccess[0], resourceAccess: [{ id, type: 'Role' }] },
        ],
      },
    ],
    [/is no GUID/, { appRoles: [role] }],
    [/is not valid/, { appRoles: [{ ...role, id, value: 'has space' }] }],
    [/must be for/, { appRoles: [{ ...role, id, allowedMemberTypes: ['Group'] }] }],
    [
      /same id or value/,
      {
        appRoles: [
          { ...role, id },
          { ...role, id },
        ],
      },
    ],
    [/must start with https/, { web: { redirectUris: ['http://gateway.example/oauth/callback'] } }],
    [/must start with https/, { web: { redirectUris: ['http://127.0.0.1:8025/oauth/callback'] } }],
    [/not supported/, { web: { redirectUris: ['https://gateway.example/(x)'] } }],
    [/no fragment/, { web: { redirectUris: ['https://gateway.example/#x'] } }],
    [/is not a URI/, { web: { redirectUris: [`https://gateway.example/${'x'.repeat(256)}`] } }],
  ])('refuses a manifest: %s', (problem, manifest) => {
    expect(() => tenant.application.importManifest(manifest)).toThrow(problem);
  });

  it('takes certificates, and nothing that is none', () => {
    const { certPem } = createClientCertificate('gateway');
    tenant.application.uploadCertificate(certPem);
    expect(tenant.application.certificates).toHaveLength(1);
    expect(() => tenant.application.uploadCertificate('garbage')).toThrow(/PEM/);
    expect(() => tenant.application.removeSecret('none')).toThrow(RangeError);
    tenant.application.removeRedirectUri('https://elsewhere.example/');
  });
});
