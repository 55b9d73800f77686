/** Sign in with Microsoft, through the real daemon, its learning thread and console, at the practice tenant's own pages. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { Browser, hiddenFields, type Page } from '../console/browser.ts';
import { type Daemon, freePort, type LogLine, startDaemon } from '../daemon.ts';

const ADAM = 'adam.admin@contoso.example';
const RITA = 'rita.reader@contoso.example';
const UMA = 'uma.user@contoso.example';
const GWEN = 'gwen.global@contoso.example';

let tenant: PracticeTenant;
let daemon: Daemon;
let url: string;
let browsers = 0;
const addresses = new Map<Browser, string>();

beforeAll(async () => {
  tenant = await startPracticeTenant();
  const port = await freePort();
  url = `http://localhost:${port}`;
  tenant.application.addRedirectUri(`${url}/oauth/callback`);
  const gwen = `${tenant.tenantId}/${objectOf(GWEN)}`.toUpperCase();
  daemon = await startDaemon({
    tenant,
    mode: 'verify',
    console: `listen = "127.0.0.1:${port}"\nreaders = ["${gwen}"]\ntrusted_proxies = ["127.0.0.0/8"]`,
  });
  await daemon.logged((line) => line.event === 'console.listen');
  await daemon.run('sync');
});
afterEach(() => tenant.switches.reset());
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await tenant.close();
});

function objectOf(account: string): string {
  const found = tenant.accounts.find(({ userPrincipalName }) => userPrincipalName === account);
  return found?.objectId ?? '';
}

/** A browser with an address of its own, so that nobody's attempts count for another. */
function browser(): Browser {
  const address = `192.0.2.${++browsers}`;
  const made = new Browser({ ca: tenant.caPem, headers: { 'x-forwarded-for': address } });
  addresses.set(made, address);
  return made;
}

/** As far as the address that Microsoft sends the browser back to. */
async function toCallback(person: Browser, account: string): Promise<string> {
  const begun = await person.post(`${url}/sign-in`, { tenant: tenant.tenantId, to: '/recipients' });
  const answered = await person.post(begun.location ?? '', { account });
  return answered.location ?? '';
}

async function signIn(person: Browser, account: string): Promise<Page> {
  return person.get(await toCallback(person, account));
}

/** Why this browser was refused, from the log. */
function refusalOf(person: Browser): Promise<LogLine> {
  const from = addresses.get(person);
  return daemon.logged((line) => line.event === 'console.sign_in_refused' && line.from === from);
}

describe('sign in with Microsoft', () => {
  it('lets in who has the app role, at a clean address, and out again', async () => {
    const adam = browser();
    const callback = await toCallback(adam, ADAM);
    const arrived = await adam.get(callback);
    expect([arrived.status, arrived.location]).toEqual([303, `${url}/recipients`]);
    expect((await adam.get(`${url}/access`)).status).toBe(200);
    const who = `${tenant.tenantId}/${objectOf(ADAM)} (Adam Admin)`;
    const line = await daemon.logged((each) => each.event === 'console.sign_in' && each.who === who);
    expect(line).toMatchObject({ how: 'microsoft', role: 'admin', from: addresses.get(adam) });
    const page = await adam.get(`${url}/status`);
    await adam.post(`${url}/sign-out`, hiddenFields(page.html, '/sign-out'));
    await daemon.logged((each) => each.event === 'console.sign_out' && each.who === who);
    expect((await adam.get(`${url}/status`)).location).toContain('/sign-in');
    // No token, code or secret is in the log.
    const code = new URL(callback).searchParams.get('code') ?? '?';
    expect(JSON.stringify(daemon.log)).not.toMatch(new RegExp(`eyJ|${code.slice(0, 30)}`));
  });

  it.each([
    [RITA, 'by her app role'],
    [GWEN, 'by the configuration'],
  ])('lets %s in to read, %s', async (account) => {
    const reader = browser();
    expect((await signIn(reader, account)).location).toBe(`${url}/recipients`);
    expect((await reader.get(`${url}/status`)).html).toContain('read-only');
    expect((await reader.get(`${url}/access`)).status).toBe(403);
  });

  it('shows who may not enter the line that would let them in', async () => {
    const uma = browser();
    const page = await uma.follow(await signIn(uma, UMA));
    expect(page.html).toContain(`admins = [&quot;${tenant.tenantId}/${objectOf(UMA)}&quot;]`);
    expect(await refusalOf(uma)).toMatchObject({ tenant: tenant.tenantId, object: objectOf(UMA) });
    expect((await uma.get(`${url}/status`)).location).toContain('/sign-in');
  });

  it('has another session than before, and the old one is over', async () => {
    const adam = browser();
    await signIn(adam, ADAM);
    const host = new URL(url).host;
    const old = new Map(adam.cookies.get(host));
    await adam.get((await adam.get(`${url}/`)).location ?? url);
    await signIn(adam, ADAM);
    const thief = browser();
    thief.cookies.set(host, old);
    expect((await thief.get(`${url}/status`)).location).toContain('/sign-in');
    expect((await adam.get(`${url}/status`)).status).toBe(200);
  });
});

describe('signing keys', () => {
  it('may rotate between two sign-ins', async () => {
    await signIn(browser(), ADAM);
    tenant.signing.rotate();
    tenant.signing.dropOld();
    const adam = browser();
    expect((await signIn(adam, ADAM)).location).toBe(`${url}/recipients`);
  });
});

