/** Worker threads of the real daemon that fail: what their clients, the others, the log and the counters see of it. */
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { type Dialog, dialog } from '../dialog.ts';
import { eventually } from '../interop/eventually.ts';
import { inspection, runInWorkers } from './inspected.ts';

interface Status {
  readonly workers: ReadonlyArray<{ worker: number; connections: number; restarts: number }>;
}

async function workersOf(daemon: Daemon): Promise<Status['workers']> {
  return (JSON.parse((await daemon.run('status', '--json')).out) as Status).workers;
}

async function openTransaction(port: number): Promise<Dialog> {
  const client = await dialog(port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  return client;
}

const unknown = (client: Dialog, name: string): Promise<string> =>
  client.ask(`RCPT TO:<${name}@contoso.example>`);

it('a worker that dies of an error has told every answer it gave', async () => {
  await using tenant = await startPracticeTenant();
  const { port, env } = await inspection();
  const more = '[lookup]\nenabled = false\n[harvest]\nlimit = 0';
  await using daemon = await startDaemon({ tenant, mode: 'verify', top: 'workers = 2', more, env });
  await daemon.logged((line) => line.event === 'directory.publish' && Number(line.addresses) > 0);
  const clients = await Promise.all(Array.from({ length: 10 }, () => openTransaction(daemon.port)));
  const gone = Promise.all(clients.map(({ socket }) => once(socket, 'close')));
  const answers = await Promise.all(clients.map((client, index) => unknown(client, `last${index}`)));
  await runInWorkers(port, [0, 1], "throw new Error('made to fail')");
  await gone;
  expect(answers.every((answer) => answer.startsWith('550'))).toBe(true);
  for (const worker of [0, 1])
    await daemon.logged(
      (line) => line.event === 'worker.trouble' && line.worker === worker && line.error === 'made to fail',
    );
  // They are back.
  {
    await using client = await openTransaction(daemon.port);
    expect(await unknown(client, 'after')).toMatch(/^550/);
  }
  await daemon.end('SIGTERM');
  const rejected = daemon.log.filter(({ event }) => event === 'rcpt.reject').map(({ rcpt }) => rcpt);
  const asked = [...clients.keys()].map((index) => `last${index}@contoso.example`);
  expect(rejected.sort()).toEqual(['after@contoso.example', ...asked].sort());
});

it('a worker that hangs is started again; its clients are cut off, the others are answered', async () => {
  await using tenant = await startPracticeTenant();
  const { port, env } = await inspection();
  await using daemon = await startDaemon({ tenant, mode: 'verify', top: 'workers = 2', env });
  const clients = await Promise.all(Array.from({ length: 20 }, () => openTransaction(daemon.port)));
  const before = await workersOf(daemon);
  expect(before.map(({ connections }) => connections > 0)).toEqual([true, true]);
  const open = new Set(clients);
  for (const client of clients) client.socket.once('close', () => open.delete(client));
  const hung = daemon.logged((line) => line.event === 'worker.trouble');
  await runInWorkers(port, [1], 'for (;;);');
  // New clients are answered while it hangs.
  for (let count = 0; count < 20; count += 1)
    expect((await unknown(await openTransaction(daemon.port), 'nobody')).slice(0, 1)).toMatch(/[45]/);
  expect(daemon.log.some((line) => line.event === 'worker.trouble')).toBe(false);
  expect(await hung).toMatchObject({
    worker: 1,
    error: 'told nothing for 10 s and was ended: it hung',
  });
  await eventually('its clients are cut off', () => open.size === before[0]?.connections);
  for (const client of open) expect(await client.ask('NOOP')).toMatch(/^250/);
  const after = await eventually('it is back', async () => {
    const workers = await workersOf(daemon);
    return workers[1]?.restarts === 1 && workers;
  });
  expect(after).toMatchObject([{ restarts: 0 }, { restarts: 1 }]);
  expect(daemon.log.some((line) => line.event === 'worker.stuck')).toBe(false);
}, 60_000);

it('a worker that takes the place of another turns away whom the harvest guard denied', async () => {
  await using tenant = await startPracticeTenant();
  const { port, env } = await inspection();
  const more = '[lookup]\nenabled = false\n[harvest]\nlimit = 3';
  await using daemon = await startDaemon({
    tenant,
    mode: 'verify',
    top: 'workers = 2',
    smtp: 'trusted = []',
    more,
    env,
  });
  await daemon.logged((line) => line.event === 'directory.publish' && Number(line.addresses) > 0);
  const guesser = await openTransaction(daemon.port);
  for (let guess = 0; guess < 4; guess += 1) await unknown(guesser, `guess${guess}`).catch(() => '');
  await daemon.logged((line) => line.event === 'harvest.deny');
  await runInWorkers(port, [0, 1], "throw new Error('made to fail')");
  for (const worker of [0, 1])
    await daemon.logged((line) => line.event === 'worker.trouble' && line.worker === worker);
  const greetings = await Promise.all(
    Array.from({ length: 20 }, async () => (await dialog(daemon.port)).greeting),
  );
  expect(greetings.filter((greeting) => !greeting.startsWith('421 4.7.0'))).toEqual([]);
});
