/** The daemon and its credential: changed, lost, broken and kept; nothing secret ever shows. */
import { createPrivateKey } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { newSecret } from '../../src/practice/application.ts';
import { createClientCertificate } from '../../src/practice/certificate.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function stateFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rcptgate-'));
  folders.push(folder);
  return folder;
}

async function answer(daemon: Daemon, address: string): Promise<string> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  return (await client.ask(`RCPT TO:<${address}>`)).slice(0, 9);
}

const trouble = (code: string) => (line: Readonly<Record<string, unknown>>) =>
  line.event === 'credential.trouble' && (line.error as { code?: string }).code === code;

/** Whether a text is anywhere in the files of the state directory that the daemon itself writes. */
function foundInState(stateDir: string, text: string, given: readonly string[] = ['secret']): string[] {
  return readdirSync(stateDir).filter((name) => {
    const file = path.join(stateDir, name);
    return !given.includes(name) && statSync(file).isFile() && readFileSync(file).includes(text);
  });
}

describe('the secret of a running daemon', () => {
  it('is replaced only by one that works; trouble is told once, in the log and in status', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    expect((await daemon.run('sync')).code).toBe(0);
    const secretFile = path.join(daemon.stateDir, 'secret');
    writeFileSync(secretFile, 'wr0ng~secret-for-grep');
    expect((await daemon.run('sync')).code).toBe(0);
    expect((await daemon.run('sync')).code).toBe(0);
    expect(await daemon.logged(trouble('AADSTS7000215'))).toMatchObject({
      level: 'warn',
      tenant: tenant.tenantId,
      error: { hint: expect.stringContaining("secret's value") },
    });
    const status = await daemon.run('status');
    expect(status.out).toContain('secret from its file works');
    expect(status.out).toContain('the last one that worked stays in use');
    tenant.application.secrets = [newSecret('new', 'n3w~secret-for-grep', Date.now())];
    writeFileSync(secretFile, 'n3w~secret-for-grep\r\n');
    expect((await daemon.run('sync')).code).toBe(0);
    expect((await daemon.run('status')).out).not.toContain('stays in use');
    await daemon.end('SIGTERM');
    expect(daemon.log.filter(trouble('AADSTS7000215'))).toHaveLength(1);
    const shown = JSON.stringify(daemon.log) + status.out + (await daemon.run('config', 'check')).out;
    for (const secret of [tenant.secret, 'wr0ng~secret', 'n3w~secret', 'eyJ']) {
      expect(shown).not.toContain(secret);
      expect(foundInState(daemon.stateDir, secret)).toEqual([]);
    }
  });
});

describe('a restart', () => {
  it('with a broken secret file goes on with the last one that worked, and says so', async () => {
    await using tenant = await startPracticeTenant();
    const stateDir = stateFolder();
    const first = await startDaemon({ tenant, mode: 'verify', stateDir });
    expect((await first.run('sync')).code).toBe(0);
    await first.end('SIGTERM');
    expect(statSync(path.join(stateDir, 'master.key')).mode & 0o777).toBe(0o600);

    await using second = await startDaemon({
      tenant,
      files: { secret: ' ' },
      mode: 'verify',
      stateDir,
    });
    tenant.directory.createUser({ userPrincipalName: 'new.user@contoso.example' });
    expect((await second.run('sync')).code).toBe(0);
    expect(await answer(second, 'new.user@contoso.example')).toBe('250 2.1.5');
    expect(await second.logged(trouble('secret-empty'))).toMatchObject({ level: 'warn' });
    expect(
      await second.logged((line) => line.event === 'credential.use' && line.source === 'kept'),
    ).toMatchObject({ level: 'warn', kind: 'secret' });
    expect((await second.run('status')).out).toContain('kept from before is used');
  });

  it.each<[string, (stateDir: string) => void, string, string]>([
    ['lost', (stateDir) => rmSync(path.join(stateDir, 'master.key')), 'master-key', 'is missing'],
    [
      'another',
      (stateDir) => writeFileSync(path.join(stateDir, 'master.key'), Buffer.alloc(32, 7)),
      'master-key',
      'another master key',
    ],
    [
      'cut off',
      (stateDir) => writeFileSync(path.join(stateDir, 'master.key'), 'short'),
      'master-key',
      'has 5 bytes',
    ],
  ])('with the master key %s uses the file, in clear words', async (_name, spoil, code, words) => {
    await using tenant = await startPracticeTenant();
    const stateDir = stateFolder();
    const first = await startDaemon({ tenant, mode: 'verify', stateDir });
    expect((await first.run('sync')).code).toBe(0);
    await first.end('SIGTERM');
    spoil(stateDir);
    await using second = await startDaemon({ tenant, mode: 'verify', stateDir });
    expect((await second.run('sync')).code).toBe(0);
    expect(await second.logged(trouble(code))).toMatchObject({
      error: { message: expect.stringContaining(words), hint: expect.stringMatching(/./) },
    });
    expect(existsSync(path.join(stateDir, 'master.key'))).toBe(true);
  });
});

