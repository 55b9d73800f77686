/** The Access page: who sees and removes whom. */
import { describe, expect, it } from 'vitest';
import { adminOf, READER, siteRig } from './site.ts';

const T1 = '11111111-2222-3333-4444-555555555555';
const T2 = '99999999-2222-3333-4444-555555555555';
const ADA = {
  tenant: T1,
  object: 'aaaaaaaa-0000-0000-0000-000000000001',
  name: 'Ada <b>',
  role: 'admin',
  since: 0,
};
const BOB = {
  tenant: T2,
  object: 'bbbbbbbb-0000-0000-0000-000000000002',
  name: 'Bob',
  role: 'reader',
  since: 0,
};
const LISTED = { tenant: T2, object: 'cccccccc-0000-0000-0000-000000000003' };
const answers = {
  'POST /v1/console/accounts/list': () => [ADA, BOB],
  'POST /v1/console/accounts/forget': () => null,
  'POST /v1/console/applications': () =>
    [T1, T2].map((tenant) => ({
      tenant,
      applicationId: 'a',
      login: 'https://login.microsoftonline.com',
      ready: true,
      domains: [`domain-of-${tenant[0]}.example`],
    })),
};

describe('the Access page', () => {
  it('shows the holder of a link everybody', async () => {
    const html = await (await siteRig({ answers, admins: [LISTED] }).get('/access')).text();
    for (const text of [
      'Ada &lt;b&gt;',
      'Bob',
      LISTED.object,
      'domain-of-1.example',
      'domain-of-9.example',
    ]) {
      expect(html).toContain(text);
    }
  });

  it('shows the administrator of a tenant nobody of another', async () => {
    const rig = siteRig({ answers, visitor: adminOf(T1), admins: [LISTED] });
    const html = await (await rig.get('/access', { language: 'ja' })).text();
    expect(html).toContain('Ada &lt;b&gt;');
    for (const text of ['Bob', LISTED.object, T2, 'domain-of-9.example']) expect(html).not.toContain(text);
  });

  it.each([
    ['the own tenant', adminOf(T1), ADA, 303, 1],
    ['another tenant', adminOf(T1), BOB, 403, 0],
    ['any tenant, as a reader', READER, ADA, 403, 0],
  ])('lets remove from %s: %i', async (_name, visitor, { tenant, object }, status, calls) => {
    const rig = siteRig({ answers, visitor });
    expect((await rig.post('/access/remove', { tenant, object })).status).toBe(status);
    const asked = rig.calls.filter(({ path }) => path === '/v1/console/accounts/forget');
    expect(asked).toHaveLength(calls);
    for (const { body, actor } of asked) {
      expect([body, actor]).toEqual([
        { tenant, object },
        { who: visitor.who, from: '192.0.2.7' },
      ]);
    }
  });

  it('lets add to the own tenant only', async () => {
    const rig = siteRig({ answers, visitor: adminOf(T1) });
    const own = await rig.post('/access/add', { tenant: T1, role: 'reader' });
    expect(own.headers.get('location')).toContain(`/${T1}/oauth2/v2.0/authorize?`);
    expect((await rig.post('/access/add', { tenant: T2, role: 'reader' })).status).toBe(403);
  });

  it('signs out whoever is removed', async () => {
    const account = { tenant: T1, object: ADA.object };
    const rig = siteRig({ answers, visitor: { ...adminOf(T1), account } });
    await rig.post('/access/remove', account);
    expect((await rig.get('/access')).headers.get('location')).toContain('/sign-in');
  });
});
