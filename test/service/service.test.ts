/**
 * The package on a Debian that runs systemd: installed, configured, reloaded, killed, hung, upgraded under load, and purged.
 * The tests are one story and run in its order; chapters beside this file tell what a Postfix, fail2ban and rsyslog on the same host do.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { interop } from '../interop/programs.ts';
import { archiveChapter, byHandChapter, type Packages } from './archive.ts';
import { banningChapter } from './banning.ts';
import { bootContainer, type Container, place } from './container.ts';
import { doorsChapter } from './doors.ts';
import { forwardingChapter } from './forwarding.ts';
import {
  configure,
  firstLine,
  fromReadme,
  here,
  rcpt,
  ready,
  type Scene,
  type Tenant,
  underLoad,
} from './scene.ts';
import { secretFile, secretsChapter } from './secrets.ts';

const PACKAGE = here('../../scripts/package.mjs');
const STATUS = 'systemctl show -P StatusText rcptgate.service';

async function build(version: string, ...more: string[]): Promise<Packages> {
  const out = mkdtempSync(path.join(os.tmpdir(), 'deb-'));
  await promisify(execFile)(process.execPath, [PACKAGE, '--out', out, '--version', version, ...more]);
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
  return {
    deb: path.join(out, `rcptgate_${version}_${arch}.deb`),
    archive: path.join(out, `rcptgate-${version}-${arch}.tar.gz`),
  };
}

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

interop(import.meta.url, ['systemd'], 'the service', () => {
  let box: Container;
  let packages: Packages;
  let tenantProcess: ChildProcess;
  let scene: Scene;

  beforeAll(async () => {
    const booted = bootContainer();
    // One after the other: both would fill the cache at the same time.
    packages = await build('0.9.0');
    const next = await build('0.9.1', '--deb-only');
    box = await booted;
    for (const { deb } of [packages, next]) cpSync(deb, path.join(box.root, 'root', path.basename(deb)));
    tenantProcess = box.inNetwork(here('tenant.mjs'));
    scene = { box, tenant: JSON.parse(await firstLine(tenantProcess)) as Tenant };
  }, 240_000);

  afterAll(async () => {
    tenantProcess?.stdin?.end();
    await box?.[Symbol.asyncDispose]();
  });

  const restarts = async (): Promise<number> =>
    Number((await box.run('systemctl show -P NRestarts rcptgate.service')).text);
  it('is built twice with the same bytes', async () => {
    const again = await build('0.9.0');
    expect([again.deb, again.archive].map(digest)).toEqual([packages.deb, packages.archive].map(digest));
  }, 120_000);

  archiveChapter(
    () => scene,
    () => packages,
  );

  it('installs, opens port 25, and defers all mail until it is configured', async () => {
    const { code, text } = await box.run('dpkg -i /root/rcptgate_0.9.0_*.deb');
    expect([code, text]).toEqual([0, expect.stringContaining('Setting up rcptgate')]);
    await box.until(`${STATUS} | grep -q '^degraded, .*tenant.0..id: '`);
    expect((await box.run('systemctl is-active rcptgate.socket rcptgate.service')).text).toBe(
      'active\nactive\n',
    );
    expect(await rcpt(scene, 'alice@contoso.example')).toBe('451');
    expect((await box.run('rcptgate config check')).code).toBe(2);
    expect((await box.run('rcptgate --version')).text).toBe('rcptgate 0.9.0\n');
    const completed = await box.run(
      '. /usr/share/bash-completion/completions/rcptgate; COMP_WORDS=(rcptgate rot) COMP_CWORD=1; _rcptgate; echo "$COMPREPLY"',
      'bash',
    );
    expect(completed.text).toBe('rotate-key\n');
    expect((await box.run('stat -c "%U %G %a" /etc/rcptgate /var/lib/rcptgate')).text).toBe(
      'root rcptgate 750\nrcptgate rcptgate 750\n',
    );
  });

  it('answers with a secret that systemd hands over, and a door in the spool of Postfix', async () => {
    // Postfix makes it at its first start.
    await box.run('install -d -o postfix -m 0700 /var/spool/postfix/private');
    place(box, 'etc/rcptgate/ca.pem', scene.tenant.caPem);
    secretFile(scene, 'rcptgate.client-secret', scene.tenant.secret);
    configure(scene, 'enforce');
    const started = await box.run(
      'systemctl stop rcptgate.service && systemctl enable --now rcptgate-socketmap.socket 2>/dev/null && systemctl start rcptgate.service',
    );
    expect(started.code).toBe(0);
    await ready(scene);
    expect([await rcpt(scene, 'alice@contoso.example'), await rcpt(scene, 'nobody@contoso.example')]).toEqual(
      ['250', '550'],
    );
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
    expect((await box.run('journalctl -u rcptgate -o cat')).text).not.toContain(scene.tenant.secret);
  });

  it('reloads a good configuration, and says what is wrong with a bad one', async () => {
    configure(scene, 'observe');
    expect((await box.run('systemctl reload rcptgate.service')).code).toBe(0);
    await box.until(`test "$(systemctl is-active rcptgate.service)" = active`);
    expect(await rcpt(scene, 'nobody@contoso.example')).toBe('250');
    configure(scene, 'enforced');
    expect((await box.run('systemctl reload rcptgate.service')).code).toBe(1);
    expect((await box.run('journalctl -u rcptgate -o cat -n 20')).text).toContain('domain[0].policy: ');
    expect(await rcpt(scene, 'nobody@contoso.example')).toBe('250');
    configure(scene, 'enforce');
    expect((await box.run('systemctl reload rcptgate.service')).code).toBe(0);
    expect(await rcpt(scene, 'nobody@contoso.example')).toBe('550');
  }, 60_000);

  doorsChapter(() => scene);
  banningChapter(() => scene);
  forwardingChapter(() => scene);
  secretsChapter(() => scene);

  it('refuses no connection over kill -9 and a restart', async () => {
    const before = await restarts();
    const seen = await underLoad(scene, async () => {
      await box.run('systemctl kill -s KILL rcptgate.service');
      await box.until(`test $(systemctl show -P NRestarts rcptgate.service) -gt ${before}`);
      await ready(scene);
      expect((await box.run('systemctl restart rcptgate.service')).code).toBe(0);
      await ready(scene);
    });
    expect(seen.refused ?? 0).toBe(0);
    expect(seen['250']).toBeGreaterThan(20);
  }, 90_000);

  it('is restarted by the watchdog when its event loop is blocked', async () => {
    place(box, 'etc/systemd/system/rcptgate.service.d/watchdog.conf', '[Service]\nWatchdogSec=3s\n');
    await box.run('systemctl daemon-reload && systemctl restart rcptgate.service');
    await ready(scene);
    const before = await restarts();
    await box.run('systemctl kill -s USR1 --kill-who=main rcptgate.service');
    await box.until("ss -Hltn 'sport = :9229' | grep -q 9229");
    const blocking = box.inNetwork(here('block.mjs'));
    expect(await firstLine(blocking)).toBe('blocked');
    await box.until(`test $(systemctl show -P NRestarts rcptgate.service) -gt ${before}`);
    expect((await box.run('journalctl -u rcptgate -n 50')).text).toContain('Watchdog timeout');
    await ready(scene);
    expect(await rcpt(scene, 'alice@contoso.example')).toBe('250');
    await box.run('rm -r /etc/systemd/system/rcptgate.service.d && systemctl daemon-reload');
  }, 90_000);

  it('is upgraded under load without a refused connection, and keeps its configuration', async () => {
    const seen = await underLoad(scene, async () => {
      const { code, text } = await box.run('dpkg --force-confold -i /root/rcptgate_0.9.1_*.deb');
      expect([code, text]).toEqual([0, expect.stringContaining('Setting up rcptgate')]);
      await ready(scene);
    });
    expect(seen.refused ?? 0).toBe(0);
    expect(seen['250']).toBeGreaterThan(20);
    expect((await box.run('rcptgate --version')).text).toBe('rcptgate 0.9.1\n');
    expect((await box.run('rcptgate status')).code).toBe(0);
  }, 90_000);

  it('takes an encrypted credential', async () => {
    place(box, 'etc/systemd/system/rcptgate.service.d/secret.conf', fromReadme('ini', '[Service]'));
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
    await ready(scene);
    expect(await rcpt(scene, 'nobody@contoso.example')).toBe('550');
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

  byHandChapter(
    () => scene,
    () => packages,
  );
});
