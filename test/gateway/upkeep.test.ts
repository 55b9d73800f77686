/** Looking after a real daemon: backup and restore, a damaged or newer mirror, secrets, and the commands for it. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

const scratch = () => mkdtempSync(path.join(os.tmpdir(), 'rcptgate-upkeep-'));

async function rcpt(daemon: Daemon, address: string): Promise<string> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  return (await client.ask(`RCPT TO:<${address}>`)).slice(0, 3);
}

describe('backup and restore', () => {
  it('bring back what the operator said, without secrets unless asked', async () => {
    await using tenant = await startPracticeTenant();
    const folder = scratch();
    const [plain, sealed] = [path.join(folder, 'plain.sqlite'), path.join(folder, 'sealed.sqlite')];
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.run('sync');
    await daemon.run('override', 'add', 'folder@contoso.example', 'allow');
    expect(await daemon.run('backup', plain)).toMatchObject({
      code: 0,
      out: expect.stringContaining('Credentials are not in it'),
    });
    expect((await daemon.run('backup', sealed, '--with-secrets')).code).toBe(0);
    const rows = (file: string): number =>
      Number(new SQLite(file, { readonly: true }).prepare('SELECT count(*) FROM credential').pluck().get());
    expect([rows(plain), rows(sealed)]).toEqual([0, 1]);
    expect(statSync(plain).mode & 0o777).toBe(0o600);
    for (const file of [plain, sealed]) expect(readFileSync(file).includes(tenant.secret)).toBe(false);
    expect(readdirSync(daemon.stateDir).filter((name) => name.startsWith('backup-'))).toEqual([]);
    await daemon.logged((line) => line.event === 'backup.make' && line.secrets === true);

    await daemon.run('override', 'remove', 'folder@contoso.example');
    expect(await daemon.run('restore', plain)).toMatchObject({
      code: 1,
      err: expect.stringContaining('the daemon is running'),
    });
    await daemon.end('SIGTERM');
    expect(await daemon.run('restore', daemon.configFile)).toMatchObject({
      code: 1,
      err: expect.stringContaining('not a database'),
    });
    expect(await daemon.run('restore', plain)).toMatchObject({
      code: 0,
      out: expect.stringContaining('1 overrides by command'),
    });
    expect(existsSync(path.join(daemon.stateDir, 'mirror.sqlite.before-restore'))).toBe(true);
    const { stateDir } = daemon;
    await using again = await startDaemon({ tenant, mode: 'verify', stateDir });
    expect(await rcpt(again, 'folder@contoso.example')).toBe('250');
    expect(await rcpt(again, 'alice@contoso.example')).toBe('250');
  });

  it('of nothing that runs says what is missing', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.end('SIGTERM');
    const { code, err } = await daemon.run('backup', path.join(scratch(), 'x'));
    expect([code, err]).toEqual([3, expect.stringContaining('no rcptgate answers on')]);
  });
});

describe('a damaged mirror', () => {
  it.each(['its header', 'its pages'])(
    'in %s is set aside; who was known stays known, and Graph brings back the rest',
    async (where) => {
      await using tenant = await startPracticeTenant();
      const first = await startDaemon({ tenant, mode: 'verify' });
      const { stateDir } = first;
      await first.run('sync');
      await first.run('override', 'add', 'folder@contoso.example', 'allow');
      await first.end('SIGTERM');
      const file = path.join(stateDir, 'mirror.sqlite');
      damage(file, where === 'its header');
      await using daemon = await startDaemon({ tenant, mode: 'verify', stateDir });
      expect(await rcpt(daemon, 'alice@contoso.example')).toBe('250');
      // It reads the pages that a quiet round does not touch.
      await daemon.run('check', 'alice@contoso.example');
      await daemon.logged(
        (line) => line.event === 'sync.trouble' && String(line.error).includes('the mirror was damaged'),
      );
      await expect.poll(async () => (await daemon.run('sync')).code, { timeout: 20_000 }).toBe(0);
      expect(existsSync(`${file}.damaged`)).toBe(true);
      expect(await rcpt(daemon, 'alice@contoso.example')).toBe('250');
      expect(await rcpt(daemon, 'nobody@contoso.example')).toBe('550');
      if (where === 'its pages') expect(await rcpt(daemon, 'folder@contoso.example')).toBe('250');
      rmSync(stateDir, { recursive: true, force: true });
    },
  );
});

/** Overwrites the header, or the root page of the objects. */
function damage(file: string, header: boolean): void {
  const database = new SQLite(file);
  database.pragma('wal_checkpoint(TRUNCATE)');
  const pages = ['object', 'sqlite_autoindex_object_1', 'address'].map((name) =>
    Number(database.prepare('SELECT rootpage FROM sqlite_master WHERE name = ?').pluck().get(name)),
  );
  const size = Number(database.pragma('page_size', { simple: true }));
  database.close();
  const fd = openSync(file, 'r+');
  if (header) writeSync(fd, Buffer.alloc(100, 0x41), 0, 100, 0);
  else for (const page of pages) writeSync(fd, Buffer.alloc(size, 0x41), 0, size, (page - 1) * size);
}

