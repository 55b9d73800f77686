/** What Microsoft refuses, as an administrator reads it: every AADSTS code, forged and replayed callbacks, too many permissions. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ENTRANCE_WORDS } from '../../src/console/entrance/words.ts';
import { OAUTH_WORDS } from '../../src/console/oauth/words.ts';
import { AADSTS_CODES } from '../../src/practice/aadsts.ts';
import { interop } from '../interop/programs.ts';
import { open } from '../practice/browse.ts';
import { type Administrator, administrator } from './administrator.ts';
import { picturesOf, startBrowser, windowOf } from './chromium.ts';
import { contentOf, type Installation, startInstallation } from './installation.ts';

/** Codes of requests that the gateway never makes: as Entra ID words them. */
const OF_NOBODY = [50058, 70003, 70007, 700054, 900144];
const words = OAUTH_WORDS;

interop(import.meta.url, ['Chromium'], 'problems at Microsoft', () => {
  let browser: Browser;
  let installed: Installation;
  let admin: Administrator;
  beforeAll(async () => {
    browser = await startBrowser();
    installed = await startInstallation();
    admin = administrator(await (await windowOf(browser)).newPage());
    await admin.enter(await installed.link());
    await admin.openSettings();
    const { applicationId, secret } = installed.tenant;
    await admin.save({ applicationId, secret });
  });
  beforeEach(() => installed.tenant.switches.reset());
  afterAll(async () => {
    await browser.close();
    await installed[Symbol.asyncDispose]();
  });

  it('come from what people paste wrongly, too', async () => {
    const { tenant, rcpt } = installed;
    const [secret] = tenant.application.secrets;
    const wrong: ReadonlyArray<readonly [applicationId: string, secret: string, says: RegExp]> = [
      [tenant.application.objectId, tenant.secret, /AADSTS700016/],
      [tenant.applicationId, 'wrong', /AADSTS7000215/],
      [tenant.applicationId, secret?.keyId ?? '', /has the form of the secret's id/],
    ];
    for (const [applicationId, text, says] of wrong) {
      await admin.save({ applicationId, secret: text });
      await admin.authenticate();
      expect(await contentOf(admin.page)).toMatch(says);
    }
    await picturesOf(admin.page, 'oauth-secret-id');
    expect(await rcpt('alice@contoso.example')).toMatch(/^451 /);
    await admin.save({ applicationId: tenant.applicationId, secret: tenant.secret });
  });

  it('are each explained, with what to do, in both languages', async () => {
    const { tenant } = installed;
    const window = await windowOf(browser, { language: 'ja', as: admin.page.context() });
    const japanese = await window.newPage();
    const unexplained: string[] = [];
    for (const code of AADSTS_CODES) {
      tenant.switches.reset();
      tenant.switches.failToken({ kind: 'aadsts', code });
      await admin.authenticate();
      await japanese.goto(admin.page.url());
      const alert = await admin.page.getByRole('alert').first().innerText();
      const told = await japanese.getByRole('alert').first().innerText();
      if (!alert.includes(`AADSTS${code}`)) unexplained.push(`${code}: ${alert}`);
      if (OF_NOBODY.includes(code)) continue;
      if (!alert.includes(words.en.whatToDo)) unexplained.push(`${code}: ${alert}`);
      if (!told.includes(words.ja.whatToDo) || !/[ぁ-ん]/.test(told)) unexplained.push(`${code}: ${told}`);
    }
    expect(unexplained).toEqual([]);
    await window.close();
  });

  it('include permissions that are not needed', async () => {
    for (const role of ['User.Read.All', 'Group.Read.All', 'Mail.Read', 'Mail.ReadBasic.All'])
      installed.tenant.switches.rolesGranted.add(role);
    await admin.authenticate();
    expect(await contentOf(admin.page)).toContain(`${words.en.unneeded}: Mail.Read, Mail.ReadBasic.All`);
    await picturesOf(admin.page, 'oauth-mail-permissions');
  });

  /** Where Microsoft would send the browser of `page` after this form; it is not sent there. */
  async function answerTo(page: Page, fields: Readonly<Record<string, string>>): Promise<URL> {
    const { to, sent } = await open(installed.tenant, page.url(), fields);
    return new URL(`${to}?${new URLSearchParams(sent ?? {})}`);
  }

  it('include forged and replayed answers to a consent', async () => {
    const { page } = admin;
    const { consentRefused } = words.en;
    await page.goto(`${installed.url}/oauth`);
    await admin.connect();
    const real = await answerTo(page, { account: 'gwen.global@contoso.example', decision: 'accept' });
    const changed = (change: (query: URLSearchParams) => void): string => {
      const url = new URL(real);
      change(url.searchParams);
      return url.href;
    };
    const said = async (at: string): Promise<string> => {
      await page.goto(at);
      return contentOf(page);
    };
    expect(await said(changed((query) => query.append('tenant', 'x')))).toContain(consentRefused.repeated);
    expect(await said(changed((query) => query.set('state', 'guessed')))).toContain(consentRefused.unknown);
    expect(await said(changed((query) => query.delete('state')))).toContain(consentRefused.unknown);

    // Somebody else's browser cannot use the answer, and does not spoil it.
    const stranger = await (await windowOf(browser)).newPage();
    await stranger.goto(real.href);
    expect(await contentOf(stranger)).toContain(consentRefused.foreign);
    await picturesOf(stranger, 'consent-refused');

    const other = '9e107d9d-372b-4e3c-8f3a-0b8a7c9d1e2f';
    expect(await said(changed((query) => query.set('tenant', other)))).toContain(consentRefused.forged);
    // The state is spent by the forgery, so the real answer comes too late: nothing was done with either.
    expect(await said(real.href)).toContain(consentRefused.unknown);
    expect(await installed.rcpt('alice@contoso.example')).toMatch(/^451 /);

    await page.goto(`${installed.url}/oauth`);
    await admin.connect();
    await page.getByText(`${words.en.finished}:`).waitFor();
    expect(await installed.rcpt('alice@contoso.example')).toMatch(/^250 /);
  });

  it('include replayed answers to a sign-in', async () => {
    const { problem, withMicrosoft } = ENTRANCE_WORDS.en;
    const page = await (await windowOf(browser)).newPage();
    await page.goto(installed.url);
    await page.getByRole('button', { name: withMicrosoft }).click();
    const real = await answerTo(page, { account: 'adam.admin@contoso.example' });

    const stranger = await (await windowOf(browser)).newPage();
    await stranger.goto(real.href);
    expect(await contentOf(stranger)).toContain(problem.state);
    await page.goto(real.href);
    expect(await page.locator('header').innerText()).toContain('Adam Admin');
    expect(page.url()).not.toContain('code');
    await page.goto(real.href);
    expect(await contentOf(page)).toContain(problem.state);
  });
});
