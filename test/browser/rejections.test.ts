/** The rejections pages in a real Chromium: what a sender heard, found again; the chart; the file; without scripts, too. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { interop } from '../interop/programs.ts';
import { picturesOf, startBrowser, windowOf } from './chromium.ts';
import { type Installation, startInstallation } from './installation.ts';

interop(import.meta.url, ['Chromium'], 'the rejections in a browser', () => {
  let browser: Browser;
  let gateway: Installation;
  beforeAll(async () => {
    browser = await startBrowser();
    gateway = await startInstallation({ inFile: true });
    expect(await gateway.daemon.run('sync')).toMatchObject({ code: 0 });
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.[Symbol.asyncDispose]();
  });

  const enter = async (scripts = true): Promise<Page> => {
    const page = await (await windowOf(browser, { scripts })).newPage();
    await page.goto(await gateway.link());
    await page.locator('main button[type=submit]').click();
    await page.getByRole('navigation').waitFor();
    return page;
  };

  it('shows what a sender heard, leads to its explanation, and gives it as a file', async () => {
    const evil = '"=1+<b>x</b>"@contoso.example';
    const [, reference = ''] = /\[ref (\w{6})\]/.exec(await gateway.rcpt('nobody@contoso.example')) ?? [];
    await gateway.rcpt(evil);
    await gateway.rcpt('alice@contoso.example');
    const page = await enter();
    await page.goto(`${gateway.url}/rejections`);
    // Written a second after it happened, and answers are shared for a moment.
    for (const end = Date.now() + 15_000; Date.now() < end; ) {
      const listed = (await page.getByRole('link', { name: reference }).count()) > 0;
      const counted = (await page.locator('svg[role=img] desc').textContent())?.includes(
        '1 accepted, 2 rejected',
      );
      if (listed && counted) break;
      await page.reload();
    }
    await page.locator('.chart summary').click();
    await picturesOf(page, 'rejections');
    expect(await page.locator('svg[role=img] desc').textContent()).toContain(
      '1 accepted, 2 rejected, 0 deferred',
    );
    expect(await page.locator('main b').count()).toBe(0);

    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download as CSV' }).click(),
    ]);
    const text = readFileSync(await file.path(), 'utf8');
    expect(file.suggestedFilename()).toMatch(/^rejections-\d{4}-\d\d-\d\d\.csv$/);
    expect(text.trimEnd().split('\r\n')).toHaveLength(3);

    await page.getByRole('link', { name: reference }).click();
    await page.getByText('nobody@contoso.example').first().waitFor();
    await page.goto(`${gateway.url}/rejections/regrets`);
    await picturesOf(page, 'regrets');
  });

  it('can be filtered without scripts', async () => {
    const page = await enter(false);
    await page.goto(`${gateway.url}/rejections`);
    await page.getByLabel('Recipient', { exact: true }).fill('nobody@*');
    await page.getByLabel('Time', { exact: true }).selectOption('7d');
    await page.getByRole('button', { name: 'Show' }).click();
    expect(new URL(page.url()).searchParams.get('recipient')).toBe('nobody@*');
    expect(await page.locator('.rejections tbody tr').count()).toBe(1);
    await page.getByRole('link', { name: 'Last week' }).click();
    expect(await page.locator('.rejections tbody tr').count()).toBe(1);
  });
});
