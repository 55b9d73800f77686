/** The code flow and the verification of identity tokens against an OpenID provider that nobody here wrote. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { Browser, hiddenFields } from '../console/browser.ts';
import { startForeignProvider } from '../console/foreign-provider.ts';
import { freePort, startDaemon } from '../daemon.ts';

const OBJECT = '0f0e0d0c-0b0a-4908-8706-050403020100';

/** Signs in at a foreign provider that says `claims`; the answer is where the browser ends. */
async function signInWith(claims: Readonly<Record<string, unknown>>): Promise<{ url: string; why: unknown }> {
  await using tenant = await startPracticeTenant();
  const port = await freePort();
  const url = `http://localhost:${port}`;
  await using provider = await startForeignProvider({
    tenant: tenant.tenantId,
    applicationId: tenant.applicationId,
    secret: tenant.secret,
    redirectUri: `${url}/oauth/callback`,
    claims: { tid: tenant.tenantId, oid: OBJECT, ver: '2.0', name: 'Foreign Friend', ...claims },
  });
  await using daemon = await startDaemon({
    tenant: { ...tenant, login: provider.login, caPem: provider.caPem },
    mode: 'verify',
    console: `listen = "127.0.0.1:${port}"`,
  });
  await daemon.logged((line) => line.event === 'console.listen');
  // Fails, because the provider has no application tokens; the credential is read all the same.
  await daemon.run('sync');
  const browser = new Browser({ ca: provider.caPem });
  const begun = await browser.post(`${url}/sign-in`, { tenant: tenant.tenantId, to: '/guide' });
  const login = await browser.follow(begun);
  const action = /action="([^"]+)"/.exec(login.html)?.[1] ?? '';
  const fields = { ...hiddenFields(login.html, action), login: 'friend', password: 'any' };
  const consent = await browser.follow(await browser.post(new URL(action, login.url).href, fields));
  const next = /action="([^"]+)"/.exec(consent.html)?.[1] ?? '';
  const end = await browser.follow(
    await browser.post(new URL(next, consent.url).href, hiddenFields(consent.html, next)),
  );
  const told = await daemon.logged(({ event }) => /^console\.sign_in/.test(String(event)));
  return { url: end.url.slice(url.length), why: told.why ?? null };
}

describe('a foreign OpenID provider', () => {
  it('signs in a person whom it says has the role', async () => {
    expect(await signInWith({ roles: ['Gateway.Admin'] })).toEqual({ url: '/guide', why: null });
  });

  it.each([
    ['of another tenant', { tid: randomUUID(), roles: ['Gateway.Admin'] }, 'tid is wrong'],
    ['without an object id', { oid: undefined, roles: ['Gateway.Admin'] }, 'oid'],
    ['without a role', {}, 'no app role'],
  ])('does not sign in a person %s', async (_name, claims, why) => {
    const end = await signInWith(claims);
    expect(end.url).toBe('/sign-in');
    expect(end.why).toContain(why);
  });
});
