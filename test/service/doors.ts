/** A chapter: a Postfix on the same host asks through the sockets that systemd holds, and the console has one, too. */
import { expect, it } from 'vitest';
import { place } from './container.ts';
import { configure, rcpt, ready, restart, type Scene, underLoad } from './scene.ts';

const MAIN = `compatibility_level = 3.6
myhostname = mx.contoso.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_peername_lookup = no
alias_maps =
local_recipient_maps =
relay_domains = contoso.example
relay_recipient_maps = socketmap:unix:private/rcptgate-socketmap:recipients
`;
/** smtpd is chrooted, as Debian has it; the second one asks the policy service instead. */
const MASTER = `2025 inet n - y - - smtpd
2026 inet n - y - - smtpd
  -o relay_recipient_maps=
  -o { smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service unix:private/rcptgate-policy }
  -o access_map_reject_code=550
pickup unix n - y 60 1 pickup
cleanup unix n - y - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - y - - trivial-rewrite
bounce unix - - y - 0 bounce
defer unix - - y - 0 bounce
proxymap unix - - n - - proxymap
relay unix - - y - - smtp
error unix - - y - - error
retry unix - - y - - error
anvil unix - - y - 1 anvil
`;
const CONSOLE = `/usr/lib/rcptgate/node -e "fetch('http://127.0.0.1:8025/').then(a => console.log(a.status))"`;

export function doorsChapter(scene: () => Scene): void {
  it('a real Postfix asks through the sockets that systemd holds, also over a restart', async () => {
    const { box } = scene();
    place(box, 'etc/postfix/main.cf', MAIN);
    place(box, 'etc/postfix/master.cf', MASTER);
    configure(scene(), 'enforce', {
      more: '[[door]]\nprotocol = "policy"\nlisten = "systemd:policy"\n[console]\nlisten = "systemd:console"',
    });
    const started = await box.run(`set -e
      systemctl stop rcptgate.service 2>/dev/null
      systemctl enable --now rcptgate-policy.socket rcptgate-console.socket 2>/dev/null
      systemctl start postfix.service
      systemctl is-active rcptgate.service || true`);
    expect(started).toEqual({ code: 0, text: 'inactive\n' });
    // Nothing runs yet: the first question starts the service, waits, and is answered.
    expect(await rcpt(scene(), 'alice@contoso.example', 2025)).toMatch(/^250(,451)?$/);
    await ready(scene());
    const asked = [];
    for (const port of [2025, 2026])
      for (const name of ['alice', 'nobody'])
        asked.push(await rcpt(scene(), `${name}@contoso.example`, port));
    expect(asked).toEqual(['250', '550', '250', '550']);
    // Lines are written every 100 ms.
    for (const source of ['policy', 'socketmap'])
      await box.until(`journalctl -u rcptgate -o cat | grep -q '"source":"${source}"'`);
    const [known, unknown] = ['alice@contoso.example', 'nobody@contoso.example'];
    const restarted = restart(scene());
    const [yes, no] = await Promise.all(
      [known, unknown].map((address) => underLoad(scene(), () => restarted, { address, port: 2025 })),
    );
    expect(yes).not.toHaveProperty('550');
    expect(no).not.toHaveProperty('250');
    expect([yes?.refused ?? 0, (yes?.['250'] ?? 0) > 20]).toEqual([0, true]);
    expect([await rcpt(scene(), known, 2025), await rcpt(scene(), unknown, 2025)]).toEqual(['250', '550']);
  }, 90_000);

  it('the console answers on the port that systemd holds, the first request included', async () => {
    const { box } = scene();
    await box.run('systemctl stop rcptgate.service');
    expect((await box.run('systemctl is-active rcptgate.service rcptgate-console.socket')).text).toBe(
      'inactive\nactive\n',
    );
    expect(await box.run(CONSOLE)).toEqual({ code: 0, text: '200\n' });
    await ready(scene());
    expect((await box.run('rcptgate console-link')).text).toContain('http://localhost:8025/');
    await box.run(
      'systemctl stop postfix.service; systemctl disable --now rcptgate-policy.socket rcptgate-console.socket',
    );
  }, 60_000);
}
