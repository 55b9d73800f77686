/** The set-up guide and the OAuth settings in a real Chromium: from saving to the finished import, with live progress. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { manifestOf } from '../../src/console/guide/registration.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { interop } from '../interop/programs.ts';
import { pictures, picturesOf, startBrowser, windowOf } from './chromium.ts';

interop(import.meta.url, ['Chromium'], 'setting up a tenant in a browser', () => {
  let browser: Browser;
  let tenant: PracticeTenant;
  let daemon: Daemon;
  let url: string;
  beforeAll(async () => {
    browser = await startBrowser();
    tenant = await startPracticeTenant({ registration: 'unconsented', users: 3000 });
    const port = await freePort();
    const console = `listen = "127.0.0.1:${port}"`;
    daemon = await startDaemon({ tenant, mode: 'verify', setUpInConsole: true, console });
    await daemon.logged((line) => line.event === 'console.listen');
    url = `http://localhost:${port}`;
    tenant.application.importManifest(manifestOf(url));
  });
  afterAll(async () => {
    await browser?.close();
    await daemon?.[Symbol.asyncDispose]();
    await tenant?.[Symbol.asyncDispose]();
  });

  const enter = async (): Promise<Page> => {
    const page = await (await windowOf(browser)).newPage();
    await page.goto((await daemon.run('console-link')).out.trim());
    await page.locator('main button[type=submit]').click();
    await page.getByRole('navigation').waitFor();
    return page;
  };
  const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
  const state = (page: Page, step: string) => page.locator(`#step-${step} .state`).textContent();

  it('goes through the steps to the end of the import', async () => {
    const page = await enter();
    await page.goto(`${url}/guide/${tenant.tenantId}`);
    await picturesOf(page, 'guide');
    await page.getByRole('link', { name: 'OAuth settings of this tenant' }).first().click();
    await picturesOf(page, 'oauth-nothing');
    await page.getByLabel('Application (client) id').fill(tenant.applicationId);
    await page.getByLabel('Secret (value)').fill(crypto.randomUUID());
    await press(page, 'Save');
    await press(page, 'Authenticate');
    await page.getByRole('alert').first().waitFor();
    await picturesOf(page, 'oauth-problem');

    await page.getByLabel('Secret (value)').fill(tenant.secret);
    await page.getByLabel('End of the secret').fill('2099-01-31');
    await press(page, 'Save');
    expect(await state(page, 'save')).toBe('done');
    await page.getByText('Somebody else consents').click();
    await press(page, 'Make a consent link');
    await page.getByLabel('Consent link').waitFor();
    await pictures(page, 'oauth-shared-link');

    const gate = tenant.switches.pauseAtPage('users', 3);
    await press(page, 'Connect');
    await page.getByRole('button', { name: 'Gwen Global' }).click();
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByText('Users: 400 read (2 pages)').waitFor();
    expect(new URL(page.url()).search).toBe('');
    await pictures(page, 'oauth-progress');
    gate.release();
    await page.getByText('Import finished').waitFor();
    await picturesOf(page, 'oauth-finished');
    await page.getByRole('link', { name: 'Back to the OAuth settings' }).click();
    expect(await state(page, 'connect')).toBe('done');
    await picturesOf(page, 'oauth-in-use');
    await using client = await dialog(daemon.port);
    await client.ask('EHLO client.example');
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<alice@contoso.example>')).toMatch(/^250 2\.1\.5/);
  }, 120_000);
});
