/** The portal page: each form does what its verb does. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClientCertificate } from '../../src/practice/certificate.ts';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { open } from './browse.ts';
import { msalOf, tokenOf } from './clients.ts';

let tenant: PracticeTenant;
beforeAll(async () => {
  tenant = await startPracticeTenant({ registration: 'absent' });
});
afterAll(() => tenant.close());

async function send(fields: Readonly<Record<string, string>>): Promise<string> {
  return (await open(tenant, `${tenant.login}/portal`, fields)).text;
}

describe('the portal page', () => {
  it('registers the application first', async () => {
    const { text } = await open(tenant, `${tenant.login}/portal`);
    expect(text).toContain('No application is registered yet.');
    expect(await send({ do: 'register' })).toContain(tenant.applicationId);
  });

  it('shows a secret once, and deletes it', async () => {
    const text = await send({ do: 'add-secret', description: 'autumn' });
    const secret = tenant.application.secrets.at(-1);
    expect(text).toContain(secret?.secretText);
    expect(await tokenOf(tenant, msalOf(tenant, { clientSecret: secret?.secretText ?? '' }))).not.toBe('');
    expect((await open(tenant, `${tenant.login}/portal`)).text).not.toContain(secret?.secretText);
    await send({ do: 'remove-secret', id: secret?.keyId ?? '' });
    expect(tenant.application.secrets).toEqual([]);
  });

  it('takes redirect URIs, certificates and a manifest, and gives people its roles', async () => {
    await send({ do: 'redirect-uri', uri: 'http://localhost:8025/oauth/callback' });
    await send({ do: 'certificate', certificate: createClientCertificate('gateway').certPem });
    const id = '4b1f4f0e-7d0b-4a52-9d58-1f9f5b0a6e11';
    const appRoles = [
      { id, value: 'Operator', displayName: 'O', isEnabled: true, allowedMemberTypes: ['User'] },
    ];
    await send({ do: 'manifest', manifest: JSON.stringify({ appRoles }) });
    const [person] = tenant.accounts;
    await send({ do: 'role', person: person?.objectId ?? '', role: 'Operator' });
    expect(tenant.application).toMatchObject({
      redirectUris: ['http://localhost:8025/oauth/callback'],
      appRoles,
    });
    expect(tenant.application.certificates).toHaveLength(1);
    expect(person?.appRoles).toEqual(['Operator']);
  });

  it.each([
    [
      'a redirect URI',
      { do: 'redirect-uri', uri: 'http://gateway.example/' },
      /Not saved: .*must start with https/,
    ],
    ['a manifest', { do: 'manifest', manifest: '{' }, /Not saved: /],
    ['a certificate', { do: 'certificate', certificate: 'none' }, /Not saved: /],
    ['a secret', { do: 'remove-secret', id: 'none' }, /Not saved: no secret has the id none/],
    ['a wish', { do: 'toString' }, /There is no such action/],
  ])('says why %s is refused', async (_name, fields, said) => {
    expect(await send(fields)).toMatch(said);
  });
});
