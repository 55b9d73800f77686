/** The rejection log of the real daemon: from a bounce to its explanation, regrets, a flood, and a death without warning. */
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

/** Asks for recipients in one session; returns the references of the refusals. */
async function ask(port: number, ...recipients: string[]): Promise<string[]> {
  await using session = await dialog(port);
  await session.ask('EHLO client.example');
  await session.ask('MAIL FROM:<me@sender.example>');
  const refs: string[] = [];
  for (const recipient of recipients) {
    const reply = await session.ask(`RCPT TO:<${recipient}>`);
    refs.push(/\[ref (\w{6})\]/.exec(reply)?.[1] ?? '');
  }
  return refs;
}

/** Runs a command until what it prints as JSON fits; the log is written a second later. */
async function eventually(
  daemon: Daemon,
  args: readonly string[],
  fits: (value: never) => boolean,
): Promise<unknown> {
  for (const end = Date.now() + 15_000; ; ) {
    const { out } = await daemon.run(...args, '--json');
    const value = out.trim() === '' ? null : JSON.parse(out);
    if (value !== null && fits(value as never)) return value;
    if (Date.now() > end) throw new Error(`${args.join(' ')} still prints ${out}`);
  }
}

describe('a bounce', () => {
  it('is explained by its reference, listed, counted and downloaded', { timeout: 60_000 }, async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.run('sync');
    const [first = '', second = '', , evil = ''] = await ask(
      daemon.port,
      'nobody@contoso.example',
      'nobody@contoso.example',
      'alice@contoso.example',
      '"=cmd|x"@contoso.example',
    );
    await eventually(
      daemon,
      ['explain', evil],
      ({ entries }: { entries: unknown[] }) => entries.length === 1,
    );
    for (const ref of [first, second]) {
      const { code, out } = await daemon.run('explain', `[ref ${ref.toLowerCase()}]`);
      expect(code).toBe(1);
      expect(out).toContain(`reference ${ref}`);
      expect(out).toMatch(/answer +550, reject \(unknown\)/);
      expect(out).toContain('2 times');
      expect(out).toMatch(/now:\nnobody@contoso\.example +reject \(unknown\)/);
    }
    expect(await daemon.run('explain', 'ZZZZZZ')).toMatchObject({
      code: 1,
      out: expect.stringContaining('no answer'),
    });
    expect(await daemon.run('explain', 'alice@contoso.example')).toMatchObject({ code: 0 });

    const rows = await daemon.run('rejections', '--recipient', 'nobody', '--json');
    expect(JSON.parse(rows.out)).toMatchObject([
      {
        count: 2,
        code: 550,
        reason: 'unknown',
        domain: 'contoso.example',
        tenant: tenant.tenantId,
        ref: second,
      },
    ]);
    expect((await daemon.run('rejections')).out).toMatch(/2 +550 +unknown/);
    expect((await daemon.run('rejections', '--top')).out).toMatch(/RECIPIENTS\n2 .*nobody@contoso\.example/);
    const csv = (await daemon.run('rejections', '--csv')).out.trim().split('\r\n');
    expect(csv).toHaveLength(3);
    expect(csv.join('\n')).toContain(`"""=cmd|x""@contoso.example"`);
    for (const bad of [['--since', 'soon'], ['--limit', '0'], ['extra']]) {
      expect((await daemon.run('rejections', ...bad)).code).toBe(2);
    }
    expect((await daemon.run('rejections', '--verdict', 'accept')).err).toContain('"verdict" must be one of');
  });
});

describe('a regret', () => {
  it('is found when the address appears', { timeout: 60_000 }, async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify', more: '[lookup]\nenabled = false' });
    await daemon.run('sync');
    await ask(daemon.port, 'late@contoso.example', 'late+tag@contoso.example', 'never@contoso.example');
    await eventually(daemon, ['rejections'], (rows: unknown[]) => rows.length === 3);
    tenant.directory.createUser({ userPrincipalName: 'late@contoso.example' });
    await daemon.run('sync');
    const line = await daemon.logged(({ event }) => event === 'regret.found');
    expect(line).toMatchObject({ tenant: tenant.tenantId, addresses: 2, rejections: 2 });
    const { out } = await daemon.run('rejections', '--regrets', '--json');
    expect(JSON.parse(out)).toMatchObject([
      {
        address: 'late+tag@contoso.example',
        count: 1,
        senders: ['me@sender.example'],
        clients: ['127.0.0.1'],
      },
      { address: 'late@contoso.example', count: 1 },
    ]);
    expect((await daemon.run('explain', 'late@contoso.example')).code).toBe(0);
  });
});

