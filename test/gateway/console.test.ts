/** The console of a real daemon: its process, the one-time link, and that the SMTP side does not notice it. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { Browser, hiddenFields } from '../console/browser.ts';
import { type Daemon, freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

/** Process ids of the children of `pid` (Linux). */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function withConsole(more = ''): Promise<{ daemon: Daemon; tenant: AsyncDisposable; url: string }> {
  const tenant = await startPracticeTenant();
  const port = await freePort();
  const lines = `listen = "127.0.0.1:${port}"\n${more}`;
  const daemon = await startDaemon({ tenant, mode: 'verify', console: lines });
  await daemon.logged((line) => line.event === 'console.listen');
  return { daemon, tenant, url: `http://localhost:${port}` };
}

async function linkOf(daemon: Daemon): Promise<string> {
  const { code, out } = await daemon.run('console-link');
  expect(code).toBe(0);
  return out.trim();
}

/** A browser that came in by a one-time link. */
async function enter(daemon: Daemon, url: string): Promise<Browser> {
  const browser = new Browser();
  const page = await browser.get(await linkOf(daemon));
  await browser.post(`${url}/enter`, hiddenFields(page.html, '/enter'));
  return browser;
}

describe('the one-time link', () => {
  it('opens the console once, and not by being looked at', async () => {
    const { daemon, tenant, url } = await withConsole();
    await using _tenant = tenant;
    await using _daemon = daemon;
    const link = await linkOf(daemon);
    expect(link).toMatch(new RegExp(`^${url}/enter\\?link=[\\w-]{43}$`));
    const browser = new Browser();
    await browser.get(link);
    const page = await browser.get(link);
    const fields = hiddenFields(page.html, '/enter');
    const entered = await browser.post(`${url}/enter`, fields);
    expect([entered.status, entered.location]).toEqual([303, `${url}/`]);
    expect((await browser.follow(entered)).html).toContain('console link');
    expect(await daemon.logged((line) => line.event === 'console.sign_in')).toMatchObject({
      how: 'link',
      role: 'admin',
      who: 'console link',
      from: '127.0.0.1',
    });

    const second = new Browser();
    const refused = await second.follow(await second.post(`${url}/enter`, fields));
    expect(refused.html).toContain('The link was used before');
    await daemon.logged((line) => line.event === 'console.sign_in_refused' && line.how === 'link');
    expect((await second.get(`${url}/status`)).location).toContain('/sign-in');
    await daemon.end('SIGTERM');
    expect(JSON.stringify(daemon.log)).not.toContain(fields.link);
  });

  it('is refused with a reason when there is no console', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    const { code, out, err } = await daemon.run('console-link');
    expect([code, out, err]).toEqual([1, '', expect.stringContaining('switched off')]);
  });
});

describe("the console's process", () => {
  it('comes back after kill -9 while RCPT goes on', async () => {
    const { daemon, tenant, url } = await withConsole();
    await using _tenant = tenant;
    await using _daemon = daemon;
    const browser = await enter(daemon, url);
    const [child = 0, ...more] = childrenOf(daemon.process.pid ?? 0);
    expect(more).toEqual([]);
    process.kill(child, 'SIGKILL');
    await daemon.logged((line) => line.event === 'console.trouble');
    await daemon.run('sync');
    await using smtp = await dialog(daemon.port);
    await smtp.ask('EHLO client.example');
    await smtp.ask('MAIL FROM:<s@sender.example>');
    expect(await smtp.ask('RCPT TO:<alice@contoso.example>')).toMatch(/^250 /);
    const listens = () => daemon.log.filter((line) => line.event === 'console.listen').length;
    await daemon.logged((line) => line.event === 'console.listen' && listens() > 1);
    // Sessions are in the process that died.
    expect((await browser.get(`${url}/status`)).location).toContain('/sign-in');
    expect((await (await enter(daemon, url)).get(`${url}/status`)).status).toBe(200);
  });

  it('ends with the daemon, however that ends', async () => {
    const { daemon, tenant } = await withConsole();
    await using _tenant = tenant;
    await using _daemon = daemon;
    const [child = 0] = childrenOf(daemon.process.pid ?? 0);
    await daemon.end('SIGKILL');
    await expect
      .poll(() => {
        try {
          return readFileSync(`/proc/${child}/stat`, 'utf8').includes(') Z ') ? 'gone' : 'there';
        } catch {
          return 'gone';
        }
      })
      .toBe('gone');
  });

  it('tells that its port is taken, and the daemon starts all the same', async () => {
    await using tenant = await startPracticeTenant();
    const taken = net.createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as net.AddressInfo;
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      console: `listen = "127.0.0.1:${port}"`,
    });
    const trouble = await daemon.logged((line) => line.event === 'console.trouble');
    expect(trouble.error).toContain('EADDRINUSE');
    expect((await daemon.run('console-link')).err).toContain('EADDRINUSE');
    taken.close();
    await daemon.logged((line) => line.event === 'console.listen');
  });
});

describe('the control socket', () => {
  it('tells commands nothing that is for the console', async () => {
    const { daemon, tenant } = await withConsole();
    await using _tenant = tenant;
    await using _daemon = daemon;
    const { controlClient } = await import('../../src/console/control-client.ts');
    const client = controlClient(`${daemon.stateDir}/control.sock`);
    for (const path of ['redeem', 'keys', 'applications', 'accounts', 'link/use']) {
      await expect(client.post(`/v1/console/${path}`, {})).rejects.toThrow('403');
    }
  });
});
