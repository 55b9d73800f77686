/** A chapter: a real fail2ban reads the journal and bans a harvester over nftables, and no relay of ours. */
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { configure, fromReadme, here, restart, type Scene } from './scene.ts';

/** Another host: a network namespace with two addresses, joined by a cable of two ends. */
const NEIGHBOUR = `set -e
ip netns add away
ip link add cable type veth peer name cable netns away
ip address add 192.0.2.1/24 dev cable
ip link set cable up
ip -n away address add 192.0.2.66/24 dev cable
ip -n away address add 192.0.2.10/24 dev cable
ip -n away link set cable up
`;
const HARVESTER = '192.0.2.66';
const RELAY = '192.0.2.10';

export function banningChapter(scene: () => Scene): void {
  it('a real fail2ban bans a harvester, and not a relay that passes on the same guesses', async () => {
    const { box } = scene();
    expect(await box.run(NEIGHBOUR)).toEqual({ code: 0, text: '' });
    copyFileSync(here('guess.mjs'), path.join(box.root, 'root/guess.mjs'));
    const guess = async (from: string, count: number) => {
      const { text } = await box.run(
        `ip netns exec away /usr/lib/rcptgate/node /root/guess.mjs 192.0.2.1 ${from} ${count}`,
      );
      return JSON.parse(text) as Record<string, number>;
    };
    configure(scene(), 'enforce', {
      smtp: `trusted = ["127.0.0.0/8", "${RELAY}"]`,
      more: '[lookup]\nenabled = false\n[harvest]\nlimit = 20',
    });
    await restart(scene());
    // As the README says, but for the jail of sshd, which is not installed here.
    const commands = fromReadme('sh', 'cd /usr/share/doc/rcptgate/fail2ban');
    const installed = await box.run(
      `set -e; printf '[sshd]\\nenabled = false\\n' >/etc/fail2ban/jail.local\n${commands}`,
    );
    expect(installed).toEqual({ code: 0, text: '' });
    await box.until('fail2ban-client status rcptgate');
    expect(await guess(RELAY, 60)).toEqual({ 550: 60 });
    expect(await guess(HARVESTER, 60)).toEqual({ 550: 20, 421: 1 });
    await box.until(`nft list ruleset | grep -q '${HARVESTER}'`);
    expect(await guess(HARVESTER, 1)).toEqual({ refused: 1 });
    expect(await guess(RELAY, 60)).toEqual({ 550: 60 });
    const { text } = await box.run('nft list ruleset; fail2ban-client get rcptgate banip');
    expect(text).not.toContain(RELAY);
    expect(text.match(/192\.0\.2\.66/g)).toHaveLength(2);
    expect((await box.run(`fail2ban-client set rcptgate unbanip ${HARVESTER}`)).code).toBe(0);
    // The gateway itself denies it still, in words.
    expect(await guess(HARVESTER, 1)).toEqual({ 421: 1 });
    await box.run(`systemctl stop fail2ban.service; rcptgate harvest reset --all; ip netns delete away
      rm /etc/fail2ban/jail.local /etc/fail2ban/*/rcptgate.conf`);
  }, 90_000);
}
