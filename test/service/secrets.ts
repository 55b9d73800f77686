/** A chapter: where secrets are not, files that systemd hands over, and another master key. */
import { randomBytes } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { AUTHORITY, keyPairFor } from '../smtp/key-pair.ts';
import { place } from './container.ts';
import { configure, fromReadme, rcpt, restart, type Scene } from './scene.ts';

const DROP_IN = 'etc/systemd/system/rcptgate.service.d/files.conf';

export function secretsChapter(scene: () => Scene): void {
  it('leaves no core, and has no secret in the arguments and the environment of a process', async () => {
    const { box, tenant } = scene();
    const { text } = await box.run(
      'for id in $(pgrep -u rcptgate); do cd /proc/$id; grep "Max core" limits; tr "\\0" "\\n" <cmdline; tr "\\0" "\\n" <environ; done; systemctl show rcptgate.service',
    );
    // The daemon and the console's process.
    const limits = [...text.matchAll(/Max core file size +(\S+) +(\S+)/g)].map(([, soft, hard]) => [
      soft,
      hard,
    ]);
    expect(limits).toEqual([
      ['0', '0'],
      ['0', '0'],
    ]);
    expect(text).toContain('CREDENTIALS_DIRECTORY=/run/credentials/rcptgate.service');
    expect(text).not.toContain(tenant.secret);
    expect(text).not.toContain(Buffer.from(tenant.secret).toString('base64'));
  });

  it('takes certificates, keys and authorities from systemd, those of a listener and those for requests', async () => {
    const { box, tenant } = scene();
    const pairs = { mx: keyPairFor('mx.contoso.example'), other: keyPairFor('mx.fabrikam.example') };
    const files: Record<string, string> = { 'graph-ca': tenant.caPem, 'relays-ca': AUTHORITY };
    for (const [name, { cert, key }] of Object.entries(pairs)) {
      files[`${name}.pem`] = cert;
      files[`${name}.key`] = key;
    }
    for (const [name, text] of Object.entries(files)) secretFile(scene(), name, text);
    const lines = Object.keys(files).map((name) => `LoadCredential=${name}\n`);
    place(box, DROP_IN, `[Service]\n${lines.join('')}`);
    configure(scene(), 'enforce', {
      caFile: 'credential:graph-ca',
      smtp: `tls_cert = "credential:mx.pem"
tls_key = "credential:mx.key"
client_certificate = "request"
client_ca = "credential:relays-ca"
[[smtp.certificate]]
cert = "credential:other.pem"
key = "credential:other.key"`,
    });
    await box.run('systemctl daemon-reload');
    await restart(scene());
    const { text } = await box.run(
      'journalctl -u rcptgate -o cat _PID=$(systemctl show -P MainPID rcptgate.service)',
    );
    expect(text).not.toMatch(/certificate\.trouble|config\.warning/);
    const used = [...text.matchAll(/"event":"certificate\.use".*?"names":\["([^"]*)"/g)].map(
      (match) => match[1],
    );
    expect(used.sort()).toEqual(['mx.contoso.example', 'mx.fabrikam.example']);
    expect(await rcpt(scene(), 'nobody@contoso.example')).toBe('550');
    expect((await box.run('rcptgate config check')).text).toBe('/etc/rcptgate/rcptgate.toml is valid.\n');
    await box.run(`rm /${DROP_IN}; systemctl daemon-reload`);
    configure(scene(), 'enforce');
  }, 60_000);

  it('presents a renewed certificate after the hook of the README', async () => {
    const { box } = scene();
    configure(scene(), 'enforce', {
      smtp: 'tls_cert = "/etc/rcptgate/tls/fullchain.pem"\ntls_key = "/etc/rcptgate/tls/privkey.pem"',
    });
    const used = `journalctl -u rcptgate -o cat | grep -c '"event":"certificate.use"' || true`;
    for (const _turn of [1, 2]) {
      const before = Number((await box.run(used)).text);
      const { cert, key } = keyPairFor('mx.contoso.example');
      place(box, 'etc/letsencrypt/live/mx/fullchain.pem', cert);
      place(box, 'etc/letsencrypt/live/mx/privkey.pem', key);
      chmodSync(path.join(box.root, 'etc/letsencrypt/live'), 0o700);
      const hook = `set -e; export RENEWED_LINEAGE=/etc/letsencrypt/live/mx\n${fromReadme('sh', 'install -d /etc/rcptgate/tls')}`;
      expect(await box.run(hook)).toEqual({ code: 0, text: '' });
      await box.until(`test $(${used}) -eq ${before + 1}`);
    }
    await box.run('rm -r /etc/letsencrypt');
    configure(scene(), 'enforce');
  }, 60_000);

  it('goes on with another master key: its own, one from systemd, and the next one from there', async () => {
    const { box } = scene();
    const rotate = async () => (await box.run('rcptgate rotate-key')).text;
    await restart(scene());
    expect(await rotate()).toContain(
      '/var/lib/rcptgate/master.key is a new key; 1 credential is sealed anew',
    );
    secretFile(scene(), 'rcptgate.master-key', randomBytes(32));
    await restart(scene());
    expect(await rotate()).toContain('Nothing needs these keys any more: /var/lib/rcptgate/master.key');
    await box.run('rm /var/lib/rcptgate/master.key');
    const changed = await box.run(`set -e; ${fromReadme('sh', 'cd /etc/credstore')}`);
    expect(changed).toEqual({
      code: 0,
      text: expect.stringContaining('hands over; 1 credential is sealed anew under it, 0 were already.'),
    });
    // Now only the sealed copy can be what it signs in with.
    await box.run('cd /etc/credstore; mv rcptgate.client-secret away');
    await restart(scene());
    expect((await box.run('rcptgate sync; rcptgate tenant')).text).toContain('secret (kept)');
    await box.run('cd /etc/credstore; rm rcptgate.master-key; mv away rcptgate.client-secret');
    await restart(scene());
  }, 90_000);
}

/** Puts something into systemd's store of credentials. */
export function secretFile({ box }: Scene, name: string, content: string | Buffer): void {
  const file = path.join(box.root, 'etc/credstore', name);
  place(box, `etc/credstore/${name}`, '');
  chmodSync(file, 0o600);
  writeFileSync(file, content);
}
