/**
 * The door of the console in a real Chromium: its policies hold there, people get through it, by a link or signed in with
 * Microsoft, and see what they may. There are two tenants; the second is not set up.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ENTRANCE_WORDS } from '../../src/console/entrance/words.ts';
import { FRAME_WORDS } from '../../src/console/site/words.ts';
import { STATUS_WORDS } from '../../src/console/status/words.ts';
import { interop } from '../interop/programs.ts';
import { picturesOf, startBrowser, windowOf } from './chromium.ts';
import { contentOf, type Installation, startInstallation } from './installation.ts';

/** Pages that name no tenant where there is one. */
const NAMELESS = ['/recipients', '/rejections'];
/** The tenant that only some may see. */
const SECOND = '99999999-8888-7777-6666-555555555555';

interop(import.meta.url, ['Chromium'], 'the door of the console in a browser', () => {
  let browser: Browser;
  let at: Installation;
  beforeAll(async () => {
    browser = await startBrowser();
    at = await startInstallation({ inFile: true, second: SECOND });
    await at.daemon.run('sync');
  });
  afterEach(() => at.tenant.switches.reset());
  afterAll(async () => {
    await browser.close();
    await at[Symbol.asyncDispose]();
  });

  /** What the browser complains of: policies that were broken, scripts that failed. */
  function complaintsOf(page: Page): string[] {
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    return complaints;
  }

  async function byLink(options: Parameters<typeof windowOf>[1] = {}): Promise<Page> {
    const page = await (await windowOf(browser, options)).newPage();
    await page.goto(await at.link());
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.getByRole('navigation').waitFor();
    return page;
  }

  async function signIn(name: string, options: Parameters<typeof windowOf>[1] = {}): Promise<Page> {
    const page = await (await windowOf(browser, options)).newPage();
    await page.goto(at.url);
    const words = ENTRANCE_WORDS[options.language ?? 'en'];
    await page.getByRole('button', { name: words.withMicrosoft }).click();
    await page.getByRole('button', { name }).click();
    await page.waitForURL((url) => url.origin === at.url);
    return page;
  }

  it.each([true, false])('lets the holder of a link in, who adds an account; scripts %s', async (scripts) => {
    const window = await windowOf(browser, { scripts });
    const page = await window.newPage();
    const complaints = complaintsOf(page);
    await page.goto(await at.link());
    if (scripts) await picturesOf(page, 'console-link');
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.getByRole('link', { name: 'Access' }).click();
    // The answer to the form leads to another origin, which the policy has to allow.
    await page.getByRole('button', { name: 'Sign in with Microsoft and add' }).click();
    await page.getByRole('button', { name: 'Uma User' }).click();
    await page.getByRole('heading', { name: 'Access' }).waitFor();
    expect(new URL(page.url()).search).toBe('');
    expect(await contentOf(page)).toContain('Uma User – Administrator');
    if (scripts) await picturesOf(page, 'access-added');

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
    if (scripts) await picturesOf(page, 'sign-in');
    await page.getByRole('button', { name: 'Sign in with Microsoft' }).click();
    await page.getByRole('button', { name: 'Uma User' }).click();
    await page.getByRole('link', { name: 'Access' }).click();
    await page.getByRole('button', { name: 'Remove Uma User' }).click();
    await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
    expect(complaints).toEqual([]);
    await window.close();
  });

  it('shows who may not enter the line that lets them in, and leads back where they wanted', async () => {
    const window = await windowOf(browser);
    const page = await window.newPage();
    await page.goto(`${at.url}/rejections`);
    await page.getByRole('button', { name: 'Sign in with Microsoft' }).click();
    await page.getByRole('button', { name: 'Uma User' }).click();
    await page.getByText(ENTRANCE_WORDS.en.problem.account).waitFor();
    const uma = at.tenant.accounts.find(({ displayName }) => displayName === 'Uma User');
    expect(await contentOf(page)).toContain(`admins = ["${at.tenant.tenantId}/${uma?.objectId}"]`);
    await picturesOf(page, 'sign-in-refused');
    await page.goto(`${at.url}/rejections`);
    await page.getByRole('button', { name: 'With another account' }).click();
    await page.getByRole('button', { name: 'Rita Reader' }).click();
    await page.waitForURL(`${at.url}/rejections`);
    const signedIn = { event: 'console.sign_in', role: 'reader', how: 'microsoft' };
    await at.daemon.logged((line) => Object.entries(signedIn).every(([name, value]) => line[name] === value));
    await window.close();
  });

  it('shows the holder of a link every tenant, and what is to be set up first', async () => {
    const page = await byLink();
    expect(page.url()).toBe(`${at.url}/guide/${SECOND}`);
    await page.goto(`${at.url}/status`);
    for (const name of ['contoso.example', 'fabrikam.example']) {
      await page.getByRole('heading', { name }).waitFor();
    }
    expect(await page.getByRole('link', { name: STATUS_WORDS.en.setUp.guide }).count()).toBe(1);
    await picturesOf(page, 'status-tenants');
    await page.goto(`${at.url}/guide`);
    expect(await contentOf(page)).toContain(`fabrikam.example ${SECOND}`);
    await picturesOf(page, 'guide-tenants');
    await page.context().close();
  });

  it('shows the administrator of one of the tenants nothing of another', async () => {
    const page = await signIn('Adam Admin');
    // What is missing elsewhere is no concern of theirs.
    expect(page.url()).toBe(`${at.url}/status`);
    for (const path of [
      '/status',
      '/recipients',
      '/recipients/import',
      '/rejections',
      '/guide',
      '/oauth',
      '/access',
    ]) {
      await page.goto(at.url + path);
      await page.getByRole('navigation').waitFor();
      const content = await page.content();
      expect.soft(content.includes(SECOND) || content.includes('fabrikam'), path).toBe(false);
      if (!NAMELESS.includes(path)) expect.soft(content, path).toContain('contoso.example');
    }
    for (const path of ['/guide/', '/oauth/', '/status/']) {
      const end = path === '/status/' ? '/rounds' : '';
      expect.soft((await page.goto(`${at.url}${path}${SECOND}${end}`))?.status(), path).toBe(404);
    }
    await page.context().close();
  });

  it('lets an administrator in and out in Japanese, without scripts', async () => {
    const page = await signIn('Adam Admin', { language: 'ja', scripts: false });
    const words = FRAME_WORDS.ja;
    await page.getByText(words.signedInAs).waitFor();
    expect(new URL(page.url()).search).toBe('');
    await page.getByRole('button', { name: words.signOut }).click();
    await page.goto(`${at.url}/status`);
    expect(page.url()).toContain('/sign-in');
    await page.context().close();
  });

  it('lets a reader look and change nothing', async () => {
    const page = await signIn('Rita Reader');
    expect(await page.locator('header').innerText()).toContain(FRAME_WORDS.en.reader);
    await page.goto(`${at.url}/access`);
    expect(await contentOf(page)).toContain(FRAME_WORDS.en.notAllowed);
    await picturesOf(page, 'not-allowed');
    await page.goto(`${at.url}/recipients`);
    expect(await page.locator('main form[method="post"]').count()).toBe(0);
    await page.context().close();
  });

  it('says what happened when the person cancels, or the proof is wrong', async () => {
    const cancelled = await (await windowOf(browser)).newPage();
    await cancelled.goto(at.url);
    await cancelled.getByRole('button', { name: ENTRANCE_WORDS.en.withMicrosoft }).click();
    await cancelled.getByRole('button', { name: 'Cancel' }).click();
    await cancelled.getByText(ENTRANCE_WORDS.en.problem.declined).waitFor();
    expect(cancelled.url()).not.toContain('error');
    await cancelled.context().close();
    // MSAL looks at the nonce itself, and throws; it is the same problem to a person.
    for (const fault of ['bad-signature', 'wrong-nonce'] as const) {
      at.tenant.switches.idTokenFault = fault;
      const page = await signIn('Adam Admin');
      expect(`${fault}: ${await contentOf(page)}`).toContain(ENTRANCE_WORDS.en.problem.identity);
      await page.context().close();
    }
  });

  it('goes on after the keys have changed', async () => {
    at.tenant.signing.rotate();
    at.tenant.signing.dropOld();
    const page = await signIn('Adam Admin');
    await page.getByText(FRAME_WORDS.en.signedInAs).waitFor();
    await page.context().close();
  });

  it('takes no form from another site', async () => {
    const page = await byLink();
    // localhost with another port is another origin, but the same site: SameSite does not keep the cookie back.
    const form = `<form method="post" action="${at.url}/sign-out"><button>Win</button></form>`;
    const other = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end(form);
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const evil = await page.context().newPage();
    await evil.goto(`http://localhost:${(other.address() as AddressInfo).port}/`);
    const answered = evil.waitForResponse(`${at.url}/sign-out`);
    await evil.getByRole('button', { name: 'Win' }).click();
    expect((await answered).status()).toBe(403);
    await page.reload();
    await page.getByRole('link', { name: 'Status' }).waitFor();
    await page.context().close();
    other.close();
  });
});
