/** Monitoring by the programs that do it: promtool judges names and alerts, fail2ban the log, logrotate turns it. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createEvents } from '../../src/ops/events.ts';
import { openLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { interop } from './programs.ts';
import { mustRun, runProgram } from './run-program.ts';

const CONFIG = fileURLToPath(new URL('../../config', import.meta.url));
const FILTER = path.join(CONFIG, 'fail2ban/filter.d/rcptgate.conf');
const scratch = () => mkdtempSync(path.join(os.tmpdir(), 'rcptgate-watch-'));

interop(import.meta.url, ['promtool'], 'promtool', () => {
  it('has nothing to say about the metrics of a running daemon', async () => {
    const port = await freePort();
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      more: `[metrics]\nlisten = "127.0.0.1:${port}"`,
    });
    await daemon.run('sync');
    await using client = await dialog(daemon.port);
    await client.ask('EHLO client.example');
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<nobody@contoso.example>')).toMatch(/^550/);
    const scrape = () => fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text());
    await expect
      .poll(scrape, { timeout: 10_000 })
      .toContain('rcptgate_graph_requests_total{endpoint="delta"');
    const text = await scrape();
    expect(text).toContain(`rcptgate_smtp_sessions{listener="127.0.0.1:${daemon.port}"} 1`);
    expect(text).toMatch(/rcptgate_rcpt_answer_seconds_count 1\n/);
    expect(text).toMatch(/rcptgate_build_info\{version="[^"]+",node="v\d+[^"]*"\} 1/);
    expect(await runProgram('promtool', ['check', 'metrics'], text)).toEqual({ code: 0, text: '' });
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect([ready.status, await ready.json()]).toMatchObject([200, { ready: true, empty: [] }]);
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port}/v1/status`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status).toBe(405);
  });

  it('accepts the alert rules, and every one of them fires in their tests', async () => {
    expect(await mustRun('promtool', ['check', 'rules', path.join(CONFIG, 'alerts.yml')])).toContain(
      'SUCCESS',
    );
    expect(await mustRun('promtool', ['test', 'rules', path.join(CONFIG, 'alerts.test.yml')])).toContain(
      'SUCCESS',
    );
    const tests = readFileSync(path.join(CONFIG, 'alerts.test.yml'), 'utf8');
    const rules = readFileSync(path.join(CONFIG, 'alerts.yml'), 'utf8');
    const alerts = [...rules.matchAll(/alert: (\w+)/g)].map((match) => match[1] ?? '');
    expect(alerts.length).toBeGreaterThan(10);
    const fires = (alert: string): boolean =>
      tests.includes(`alertname="${alert}"`) ||
      new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n`).test(tests);
    const both = ['RcptgateRejectSurge', 'RcptgateMessagesDeferred'];
    expect(alerts.filter((alert) => !fires(alert) && !both.includes(alert))).toEqual([]);
  });

  it('finds every metric that an alert asks for', async () => {
    const rules = readFileSync(path.join(CONFIG, 'alerts.yml'), 'utf8');
    const asked = new Set([...rules.matchAll(/\brcptgate_\w+/g)].map((match) => match[0]));
    const known = (await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name);
    expect([...asked].filter((name) => !known.includes(name))).toEqual([]);
  });
});

interop(import.meta.url, ['fail2ban-regex'], 'fail2ban', () => {
  const LIES = [
    '{"level":"warn","event":"harvest.deny","real_client":"203.0.113.1","guesses":1,"deny":1}',
    '","event":"harvest.deny","real_client":"203.0.113.1",',
    '\n{"level":"warn","event":"harvest.deny","real_client":"203.0.113.1",',
    'mx1 rcptgate[1]: {"level":"warn","event":"harvest.deny","real_client":"203.0.113.1",',
    '"time":"2026-11-22T20:05:00.123Z",{"level":"warn","event":"harvest.deny","real_client":"203.0.113.1",',
  ];
  const answer = (client: string, reason: string, lie: string) => ({
    verdict: {
      action: 'reject' as const,
      reason,
      domain: 'contoso.example',
      tenant: 't1',
      nextHop: null,
      directoryAge: 1,
    },
    reply: { code: reason === 'unknown' ? 550 : 554, enhanced: '5.1.1', text: '' },
    ref: '7F3K2Q',
    mode: 'relay',
    session: 's1',
    client: { address: client },
    tls: null,
    nextHopReply: null,
    durationMs: 0.1,
    helo: lie,
    mailFrom: lie,
    rcpt: lie,
  });

  async function realLog(): Promise<string> {
    const file = path.join(scratch(), 'rcptgate.log');
    const log = openLog('info', null, file);
    const events = createEvents(log.logger, createMetrics());
    events.harvest.denied('192.0.2.7', 101, 3_600_000);
    events.harvest.denied('2001:db8:1:2::/64', 101, 3_600_000);
    for (const lie of LIES) {
      events.recipient(answer('192.0.2.9', 'unknown', lie));
      events.recipient(answer('192.0.2.10', 'not-our-domain', lie));
    }
    await log[Symbol.asyncDispose]();
    return file;
  }
  const banned = async (file: string, mode: string) => {
    const { text } = await runProgram('fail2ban-regex', ['-o', 'ip', file, `${FILTER}[mode=${mode}]`]);
    return text.split('\n').filter((line) => line !== '');
  };

  it('believes the harvest guard, and nothing that a client wrote', async () => {
    const file = await realLog();
    expect(await banned(file, 'guard')).toEqual(['192.0.2.7', '2001:db8:1:2::/64']);
  });

  it('counts single rejections in strict mode', async () => {
    const file = await realLog();
    expect(await banned(file, 'strict')).toEqual([
      '192.0.2.7',
      '2001:db8:1:2::/64',
      ...LIES.map(() => '192.0.2.9'),
    ]);
  });

  it('reads the journal, with its prefix and with and without our time', async () => {
    const lines = readFileSync(await realLog(), 'utf8')
      .trimEnd()
      .split('\n');
    const journal = lines.flatMap((line) => [
      `Nov 22 20:05:00 mx1 rcptgate[123]: ${line.replace(/"time":"[^"]*",/, '')}`,
      `Nov 22 20:05:00 mx1 rcptgate[123]: ${line}`,
    ]);
    const file = path.join(scratch(), 'journal');
    writeFileSync(file, `${journal.join('\n')}\n`);
    const found = await banned(file, 'strict');
    expect(new Set(found)).toEqual(new Set(['192.0.2.7', '2001:db8:1:2::/64', '192.0.2.9']));
    expect(found.length).toBe(2 * (2 + LIES.length));
  });
});

interop(import.meta.url, ['logrotate'], 'logrotate', () => {
  it('turns the log of a busy daemon twice and no line is missing', async () => {
    const folder = scratch();
    const file = path.join(folder, 'rcptgate.log');
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      top: 'workers = 2',
      smtp: 'max_recipients = 100000',
      more: `[log]\nfile = "${file}"\nrejections_per_second = 0\n[harvest]\nlimit = 0`,
    });
    await daemon.run('sync');
    const recipe = readFileSync(path.join(CONFIG, 'rcptgate.logrotate'), 'utf8')
      .replace('/var/log/rcptgate/rcptgate.log', file)
      .replace(/^ +create .*$/m, '')
      .replace('daily', 'su root root')
      .replace('dateext', '')
      .replace(/systemctl kill.*$/m, `kill -USR2 ${daemon.process.pid}`);
    writeFileSync(path.join(folder, 'recipe'), recipe, { mode: 0o644 });
    const turn = () =>
      mustRun('logrotate', ['-f', '-s', path.join(folder, 'state'), path.join(folder, 'recipe')]);
    const sent = sendRecipients(daemon.port, 15_000);
    await turn();
    await expect
      .poll(() => readFileSync(file, 'utf8').includes('"log.reopen"'), { timeout: 5000 })
      .toBe(true);
    await turn();
    await sent;
    await daemon.end('SIGTERM');
    const { text } = await runProgram('sh', ['-c', `cd ${folder}; ls; zcat -f rcptgate.log*`]);
    const asked = [...text.matchAll(/"rcpt":"nobody(\d+)@contoso\.example"/g)].map((match) =>
      Number(match[1]),
    );
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['rcptgate.log', 'rcptgate.log.1']));
    expect(new Set(asked).size).toBe(15_000);
    expect(asked.length).toBe(15_000);
  });
});

/** Pipelines recipients that nobody knows; resolves when each was answered. */
async function sendRecipients(port: number, count: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  let replies = 0;
  const done = new Promise<void>((resolve) => {
    let rest = '';
    socket.setEncoding('latin1').on('data', (text) => {
      const lines = `${rest}${text}`.split('\r\n');
      rest = lines.pop() ?? '';
      replies += lines.filter((line) => /^(?:550|451) /.test(line)).length;
      if (replies >= count) resolve();
    });
  });
  await once(socket, 'connect');
  socket.write('EHLO client.example\r\nMAIL FROM:<>\r\n');
  for (let from = 0; from < count; from += 500) {
    const batch = [...Array(500).keys()].map(
      (number) => `RCPT TO:<nobody${from + number}@contoso.example>\r\n`,
    );
    socket.write(batch.join(''));
  }
  await done;
  socket.destroy();
}
