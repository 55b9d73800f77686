/** A chapter: a real rsyslog takes every refused recipient out of the journal, and logrotate turns its file meanwhile. */
import { expect, it } from 'vitest';
import { configure, firstLine, fromReadme, here, restart, type Scene } from './scene.ts';

const LOG = '/var/log/rcptgate-rejections.log';
/** That of rsyslog, and the gateway's own, which is told by SIGUSR2. */
const LOGS = [LOG, '/var/log/rcptgate/rcptgate.log'];
const ROTATED = ['/etc/logrotate.d/rcptgate-rsyslog', '/etc/logrotate.d/rcptgate'];
/** Much more than the 20,000 lines that imjournal takes in ten minutes unless its limit is lifted. */
const FLOOD = 30_000;

export function forwardingChapter(scene: () => Scene): void {
  it('every refused recipient is in the file of rsyslog and in our own, over two turns of logrotate and a restart', async () => {
    const { box } = scene();
    configure(scene(), 'enforce', {
      more: '[lookup]\nenabled = false\n[log]\nfile = "/var/log/rcptgate/rcptgate.log"\nrejections_per_second = 0',
    });
    await restart(scene());
    const commands = fromReadme('sh', 'cd /usr/share/doc/rcptgate/rsyslog');
    // It is off in this container.
    await box.run('systemctl enable rsyslog.service');
    expect(await box.run(`set -e; ${commands}`)).toEqual({ code: 0, text: '' });
    expect((await box.run('rsyslogd -N1')).code).toBe(0);
    // The first line that it wrote: from here on it reads.
    await box.until(`logger -t rcptgate '{"event":"rcpt.test"}'; test -s ${LOG}`);
    const guesses = box.inNetwork(here('guess.mjs'), '127.0.0.1', '127.0.0.1', String(FLOOD));
    const answers = firstLine(guesses);
    for (const name of ['first', 'second']) {
      expect(await box.run(`logrotate -f ${ROTATED.join(' ')}`)).toEqual({ code: 0, text: '' });
      for (const log of LOGS) {
        await box.run(`mv ${log}-* ${log}.${name}`);
        await box.until(`test -s ${log}`);
      }
      if (name === 'first') expect((await box.run('systemctl restart rsyslog.service')).code).toBe(0);
    }
    guesses.stdin?.end();
    const { 550: asked = 0, ...others } = JSON.parse(await answers) as Record<string, number>;
    expect([asked >= FLOOD, others]).toEqual([true, {}]);
    const refused = (log: string) => `cat ${log}.first ${log}.second ${log} | grep '"event":"rcpt.reject"'`;
    for (const log of LOGS)
      await expect
        .poll(async () => Number((await box.run(`${refused(log)} | wc -l`)).text), { timeout: 45_000 })
        .toBe(asked);
    const lines = (await box.run(`${refused(LOG)} | tail -n 1000`)).text.trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+ \S+ ?\{"level":"warn",.*\}$/);
    expect((await box.run(`stat -c '%a %G' ${LOG}`)).text).toBe('640 adm\n');
    expect((await box.run('grep -c \'"event":"rcpt.\' /var/log/syslog')).text).toBe('0\n');
    await box.run(`systemctl disable --now rsyslog.service syslog.socket 2>/dev/null
      rm -f /etc/rsyslog.d/30-rcptgate.conf /etc/logrotate.d/rcptgate-rsyslog /var/spool/rsyslog/rcptgate* ${LOG}*`);
  }, 90_000);
}