describe('a forged or replayed callback', () => {
  it('is of no use a second time', async () => {
    const adam = browser();
    const callback = await toCallback(adam, ADAM);
    await adam.get(callback);
    const replayed = browser();
    replayed.cookies.set(new URL(url).host, new Map());
    expect((await replayed.get(callback)).location).toBe(`${url}/sign-in`);
    expect((await adam.get(callback)).location).toBe(`${url}/sign-in`);
  });

  it('is of no use in another browser, and still good in the right one', async () => {
    const adam = browser();
    const callback = await toCallback(adam, ADAM);
    const victim = browser();
    const page = await victim.follow(await victim.get(callback));
    expect(page.html).toContain('not begun in this browser');
    expect(await refusalOf(victim)).toMatchObject({ why: expect.stringContaining('not begun') });
    expect((await adam.get(callback)).location).toBe(`${url}/recipients`);
  });

  it.each([
    ['a code twice', (callback: string) => `${callback}&code=another`],
    ['a state twice', (callback: string) => `${callback}&state=another`],
    [
      'a made-up state',
      (callback: string) => callback.replace(/(?<=[?&])state=[^&]*/, `state=${'A'.repeat(43)}`),
    ],
    ['no state', (callback: string) => callback.replace(/(?<=[?&])state=[^&]*/, '')],
  ])('with %s is refused', async (_name, forge) => {
    const adam = browser();
    const callback = forge(await toCallback(adam, ADAM));
    expect((await adam.follow(await adam.get(callback))).html).toContain('not begun in this browser');
    expect((await adam.get(`${url}/status`)).location).toContain('/sign-in');
  });

  it('with an error and a code is an error', async () => {
    const adam = browser();
    const callback = await toCallback(adam, ADAM);
    const forged = `${callback}&error=server_error&error_description=AADSTS90033%3a+A+%3Cb%3Etransient%3C%2fb%3E+error.%0d%0aTrace+ID%3a+1`;
    const page = await adam.follow(await adam.get(forged));
    expect(page.html).toContain('AADSTS90033: A &lt;b&gt;transient&lt;/b&gt; error.');
    expect(page.html).not.toContain('Trace ID');
    expect((await adam.get(`${url}/status`)).location).toContain('/sign-in');
  });

  it.each([
    ['wrong-audience', 'aud is wrong'],
    ['wrong-issuer', 'iss is wrong'],
    ['wrong-tenant', 'tid is wrong'],
    ['wrong-nonce', 'nonce is wrong'],
    ['no-nonce', 'nonce is wrong'],
    ['no-oid', 'oid is wrong'],
    ['expired', 'has expired'],
    ['not-yet-valid', 'nbf is wrong'],
    ['bad-signature', 'the signature is wrong'],
    ['unknown-key', 'unknown key'],
    ['unsigned', 'algorithm is not RS256'],
  ] as const)('whose token is wrong (%s) lets nobody in', async (fault, why) => {
    tenant.switches.idTokenFault = fault;
    const adam = browser();
    const page = await adam.follow(await signIn(adam, ADAM));
    expect(page.url).toBe(`${url}/sign-in`);
    expect(page.html).toContain('is not proof of who you are');
    expect((await refusalOf(adam)).why).toContain(why);
    expect((await adam.get(`${url}/status`)).location).toContain('/sign-in');
  });
});

describe('an account added on the Access page', () => {
  /** Came by a one-time link. */
  async function byLink(): Promise<Browser> {
    const holder = browser();
    const page = await holder.get((await daemon.run('console-link')).out.trim());
    await holder.post(`${url}/enter`, hiddenFields(page.html, '/enter'));
    return holder;
  }

  it('enters from then on, until it is removed', async () => {
    const holder = await byLink();
    const access = await holder.get(`${url}/access`);
    expect(access.html).toContain('You came by a one-time link');
    const fields = { ...hiddenFields(access.html, '/access/add'), tenant: tenant.tenantId, role: 'admin' };
    const begun = await holder.post(`${url}/access/add`, fields);
    expect(begun.location).toContain('prompt=select_account');
    const answered = await holder.post(begun.location ?? '', { account: UMA });
    const added = await holder.follow(await holder.get(answered.location ?? ''));
    expect(added.html).toContain('<strong>Uma User</strong>');
    const account = { tenant: tenant.tenantId, object: objectOf(UMA) };
    expect(await daemon.logged((line) => line.event === 'console.access')).toMatchObject({
      ...account,
      who: 'console link',
      remembered: true,
      role: 'admin',
    });

    const uma = browser();
    expect((await signIn(uma, UMA)).location).toBe(`${url}/recipients`);
    const adam = browser();
    await signIn(adam, ADAM);
    const remove = hiddenFields((await adam.get(`${url}/access`)).html, '/access/remove');
    expect(remove).toMatchObject(account);
    const removed = await adam.follow(await adam.post(`${url}/access/remove`, remove));
    expect(removed.html).toContain('Uma User was removed');
    expect((await uma.get(`${url}/status`)).location).toContain('/sign-in');
    expect((await signIn(browser(), UMA)).location).toBe(`${url}/sign-in`);
  });

  it('is not added when the session that asked has ended', async () => {
    const holder = await byLink();
    const access = await holder.get(`${url}/access`);
    const fields = { ...hiddenFields(access.html, '/access/add'), tenant: tenant.tenantId, role: 'admin' };
    const begun = await holder.post(`${url}/access/add`, fields);
    const answered = await holder.post(begun.location ?? '', { account: UMA });
    await holder.post(`${url}/sign-out`, hiddenFields(access.html, '/sign-out'));
    expect((await holder.get(answered.location ?? '')).location).toBe(`${url}/sign-in`);
    expect((await signIn(browser(), UMA)).location).toBe(`${url}/sign-in`);
  });
});
