/** SIGHUP on the real daemon: certificates and configuration change under open sessions, and mistakes change nothing. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, type LogLine, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { keyPairFor } from '../smtp/key-pair.ts';

const first = keyPairFor('first.example');
const second = keyPairFor('second.example');
/** Files beside the state of the daemon, whose place only the daemon's configuration knows. */
const SMTP = 'tls_cert = "STATE/cert.pem"\ntls_key = "STATE/key.pem"';

/** A daemon whose listener has the certificate of `pair`. */
async function securedDaemon(tenant: Awaited<ReturnType<typeof startPracticeTenant>>, pair: typeof first) {
  const daemon = await startDaemon({ tenant, mode: 'verify', smtp: '' });
  put(daemon, { 'cert.pem': pair.cert, 'key.pem': pair.key });
  rewrite(daemon, (text) =>
    text.replace('mode = "verify"', `mode = "verify"\n${SMTP.replaceAll('STATE', daemon.stateDir)}`),
  );
  await reload(daemon);
  return daemon;
}

function put(daemon: Daemon, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(daemon.stateDir, name), text);
}

function rewrite(daemon: Daemon, change: (text: string) => string): void {
  writeFileSync(daemon.configFile, change(readFileSync(daemon.configFile, 'utf8')));
}

/** Sends SIGHUP; resolves with the first new line that says what became of it, and what follows at once. */
async function reload(daemon: Daemon): Promise<LogLine> {
  const before = daemon.log.length;
  const news = daemon.logged(
    (line) => daemon.log.indexOf(line) >= before && /^config\.(?:reload|refuse)$/.test(String(line.event)),
  );
  daemon.process.kill('SIGHUP');
  return news;
}

async function secured({ port }: Daemon): Promise<TLSSocket> {
  const socket = connect(port, '127.0.0.1');
  for (const line of ['', 'EHLO x.example\r\n', 'STARTTLS\r\n']) {
    socket.write(line);
    await once(socket, 'data');
  }
  const secure = connectTls({ socket, rejectUnauthorized: false });
  await once(secure, 'secureConnect');
  return secure;
}

/** The last of the replies to some commands of a new session. */
async function said({ port }: Daemon, ...lines: string[]): Promise<string> {
  await using client = await dialog(port);
  let reply = '';
  for (const line of lines) reply = await client.ask(line);
  return reply;
}

async function presented(daemon: Daemon): Promise<unknown> {
  const socket = await secured(daemon);
  const name = socket.getPeerX509Certificate()?.subjectAltName;
  socket.destroy();
  return name;
}

describe('certificates', () => {
  it('are renewed while sessions go on, and a half-renewed pair is refused', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await securedDaemon(tenant, first);
    const session = await secured(daemon);
    put(daemon, { 'cert.pem': second.cert });
    await reload(daemon);
    expect(await daemon.logged((line) => line.event === 'certificate.trouble')).toMatchObject({
      key: 'tls_key',
      in_use: 'previous',
      problem: 'the key does not belong to the certificate',
    });
    expect(await presented(daemon)).toBe('DNS:first.example');
    put(daemon, { 'key.pem': second.key });
    await reload(daemon);
    const use = await daemon.logged(
      (line) => line.event === 'certificate.use' && String(line.names) === 'second.example',
    );
    expect(use).toMatchObject({ listener: `127.0.0.1:${daemon.port}` });
    expect(await presented(daemon)).toBe('DNS:second.example');
    session.write('NOOP\r\n');
    const [answer] = await once(session, 'data');
    expect(String(answer)).toMatch(/^250/);
    session.destroy();
  });

  it('that are missing at the start leave the port open without STARTTLS, and can come later', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      smtp: 'tls_cert = "/nowhere/c.pem"\ntls_key = "/nowhere/k.pem"',
    });
    expect(daemon.log.find((line) => line.event === 'certificate.trouble')).toMatchObject({ in_use: 'none' });
    expect(daemon.log.find((line) => line.event === 'listener.open')).toMatchObject({ tls: false });
    expect(await said(daemon, 'EHLO x.example')).not.toContain('STARTTLS');
    put(daemon, { 'cert.pem': first.cert, 'key.pem': first.key });
    rewrite(daemon, (text) =>
      text
        .replace('/nowhere/c.pem', path.join(daemon.stateDir, 'cert.pem'))
        .replace('/nowhere/k.pem', path.join(daemon.stateDir, 'key.pem')),
    );
    expect(await reload(daemon)).toMatchObject({
      event: 'config.reload',
      applied: ['smtp[0].tls_cert', 'smtp[0].tls_key'],
    });
    expect(await presented(daemon)).toBe('DNS:first.example');
  });
});

describe('the configuration', () => {
  it('with a problem changes nothing and is told whole', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    rewrite(daemon, (text) => text.replace('hostname', 'log_level = "loud"\nhost_name'));
    const refused = await reload(daemon);
    expect(refused).toMatchObject({ event: 'config.refuse', level: 'error' });
    expect((refused.problems as Array<{ key: string }>).map(({ key }) => key).sort()).toEqual([
      'host_name',
      'log_level',
    ]);
    expect(await said(daemon, 'NOOP')).toMatch(/^250/);
  });

  it('changes domains, overrides and the log level at once, and names what waits', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    const ask = (rcpt: string) => said(daemon, 'HELO x', 'MAIL FROM:<>', `RCPT TO:<${rcpt}>`);
    expect(await ask('x@fabrikam.example')).toMatch(/^554/);
    rewrite(
      daemon,
      (text) =>
        text.replace('hostname = ', 'log_level = "debug"\nhostname = "new.example" #') +
        '[[domain]]\nname = "fabrikam.example"\npolicy = "open"\n',
    );
    expect(await reload(daemon)).toMatchObject({
      level: 'warn',
      applied: ['log_level', 'domain'],
      restart: ['hostname'],
    });
    expect(await ask('x@fabrikam.example')).toMatch(/^250/);
    const status = await daemon.run('status', '--json');
    expect(JSON.parse(status.out).tenants[0].domains).toEqual(['contoso.example', 'fabrikam.example']);
  });
});
