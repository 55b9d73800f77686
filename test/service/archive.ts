/** A chapter: the .tar.gz beside the .deb, in a folder of its own, and installed by hand. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { fromReadme, rcpt, type Scene } from './scene.ts';

export interface Packages {
  readonly deb: string;
  readonly archive: string;
}

export function archiveChapter(scene: () => Scene, packages: () => Packages): void {
  it('the .tar.gz has the files of the .deb', () => {
    const { deb, archive } = packages();
    const folder = mkdtempSync(path.join(os.tmpdir(), 'unpacked-'));
    const at = (name: string) => path.join(folder, name);
    mkdirSync(at('archive'));
    execFileSync('dpkg-deb', ['-x', deb, at('deb')]);
    execFileSync('tar', ['-C', at('archive'), '--strip-components=1', '-xzf', archive]);
    const list = (name: string): string =>
      execFileSync('find', [at(name), '-mindepth', '1', '-printf', '%P %y %m %s %u %g %T@\n'], {
        encoding: 'utf8',
      });
    expect(list('archive').split('\n').sort()).toEqual(list('deb').split('\n').sort());
    expect(execFileSync('diff', ['-r', at('archive'), at('deb')], { encoding: 'utf8' })).toBe('');
    rmSync(folder, { recursive: true });
  }, 60_000);

  it('the .tar.gz runs from any folder, where nothing is installed and as anybody', async () => {
    const { box } = scene();
    const name = path.basename(packages().archive);
    cpSync(packages().archive, path.join(box.root, 'root', name));
    const { text } = await box.run(`mkdir -m 0777 -p /srv/try/state && cd /srv/try && tar -xzf /root/${name}
      ./rcptgate-*/usr/bin/rcptgate --version
      ln -s /srv/try/rcptgate-*/usr/bin/rcptgate /usr/local/bin/rcptgate-try
      setpriv --reuid=65534 --regid=65534 --clear-groups rcptgate-try practice --state state >log 2>&1 & echo $! >/srv/pid`);
    expect(text).toBe('rcptgate 0.9.0\n');
    await box.until('grep "^Ctrl-C stops it" /srv/try/log');
    const answers = [];
    for (const each of ['alice', 'nobody'])
      answers.push(await rcpt(scene(), `${each}@contoso.example`, 2525));
    expect(answers).toEqual(['250', '550']);
    await box.run('kill $(cat /srv/pid)');
    await box.until('! pgrep -u 65534');
    await box.run('rm -r /srv/* /usr/local/bin/rcptgate-try');
  }, 90_000);
}

export function byHandChapter(scene: () => Scene, packages: () => Packages): void {
  it('the .tar.gz is installed by hand as the README says', async () => {
    const { box } = scene();
    const commands = fromReadme('sh', 'tar -C / ');
    cpSync(packages().archive, path.join(box.root, 'root/rcptgate-VERSION-ARCH.tar.gz'));
    expect((await box.run(`set -e; cd /root\n${commands}`)).code).toBe(0);
    await box.until("systemctl show -P StatusText rcptgate.service | grep -q '^degraded, '");
    expect(await rcpt(scene(), 'alice@contoso.example')).toBe('451');
    expect((await box.run('rcptgate --version')).text).toBe('rcptgate 0.9.0\n');
  }, 60_000);
}
