/** The browser harness, tried on the practice tenant's own pages: sign-in, consent and problems in a real Chromium. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { interop } from '../interop/programs.ts';
import { address } from '../practice/browse.ts';
import { accessibilityFindings, expectAccessible, pictures, startBrowser, windowOf } from './chromium.ts';

interop(import.meta.url, ['Chromium'], 'the practice pages in a browser', () => {
  let browser: Browser;
  let tenant: PracticeTenant;
  /** Stands for the application: shows what the callback was sent. */
  const application = createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(
      `<!DOCTYPE html><html lang="en"><title>Back</title><h1>Back</h1><p>${request.headers['accept-language']}`,
    );
  });
  let callback = '';
  beforeAll(async () => {
    browser = await startBrowser();
    tenant = await startPracticeTenant({ registration: 'unconsented' });
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve));
    callback = `http://localhost:${(application.address() as AddressInfo).port}/callback`;
    tenant.application.addRedirectUri(callback);
  });
  afterAll(async () => {
    await browser.close();
    await tenant.close();
    application.close();
  });

  const signIn = (): string =>
    address(tenant, `/${tenant.tenantId}/oauth2/v2.0/authorize`, {
      client_id: tenant.applicationId,
      redirect_uri: callback,
      response_type: 'code',
      scope: 'openid profile',
      state: 'one',
    });
  const consent = (): string =>
    address(tenant, `/${tenant.tenantId}/adminconsent`, {
      client_id: tenant.applicationId,
      redirect_uri: callback,
      state: 'two',
    });

  it.each([true, false])('signs a person in, scripts %s', async (scripts) => {
    const window = await windowOf(browser, { scripts });
    const page = await window.newPage();
    await page.goto(signIn());
    if (scripts) await pictures(page, 'practice-sign-in');
    await page.getByRole('button', { name: 'Adam Admin' }).click();
    await page.getByRole('heading', { name: 'Back' }).waitFor();
    expect(new URL(page.url()).searchParams.get('state')).toBe('one');
    expect(new URL(page.url()).searchParams.get('code')).not.toBeNull();
    await window.close();
  });

  it('takes an administrator through consent, and nobody else', async () => {
    const window = await windowOf(browser);
    const page = await window.newPage();
    await page.goto(consent());
    await page.getByLabel('Another account').fill('eve.exchange@contoso.example');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('heading', { name: 'Need admin approval' }).waitFor();
    await pictures(page, 'practice-problem');
    await page.getByRole('link', { name: 'Return to the application' }).click();
    expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied');

    await page.goto(consent());
    await page.getByRole('button', { name: 'Gwen Global' }).click();
    await page.getByRole('heading', { name: 'Permissions requested' }).waitFor();
    await pictures(page, 'practice-consent');
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByRole('heading', { name: 'Back' }).waitFor();
    expect(new URL(page.url()).searchParams.get('admin_consent')).toBe('True');
    expect([...tenant.switches.rolesGranted]).toEqual(['User.Read.All', 'Group.Read.All']);
    await window.close();
  });

  it('shows a portal that makes a secret', async () => {
    const window = await windowOf(browser);
    const page = await window.newPage();
    await page.goto(`${tenant.login}/portal`);
    await page.getByLabel('Description').fill('autumn');
    await page.getByRole('button', { name: 'New client secret' }).click();
    await page.getByText('Its value is shown this once').waitFor();
    await pictures(page, 'practice-portal');
    await window.close();
  });

  it('asks for pages in the language of the person', async () => {
    const window = await windowOf(browser, { language: 'ja' });
    const page = await window.newPage();
    await page.goto(callback);
    expect(await page.textContent('p')).toMatch(/^ja/);
    await window.close();
  });

  it('finds what a scan should find', async () => {
    const window = await windowOf(browser);
    const page = await window.newPage();
    await page.setContent(
      '<!DOCTYPE html><html><title>Bad</title><input><p style="color:#ccc">pale</p></html>',
    );
    const findings = await accessibilityFindings(page);
    expect(findings.map((line) => line.split(':')[0])).toEqual(
      expect.arrayContaining(['html-has-lang', 'label', 'color-contrast']),
    );
    await expect(expectAccessible(page)).rejects.toThrow('is not accessible');
    await window.close();
  });
});
