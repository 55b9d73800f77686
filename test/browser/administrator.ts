/** What an administrator does in the browser, in either language, with every click and typed field counted. */
import type { Page } from 'playwright-core';
import { ENTRANCE_WORDS } from '../../src/console/entrance/words.ts';
import { OAUTH_WORDS } from '../../src/console/oauth/words.ts';
import type { Language } from './chromium.ts';

export interface Effort {
  clicks: number;
  /** Fields that were typed or pasted into. */
  fields: number;
}

export interface Administrator {
  readonly effort: Effort;
  readonly page: Page;
  click(name: string, role?: 'button' | 'link'): Promise<void>;
  fill(label: string, text: string): Promise<void>;
  /** Opens the one-time link and enters. */
  enter(link: string): Promise<void>;
  /** From any page of the console to the OAuth settings. */
  openSettings(): Promise<void>;
  /** Step 1; fields that are not given are left as they are. */
  save(entered: {
    readonly applicationId?: string;
    readonly secret?: string;
    readonly expires?: string;
  }): Promise<void>;
  authenticate(): Promise<void>;
  /** Step 3, up to where the browser is then: the progress page, the settings, or Microsoft. */
  connect(): Promise<void>;
  /** At the practice tenant: picks the account and accepts. */
  consentAs(name: string): Promise<void>;
  /** Waits for the end of the import; returns what it ended in. */
  imported(): Promise<string>;
}

/** An administrator at `page`. */
export function administrator(page: Page, language: Language = 'en'): Administrator {
  const entrance = ENTRANCE_WORDS[language];
  const oauth = OAUTH_WORDS[language];
  const effort: Effort = { clicks: 0, fields: 0 };
  const click: Administrator['click'] = async (name, role = 'button') => {
    effort.clicks++;
    await page.getByRole(role, { name, exact: true }).click();
    await page.waitForLoadState();
  };
  const fill: Administrator['fill'] = async (label, text) => {
    effort.fields++;
    await page.getByLabel(label, { exact: true }).fill(text);
  };
  return {
    effort,
    page,
    click,
    fill,
    async enter(link) {
      await page.goto(link);
      await click(entrance.linkButton);
    },
    openSettings: () => click(oauth.title, 'link'),
    async save({ applicationId, secret, expires }) {
      const folded = page.locator('details:not([open]) > summary', { hasText: oauth.changeSaved });
      if ((await folded.count()) > 0) {
        effort.clicks++;
        await folded.click();
      }
      if (applicationId !== undefined) await fill(oauth.application, applicationId);
      if (secret !== undefined) await fill(oauth.secret, secret);
      if (expires !== undefined) await fill(oauth.expiresField, expires);
      await click(oauth.save);
    },
    authenticate: () => click(oauth.authenticate),
    connect: () => click(oauth.connect),
    async consentAs(name) {
      effort.clicks++;
      await page.getByRole('button', { name }).click();
      await click('Accept');
    },
    async imported() {
      const end = page.getByText(`${oauth.finished}:`).locator('..');
      await end.waitFor();
      return end.innerText();
    },
  };
}