describe('the master key among the credentials of systemd', () => {
  it('is used, and none is made', async () => {
    await using tenant = await startPracticeTenant();
    const [stateDir, credentials] = [stateFolder(), stateFolder()];
    const env = { CREDENTIALS_DIRECTORY: credentials };
    writeFileSync(path.join(credentials, 'rcptgate.master-key'), Buffer.alloc(32, 9));
    const first = await startDaemon({ tenant, mode: 'verify', stateDir, env });
    expect((await first.run('sync')).code).toBe(0);
    await first.end('SIGTERM');
    expect(existsSync(path.join(stateDir, 'master.key'))).toBe(false);
    await using second = await startDaemon({
      tenant,
      mode: 'verify',
      stateDir,
      env,
      files: { secret: 'wrong' },
    });
    expect((await second.run('sync')).code).toBe(0);
    expect(await second.logged(trouble('AADSTS7000215'))).toMatchObject({ level: 'warn' });
  });
});

describe('a credential that ends', () => {
  it('is counted down in log, status and metrics, each warning once across restarts', async () => {
    await using tenant = await startPracticeTenant();
    const stateDir = stateFolder();
    const end = new Date(Date.now() + 13.5 * 86_400_000);
    const credential = (file: (name: string) => string) =>
      `secret_file = ${file('secret')}\nsecret_expires = ${end.toISOString()}`;
    const warned = (daemon: Daemon) => daemon.log.filter((line) => line.event === 'credential.expiry');

    const first = await startDaemon({ tenant, mode: 'verify', stateDir, credential });
    expect((await first.run('sync')).code).toBe(0);
    expect(await first.logged((line) => line.event === 'credential.expiry')).toMatchObject({
      level: 'warn',
      kind: 'secret',
      days: 14,
      expires: end.toISOString(),
    });
    expect((await first.run('status')).out).toMatch(/it ends in 1[34] d/);
    expect(await metricsOf(first)).toContain(
      `rcptgate_credential_expiry_timestamp_seconds{tenant="${tenant.tenantId}"} ${end.getTime() / 1000}`,
    );
    await first.end('SIGTERM');
    expect(warned(first)).toHaveLength(1);

    await using second = await startDaemon({ tenant, mode: 'verify', stateDir, credential });
    expect((await second.run('sync')).code).toBe(0);
    await second.end('SIGTERM');
    expect(warned(second)).toEqual([]);
  });
});

describe('a certificate with an encrypted key', () => {
  it('signs the daemon in; key and passphrase never show', async () => {
    await using tenant = await startPracticeTenant();
    const { certPem, keyPem } = createClientCertificate('rcptgate');
    tenant.application.certificates.push(certPem);
    tenant.application.secrets = [];
    const passphrase = 'passphrase-for-grep';
    const key = createPrivateKey(keyPem)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
      .toString();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      files: { 'client.pem': certPem, 'client.key': key, 'client.pass': `${passphrase}\n` },
      credential: (file) => `certificate_file = ${file('client.pem')}
key_file = ${file('client.key')}
key_passphrase_file = ${file('client.pass')}`,
    });
    expect((await daemon.run('sync')).code).toBe(0);
    const status = (await daemon.run('status')).out + (await daemon.run('status', '--json')).out;
    expect(status).toMatch(/certificate from its file works; it ends in \d+ d/);
    await daemon.end('SIGTERM');
    const secrets = [passphrase, 'PRIVATE KEY', keyPem.slice(100, 160)];
    for (const secret of secrets) {
      expect(status + JSON.stringify(daemon.log)).not.toContain(secret);
      expect(foundInState(daemon.stateDir, secret, ['client.key', 'client.pass'])).toEqual([]);
    }
  });
});

describe('a ca_file that cannot be used', () => {
  it.each([
    ['garbage', 'garbage', 'holds no PEM certificate'],
    ['cut off', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', 'is damaged'],
  ])('(%s) is told, and the daemon starts degraded', async (_name, content, words) => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({
      tenant,
      nextHop: '127.0.0.1:9',
      files: { 'ca.pem': content },
    });
    expect(await daemon.logged((line) => line.event === 'config.warning')).toMatchObject({
      key: 'ca_file',
      problem: expect.stringContaining(words),
    });
    expect(await answer(daemon, 'alice@contoso.example')).toBe('451 4.4.3');
    const round = await daemon.run('sync');
    expect([round.code, round.out]).toEqual([1, expect.stringContaining('Check ca_file')]);
    writeFileSync(path.join(daemon.stateDir, 'ca.pem'), tenant.caPem);
    expect((await daemon.run('sync')).code).toBe(0);
  });
});

function metricsOf(daemon: Daemon): Promise<string> {
  return new Promise((resolve, reject) => {
    const socketPath = path.join(daemon.stateDir, 'control.sock');
    get({ socketPath, path: '/metrics' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