describe('a mirror of a newer version', () => {
  it('is refused with words, and who was known is still accepted', async () => {
    await using tenant = await startPracticeTenant();
    const first = await startDaemon({ tenant, mode: 'verify' });
    await first.run('sync');
    await first.end('SIGTERM');
    const file = path.join(first.stateDir, 'mirror.sqlite');
    const database = new SQLite(file);
    database.pragma('user_version = 999');
    database.close();
    await using daemon = await startDaemon({ tenant, mode: 'verify', stateDir: first.stateDir });
    await daemon.logged(
      (line) => line.event === 'sync.trouble' && String(line.error).includes('made by a newer version'),
    );
    expect(await rcpt(daemon, 'alice@contoso.example')).toBe('250');
    expect(await rcpt(daemon, 'nobody@contoso.example')).toBe('451');
    expect((await daemon.run('tenant')).out).toContain('trouble');
    expect(existsSync(`${file}.damaged`)).toBe(false);
    await daemon.end('SIGTERM');
    rmSync(first.stateDir, { recursive: true, force: true });
  });
});

describe('secrets', () => {
  it('are not in the log, backups, reports, metrics, process arguments or environment', async () => {
    await using tenant = await startPracticeTenant();
    const folder = scratch();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      top: 'log_level = "debug"',
      more: `[log]\nfile = "${folder}/rcptgate.log"`,
    });
    await daemon.run('sync');
    await daemon.run('backup', path.join(folder, 'with.sqlite'), '--with-secrets');
    await daemon.run('backup', path.join(folder, 'without.sqlite'));
    const pid = daemon.process.pid;
    const shown = await Promise.all(
      [
        ['status', '--json'],
        ['report', '--html'],
        ['config', 'show'],
        ['tenant', '--json'],
      ].map((args) => daemon.run(...args)),
    );
    const places: Record<string, string> = {
      shown: JSON.stringify(shown),
      arguments: readFileSync(`/proc/${pid}/cmdline`, 'latin1'),
      environment: readFileSync(`/proc/${pid}/environ`, 'latin1'),
      with: readFileSync(`${folder}/with.sqlite`, 'latin1'),
      without: readFileSync(`${folder}/without.sqlite`, 'latin1'),
      mirror: readFileSync(path.join(daemon.stateDir, 'mirror.sqlite'), 'latin1'),
      log2: readFileSync(path.join(daemon.stateDir, 'mirror.sqlite-wal'), 'latin1'),
    };
    // Lines are written every 100 ms, and the last ones at the end.
    await daemon.end('SIGTERM');
    places.log = JSON.stringify(daemon.log);
    places.file = readFileSync(`${folder}/rcptgate.log`, 'latin1');
    expect(places.file).toContain('process.stopped');
    const key = readFileSync(path.join(daemon.stateDir, 'master.key'));
    const found = Object.entries(places).filter(
      ([, text]) =>
        text.includes(tenant.secret) || text.includes(key.toString('latin1')) || text.includes('eyJ0'),
    );
    expect(found.map(([name]) => name)).toEqual([]);
  });

  it('are sealed anew under another master key', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.run('sync');
    const key = readFileSync(path.join(daemon.stateDir, 'master.key'));
    const turned = await daemon.run('rotate-key', '--json');
    expect([turned.code, JSON.parse(turned.out)]).toEqual([
      0,
      {
        ...{ path: path.join(daemon.stateDir, 'master.key'), made: true },
        ...{ resealed: 1, already: 0, unopened: [], spare: [] },
      },
    ]);
    expect(readFileSync(path.join(daemon.stateDir, 'master.key')).equals(key)).toBe(false);
    await daemon.logged((line) => line.event === 'key.rotate' && line.resealed === 1);
    expect((await daemon.run('rotate-key', 'now')).code).toBe(2);
  });
});

