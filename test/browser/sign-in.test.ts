/** Sign in with Microsoft in a real browser: who enters, who does not, and what each may do. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ACCESS_WORDS } from '../../src/console/access/words.ts';
import { ENTRANCE_WORDS } from '../../src/console/entrance/words.ts';
import { FRAME_WORDS } from '../../src/console/site/words.ts';
import { interop } from '../interop/programs.ts';
import { administrator } from './administrator.ts';
import { pictures, picturesOf, startBrowser, windowOf } from './chromium.ts';
import { contentOf, type Installation, startInstallation } from './installation.ts';

interop(import.meta.url, ['Chromium'], 'sign in with Microsoft', () => {
  let browser: Browser;
  let installed: Installation;
  beforeAll(async () => {
    browser = await startBrowser();
    installed = await startInstallation({ inFile: true });
    await installed.daemon.run('sync');
  });
  afterEach(() => installed.tenant.switches.reset());
  afterAll(async () => {
    await browser.close();
    await installed[Symbol.asyncDispose]();
  });

  async function signIn(name: string, options: Parameters<typeof windowOf>[1] = {}): Promise<Page> {
    const page = await (await windowOf(browser, options)).newPage();
    await page.goto(installed.url);
    const words = ENTRANCE_WORDS[options.language ?? 'en'];
    await page.getByRole('button', { name: words.withMicrosoft }).click();
    await page.getByRole('button', { name }).click();
    await page.waitForURL((url) => url.origin === installed.url);
    return page;
  }

  it.each([
    ['en', true],
    ['ja', false],
  ] as const)('lets an administrator in, in %s, scripts %s', async (language, scripts) => {
    const page = await signIn('Adam Admin', { language, scripts });
    const words = FRAME_WORDS[language];
    await page.getByText(words.signedInAs).waitFor();
    expect(new URL(page.url()).search).toBe('');
    await page.getByRole('button', { name: words.signOut }).click();
    await picturesOf(page, 'sign-in');
    await page.goto(`${installed.url}/status`);
    expect(page.url()).toContain('/sign-in');
    await page.context().close();
  });

  it('lets a reader look and change nothing', async () => {
    const page = await signIn('Rita Reader');
    expect(await page.locator('header').innerText()).toContain(FRAME_WORDS.en.reader);
    await page.goto(`${installed.url}/access`);
    expect(await contentOf(page)).toContain(FRAME_WORDS.en.notAllowed);
    await picturesOf(page, 'not-allowed');
    await page.goto(`${installed.url}/recipients`);
    expect(await page.locator('main form[method="post"]').count()).toBe(0);
    await page.context().close();
  });

  it('shows somebody without a role what to ask for, until an administrator adds them', async () => {
    const { tenant, url } = installed;
    const uma = tenant.accounts.find(({ displayName }) => displayName === 'Uma User');
    const refused = await signIn('Uma User');
    expect(await contentOf(refused)).toContain(`${tenant.tenantId}/${uma?.objectId}`);
    await pictures(refused, 'sign-in-refused.en');
    await refused.context().close();

    const page = await (await windowOf(browser)).newPage();
    const admin = administrator(page);
    await admin.enter(await installed.link());
    await page.goto(`${url}/access`);
    await picturesOf(page, 'access');
    await page.getByLabel(ACCESS_WORDS.en.role, { exact: true }).selectOption('reader');
    await admin.click(ACCESS_WORDS.en.addButton);
    await page.getByRole('button', { name: 'Uma User' }).click();
    await page.waitForURL((at) => at.origin === url);
    await page.context().close();

    const entered = await signIn('Uma User');
    expect(await entered.locator('header').innerText()).toContain('Uma User');
    await entered.context().close();
  });

  it('says what happened when the person cancels, or the proof is wrong', async () => {
    const cancelled = await (await windowOf(browser)).newPage();
    await cancelled.goto(installed.url);
    await cancelled.getByRole('button', { name: ENTRANCE_WORDS.en.withMicrosoft }).click();
    await cancelled.getByRole('button', { name: 'Cancel' }).click();
    await cancelled.getByText(ENTRANCE_WORDS.en.problem.declined).waitFor();
    expect(cancelled.url()).not.toContain('error');
    const { identity, microsoft } = ENTRANCE_WORDS.en.problem;
    for (const fault of ['bad-signature', 'wrong-tenant', 'wrong-nonce', 'expired'] as const) {
      installed.tenant.switches.idTokenFault = fault;
      const page = await signIn('Adam Admin');
      // MSAL looks at the nonce itself, and throws.
      const said = [identity, ...(fault === 'wrong-nonce' ? [microsoft] : [])];
      const content = await contentOf(page);
      expect(said.some((words) => content.includes(words)) ? fault : `${fault}: ${content}`).toBe(fault);
      await page.context().close();
    }
  });

  it('goes on after the keys have changed', async () => {
    installed.tenant.signing.rotate();
    installed.tenant.signing.dropOld();
    const page = await signIn('Adam Admin');
    await page.getByText(FRAME_WORDS.en.signedInAs).waitFor();
    await page.context().close();
  });
});
