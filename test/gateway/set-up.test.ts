/** A tenant set up and renewed in the real console, as a person without scripts does it, against the practice consent pages. */
import { describe, expect, it } from 'vitest';
import { manifestOf } from '../../src/console/guide/registration.ts';
import { newSecret } from '../../src/practice/application.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { Browser, hiddenFields, type Page } from '../console/browser.ts';
import { type Daemon, freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { eventually } from '../interop/eventually.ts';

const GLOBAL = 'gwen.global@contoso.example';

async function answer(daemon: Daemon, address: string): Promise<string> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  return (await client.ask(`RCPT TO:<${address}>`)).slice(0, 9);
}

/** Somebody at the console of a gateway that knows its tenant's id and nothing else. */
async function setUp() {
  const tenant = await startPracticeTenant({ registration: 'unconsented' });
  const port = await freePort();
  const console = `listen = "127.0.0.1:${port}"`;
  const daemon = await startDaemon({ tenant, mode: 'verify', setUpInConsole: true, console });
  await daemon.logged((line) => line.event === 'console.listen');
  const url = `http://localhost:${port}`;
  tenant.application.importManifest(manifestOf(url));
  const browser = new Browser({ ca: tenant.caPem });
  const link = (await daemon.run('console-link')).out.trim();
  await browser.post(`${url}/enter`, hiddenFields((await browser.get(link)).html, '/enter'));
  const home = `${url}/oauth/${tenant.tenantId}`;
  const press = async (action: string, fields: Record<string, string> = {}): Promise<Page> => {
    const csrf = hiddenFields((await browser.get(home)).html, `/${action}`).csrf ?? '';
    return browser.post(`${home}/${action}`, { csrf, ...fields });
  };
  const save = (secret: string) =>
    press('save', { application_id: tenant.applicationId, kind: 'secret', secret });
  /** Loads the page again as its refresh does, until it says how it ended. */
  const ended = (): Promise<string> =>
    eventually('the page says how it ended', async () => {
      const { html } = await browser.get(`${home}/progress`);
      return !html.includes('http-equiv="refresh"') && html;
    });
  return {
    ...{ tenant, daemon, browser, url, home, press, save, ended },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await tenant[Symbol.asyncDispose]();
    },
  };
}

/** What a person does at Microsoft: picks an account, then decides. The answer is where that leads. */
async function consent(browser: Browser, address: string, decision: string): Promise<Page> {
  const { origin } = new URL(address);
  const sent = (fields: Record<string, string>) => browser.post(address, fields, { origin });
  await browser.get(address);
  return sent({ account: GLOBAL, decision });
}

