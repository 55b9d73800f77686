/** Inherited sockets: a parent that holds the listening socket, as a socket unit does, and restarts the daemon under load. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { bindSocket } from '../../src/smtp/shared-socket.ts';
import { startDaemon } from '../daemon.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Starts the daemon with descriptor 3 as the socket `smtp`; resolves once it is ready. */
async function startHeld(configFile: string, fd: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
    env: { ...process.env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'smtp' },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = readline.createInterface({ input: child.stdout as NodeJS.ReadableStream });
  for await (const line of lines) if (JSON.parse(line).event === 'process.ready') break;
  child.stdout?.resume();
  return child;
}

/** What became of sessions, one after the other until told to stop. */
async function hammer(port: number, until: AbortSignal): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  while (!until.aborted) {
    const outcome = await session(port);
    seen[outcome] = (seen[outcome] ?? 0) + 1;
  }
  return seen;
}

/** `refused` when there was no connection; 221 or 421 when the session was ended in order; `cut` when it was not. */
function session(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    const commands = ['HELO x\r\n', 'MAIL FROM:<>\r\n', 'RCPT TO:<alice@contoso.example>\r\n', 'QUIT\r\n'];
    let last = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      // The farewell may come in one piece with the answer before it.
      last = text.trimEnd().split('\r\n').at(-1)?.slice(0, 3) ?? '';
      const next = commands.shift();
      if (last !== '421' && next !== undefined) socket.write(next);
    });
    let outcome = 'refused';
    socket.on('connect', () => {
      outcome = 'cut';
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(last === '221' || last === '421' ? last : outcome));
  });
}

describe.each([1, 2])('a held socket and %s thread(s)', (workers) => {
  it('refuses no connection over restarts', async () => {
    await using tenant = await startPracticeTenant();
    // Its configuration and state serve the held daemons.
    await using first = await startDaemon({ tenant, mode: 'verify', top: `workers = ${workers}` });
    await first.logged((line) => line.event === 'directory.publish' && Number(line.addresses) > 0);
    await first.end('SIGTERM');
    const config = readFileSync(first.configFile, 'utf8').replace(/listen = .*/, 'listen = "systemd:smtp"');
    writeFileSync(first.configFile, config);
    const socket = await bindSocket({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => socket.close());
    let daemon = await startHeld(first.configFile, socket.fd);
    const stop = new AbortController();
    const { port } = socket.address();
    const clients = Array.from({ length: 4 }, () => hammer(port, stop.signal));
    for (let restart = 0; restart < 3; restart += 1) {
      const ended = once(daemon, 'close');
      daemon.kill(restart === 2 ? 'SIGKILL' : 'SIGTERM');
      await ended;
      daemon = await startHeld(first.configFile, socket.fd);
    }
    await session(port);
    stop.abort();
    const seen: Record<string, number> = {};
    for (const outcomes of await Promise.all(clients))
      for (const [outcome, count] of Object.entries(outcomes)) seen[outcome] = (seen[outcome] ?? 0) + count;
    expect(seen.refused ?? 0).toBe(0);
    expect(seen['221']).toBeGreaterThan(3);
    // Only kill -9 cuts sessions, at most one of each client.
    expect(seen.cut ?? 0).toBeLessThanOrEqual(clients.length);
    daemon.kill('SIGKILL');
  }, 60_000);
});

describe('a socket that is not there', () => {
  it('is named, with those that were passed', async () => {
    await using tenant = await startPracticeTenant();
    await expect(startDaemon({ tenant, mode: 'verify', listen: 'systemd:smtp' })).rejects.toThrow(
      /listen "systemd:smtp": no such socket was passed; passed were: none/,
    );
  });
});
