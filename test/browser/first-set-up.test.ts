/** The first set-up of a tenant in a real browser, from the one-time link to the first accepted recipient. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OAUTH_WORDS } from '../../src/console/oauth/words.ts';
import { STATUS_WORDS } from '../../src/console/status/words.ts';
import { interop } from '../interop/programs.ts';
import { administrator } from './administrator.ts';
import { pictures, picturesOf, startBrowser, windowOf } from './chromium.ts';
import { contentOf, eventsOf, startInstallation } from './installation.ts';

interop(import.meta.url, ['Chromium'], 'the first set-up', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  it.each([
    ['en', true],
    ['ja', false],
  ] as const)('ends with an accepted recipient, in %s, scripts %s', async (language, scripts) => {
    await using installed = await startInstallation({ users: 600 });
    const { tenant, daemon } = installed;
    const window = await windowOf(browser, { language, scripts });
    const admin = administrator(await window.newPage(), language);
    const shoot = async (name: string): Promise<void> => {
      if (scripts) await pictures(admin.page, `${name}.${language}`);
    };
    const link = await installed.link();
    expect(await installed.rcpt('alice@contoso.example')).toMatch(/^451 4\.4\.3 /);

    const started = performance.now();
    await admin.enter(link);
    // What comes first is where the visit begins.
    expect(admin.page.url()).toBe(`${installed.url}/guide/${tenant.tenantId}`);
    await admin.openSettings();
    await shoot('oauth-empty');
    await admin.save({ applicationId: tenant.applicationId, secret: tenant.secret });
    await admin.authenticate();
    await shoot('oauth-authenticated');
    await admin.connect();
    await admin.consentAs('Gwen Global');
    const result = await admin.imported();
    const seconds = (performance.now() - started) / 1000;
    expect(await installed.rcpt('alice@contoso.example')).toMatch(/^250 /);
    expect(await installed.rcpt('nobody@contoso.example')).toMatch(/^550 5\.1\.1 /);
    await shoot('oauth-finished');

    expect(result).toContain(OAUTH_WORDS[language].finished);
    expect(result).toMatch(/\d/);
    // No code, state or tenant stays in the address bar.
    expect(new URL(admin.page.url()).search).toBe('');
    expect(admin.effort).toEqual({ clicks: 7, fields: 2 });
    process.stdout.write(
      `first set-up, ${language}, scripts ${scripts}: ${JSON.stringify(admin.effort)}, ${seconds.toFixed(1)} s with 600 users: ${result}\n`,
    );
    expect(JSON.stringify(daemon.log)).not.toContain(tenant.secret);
    expect(await daemon.logged(({ event }) => event === 'application.adopt')).toMatchObject({
      who: 'console link',
    });
    await window.close();
  });

  it('is declined at Microsoft and says so; a second try works', async () => {
    await using installed = await startInstallation();
    const { tenant } = installed;
    const window = await windowOf(browser);
    const admin = administrator(await window.newPage());
    await admin.enter(await installed.link());
    await admin.openSettings();
    await admin.save({ applicationId: tenant.applicationId, secret: tenant.secret });
    await admin.page.goto(`${installed.url}/status`);
    await picturesOf(admin.page, 'status-not-set-up');
    await admin.click(STATUS_WORDS.en.setUp.guide, 'link');
    await admin.openSettings();
    for (const shape of ['cancel', 'access-denied', 'consent-required', 'permission-denied'] as const) {
      tenant.switches.declineShape = shape;
      await admin.connect();
      await admin.page.getByRole('button', { name: 'Cancel' }).click();
      await admin.page.waitForURL((url) => url.origin === installed.url);
      // The documented reply of version 1 has no state, so that the console cannot tell whose it is.
      const stateless = shape === 'permission-denied';
      const said = stateless ? OAUTH_WORDS.en.consentRefused.stateless : 'the consent was declined';
      expect(`${shape}: ${await contentOf(admin.page)}`).toContain(said);
      if (shape === 'cancel' || stateless) await pictures(admin.page, `oauth-declined-${shape}.en`);
    }
    await admin.click(OAUTH_WORDS.en.back, 'link');
    const declined = () =>
      eventsOf(installed.daemon, 'application.consent').filter(({ outcome }) => outcome === 'declined')
        .length;
    await installed.daemon.logged(() => declined() === 3);
    expect(await installed.rcpt('alice@contoso.example')).toMatch(/^451 /);
    await admin.connect();
    await admin.consentAs('Gwen Global');
    await admin.imported();
    expect(await installed.rcpt('alice@contoso.example')).toMatch(/^250 /);
    await window.close();
  });

  it('waits for a consent that reaches tokens late, and shows how far the import is', async () => {
    await using installed = await startInstallation({ users: 600 });
    const { tenant } = installed;
    const words = OAUTH_WORDS.en;
    tenant.switches.consentDelay = 3;
    const gate = tenant.switches.pauseAtPage('users', 3);
    const window = await windowOf(browser);
    const admin = administrator(await window.newPage());
    const { page } = admin;
    await admin.enter(await installed.link());
    await admin.openSettings();
    await admin.save({ applicationId: tenant.applicationId, secret: tenant.secret });
    await admin.connect();
    await admin.consentAs('Gwen Global');
    await pictures(page, 'oauth-proving.en');
    await page.getByText(words.read(words.streams.users, '400', 2)).waitFor({ timeout: 60_000 });
    await pictures(page, 'oauth-progress.en');
    gate.release();
    await page.getByText(`${words.finished}:`).waitFor({ timeout: 60_000 });
    expect(await installed.rcpt('alice@contoso.example')).toMatch(/^250 /);
    await admin.click(words.nextCheck, 'link');
    expect(page.url()).toBe(`${installed.url}/recipients/explain`);
    await admin.openSettings();
    expect(await page.locator('#step-connect .state').textContent()).toBe(words.states.done);
    await window.close();
  });

  it('can be consented to by somebody without the console, who reads another language', async () => {
    await using installed = await startInstallation();
    const { tenant } = installed;
    const window = await windowOf(browser);
    const admin = administrator(await window.newPage());
    const words = OAUTH_WORDS.en;
    await admin.enter(await installed.link());
    await admin.openSettings();
    await admin.save({ applicationId: tenant.applicationId, secret: tenant.secret });
    await admin.page.getByText(words.shareTitle, { exact: true }).click();
    await admin.click(words.share);
    const link = await admin.page.getByLabel(words.shareLink).inputValue();
    await pictures(admin.page, 'oauth-shared.en');

    const elsewhere = await windowOf(browser, { language: 'ja', scripts: false });
    const other = await elsewhere.newPage();
    const consent = async () => {
      await other.goto(link);
      await other.getByRole('button', { name: 'Gwen Global' }).click();
      await other.getByRole('button', { name: 'Accept' }).click();
    };
    await consent();
    await other.getByText(OAUTH_WORDS.ja.consentDone).waitFor();
    expect(new URL(other.url()).search).toBe('');
    const told = await contentOf(other);
    expect(told).not.toContain(tenant.tenantId);
    expect(told).not.toContain(tenant.applicationId);
    expect(await other.getByRole('navigation').count()).toBe(0);
    await picturesOf(other, 'consent-shared-done');

    // The link works once: its state is spent.
    await consent();
    await other.getByText(OAUTH_WORDS.ja.consentRefused.unknown).waitFor();
    await other.close();

    await installed.daemon.logged(({ event }) => event === 'sync.round');
    await admin.page.goto(`${installed.url}/oauth`);
    expect(await contentOf(admin.page)).toContain('Contoso');
    expect(await installed.rcpt('alice@contoso.example')).toMatch(/^250 /);
    await window.close();
  });
});
