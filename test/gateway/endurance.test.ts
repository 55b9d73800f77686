/**
 * Trouble around the daemon: a full disk, a state directory that became read-only, a clock that jumps, a second of many rejections.
 * Mail flows, and what clients, log, metrics and rejection log count is the same. scripts/measure-endurance.mjs does so for long.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startPracticeNextHop } from '../../src/practice/next-hop.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { type Dialog, dialog } from '../dialog.ts';
import { eventually } from '../interop/eventually.ts';
import { interop } from '../interop/programs.ts';

/** Nobody else asks Graph, and nobody is denied: a refusal is a refusal. */
const PLAIN = '[lookup]\nenabled = false\n[harvest]\nlimit = 0';
const REFUSALS = 40;

async function transaction(port: number): Promise<Dialog> {
  const client = await dialog(port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<me@sender.example>');
  return client;
}

const recipient = (client: Dialog, name: string): Promise<string> =>
  client.ask(`RCPT TO:<${name}@contoso.example>`);

/** What is said to one recipient. */
async function answer(port: number, name: string): Promise<string> {
  await using client = await transaction(port);
  return (await recipient(client, name)).slice(0, 3);
}

/** One message to a known recipient; what is said to it. */
async function mail(port: number): Promise<string> {
  await using client = await transaction(port);
  await recipient(client, 'alice');
  await client.ask('DATA');
  return (await client.ask('Subject: x\r\n\r\nbody\r\n.')).slice(0, 3);
}

/** A message, unknown recipients, another message. */
async function traffic(port: number, refusals: number): Promise<void> {
  expect(await mail(port)).toBe('250');
  await using client = await transaction(port);
  for (let count = 0; count < refusals; count += 1)
    expect(await recipient(client, `stranger${count}`)).toMatch(/^550 5\.1\.1 /);
  expect(await mail(port)).toBe('250');
}

/** The sum of a metric over the labels that match. */
async function metric(daemon: Daemon, name: string, labels = ''): Promise<number> {
  const request = http.get({ socketPath: path.join(daemon.stateDir, 'control.sock'), path: '/metrics' });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** Waits until the rejection log has everything, ends the daemon, and compares what each of them counted. */
async function expectCounts(daemon: Daemon, refused: number, deferred = 0): Promise<void> {
  const kept = 'rcptgate_rejection_log_answers_total';
  await eventually(
    'the rejection log has all',
    async () => (await metric(daemon, kept)) >= refused + deferred,
  );
  const counted = await metric(daemon, 'rcptgate_rcpt_verdicts_total', 'reason="unknown"');
  const lost = await metric(daemon, kept, '"lost"');
  const inLog = await metric(daemon, kept);
  await daemon.end('SIGTERM');
  const lines = daemon.log.filter(({ event }) => event === 'rcpt.reject').length;
  const sums = daemon.log.filter(({ event }) => event === 'rcpt.aggregate');
  const told = sums.reduce((sum, { count }) => sum + Number(count), 0);
  expect({ counted, logged: lines + told, inLog, lost }).toEqual({
    counted: refused,
    logged: refused,
    inLog: refused + deferred,
    lost: 0,
  });
}

/** A gateway that has learnt, its next hop, and what its disk is. */
async function start(more: Partial<Parameters<typeof startDaemon>[0]> = {}) {
  const tenant = await startPracticeTenant();
  const hop = await startPracticeNextHop({ port: 0, onMessage: () => undefined });
  const daemon = await startDaemon({
    tenant,
    nextHop: `127.0.0.1:${hop.port}`,
    more: PLAIN,
    ...more,
  });
  onTestFinished(async () => {
    await daemon[Symbol.asyncDispose]();
    await hop.close();
    await tenant.close();
  });
  expect((await daemon.run('sync')).code).toBe(0);
  return daemon;
}

it('more rejections a second than get a line are all counted, and mail flows meanwhile', async () => {
  const daemon = await start({ more: `${PLAIN}\n[log]\nrejections_per_second = 50` });
  const clients = await Promise.all(Array.from({ length: 10 }, () => transaction(daemon.port)));
  const flood = clients.map(async (client, index) => {
    for (let count = 0; count < 100; count += 1)
      expect(await recipient(client, `x${index}.${count}`)).toMatch(/^550/);
    client.socket.destroy();
  });
  const delivered = await mail(daemon.port);
  await Promise.all(flood);
  expect(delivered).toBe('250');
  await expectCounts(daemon, 1000);
  expect(daemon.log.filter(({ event }) => event === 'rcpt.aggregate')).not.toEqual([]);
});

it('a clock that jumps defers whom it cannot judge until the next round; nobody known is turned away', async () => {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'rcptgate-clock-')), 'offset');
  onTestFinished(() => rmSync(path.dirname(file), { recursive: true }));
  writeFileSync(file, '0');
  const clock = new URL('./jumping-clock.cjs', import.meta.url).pathname;
  const daemon = await start({ env: { NODE_OPTIONS: `--require ${clock}`, JUMPING_CLOCK: file } });
  for (const hours of [3, -3]) {
    writeFileSync(file, String(hours * 3_600_000));
    await eventually('the clock has jumped', async () => (await answer(daemon.port, 'nobody')) === '451');
    expect(await mail(daemon.port)).toBe('250');
    expect((await daemon.run('sync')).code).toBe(0);
    expect(await answer(daemon.port, 'nobody')).toBe('550');
    expect(await mail(daemon.port)).toBe('250');
  }
  await daemon.end('SIGTERM');
  expect(daemon.log.filter(({ event }) => event === 'rcpt.defer').length).toBeGreaterThanOrEqual(2);
});

