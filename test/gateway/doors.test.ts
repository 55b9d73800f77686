/** The real daemon's doors: one verdict for all of them, exports that stay when it stops, the check over HTTP. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, type DaemonOptions, freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

const TRIED = [
  'alice@contoso.example',
  'A.Smith@CONTOSO.example',
  'alice+news@contoso.example',
  'info@contoso.example',
  'sales@contoso.example',
  'postmaster',
  'abuse@contoso.example',
  'nobody@contoso.example',
  'someone@elsewhere.example',
  'not an address@contoso.example',
];

async function withDoors(options: DaemonOptions, more = '') {
  const [map, policy] = [await freePort(), await freePort()];
  const doors = `
[[door]]
protocol = "socketmap"
listen = "127.0.0.1:${map}"
[[door]]
protocol = "policy"
listen = "127.0.0.1:${policy}"
${more}`;
  const daemon = await startDaemon({ mode: 'verify', ...options, more: `${doors}\n${options.more ?? ''}` });
  return { daemon, map, policy };
}

async function exchange(port: number, wire: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  socket.end(wire);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

function mapRequest(key: string): string {
  const request = `recipients ${key}`;
  return `${Buffer.byteLength(request)}:${request},`;
}

/** First digit of the SMTP code that a socketmap reply stands for. */
function codeOf(reply: string): string {
  if (/\d+:OK /.test(reply)) return '2';
  return reply.includes('TEMP') ? '4' : '5';
}

function policyRequest(recipient: string, client = '192.0.2.9'): string {
  return `request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=${client}\nsender=me@sender.example\nrecipient=${recipient}\n\n`;
}

async function asked(daemon: Daemon, address: string): Promise<Record<string, unknown>> {
  const socketPath = path.join(daemon.stateDir, 'control.sock');
  const request = http.get({ socketPath, path: `/v1/recipients/${encodeURIComponent(address)}` });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return JSON.parse(text) as Record<string, unknown>;
}

describe('the doors of a running daemon', () => {
  it('give the verdict that SMTP gives', async () => {
    await using tenant = await startPracticeTenant();
    const { daemon, map, policy } = await withDoors({ tenant });
    await using _ = daemon;
    await daemon.logged((line) => line.event === 'sync.round');
    await using smtp = await dialog(daemon.port);
    await smtp.ask('EHLO client.example');
    await smtp.ask('MAIL FROM:<me@sender.example>');
    for (const address of TRIED) {
      const said = await smtp.ask(`RCPT TO:<${address}>`);
      const [mapped, delegated, checked] = await Promise.all([
        exchange(map, mapRequest(address)),
        exchange(policy, policyRequest(address)),
        asked(daemon, address),
      ]);
      const code = said.startsWith('250') ? '2' : said[0];
      expect([address, codeOf(mapped)]).toEqual([address, code]);
      const foreign = address.endsWith('elsewhere.example');
      const action =
        foreign || code === '2'
          ? /^action=DUNNO\n\n$/
          : /^action=REJECT 5\.1\.[13] .*\[ref [0-9A-Z]{6}\]\n\n$/;
      expect([address, delegated]).toEqual([address, expect.stringMatching(action)]);
      expect([address, String(checked.reply)[0]]).toEqual([address, code]);
    }
    const line = await daemon.logged(({ event, source }) => event === 'rcpt.reject' && source === 'policy');
    expect(line).toMatchObject({
      client: '192.0.2.9',
      mail_from: 'me@sender.example',
      rcpt: 'nobody@contoso.example',
    });
    const status = await daemon.run('status');
    expect(status.out).toMatch(/socketmap +\d+\n/);
  });

  it('say TEMP and DEFER_IF_PERMIT while nothing is known', async () => {
    await using tenant = await startPracticeTenant();
    await tenant.close();
    const { daemon, map, policy } = await withDoors({ tenant });
    await using _ = daemon;
    expect(await exchange(map, mapRequest('alice@contoso.example'))).toMatch(
      /^\d+:TEMP [^@]*\[ref [0-9A-Z]{6}\],$/,
    );
    expect(await exchange(policy, policyRequest('alice@contoso.example'))).toMatch(
      /^action=DEFER_IF_PERMIT 4\.4\.3 [^@]*\[ref [0-9A-Z]{6}\]\n\n$/,
    );
    const listed = await daemon.run('export');
    expect(listed.code).toBe(1);
    expect(listed.err).toContain('nothing was ever read of the tenant of contoso.example');
  });

  it('ask Graph about a mailbox that was made a moment ago', async () => {
    await using tenant = await startPracticeTenant();
    const { daemon, map, policy } = await withDoors({ tenant });
    await using _ = daemon;
    await daemon.logged((line) => line.event === 'sync.round');
    tenant.directory.createUser({ userPrincipalName: 'new@contoso.example' });
    expect(await exchange(map, mapRequest('new@contoso.example'))).toBe('14:OK live-lookup,');
    expect(await exchange(policy, policyRequest('new@contoso.example'))).toBe('action=DUNNO\n\n');
  });

  it('keep an export current, refuse one that shrank, and leave it behind', async () => {
    await using tenant = await startPracticeTenant();
    const { daemon } = await withDoors({ tenant, top: '' });
    await daemon.end('SIGTERM');
    const file = path.join(daemon.stateDir, 'export', 'recipients');
    const more = `[[export]]\npath = "${file}"\nmax_shrink = 0\n[guard]\nmax_removal_share = 100\nrecent_mail = "0s"\n[directory]\ngrace_period = "0s"`;
    await using again = await startDaemon({ tenant, mode: 'verify', stateDir: daemon.stateDir, more });
    await again.logged((line) => line.event === 'export.write');
    const lines = (): string[] => readFileSync(file, 'utf8').trim().split('\n').slice(1);
    expect(lines()).toContain('alice@contoso.example OK');
    expect(lines()).toContain('postmaster@contoso.example OK');

    const created = tenant.directory.createUser({ userPrincipalName: 'new@contoso.example' });
    await again.run('sync');
    await again.logged(({ event, before }) => event === 'export.write' && before !== null);
    expect(lines()).toContain('new@contoso.example OK');

    const listed = await again.run('export', '--format', 'list');
    expect(
      listed.out
        .trim()
        .split('\n')
        .map((line) => `${line} OK`)
        .sort(),
    ).toEqual(lines().sort());
    const json = JSON.parse((await again.run('export', '--json')).out) as { recipients: unknown[] };
    expect(json.recipients).toHaveLength(lines().length);

    tenant.directory.purge(created);
    await again.run('sync');
    await again.logged(({ event }) => event === 'export.trouble');
    expect(lines()).toContain('new@contoso.example OK');
    expect((await again.run('export', 'write')).code).toBe(1);
    const forced = await again.run('export', 'write', '--force');
    expect([forced.code, forced.out]).toEqual([0, expect.stringContaining('written')]);
    expect(lines()).not.toContain('new@contoso.example OK');
    await again.end('SIGKILL');
    expect(existsSync(file)).toBe(true);
  });
});
