/** A chapter: a real rsyslog takes every refused recipient out of the journal, and logrotate turns its file meanwhile. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configure, firstLine, here, restart, type Scene } from './scene.ts';

const LOG = '/var/log/rcptgate-rejections.log';
const ROTATE = 'logrotate -f /etc/logrotate.d/rcptgate-rsyslog';
/** More than imjournal takes in ten minutes unless its limit is lifted, and faster than lines are told one by one. */
const FLOOD = 25_000;

export function forwardingChapter(scene: () => Scene): void {
  it('rsyslog writes every refused recipient into a file, over a restart and two turns of logrotate', async () => {
    const { box } = scene();
    configure(scene(), 'enforce', { more: '[lookup]\nenabled = false\n[log]\nrejections_per_second = 5000' });
    await restart(scene());
    const readme = readFileSync(here('../../README.md'), 'utf8');
    const [, commands = ''] =
      /```sh\n(cd \/usr\/share\/doc\/rcptgate\/rsyslog\n[\s\S]*?)```/.exec(readme) ?? [];
    // It is off in this container.
    await box.run('systemctl enable rsyslog.service');
    expect(await box.run(`set -e; ${commands}`)).toEqual({ code: 0, text: '' });
    expect((await box.run('rsyslogd -N1')).code).toBe(0);
    // The first line that it wrote: from here on it reads.
    await box.until(`logger -t rcptgate '{"event":"rcpt.test"}'; test -s ${LOG}`);
    const guesses = box.inNetwork(here('guess.mjs'), '127.0.0.1', '127.0.0.1', String(FLOOD));
    const answers = firstLine(guesses);
    for (const name of ['first', 'second']) {
      expect(await box.run(ROTATE)).toEqual({ code: 0, text: '' });
      await box.run(`mv ${LOG}-* ${LOG}.${name}`);
      await box.until(`test -s ${LOG}`);
      if (name === 'first') expect((await box.run('systemctl restart rsyslog.service')).code).toBe(0);
    }
    guesses.stdin?.end();
    const { 550: asked = 0, ...others } = JSON.parse(await answers) as Record<string, number>;
    expect([asked >= FLOOD, others]).toEqual([true, {}]);
    const all = async () => (await box.run(`cat ${LOG}.first ${LOG}.second ${LOG}`)).text;
    await expect.poll(async () => counted(await all()), { timeout: 30_000 }).toBe(asked);
    const lines = (await all()).split('\n').filter((line) => line.includes('rcpt.reject'));
    expect(lines.length).toBeGreaterThan(FLOOD / 5);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+ \S+ ?\{"level":"warn",.*\}$/);
    expect((await box.run(`stat -c '%a %G' ${LOG}`)).text).toBe('640 adm\n');
    expect((await box.run('grep -c \'"event":"rcpt.\' /var/log/syslog')).text).toBe('0\n');
    await box.run(`systemctl disable --now rsyslog.service syslog.socket 2>/dev/null
      rm -f /etc/rsyslog.d/30-rcptgate.conf /etc/logrotate.d/rcptgate-rsyslog /var/spool/rsyslog/rcptgate* ${LOG}*`);
  }, 90_000);
}

/** Recipients in a log: one a line, or so many in sums. */
function counted(log: string): number {
  return log
    .split('\n')
    .filter((line) => /"event":"rcpt\.(?:reject|defer|aggregate)"/.test(line))
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))) as { event: string; count?: number })
    .reduce((sum, { event, count }) => sum + (event === 'rcpt.aggregate' ? (count ?? 0) : 1), 0);
}