interop(import.meta.url, ['mount'], 'a disk of its own', () => {
  /** A file system of 24 MB. */
  function disk(): string {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0755', 'tmpfs', folder]);
    onTestFinished(() => {
      // A bind mount may lie over the first one.
      for (let mounted = true; mounted; ) {
        try {
          execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
        } catch {
          mounted = false;
        }
      }
      rmSync(folder, { recursive: true });
    });
    return folder;
  }

  it('that is full: mail flows, and with space again log and rejection log have everything', async () => {
    const stateDir = disk();
    const logFile = path.join(stateDir, 'rcptgate.log');
    const daemon = await start({ stateDir, more: `${PLAIN}\n[log]\nfile = "${logFile}"` });
    const fill = path.join(stateDir, 'fill');
    fillUp(fill);
    await traffic(daemon.port, REFUSALS);
    await daemon.run('sync');
    expect(await mail(daemon.port)).toBe('250');
    rmSync(fill);
    expect((await daemon.run('sync')).code).toBe(0);
    await expectCounts(daemon, REFUSALS);
    const file = readFileSync(logFile, 'utf8').split('\n');
    expect(file.filter((line) => line.includes('"event":"rcpt.reject"'))).toHaveLength(REFUSALS);
  }, 60_000);

  it('that became read-only: mail flows, and once it is writable again the rejection log has everything', async () => {
    const stateDir = disk();
    const daemon = await start({ stateDir });
    // Files that are open for writing keep a file system writable; the flag of a bind mount does not ask.
    execFileSync('mount', ['--bind', stateDir, stateDir]);
    execFileSync('mount', ['-o', 'remount,bind,ro', stateDir]);
    await traffic(daemon.port, REFUSALS);
    await daemon.run('sync');
    expect(await mail(daemon.port)).toBe('250');
    execFileSync('mount', ['-o', 'remount,bind,rw', stateDir]);
    expect((await daemon.run('sync')).code).toBe(0);
    await expectCounts(daemon, REFUSALS);
  }, 60_000);
});

/** Fills the file system to its last byte. */
function fillUp(file: string): void {
  for (let size = 1 << 20; size > 0; ) {
    try {
      writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
    } catch {
      size >>= 1;
    }
  }
}
