/** Every page of the console, in both languages and colour schemes: looked over by axe-core, and kept as pictures. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { interop } from '../interop/programs.ts';
import { administrator } from './administrator.ts';
import { type Language, pictures, picturesOf, startBrowser, windowOf } from './chromium.ts';
import { type Installation, startInstallation } from './installation.ts';

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

  async function copyOf(language: Language): Promise<Page> {
    return (await windowOf(browser, { language, as: page.context() })).newPage();
  }

  it('is reached by links from the first', async () => {
    const seen = new Map<string, string>();
    // What no link leads to: the answers to questions.
    const waiting = [
      '/status',
      '/recipients?q=alice',
      '/recipients/explain?address=nobody@contoso.example',
      '/guide?domain=contoso.example',
    ];
    const copies = { en: await copyOf('en'), ja: await copyOf('ja') };
    for (let path = waiting.pop(); path !== undefined && seen.size < 80; path = waiting.pop()) {
      if (seen.has(kindOf(path))) continue;
      seen.set(kindOf(path), path);
      const response = await page.goto(`${installed.url}${path}`);
      expect.soft(`${path} ${response?.status()}`).toBe(`${path} 200`);
      for (const [language, copy] of Object.entries(copies)) {
        await copy.goto(`${installed.url}${path}`);
        await pictures(copy, `${nameOf(path)}.${language}`);
      }
      waiting.push(...(await linksOf(page)));
    }
    process.stdout.write(`pages seen: ${[...seen.values()].sort().join(' ')}\n`);
    expect(complaints).toEqual([]);
    expect(seen.size).toBeGreaterThan(8);
  }, 600_000);

  it('has a page for what is not there', async () => {
    await page.goto(`${installed.url}/nowhere`);
    await picturesOf(page, 'not-found');
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