describe('commands', () => {
  it('show tenants, domains, a report and the configuration, as text and as JSON', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.run('sync');
    await rcpt(daemon, 'nobody@contoso.example');
    expect(await daemon.run('tenant')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/fresh .*secret \(file\)/),
    });
    const id = tenant.tenantId;
    expect((await daemon.run('tenant', id.slice(0, 8))).out).toContain(`${id}: fresh`);
    expect(await daemon.run('tenant', 'f00')).toMatchObject({ code: 2 });
    expect((await daemon.run('domain')).out).toMatch(/contoso\.example +enforce +fresh/);
    expect((await daemon.run('domain', 'contoso.example')).out).toContain(
      'unknown recipients: refused with 550 5.1.1',
    );
    expect(await daemon.run('domain', 'other.example')).toMatchObject({
      code: 1,
      out: expect.stringContaining('not accepted'),
    });
    await expect
      .poll(async () => JSON.parse((await daemon.run('report', '--json')).out), { timeout: 10_000 })
      .toMatchObject({
        answers: { rejected: 1 },
        top: { recipients: [{ value: 'nobody@contoso.example', count: 1 }] },
        attention: [],
      });
    const text = await daemon.run('report');
    expect([text.code, text.out]).toEqual([0, expect.stringContaining('Nothing needs attention.')]);
    expect((await daemon.run('report', '--html')).out).toContain(
      '<td align="left">nobody@contoso.example</td>',
    );
    expect(JSON.parse((await daemon.run('config', 'show')).out)).toMatchObject({
      hostname: 'gateway.example',
    });
    for (const command of ['tenant', 'domain', 'report'])
      expect(() => JSON.parse(execJson(daemon, command))).not.toThrow();
  });

  it('complete in the shells that are here', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    const { out } = await daemon.run('completion', 'bash');
    const asked = `${out}\nCOMP_WORDS=(rcptgate sync --d) COMP_CWORD=2; _rcptgate; echo "\${COMPREPLY[@]}"; COMP_WORDS=(rcptgate ba) COMP_CWORD=1; _rcptgate; echo "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', asked], { encoding: 'utf8' })).toBe('--dry-run\nbackup\n');
    for (const shell of ['zsh', 'fish']) {
      const script = (await daemon.run('completion', shell)).out;
      expect(script).toContain('dry-run');
      // Not every shell reads its own standard input by that name.
      const file = path.join(daemon.stateDir, `completion.${shell}`);
      writeFileSync(file, script);
      if (hasShell(shell)) execFileSync(shell, ['-n', file]);
    }
    expect((await daemon.run('completion', 'csh')).code).toBe(2);
  });
});

function execJson(daemon: Daemon, command: string): string {
  const main = new URL('../../dist/main.js', import.meta.url).pathname;
  try {
    return execFileSync(process.execPath, [main, command, '--json', '--config', daemon.configFile], {
      encoding: 'utf8',
    });
  } catch (error) {
    return String((error as { stdout?: string }).stdout);
  }
}

function hasShell(name: string): boolean {
  return ['/bin', '/usr/bin'].some((folder) => existsSync(path.join(folder, name)));
}
