/**
 * The package on a Debian that runs systemd: installed, configured, reloaded, killed, hung, upgraded under load, and purged.
 * The tests are one story and run in its order.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { interop } from '../interop/programs.ts';
import { bootContainer, type Container, place } from './container.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const PACKAGE = here('../../scripts/package.mjs');
const STATUS = 'systemctl show -P StatusText rcptgate.service';

interface Tenant {
  readonly tenantId: string;
  readonly applicationId: string;
  readonly secret: string;
  readonly caPem: string;
  readonly login: string;
  readonly graph: string;
  readonly nextHop: number;
}

async function build(version: string): Promise<string> {
  const out = mkdtempSync(path.join(os.tmpdir(), 'deb-'));
  await promisify(execFile)(process.execPath, [PACKAGE, '--out', out, '--version', version, '--deb-only']);
  return path.join(out, `rcptgate_${version}_${process.arch === 'arm64' ? 'arm64' : 'amd64'}.deb`);
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

async function firstLine(child: ChildProcess): Promise<string> {
  for await (const line of readline.createInterface({ input: child.stdout as NodeJS.ReadableStream }))
    return line;
  return '';
}

function configuration(tenant: Tenant, policy: string): string {
  return `ca_file = "/etc/rcptgate/ca.pem"
[[smtp]]
listen = "systemd:smtp"
mode = "verify"
[[door]]
protocol = "socketmap"
listen = "systemd:socketmap"
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = "credential:rcptgate.client-secret"
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
policy = "${policy}"
`;
}

interop(import.meta.url, ['systemd'], 'the service', () => {
  let box: Container;
  let debs: string[] = [];
  let tenantProcess: ChildProcess;
  let tenant: Tenant;

  beforeAll(async () => {
    const booted = bootContainer();
    // One after the other: both would fill the cache at the same time.
    debs = [await build('0.9.0'), await build('0.9.1')];
    box = await booted;
    for (const deb of debs) cpSync(deb, path.join(box.root, 'root', path.basename(deb)));
    tenantProcess = box.inNetwork(here('tenant.mjs'));
    tenant = JSON.parse(await firstLine(tenantProcess)) as Tenant;
  }, 240_000);

  afterAll(async () => {
    tenantProcess?.stdin?.end();
    await box?.[Symbol.asyncDispose]();
  });

  /** The code that RCPT TO gets, by one session. */
  async function rcpt(address: string): Promise<string> {
    const load = box.inNetwork(here('load.mjs'), '25', address);
    load.stdin?.end();
    const seen = JSON.parse(await firstLine(load)) as Record<string, number>;
    return Object.keys(seen).join();
  }

  /** Runs `act` while four clients ask; how often each answer came. */
  async function underLoad(act: () => Promise<unknown>): Promise<Record<string, number>> {
    const load = box.inNetwork(here('load.mjs'), '25', 'alice@contoso.example');
    await act();
    load.stdin?.end();
    return JSON.parse(await firstLine(load)) as Record<string, number>;
  }

  const configure = (policy: string): void =>
    place(box, 'etc/rcptgate/rcptgate.toml', configuration(tenant, policy));
  const restarts = async (): Promise<number> =>
    Number((await box.run('systemctl show -P NRestarts rcptgate.service')).text);
  /** The directory is fresh, so a stranger is refused. */
  const ready = (): Promise<void> => box.until('rcptgate status');

  it('is built twice with the same bytes', async () => {
    expect(digest(await build('0.9.0'))).toBe(digest(debs[0] ?? ''));
  }, 120_000);

  it('installs, opens port 25, and defers all mail until it is configured', async () => {
    const { code, text } = await box.run('dpkg -i /root/rcptgate_0.9.0_*.deb');
    expect([code, text]).toEqual([0, expect.stringContaining('Setting up rcptgate')]);
    await box.until(`${STATUS} | grep -q '^degraded, .*tenant.0..id: '`);
    expect((await box.run('systemctl is-active rcptgate.socket rcptgate.service')).text).toBe(
      'active\nactive\n',
    );
    expect(await rcpt('alice@contoso.example')).toBe('451');
    expect((await box.run('rcptgate config check')).code).toBe(2);
    expect((await box.run('rcptgate --version')).text).toBe('rcptgate 0.9.0\n');
    expect((await box.run('stat -c "%U %G %a" /etc/rcptgate /var/lib/rcptgate')).text).toBe(
      'root rcptgate 750\nrcptgate rcptgate 750\n',
    );
  });

  it('answers with a secret that systemd hands over, and a door in the spool of Postfix', async () => {
    await box.run('useradd -r postfix; install -d -o postfix -m 0700 /var/spool/postfix/private');
    place(box, 'etc/rcptgate/ca.pem', tenant.caPem);
    place(box, 'etc/credstore/rcptgate.client-secret', tenant.secret);
    chmodSync(path.join(box.root, 'etc/credstore/rcptgate.client-secret'), 0o600);
    configure('enforce');
    const started = await box.run(
      'systemctl stop rcptgate.service && systemctl enable --now rcptgate-socketmap.socket 2>/dev/null && systemctl start rcptgate.service',
    );
    expect(started.code).toBe(0);
    await ready();
    expect([await rcpt('alice@contoso.example'), await rcpt('nobody@contoso.example')]).toEqual([
      '250',
      '550',
    ]);
    const door = net.connect(path.join(box.root, 'var/spool/postfix/private/rcptgate-socketmap'));
    door.end('23:m alice@contoso.example,');
    let answer = '';
    for await (const chunk of door) answer += chunk;
    expect(answer).toMatch(/^\d+:OK /);
  }, 90_000);

  it('is sandboxed, and its journal has priorities', async () => {
    const { code, text } = await box.run(
      'systemd-analyze security --threshold=14 rcptgate.service | tail -1',
    );
    expect([code, text]).toEqual([0, expect.stringMatching(/: 1\.[0-4] OK/)]);
    // Lines are written every 100 ms.
    await box.until(`journalctl -u rcptgate -p warning -o cat | grep -q '"event":"rcpt.reject"'`);
    const warnings = (await box.run('journalctl -u rcptgate -p warning -o cat')).text;
    expect(warnings).not.toContain('"event":"sync.round"');
    expect((await box.run('journalctl -u rcptgate -o cat')).text).toContain('{"level":"info"');
    expect((await box.run('journalctl -u rcptgate -o cat')).text).not.toContain(tenant.secret);
  });

  it('reloads a good configuration, and says what is wrong with a bad one', async () => {
    configure('observe');
    expect((await box.run('systemctl reload rcptgate.service')).code).toBe(0);
    await box.until(`test "$(systemctl is-active rcptgate.service)" = active`);
    expect(await rcpt('nobody@contoso.example')).toBe('250');
    configure('enforced');
    expect((await box.run('systemctl reload rcptgate.service')).code).toBe(1);
    expect((await box.run('journalctl -u rcptgate -o cat -n 20')).text).toContain('domain[0].policy: ');
    expect(await rcpt('nobody@contoso.example')).toBe('250');
    configure('enforce');
    expect((await box.run('systemctl reload rcptgate.service')).code).toBe(0);
    expect(await rcpt('nobody@contoso.example')).toBe('550');
  }, 60_000);

  it('refuses no connection over kill -9 and a restart', async () => {
    const before = await restarts();
    const seen = await underLoad(async () => {
      await box.run('systemctl kill -s KILL rcptgate.service');
      await box.until(`test $(systemctl show -P NRestarts rcptgate.service) -gt ${before}`);
      await ready();
      expect((await box.run('systemctl restart rcptgate.service')).code).toBe(0);
      await ready();
    });
    expect(seen.refused ?? 0).toBe(0);
    expect(seen['250']).toBeGreaterThan(20);
  }, 90_000);

  it('is restarted by the watchdog when its event loop is blocked', async () => {
    place(box, 'etc/systemd/system/rcptgate.service.d/watchdog.conf', '[Service]\nWatchdogSec=3s\n');
    await box.run('systemctl daemon-reload && systemctl restart rcptgate.service');
    await ready();
    const before = await restarts();
    await box.run('systemctl kill -s USR1 --kill-who=main rcptgate.service');
    await box.until("ss -Hltn 'sport = :9229' | grep -q 9229");
    const blocking = box.inNetwork(here('block.mjs'));
    expect(await firstLine(blocking)).toBe('blocked');
    await box.until(`test $(systemctl show -P NRestarts rcptgate.service) -gt ${before}`);
    expect((await box.run('journalctl -u rcptgate -n 50')).text).toContain('Watchdog timeout');
    await ready();
    expect(await rcpt('alice@contoso.example')).toBe('250');
    await box.run('rm -r /etc/systemd/system/rcptgate.service.d && systemctl daemon-reload');
  }, 90_000);

  it('is upgraded under load without a refused connection, and keeps its configuration', async () => {
    const seen = await underLoad(async () => {
      const { code, text } = await box.run('dpkg --force-confold -i /root/rcptgate_0.9.1_*.deb');
      expect([code, text]).toEqual([0, expect.stringContaining('Setting up rcptgate')]);
      await ready();
    });
    expect(seen.refused ?? 0).toBe(0);
    expect(seen['250']).toBeGreaterThan(20);
    expect((await box.run('rcptgate --version')).text).toBe('rcptgate 0.9.1\n');
    expect((await box.run('rcptgate status')).code).toBe(0);
  }, 90_000);

  it('takes an encrypted credential', async () => {
    const drop =
      '[Service]\nLoadCredential=\nLoadCredential=rcptgate.master-key\nLoadCredentialEncrypted=rcptgate.client-secret\n';
    place(box, 'etc/systemd/system/rcptgate.service.d/secret.conf', drop);
    const { code, text } = await box.run(`set -e
      mkdir -p -m 0700 /etc/credstore.encrypted
      systemd-creds setup
      systemd-creds encrypt --with-key=host --name=rcptgate.client-secret /etc/credstore/rcptgate.client-secret \\
        /etc/credstore.encrypted/rcptgate.client-secret
      rm /etc/credstore/rcptgate.client-secret
      systemctl daemon-reload
      # What was proven before is sealed in there, and must not help.
      systemctl stop rcptgate.service
      rm -r /var/lib/rcptgate/*
      systemctl start rcptgate.service`);
    expect([code, text]).toEqual([0, expect.any(String)]);
    await ready();
    expect(await rcpt('nobody@contoso.example')).toBe('550');
  }, 90_000);

  it('leaves nothing after a purge', async () => {
    const { code } = await box.run('dpkg --purge rcptgate');
    expect(code).toBe(0);
    // What the administrator put elsewhere is the administrator's.
    await box.run('rm -rf /root/* /etc/credstore*');
    const left = await box.run(
      "find / -xdev \\( -path /proc -o -path /sys -o -path /run/log -o -path /var/log \\) -prune -o -iname '*rcptgate*' -print; getent passwd rcptgate; getent group rcptgate; systemctl list-units --all --no-legend 'rcptgate*'; ss -Hltn 'sport = :25'",
    );
    expect(left.text).toBe('');
    expect(existsSync(path.join(box.root, 'var/lib/rcptgate'))).toBe(false);
  });
});
