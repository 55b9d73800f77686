/** The door of the console in a real Chromium: its policies hold there, and people get through it. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { interop } from '../interop/programs.ts';
import { picturesOf, startBrowser, windowOf } from './chromium.ts';
import { contentOf, eventsOf, type Installation, startInstallation } from './installation.ts';

/** Every page is scanned and pictured four times. */
const PATIENCE = { timeout: 180_000 };

interop(import.meta.url, ['Chromium'], 'the door of the console in a browser', () => {
  let browser: Browser;
  let at: Installation;
  beforeAll(async () => {
    browser = await startBrowser();
    at = await startInstallation({ inFile: true });
    await at.daemon.run('sync');
  });
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

  it.each([true, false])(
    'lets the holder of a link in, who adds an account; scripts %s',
    PATIENCE,
    async (scripts) => {
      const window = await windowOf(browser, { scripts });
      const page = await window.newPage();
      const complaints = complaintsOf(page);
      await page.goto(await at.link());
      if (scripts) await picturesOf(page, 'console-link');
      await page.getByRole('button', { name: 'Open the console' }).click();
      await page.getByRole('link', { name: 'Access' }).click();
      if (scripts) await picturesOf(page, 'access');
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
    },
  );

  it(
    'shows who may not enter the line that lets them in, and leads back where they wanted',
    PATIENCE,
    async () => {
      const window = await windowOf(browser);
      const page = await window.newPage();
      await page.goto(`${at.url}/rejections`);
      await page.getByRole('button', { name: 'Sign in with Microsoft' }).click();
      await page.getByRole('button', { name: 'Uma User' }).click();
      await page.getByText('may not enter here').waitFor();
      expect(await contentOf(page)).toMatch(/admins = \["[0-9a-f-]{36}\/[0-9a-f-]{36}"\]/);
      await picturesOf(page, 'sign-in-refused');
      await page.goto(`${at.url}/rejections`);
      await page.getByRole('button', { name: 'With another account' }).click();
      await page.getByRole('button', { name: 'Rita Reader' }).click();
      await page.waitForURL(`${at.url}/rejections`);
      expect(eventsOf(at.daemon, 'console.sign_in').at(-1)).toMatchObject({
        role: 'reader',
        how: 'microsoft',
      });
      await window.close();
    },
  );

  it('takes no form from another site', async () => {
    const window = await windowOf(browser);
    const page = await window.newPage();
    await page.goto(await at.link());
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.getByRole('link', { name: 'Status' }).waitFor();
    // localhost with another port is another origin, but the same site: SameSite does not keep the cookie back.
    const form = `<form method="post" action="${at.url}/sign-out"><button>Win</button></form>`;
    const other = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end(form);
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const evil = await window.newPage();
    await evil.goto(`http://localhost:${(other.address() as AddressInfo).port}/`);
    const answered = evil.waitForResponse(`${at.url}/sign-out`);
    await evil.getByRole('button', { name: 'Win' }).click();
    expect((await answered).status()).toBe(403);
    await page.reload();
    await page.getByRole('link', { name: 'Status' }).waitFor();
    await window.close();
    other.close();
  });
});