describe('a flood', () => {
  it.each([1, 2])(
    'of 100,000 rejections at %s thread(s) is answered; each is kept, aggregated or counted as lost',
    {
      timeout: 120_000,
    },
    async (workers) => {
      await using tenant = await startPracticeTenant();
      await using daemon = await startDaemon({
        tenant,
        mode: 'verify',
        top: `workers = ${workers}`,
        more: '[lookup]\nenabled = false\n[rejections]\nkeep_rows = 20000',
      });
      await daemon.run('sync');
      await Promise.all([0, 1, 2, 3].map(() => flood(daemon.port, 25_000)));
      const status = async (): Promise<number[]> => {
        const text = await metricsOf(daemon);
        return ['kept', 'aggregated', 'lost'].map((outcome) =>
          Number(
            new RegExp(`rcptgate_rejection_log_answers_total\\{outcome="${outcome}"\\} (\\d+)`).exec(
              text,
            )?.[1] ?? 0,
          ),
        );
      };
      let sums = await status();
      for (
        const end = Date.now() + 60_000;
        sums.reduce((all, each) => all + each) < 100_000 && Date.now() < end;
      ) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        sums = await status();
      }
      expect(sums.reduce((all, each) => all + each)).toBe(100_000);
      const history = await control(daemon, '/v1/history?step=86400');
      const buckets = (JSON.parse(history) as { buckets: Array<{ rejected: number }> }).buckets;
      expect(buckets.reduce((all, { rejected }) => all + rejected, 0)).toBe(100_000);
      await daemon.end('SIGTERM');
      const file = new SQLite(path.join(daemon.stateDir, 'rejections.sqlite'), { readonly: true });
      expect(file.prepare('SELECT count(*) FROM rejection').pluck().get()).toBeLessThanOrEqual(20_000);
      file.close();
    },
  );
});

describe('kill -9', () => {
  it('costs at most what was not written yet', { timeout: 60_000 }, async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.run('sync');
    const [before = ''] = await ask(daemon.port, 'before@contoso.example');
    await eventually(
      daemon,
      ['explain', before],
      ({ entries }: { entries: unknown[] }) => entries.length === 1,
    );
    await ask(daemon.port, 'just-now@contoso.example');
    await daemon.end('SIGKILL');
    await using next = await startDaemon({ tenant, mode: 'verify', stateDir: daemon.stateDir });
    await next.run('sync');
    const [after = ''] = await ask(next.port, 'after@contoso.example');
    await eventually(next, ['explain', after], ({ entries }: { entries: unknown[] }) => entries.length === 1);
    const { out } = await next.run('explain', before);
    expect(out).toContain(`reference ${before}`);
  });
});

/** Rejections over one pipelined connection. */
async function flood(port: number, count: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  const arrived = new EventEmitter();
  let lines = 0;
  socket.on('data', (chunk) => {
    for (const byte of chunk) if (byte === 10) lines += 1;
    arrived.emit('line');
  });
  const until = async (wanted: number): Promise<void> => {
    while (lines < wanted) await new Promise((resolve) => arrived.once('line', resolve));
  };
  await until(1);
  socket.write('HELO flood.example\r\nMAIL FROM:<>\r\n');
  await until(3);
  for (let sent = 0; sent < count; sent += 100) {
    const commands = Array.from(
      { length: 100 },
      (_, index) => `RCPT TO:<x${sent + index}@contoso.example>\r\n`,
    );
    socket.write(commands.join(''));
    await until(3 + sent + 100);
  }
  socket.destroy();
}

function metricsOf(daemon: Daemon): Promise<string> {
  return control(daemon, '/metrics');
}

async function control(daemon: Daemon, where: string): Promise<string> {
  const request = http.get({ socketPath: path.join(daemon.stateDir, 'control.sock'), path: where });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}
