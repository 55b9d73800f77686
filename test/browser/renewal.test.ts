/** A secret renewed in a real browser while mail flows: a wrong one changes nothing, the right one replaces the old. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OAUTH_WORDS } from '../../src/console/oauth/words.ts';
import { interop } from '../interop/programs.ts';
import { administrator } from './administrator.ts';
import { picturesOf, startBrowser, windowOf } from './chromium.ts';
import { contentOf, type Installation, startInstallation } from './installation.ts';
import { steadyMail } from './steady-mail.ts';

const KNOWN = [
  'alice@contoso.example',
  'a.smith@contoso.example',
  'info@contoso.example',
  'sales@contoso.example',
];
const DAY = 86_400_000;
const words = OAUTH_WORDS.en;

/** The date of a form field, so many days from now. */
function dayIn(days: number): string {
  return new Date(Date.now() + days * DAY).toISOString().slice(0, 10);
}

interop(import.meta.url, ['Chromium'], 'the renewal of a secret', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  /** An administrator whose tenant is set up with a secret that ends in so many days. */
  async function setUp(installed: Installation, days: number) {
    const { tenant } = installed;
    const admin = administrator(await (await windowOf(browser)).newPage());
    await admin.enter(await installed.link());
    await admin.openSettings();
    await admin.save({ applicationId: tenant.applicationId, secret: tenant.secret, expires: dayIn(days) });
    await admin.connect();
    await admin.consentAs('Gwen Global');
    await admin.imported();
    await admin.openSettings();
    admin.effort.clicks = 0;
    admin.effort.fields = 0;
    return admin;
  }

  it('loses no mail, with a wrong secret and then with the right one', async () => {
    await using installed = await startInstallation();
    const { tenant, daemon } = installed;
    // It is asked for from 60 days before the end.
    const admin = await setUp(installed, 59);
    expect(await contentOf(admin.page)).toContain(words.renewSoon);
    expect(await contentOf(admin.page)).toMatch(/5[89] days left/);
    await admin.page.goto(`${installed.url}/status`);
    expect(await contentOf(admin.page)).toMatch(/5[89] days/);
    await admin.openSettings();
    const [old] = tenant.application.secrets;
    await picturesOf(admin.page, 'oauth-renew');

    await using mail = steadyMail(daemon.port, KNOWN);
    await mail.more(20);
    await admin.save({ secret: 'not the right one' });
    await admin.authenticate();
    expect(await contentOf(admin.page)).toContain('AADSTS7000215');
    await admin.connect();
    expect(await contentOf(admin.page)).toContain(words.unchanged);
    await picturesOf(admin.page, 'oauth-renewal-wrong');
    await mail.more(20);
    // What works is still in use.
    expect((await daemon.run('sync')).code).toBe(0);

    const fresh = tenant.application.addSecret('autumn');
    await admin.save({ secret: fresh.secretText, expires: dayIn(700) });
    await admin.authenticate();
    await admin.connect();
    await admin.imported();
    await mail.more(20);
    tenant.application.removeSecret(old?.keyId ?? '');
    expect((await daemon.run('sync')).code).toBe(0);
    await mail.more(20);
    await mail.stop();

    expect(mail.trouble).toEqual([]);
    expect(installed.delivered).toBe(mail.taken);
    expect(await installed.rcpt('nobody@contoso.example')).toMatch(/^550 5\.1\.1 /);
    await admin.openSettings();
    await picturesOf(admin.page, 'oauth-renewed');
    expect(await contentOf(admin.page)).not.toContain(words.renewSoon);
    const secrets = [fresh.secretText, tenant.secret];
    for (const secret of secrets) expect(await admin.page.content()).not.toContain(secret);
    await daemon.end('SIGTERM');
    for (const secret of secrets) expect(JSON.stringify(daemon.log)).not.toContain(secret);
    process.stdout.write(
      `renewal: ${mail.taken} messages, no trouble, slowest RCPT TO ${mail.slowest.toFixed(0)} ms\n`,
    );
  });
});
