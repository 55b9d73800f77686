/**
 * Debian's Chromium, driven by playwright-core: browser, contexts of a person's language, colour scheme and taste for
 * scripts, an accessibility scan, and pictures of pages.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { AxeResults } from 'axe-core';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';
import { vi } from 'vitest';
import { programPath } from '../interop/programs.ts';

export type Language = 'en' | 'ja';

/** Who looks at the pages. */
export interface Person {
  /** `en` unless given. */
  readonly language?: Language;
  /** Whether the browser runs scripts; it does unless given. */
  readonly scripts?: boolean;
  readonly scheme?: 'light' | 'dark';
  /** Cookies and storage of another context, for a person who is there already. */
  readonly as?: BrowserContext;
}

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const LOCALES: Readonly<Record<Language, string>> = { en: 'en-GB', ja: 'ja-JP' };
/** How long an element is waited for, in milliseconds: long enough for a loaded machine. */
const PATIENCE_MS = 30_000;
/** A browser on a machine that runs other tests beside it is slow, and no failure for that. */
vi.setConfig({ testTimeout: 180_000 });

/** A browser with an empty profile of its own; closing it removes that. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: programPath('chromium'), headless: true, args: FLAGS });
}

let windows = 0;

/** A person's own window, with no cookies but those of `as`, at an address of its own for who believes the header. */
export async function windowOf(browser: Browser, person: Person = {}): Promise<BrowserContext> {
  const options: BrowserContextOptions = {
    locale: LOCALES[person.language ?? 'en'],
    javaScriptEnabled: person.scripts ?? true,
    colorScheme: person.scheme ?? 'light',
    viewport: { width: 1280, height: 900 },
    // A colour on its way to another is none that a scan should judge.
    reducedMotion: 'reduce',
    // The practice tenant's sign-in has a certificate of its own authority; the console under test is plain http.
    ignoreHTTPSErrors: true,
    extraHTTPHeaders: { 'x-forwarded-for': `192.0.2.${++windows % 255}` },
    ...(person.as && { storageState: await person.as.storageState() }),
  };
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  return context;
}

/** Fails with what axe-core found, unless it is minor or moderate only. */
export async function expectAccessible(page: Page, rules: readonly string[] = []): Promise<void> {
  const findings = await accessibilityFindings(page, rules);
  if (findings.length > 0) throw new Error(`${page.url()} is not accessible:\n${findings.join('\n')}`);
}

/** What axe-core finds on a page that is serious or critical, a line for each element; by all rules unless some are given. It needs a window with scripts. */
export async function accessibilityFindings(page: Page, rules: readonly string[] = []): Promise<string[]> {
  const options = { resultTypes: ['violations'], ...(rules.length > 0 ? { runOnly: rules } : {}) };
  // Evaluated in the page's world, which its content security policy does not govern.
  const scan = `${axe.source}; axe.run(document, ${JSON.stringify(options)})`;
  const results = (await page.evaluate(scan)) as AxeResults;
  return results.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(
        ({ html, failureSummary }) => `${id}: ${html}: ${(failureSummary ?? '').replace(/\s+/g, ' ')}`,
      ),
    );
}

/**
 * Looks at the page that `page` is on, without touching it: in windows of their own with its cookies, in English and light,
 * then in Japanese and dark, so that every language and every scheme is scanned once. Pictures go to
 * RCPTGATE_SCREENSHOTS in all four ways; where that is not set, the page is scanned all the same.
 */
export async function picturesOf(page: Page, name: string): Promise<void> {
  const browser = page.context().browser();
  if (browser === null) throw new Error('the page has no browser');
  for (const [language, scheme] of WAYS) {
    const window = await windowOf(browser, { language, scheme, as: page.context() });
    const copy = await window.newPage();
    await copy.goto(page.url());
    await look(copy, `${name}.${language}`, scheme);
    await window.close();
  }
}

/** What is scanned of every page. */
export const WAYS = [
  ['en', 'light'],
  ['ja', 'dark'],
] as const;

type Scheme = 'light' | 'dark';

/** Scans a page as it stands in the scheme of its window, and takes its pictures in both. */
export async function look(page: Page, name: string, scheme: Scheme): Promise<void> {
  await expectAccessible(page);
  if (!process.env.RCPTGATE_SCREENSHOTS) return;
  for (const each of ['light', 'dark'] as const) await shoot(page, name, each);
  await page.emulateMedia({ colorScheme: scheme });
}

/** Pictures of a page as it stands, in both colour schemes; for a page that cannot be opened twice. */
export async function pictures(page: Page, name: string): Promise<void> {
  await expectAccessible(page);
  await shoot(page, name, 'light');
  // Nothing but the colours differs between the schemes.
  await shoot(page, name, 'dark');
  await expectAccessible(page, ['color-contrast']);
  await page.emulateMedia({ colorScheme: null });
}

async function shoot(page: Page, name: string, scheme: Scheme): Promise<void> {
  await page.emulateMedia({ colorScheme: scheme });
  // Colours on their way from one scheme to the other are nobody's design.
  await page.evaluate('Promise.all(document.getAnimations().map(({ finished }) => finished)).then(() => 0)');
  const folder = process.env.RCPTGATE_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.${scheme}.png`), fullPage: true });
}