describe('a tenant', () => {
  it('is set up from nothing: save, authenticate, consent, import, 250', async () => {
    await using person = await setUp();
    const { tenant, daemon, browser, home, press, save, ended } = person;
    expect(await answer(daemon, 'alice@contoso.example')).toBe('451 4.4.3');
    await browser.follow(await save(tenant.secret));
    const authenticated = await browser.follow(await press('authenticate'));
    expect(authenticated.html).toMatch(/no service principal|Entra ID gave a token/);

    const leaving = await press('connect');
    expect(leaving.location).toContain(`${tenant.login}/${tenant.tenantId}/v2.0/adminconsent?`);
    const back = await consent(browser, leaving.location ?? '', 'accept');
    expect(back.location).toContain(`${person.url}/oauth/consent?`);
    const clean = await browser.get(back.location ?? '');
    expect([clean.status, clean.location]).toEqual([303, `${home}/progress`]);
    const html = await ended();
    expect(html).toMatch(
      /Import finished: <\/strong>[\d,]+ users, [\d,]+ groups, [\d,]+ addresses, [\d,]+ domains/,
    );
    expect(await answer(daemon, 'alice@contoso.example')).toBe('250 2.1.5');
    expect(await answer(daemon, 'nobody@contoso.example')).toBe('550 5.1.1');
    const adopted = await daemon.logged(({ event }) => event === 'application.adopt');
    expect(adopted).toMatchObject({ who: 'console link', from: '127.0.0.1', kind: 'secret' });

    const replayed = await browser.get(back.location ?? '');
    expect([replayed.status, replayed.location]).toEqual([400, null]);
    for (const page of ['', '/progress'])
      expect((await browser.get(home + page)).html).not.toContain(tenant.secret);
    await daemon.end('SIGTERM');
    for (const text of [tenant.secret, 'eyJ']) expect(JSON.stringify(daemon.log)).not.toContain(text);
  });

  it('is consented to by somebody without access to the console, over a shared link', async () => {
    await using person = await setUp();
    const { tenant, daemon, browser, url, home, press, save } = person;
    await save(tenant.secret);
    const { html } = await press('share');
    const link = (/id="shared-link"[^>]*value="([^"]*)"/.exec(html)?.[1] ?? '').replaceAll('&amp;', '&');
    const colleague = new Browser({ ca: tenant.caPem });
    const back = await consent(colleague, link, 'accept');
    const end = await colleague.follow(back);
    expect(end.url).toBe(`${url}/oauth/consent/done`);
    expect(end.html).not.toContain(tenant.tenantId);
    expect(colleague.cookies.get(new URL(url).host)?.size ?? 0).toBe(0);
    const connected = await daemon.logged(({ event }) => event === 'application.connect');
    expect(connected).toMatchObject({ who: 'consent link of console link', outcome: 'done' });
    expect((await browser.get(home)).html).toContain('Contoso');
    expect((await colleague.get(back.location ?? '')).status).toBe(400);
  });

  it.each([null, 'access-denied', 'cancel'] as const)(
    'whose consent is declined (%s) stays as it was, and says so',
    async (shape) => {
      await using person = await setUp();
      const { tenant, browser, home, press, save, daemon } = person;
      tenant.switches.declineShape = shape;
      await save(tenant.secret);
      const leaving = await press('connect');
      const back = await browser.follow(await consent(browser, leaving.location ?? '', 'cancel'));
      expect(back.url).toBe(home);
      expect(back.html).toContain('the consent was declined');
      await daemon.logged((line) => line.event === 'application.consent' && line.outcome === 'declined');
      const told = daemon.log.filter(({ event }) => event === 'application.consent');
      expect(told.map(({ outcome }) => outcome)).toEqual(['asked', 'declined']);
      expect(told[1]).toMatchObject({ who: 'console link', shared: false, tenant: tenant.tenantId });
      expect(told[1]?.code).toMatch(/^AADSTS\d+$/);
      expect(await answer(daemon, 'alice@contoso.example')).toBe('451 4.4.3');
    },
  );

  it('is not connected by a forged answer, nor by one of another session', async () => {
    await using person = await setUp();
    const { tenant, browser, url, press, save, daemon } = person;
    await save(tenant.secret);
    const stateOf = async () => new URL((await press('connect')).location ?? '').searchParams.get('state');
    const other = '22222222-2222-3333-4444-555555555555';
    const callback = (query: string) => `${url}/oauth/consent?admin_consent=True&${query}`;
    const good = `tenant=${tenant.tenantId}`;
    const forged: Array<[Browser, string]> = [
      [browser, `tenant=${other}&state=${await stateOf()}`],
      [browser, `${good}&tenant=${other}&state=${await stateOf()}`],
      [browser, `${good}&state=${'A'.repeat(43)}`],
      [browser, good],
      [new Browser(), `${good}&state=${await stateOf()}`],
    ];
    for (const [from, query] of forged) {
      const page = await from.get(callback(query));
      expect([page.status, page.location]).toEqual([400, null]);
    }
    expect(await answer(daemon, 'alice@contoso.example')).toBe('451 4.4.3');
    await daemon.end('SIGTERM');
    expect(daemon.log.some((line) => line.event === 'application.adopt')).toBe(false);
  });
});

describe('renewal', () => {
  it('with a wrong secret, then the right one, while known recipients stay known', async () => {
    await using person = await setUp();
    const { tenant, daemon, browser, press, save, ended } = person;
    grant(tenant);
    await save(tenant.secret);
    expect((await press('connect')).location).toContain('/progress');
    await ended();
    const replies: string[] = [];
    const look = async () => replies.push(await answer(daemon, 'alice@contoso.example'));
    await save('wr0ng~secret-for-grep-0123');
    await look();
    const failed = await browser.follow(await press('connect'));
    expect(failed.html).toContain('the client secret is wrong');
    expect(failed.html).toContain('What was in use stays in use');
    await look();
    const right = 'r1ght~secret-for-grep-0123';
    tenant.application.secrets = [newSecret('new', right, Date.now())];
    await save(right);
    await look();
    expect((await browser.follow(await press('authenticate'))).html).toContain('Entra ID gave a token');
    await press('connect');
    expect(await ended()).toContain('What was saved is in use from now on');
    await look();
    expect(replies).toEqual(replies.map(() => '250 2.1.5'));
    expect((await daemon.run('sync')).code).toBe(0);
  });
});

function grant(tenant: PracticeTenant): void {
  tenant.switches.servicePrincipalMissing = false;
  tenant.switches.rolesGranted = new Set(['User.Read.All', 'Group.Read.All']);
}
