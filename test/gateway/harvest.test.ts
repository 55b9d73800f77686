/** The harvest guard of the real daemon: requests to Graph, the log, the command, the metrics. */
import { expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { Dialog } from '../smtp/dialog.ts';

const STRANGERS = 'trusted = []\ngreeting_delay = "0s"';

async function synced(daemon: Daemon): Promise<void> {
  const { code, out, err } = await daemon.run('sync');
  expect(code, out + err).toBe(0);
}

/** Sends recipients in one go; the code and enhanced code of each reply that came. */
async function answers(daemon: Daemon, names: readonly string[], from?: string): Promise<string[]> {
  const dialog = await Dialog.open(daemon.port, false, from);
  const greeting = await dialog.reply();
  if (!greeting.startsWith('220')) return [greeting.slice(0, 9)];
  await dialog.askAll('EHLO client.example', 'MAIL FROM:<>');
  dialog.send(names.map((name) => `RCPT TO:<${name}@contoso.example>\r\n`).join(''));
  const replies: string[] = [];
  for (const _ of names) {
    const reply = await dialog.reply();
    if (reply === '') break;
    replies.push(reply.slice(0, 9));
  }
  dialog.close();
  return replies;
}

it('10,000 guesses make a bounded number of requests; nobody is bounced; the command lets them in again', async () => {
  await using tenant = await startPracticeTenant();
  const more = '[lookup]\nrate = 1000\nburst = 1000';
  await using daemon = await startDaemon({ tenant, mode: 'verify', smtp: STRANGERS, more });
  await synced(daemon);
  const guesses = Array.from({ length: 10_000 }, (_, index) => `guess${index}`);
  expect(await answers(daemon, guesses)).toEqual([...Array(100).fill('550 5.1.1'), '421 4.7.0']);
  const lists = (tenant.counts.get('users') ?? 0) + (tenant.counts.get('groups') ?? 0);
  expect(lists).toBe(202);
  expect(await daemon.logged((line) => line.event === 'harvest.deny')).toMatchObject({
    level: 'warn',
    real_client: '127.0.0.1',
    guesses: 101,
    deny: 3600,
  });
  expect(await daemon.logged((line) => line.reason === 'harvest-limit')).toMatchObject({
    event: 'rcpt.defer',
    code: 421,
    rcpt: 'guess100@contoso.example',
  });
  for (let index = 0; index < 7; index += 1) expect(await answers(daemon, ['alice'])).toEqual(['421 4.7.0']);
  expect(await answers(daemon, ['alice', 'guess1'], '127.0.0.2')).toEqual(['250 2.1.5', '550 5.1.1']);

  expect((await daemon.run('status')).out).toContain(
    'harvest guard: 102 unknown recipients from 2 clients in the window, 1 clients denied',
  );
  const list = await daemon.run('harvest', 'list');
  expect(list.out).toMatch(/CLIENT +DENIED +OVER +REFUSED\n127\.0\.0\.1 +\d+ s ago +in (?:60 min|1 h) +7\n$/);
  const { denied } = JSON.parse((await daemon.run('harvest', 'list', '--json')).out) as { denied: object[] };
  expect(denied).toMatchObject([{ client: '127.0.0.1', refused: 7 }]);

  expect((await daemon.run('harvest', 'reset', 'nonsense')).code).toBe(2);
  expect((await daemon.run('harvest', 'reset')).code).toBe(2);
  expect((await daemon.run('harvest', 'reset', '127.0.0.3')).out).toContain('127.0.0.3 was not denied.');
  expect((await daemon.run('harvest', 'reset', '127.0.0.1')).out).toContain('127.0.0.1 may ask again.');
  expect(await daemon.logged((line) => line.event === 'harvest.over')).toMatchObject({
    real_client: '127.0.0.1',
    refused: 7,
    reset: true,
  });
  expect(await answers(daemon, ['alice', 'guess1'])).toEqual(['250 2.1.5', '550 5.1.1']);
  expect((await daemon.run('harvest', 'reset', '--all')).out).toContain('nobody was denied.');

  // What was turned away is told at the latest when the daemon stops, and nothing else was told of it.
  await daemon.end('SIGTERM');
  const refused = daemon.log.filter((line) => line.event === 'harvest.refuse');
  expect(refused.reduce((sum, line) => sum + Number(line.refused), 0)).toBe(7);
  expect(refused[0]).toMatchObject({ clients: 1, top: ['127.0.0.1 7'] });
  expect(daemon.log.filter((line) => line.event === 'session.refuse')).toEqual([]);
});

it('a relay on the same host is no harvester, and the client that it names is', async () => {
  await using tenant = await startPracticeTenant();
  const smtp = 'xclient = ["127.0.0.1"]\ngreeting_delay = "0s"';
  const more = '[lookup]\nenabled = false\n[harvest]\nlimit = 5';
  await using daemon = await startDaemon({ tenant, mode: 'verify', smtp, more });
  await synced(daemon);
  const guesses = Array.from({ length: 50 }, (_, index) => `guess${index}`);
  expect(await answers(daemon, guesses)).toEqual(Array(50).fill('550 5.1.1'));
  const relay = await Dialog.open(daemon.port);
  await relay.askAll(
    'EHLO relay.example',
    'XCLIENT ADDR=192.0.2.7 NAME=guesser.example',
    'EHLO relay.example',
  );
  await relay.ask('MAIL FROM:<>');
  for (let index = 0; index < 5; index += 1) {
    expect(await relay.ask(`RCPT TO:<guess${index}@contoso.example>`)).toMatch(/^550/);
  }
  expect(await relay.ask('RCPT TO:<guess5@contoso.example>')).toMatch(/^421 4\.7\.0/);
  expect(await daemon.logged((line) => line.event === 'harvest.deny')).toMatchObject({
    real_client: '192.0.2.7',
  });
  expect(await daemon.logged((line) => line.reason === 'harvest-limit')).toMatchObject({
    client: '127.0.0.1',
    real_client: '192.0.2.7',
  });
  relay.close();
});
