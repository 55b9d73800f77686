/** The process: how it starts, what it refuses, how it stops. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startPracticeNextHop } from '../../src/practice/next-hop.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { runCommand, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

describe('starting', () => {
  it('logs what took effect, and no secret anywhere', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      top: 'proxy = "http://user:pass-word@127.0.0.1:9"\nlog_level = "debug"',
    });
    await daemon.logged((line) => line.event === 'sync.round');
    expect(daemon.log.map((line) => line.event).slice(0, 2)).toEqual(['process.start', 'config.effective']);
    expect(daemon.log[1]).toMatchObject({
      config: { hostname: 'gateway.example', smtp: [{ mode: 'verify' }] },
    });
    await daemon.end('SIGTERM');
    const everything = JSON.stringify(daemon.log);
    expect(everything).not.toContain(tenant.secret);
    expect(everything).not.toContain('pass-word');
    expect(everything).not.toContain('eyJ');
  });

  it('is refused twice on one state directory', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.logged((line) => line.event === 'directory.publish' && line.synced_at !== null);
    const { code, err } = await runCommand(['serve', '--config', daemon.configFile]);
    expect([code, err]).toEqual([1, expect.stringContaining('another rcptgate is running')]);
    expect((await daemon.run('status')).code).toBe(0);
  });

  it('names the address that is taken', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    const stateDir = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-'));
    const file = path.join(stateDir, 'rcptgate.toml');
    writeFileSync(
      file,
      readFileSync(daemon.configFile, 'utf8').replace(/^state_dir = .*$/m, `state_dir = "${stateDir}"`),
    );
    const { code, err } = await runCommand(['serve', '--config', file]);
    expect([code, err]).toEqual([1, expect.stringContaining(`127.0.0.1:${daemon.port}`)]);
  });

  it('lists every problem of a bad configuration', async () => {
    const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'rcptgate-')), 'bad.toml');
    writeFileSync(file, 'log_level = "loud"\nstate_dirs = "/tmp"\n');
    const { code, err } = await runCommand(['serve', '--config', file]);
    expect(code).toBe(2);
    for (const key of ['log_level', 'state_dirs', 'tenant', 'domain']) expect(err).toContain(`${key}: `);
  });
});

describe('signals', () => {
  it('SIGHUP does not end it; SIGTERM lets a running message finish and ends with 0', async () => {
    await using tenant = await startPracticeTenant();
    await using hop = await startPracticeNextHop();
    await using daemon = await startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` });
    await daemon.run('sync');
    await using idle = await dialog(daemon.port);
    await using busy = await dialog(daemon.port);
    await busy.ask('EHLO client.example');
    await busy.ask('MAIL FROM:<me@sender.example>');
    expect(await busy.ask('RCPT TO:<alice@contoso.example>')).toMatch(/^250 /);
    expect(await busy.ask('DATA')).toMatch(/^354/);
    const closed = once(daemon.process, 'close');
    daemon.process.kill('SIGHUP');
    daemon.process.kill('SIGTERM');
    expect(await idle.reply()).toMatch(/^421 4\.3\.2/);
    busy.send('Subject: last\r\n\r\nbody\r\n.\r\n');
    expect(await busy.reply()).toMatch(/^250 /);
    await closed;
    expect(daemon.process.exitCode).toBe(0);
    expect(hop.messages.map(({ to }) => to)).toEqual([['alice@contoso.example']]);
    expect(daemon.log.at(-1)).toMatchObject({ event: 'process.stopped' });
    expect(readdirSync(daemon.stateDir)).not.toContain('control.sock');
  });

  it('after SIGTERM no new connection is taken', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.end('SIGTERM');
    const socket = net.connect(daemon.port, '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});

describe('status', () => {
  it('shows listeners, the tenant and its last round as JSON', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.run('sync');
    const { code, out } = await daemon.run('status', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      listeners: [{ address: `127.0.0.1:${daemon.port}`, mode: 'verify', connections: 0 }],
      tenants: [{ tenant: tenant.tenantId, freshness: 'fresh', lastRound: { outcome: 'ok' } }],
    });
  });
});
