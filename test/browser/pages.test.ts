/** Every page of the console, in both languages and colour schemes: looked over by axe-core, and kept as pictures. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RECIPIENT_WORDS } from '../../src/console/recipients/words.ts';
import { FRAME_WORDS } from '../../src/console/site/words.ts';
import { STATUS_WORDS } from '../../src/console/status/words.ts';
import { interop } from '../interop/programs.ts';
import { administrator } from './administrator.ts';
import { look, picturesOf, startBrowser, windowOf } from './chromium.ts';
import { contentOf, type Installation, startInstallation } from './installation.ts';

const JAPANESE = { language: 'ja', scheme: 'dark' } as const;
const EXPORT = `"PrimarySmtpAddress","RecipientTypeDetails","EmailAddresses"
"everybody@contoso.example","DynamicDistributionGroup","SMTP:everybody@contoso.example smtp:all@contoso.example"
"x@elsewhere.example","PublicFolder","SMTP:x@elsewhere.example"
`;

interop(import.meta.url, ['Chromium'], 'every page', () => {
  let browser: Browser;
  let installed: Installation;
  let page: Page;
  /** What the browser itself complains of: blocked scripts and styles, missing files. */
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await startBrowser();
    installed = await startInstallation({ inFile: true, users: 300 });
    await installed.daemon.run('sync');
    await installed.daemon.run('override', 'add', 'vip@contoso.example', 'allow', '--expires', '30d');
    for (const address of ['nobody@contoso.example', 'alice@contoso.example', 'former@contoso.example'])
      await installed.rcpt(address);
    page = await (await windowOf(browser)).newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
    await administrator(page).enter(await installed.link());
  });
  afterAll(async () => {
    await browser.close();
    await installed[Symbol.asyncDispose]();
  });

  it('is reached by links from the first', async () => {
    const seen = new Map<string, string>();
    // What no link leads to: the answers to questions.
    const waiting = [
      '/status',
      '/recipients?q=alice',
      '/recipients/explain?address=nobody@contoso.example',
      '/guide?domain=contoso.example',
    ];
    // English and light is the window of the test itself.
    const japanese = await (await windowOf(browser, { ...JAPANESE, as: page.context() })).newPage();
    for (let path = waiting.pop(); path !== undefined && seen.size < 80; path = waiting.pop()) {
      if (seen.has(kindOf(path))) continue;
      seen.set(kindOf(path), path);
      const response = await page.goto(`${installed.url}${path}`);
      expect.soft(`${path} ${response?.status()}`).toBe(`${path} 200`);
      await look(page, `${nameOf(path)}.en`, 'light');
      await japanese.goto(`${installed.url}${path}`);
      await look(japanese, `${nameOf(path)}.ja`, JAPANESE.scheme);
      waiting.push(...(await linksOf(page)));
    }
    process.stdout.write(`pages seen: ${[...seen.values()].sort().join(' ')}\n`);
    expect(complaints).toEqual([]);
    expect(seen.size).toBeGreaterThan(8);
  }, 600_000);

  it('has a page for what is not there', async () => {
    await page.goto(`${installed.url}/nowhere`);
    await picturesOf(page, 'not-found');
    await page.getByRole('link', { name: FRAME_WORDS.en.back }).click();
    await page.waitForURL(`${installed.url}/status`);
  });

  it('shows what an uploaded list would change, and then changes it', async () => {
    const words = RECIPIENT_WORDS.en.import;
    expect(await installed.rcpt('all@contoso.example')).toMatch(/^550 /);
    await page.goto(`${installed.url}/recipients/import`);
    const file = { name: 'export.csv', mimeType: 'text/csv', buffer: Buffer.from(EXPORT) };
    await page.getByLabel(words.file).setInputFiles(file);
    await page.getByRole('button', { name: words.upload }).click();
    await page.getByRole('heading', { name: words.preview }).waitFor();
    const preview = await contentOf(page);
    for (const part of ['all@contoso.example', 'elsewhere.example', words.nothingYet]) {
      expect(preview).toContain(part);
    }
    await picturesOf(page, 'import-preview');
    expect(await installed.rcpt('all@contoso.example')).toMatch(/^550 /);
    await page.getByRole('button', { name: words.confirm, exact: true }).click();
    await page.getByText(words.done('2')).waitFor();
    expect(await installed.rcpt('all@contoso.example')).toMatch(/^250 /);
    expect(await installed.daemon.logged(({ event }) => event === 'import.done')).toMatchObject({
      who: 'console link',
      file: 'export.csv',
    });
  });

  it('shows a held plan address by address, and lets it go on approval', async () => {
    const words = STATUS_WORDS.en;
    const { directory } = installed.tenant;
    for (const user of [...directory.live('users')].slice(-150)) directory.softDelete(user.id);
    await installed.daemon.run('sync');
    const { plan, held } = await installed.daemon.logged(({ event }) => event === 'sync.held');
    await page.goto(`${installed.url}/status`);
    await page.getByRole('heading', { name: words.plan }).waitFor();
    await picturesOf(page, 'status-held');
    await page.getByRole('link', { name: words.showPlan }).click();
    expect(await contentOf(page)).toContain(String(plan));
    await picturesOf(page, 'held-plan');
    await page.getByRole('button', { name: words.approve(String(held)) }).click();
    await page.getByText(words.approved(String(held))).waitFor();
    expect(await page.getByRole('heading', { name: words.plan }).count()).toBe(0);
    expect(await installed.daemon.logged(({ event }) => event === 'sync.approve')).toMatchObject({
      who: 'console link',
      plan,
    });
    expect(complaints.filter((each) => !each.includes('/nowhere'))).toEqual([]);
  });
});

/** The console's own pages that a page leads to, each once; no downloads, and nothing that changes the language. */
async function linksOf(page: Page): Promise<string[]> {
  const here = new URL(page.url());
  const links = await page
    .locator('a[href]')
    .evaluateAll((all) => all.map((a) => a.getAttribute('href') ?? ''));
  const targets = links
    .map((link) => new URL(link, here))
    .filter(({ origin }) => origin === here.origin)
    .filter(({ pathname }) => !pathname.startsWith('/language/') && !/\.(?:json|sh|csv|cer)$/.test(pathname));
  return [...new Set(targets.map(({ pathname, search }) => pathname + search))];
}

/** Pages of one kind differ in what is asked for only. */
function kindOf(path: string): string {
  return path.replace(/=[^&]*/g, '=');
}

/** A file name for a path: ids and encodings make place for an x. */
function nameOf(path: string): string {
  return path
    .slice(1)
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, 'x')
    .replace(/[^\w-]+/g, '_');
}
