/** Several worker threads behind one port: one directory, one log, one set of counters, one harvest guard. */
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { startPracticeNextHop } from '../../src/practice/next-hop.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

const WORKERS = 'workers = 2';
const OPENING = ['EHLO client.example', 'MAIL FROM:<>'];

async function replies(port: number, ...lines: string[]): Promise<string[]> {
  await using client = await dialog(port);
  const all: string[] = [];
  for (const line of [...OPENING, ...lines]) all.push(await client.ask(line));
  return all.slice(OPENING.length);
}

async function status(
  daemon: Daemon,
): Promise<{ workers: Array<{ connections: number }>; listeners: Array<{ connections: number }> }> {
  return JSON.parse((await daemon.run('status', '--json')).out);
}

/** The sum of a counter in the metrics of the control socket. */
async function counted(daemon: Daemon, metric: string): Promise<number> {
  const { default: http } = await import('node:http');
  const request = http.get({ socketPath: `${daemon.stateDir}/control.sock`, path: '/metrics' });
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response) text += chunk;
  return [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\d+)`, 'gm'))].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
}

describe('two workers', () => {
  it('answer from one directory, with one log, one set of counters and live lookups', async () => {
    await using tenant = await startPracticeTenant();
    // A busy machine must not turn a lookup into a 451.
    const more = '[lookup]\ndeadline = "20s"';
    await using daemon = await startDaemon({ tenant, mode: 'verify', top: WORKERS, more });
    await daemon.logged((line) => line.event === 'directory.publish' && Number(line.addresses) > 0);
    const clients = Array.from({ length: 20 }, (_each, index) =>
      replies(daemon.port, 'RCPT TO:<alice@contoso.example>', `RCPT TO:<nobody${index}@contoso.example>`),
    );
    for (const [yes, no] of await Promise.all(clients))
      expect([yes, no]).toEqual([
        expect.stringMatching(/^250/),
        expect.stringMatching(/^550 5\.1\.1 .*\[ref [0-9A-Z]{6}\]$/),
      ]);
    await daemon.logged(() => daemon.log.filter((line) => line.event === 'rcpt.reject').length === 20);
    expect(await counted(daemon, 'rcptgate_rcpt_verdicts_total')).toBe(40);
  });

  it('share their connections, and status shows both', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      top: WORKERS,
      smtp: 'max_connections = 30',
    });
    const clients = await Promise.all(Array.from({ length: 30 }, () => dialog(daemon.port)));
    const { workers, listeners } = await status(daemon);
    expect(listeners[0]?.connections).toBe(30);
    expect(workers.map(({ connections }) => connections).reduce((a, b) => a + b)).toBe(30);
    expect(Math.min(...workers.map(({ connections }) => connections))).toBeGreaterThan(0);
    // The limit is one for all of them.
    expect((await dialog(daemon.port)).greeting).toMatch(/^421/);
    for (const client of clients) client.socket.destroy();
  });

  it('have one harvest guard', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      top: `${WORKERS}`,
      smtp: 'trusted = []',
      more: '[harvest]\nlimit = 10\n[lookup]\nenabled = false',
    });
    await daemon.logged((line) => line.event === 'directory.publish' && Number(line.addresses) > 0);
    // Few enough in each session that no worker could count to the limit from one of them.
    for (let round = 0; round < 6; round += 1)
      await replies(
        daemon.port,
        `RCPT TO:<a${round}@contoso.example>`,
        `RCPT TO:<b${round}@contoso.example>`,
      ).catch(() => []);
    await daemon.logged((line) => line.event === 'harvest.deny');
    const greetings = await Promise.all(
      Array.from({ length: 10 }, async () => (await dialog(daemon.port)).greeting),
    );
    expect(greetings.every((greeting) => greeting.startsWith('421 4.7.0'))).toBe(true);
  });

  it('relay, reload, and finish what is under way when they stop', async () => {
    await using tenant = await startPracticeTenant();
    await using hop = await startPracticeNextHop();
    await using daemon = await startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}`, top: WORKERS });
    await daemon.logged((line) => line.event === 'directory.publish' && Number(line.addresses) > 0);
    await using client = await dialog(daemon.port);
    for (const line of [...OPENING, 'RCPT TO:<alice@contoso.example>', 'DATA']) await client.ask(line);
    const idle = await dialog(daemon.port);
    const closed = once(daemon.process, 'close');
    daemon.process.kill('SIGTERM');
    expect(await idle.reply()).toMatch(/^421/);
    expect(await client.ask('Subject: x\r\n\r\nhello\r\n.')).toMatch(/^250/);
    await closed;
    expect(daemon.process.exitCode).toBe(0);
    const refused = net.connect(daemon.port, '127.0.0.1');
    await expect(once(refused, 'connect')).rejects.toThrow('ECONNREFUSED');
    expect(daemon.log.at(-1)).toMatchObject({ event: 'process.stopped' });
    expect(daemon.log.some((line) => line.event === 'message.relay')).toBe(true);
  });
});
