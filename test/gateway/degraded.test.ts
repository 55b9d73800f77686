/** A service that cannot work: its sockets are answered all the same, and nobody is refused. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { runCommand, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { holdSockets, startHeld } from './held.ts';

function configFile(text: string): string {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'rcptgate-')), 'rcptgate.toml');
  writeFileSync(file, text);
  return file;
}

/** Everything the other side says to a request, until it closes. */
async function said(port: number, request: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(request);
  let text = '';
  try {
    for await (const chunk of socket) text += chunk;
  } catch {
    // A door hangs up on what it was asked.
  }
  return text;
}

describe('a configuration with problems and inherited sockets', () => {
  it('defers mail, says why to a browser, and hangs up at doors', async () => {
    const sockets = await holdSockets('smtp', 'console', 'socketmap');
    const [smtp, web, door] = sockets.map(({ port }) => port);
    const daemon = startHeld(configFile('log_level = "loud"\n'), sockets);
    expect(await daemon.logged((line) => line.event === 'service.degraded')).toMatchObject({
      sockets: ['smtp', 'console', 'socketmap'],
      problems: [{ key: 'log_level' }, { key: 'tenant' }, { key: 'domain' }],
    });
    await using client = await dialog(smtp ?? 0);
    expect(await client.ask('EHLO client.example')).toMatch(/^250 /);
    for (const command of ['MAIL FROM:<a@b.example>', 'RCPT TO:<alice@contoso.example>', 'DATA', 'x'])
      expect(await client.ask(command)).toMatch(/^451 4\.3\.5 /);
    expect(await client.ask('QUIT')).toMatch(/^221 /);
    const page = await said(web ?? 0, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(page).toMatch(/^HTTP\/1\.1 503 .*log_level: Invalid option/s);
    expect(await said(door ?? 0, '5:m a@b,')).toBe('');
  });

  it('goes on at a SIGHUP that changes nothing, and ends with 0 at one that finds it repaired', async () => {
    const file = configFile('log_level = "loud"\n');
    const daemon = startHeld(file, await holdSockets('smtp'));
    await daemon.logged((line) => line.event === 'service.degraded');
    writeFileSync(file, 'log_level = "quiet"\n');
    daemon.process.kill('SIGHUP');
    const told = (line: object) => JSON.stringify(line).includes('service.degraded');
    await daemon.logged((line) => told(line) && daemon.log.filter(told).length > 1);
    writeFileSync(
      file,
      '[[tenant]]\nid = "11111111-2222-3333-4444-555555555555"\n[[domain]]\nname = "a.example"\nnext_hop = "127.0.0.1:9"\n',
    );
    daemon.process.kill('SIGHUP');
    expect(await daemon.ended()).toBe(0);
    expect(daemon.log.at(-1)).toMatchObject({ event: 'service.repaired', file });
  });

  it('is told by the command that reloads it', async () => {
    const file = configFile('log_level = "loud"\n');
    const { code, err } = await runCommand(['reload', '--config', file]);
    expect([code, err]).toEqual([2, expect.stringContaining('log_level: ')]);
  });

  it('closes a session that talks without end', async () => {
    const [smtp] = await holdSockets('smtp');
    const daemon = startHeld(configFile(''), smtp ? [smtp] : []);
    await daemon.logged((line) => line.event === 'service.degraded');
    expect(await said(smtp?.port ?? 0, 'NOOP\r\n'.repeat(200))).toMatch(/421 4\.3\.2 [^\n]*\n$/);
    expect(await said(smtp?.port ?? 0, 'x'.repeat(2000))).toMatch(/421 4\.3\.2 [^\n]*\n$/);
  });
});

describe('a start that fails', () => {
  it('defers mail too, and is tried again later', async () => {
    await using tenant = await startPracticeTenant();
    await using first = await startDaemon({ tenant, mode: 'verify' });
    const text = readFileSync(first.configFile, 'utf8').replace(/listen = .*/, 'listen = "systemd:smtp"');
    // The state directory is in use.
    const [smtp] = await holdSockets('smtp');
    const daemon = startHeld(configFile(text), smtp ? [smtp] : []);
    expect(await daemon.logged((line) => line.event === 'service.degraded')).toMatchObject({
      retry_ms: 30_000,
      problems: [{ key: 'start', problem: expect.stringContaining('another rcptgate is running') }],
    });
    await using client = await dialog(smtp?.port ?? 0);
    expect(await client.ask('RCPT TO:<alice@contoso.example>')).toMatch(/^451 /);
  });
});
