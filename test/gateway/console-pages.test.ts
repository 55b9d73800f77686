/** The pages of the real console over the real daemon: a round, a search, an override and an import, seen by RCPT TO. */
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { Browser, hiddenFields } from '../console/browser.ts';
import { type Daemon, freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

async function answer(daemon: Daemon, address: string): Promise<string> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  return (await client.ask(`RCPT TO:<${address}>`)).slice(0, 9);
}

/** Posts a form with a file, as the page at `url` would; where it leads. */
async function upload(
  browser: Browser,
  url: string,
  fields: Record<string, string>,
  file: File,
): Promise<string> {
  const { host, origin } = new URL(url);
  const cookie = [...(browser.cookies.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  body.set('list', file);
  const headers = { cookie, origin, 'sec-fetch-site': 'same-origin' };
  const sent = await fetch(url, { method: 'POST', body, headers, redirect: 'manual' });
  expect(sent.status).toBe(303);
  return new URL(sent.headers.get('location') ?? '', url).href;
}

const EXPORT = `"PrimarySmtpAddress","RecipientTypeDetails","EmailAddresses"
"everybody@contoso.example","DynamicDistributionGroup","SMTP:everybody@contoso.example smtp:all@contoso.example"
"x@elsewhere.example","PublicFolder","SMTP:x@elsewhere.example"
`;

describe('the pages of a real console', () => {
  it('run a round, find and explain, override and import', { timeout: 120_000 }, async () => {
    await using tenant = await startPracticeTenant();
    const port = await freePort();
    const lines = `listen = "127.0.0.1:${port}"`;
    await using daemon = await startDaemon({ tenant, mode: 'verify', console: lines });
    await daemon.logged((line) => line.event === 'console.listen');
    const url = `http://localhost:${port}`;
    const browser = new Browser();
    const link = await browser.get((await daemon.run('console-link')).out.trim());
    await browser.post(`${url}/enter`, hiddenFields(link.html, '/enter'));
    const html = async (where: string) => (await browser.follow(await browser.get(url + where))).html;
    /** Posts the form of a page whose action ends so. */
    const submit = async (where: string, action: string, fields: Record<string, string> = {}) => {
      const form = hiddenFields(await html(where), action);
      return (await browser.follow(await browser.post(url + action, { ...form, ...fields }))).html;
    };

    await submit('/status', `/status/${tenant.tenantId}/sync`);
    await expect
      .poll(() => html('/status/live'), { timeout: 30_000 })
      .toContain('The round is over (complete)');
    expect(await html(`/status/${tenant.tenantId}/rounds`)).toContain('users:');
    expect(await html(`/status/${tenant.tenantId}/coverage`)).toContain('dynamic distribution groups');
    expect(await daemon.logged(({ event }) => event === 'sync.request')).toMatchObject({
      who: 'console link',
      from: '127.0.0.1',
    });

    const found = await html('/recipients?q=alice');
    const picture = /href="(\/recipients\/object[^"]*)"/.exec(found)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect(await html(picture)).toContain('alice@contoso.example');
    expect(await html('/recipients/explain?address=nobody%40contoso.example')).toContain('550 5.1.1');

    const refused = await answer(daemon, 'folder@contoso.example');
    const saved = await submit('/recipients/overrides/edit', '/recipients/overrides/save', {
      match: 'Folder@contoso.example',
      action: 'allow',
      expires: '30d',
      note: 'public folder',
    });
    expect(saved).toContain('The override of folder@contoso.example answers from now on.');
    expect([refused, await answer(daemon, 'folder@contoso.example')]).toEqual(['550 5.1.1', '250 2.1.5']);
    await submit('/recipients/overrides', '/recipients/overrides/end');
    expect(await answer(daemon, 'folder@contoso.example')).toBe('550 5.1.1');
    await submit('/recipients/overrides', '/recipients/overrides/remove');
    expect(await html('/recipients/overrides')).toContain('There are no overrides.');

    const form = hiddenFields(await html('/recipients/import'), '/recipients/import/upload');
    const { csrf = '', tenant: id = '' } = form;
    const file = new File([EXPORT], 'r.csv', { type: 'text/csv' });
    const preview = await upload(browser, `${url}/recipients/import/upload`, { csrf, tenant: id }, file);
    const where = new URL(preview).pathname + new URL(preview).search;
    expect(await html(where)).toContain('elsewhere.example');
    expect(await answer(daemon, 'all@contoso.example')).toBe('550 5.1.1');
    expect(await submit(where, '/recipients/import/confirm')).toContain('Imported: 2 addresses');
    expect(await answer(daemon, 'all@contoso.example')).toBe('250 2.1.5');
    expect(await daemon.logged(({ event }) => event === 'import.done')).toMatchObject({
      who: 'console link',
      from: '127.0.0.1',
      file: 'r.csv',
    });
    expect(await html('/recipients?q=&kind=imported')).toContain('everybody@contoso.example');
  });
});
