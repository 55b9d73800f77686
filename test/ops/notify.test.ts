/** What the service manager is told, by a `systemd-notify` that writes its arguments down. */
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { openNotifier, watchdogInterval } from '../../src/ops/notify.ts';

/** An environment whose `systemd-notify` leaves one line for each message; `until` waits for so many. */
function manager(more: Record<string, string> = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-notify-'));
  const file = path.join(folder, 'told');
  writeFileSync(file, '');
  const program = path.join(folder, 'systemd-notify');
  writeFileSync(program, `#!/bin/sh\nIFS='|'; echo "$NOTIFY_SOCKET|$*" >>'${file}'\n`);
  chmodSync(program, 0o755);
  const lines = () => readFileSync(file, 'utf8').split('\n').slice(0, -1);
  const until = async (count: number): Promise<string[]> => {
    const deadline = performance.now() + 10_000;
    while (lines().length < count && performance.now() < deadline) await wait(5);
    return lines();
  };
  return { env: { PATH: `${folder}:/usr/bin:/bin`, NOTIFY_SOCKET: '/run/n', ...more }, lines, until };
}

describe('the notifier', () => {
  it('says ready with the status, reload with its time, and stop with the time it may take, in order', async () => {
    const { env, until } = manager();
    const notifier = openNotifier(env, 42);
    notifier.ready(() => 'all\nwell');
    expect(notifier.reload(() => 7)).toBe(7);
    await notifier.stopping(40_000);
    const told = await until(4);
    expect(told).toEqual([
      '/run/n|READY=1|STATUS=all well',
      expect.stringMatching(/^\/run\/n\|RELOADING=1\|MONOTONIC_USEC=\d+$/),
      '/run/n|READY=1|STATUS=all well',
      '/run/n|STOPPING=1|STATUS=stopping: running transfers finish|EXTEND_TIMEOUT_USEC=40000000',
    ]);
  });

  it('serves the watchdog, with the status when it changed', async () => {
    const { env, until } = manager({ WATCHDOG_USEC: '100000', WATCHDOG_PID: '42' });
    let status = 'starting';
    openNotifier(env, 42).ready(() => status);
    status = 'fresh';
    const told = await until(3);
    expect(told.slice(0, 3)).toEqual([
      '/run/n|READY=1|STATUS=starting|WATCHDOG=1',
      '/run/n|STATUS=fresh|WATCHDOG=1',
      '/run/n|WATCHDOG=1',
    ]);
  });

  it('asks the watchdog to act when it fails, and serves it no more', async () => {
    const { env, until, lines } = manager({ WATCHDOG_USEC: '100000', WATCHDOG_PID: '42' });
    const notifier = openNotifier(env, 42);
    notifier.ready(() => 'fresh');
    await until(2);
    notifier.fail('worker thread 1 hangs');
    // Messages keep their order, so nothing of the watchdog can come between these two.
    await notifier.stopping(0);
    const told = lines();
    const failed = told.indexOf('/run/n|STATUS=worker thread 1 hangs|WATCHDOG=trigger');
    expect(failed).toBeGreaterThan(0);
    expect(told.slice(failed + 1)).toEqual([expect.stringContaining('|STOPPING=1|')]);
  });

  it('does not ask a watchdog that there is not', async () => {
    const { env, lines } = manager();
    const notifier = openNotifier(env, 42);
    notifier.fail('worker thread 1 hangs');
    await notifier.stopping(0);
    expect(lines()).toEqual([expect.stringContaining('|STOPPING=1|')]);
  });

  it('starts no process without a service manager', async () => {
    const { env, lines } = manager({ NOTIFY_SOCKET: '' });
    const notifier = openNotifier(env, 42);
    notifier.ready(() => 'status');
    await notifier.stopping(1);
    expect(lines()).toEqual([]);
  });

  it('lives without systemd-notify', async () => {
    const notifier = openNotifier({ PATH: '/nonexistent', NOTIFY_SOCKET: '/run/n' }, 42);
    notifier.ready(() => '');
    await expect(notifier.stopping(1)).resolves.toBeUndefined();
  });
});

describe('the watchdog interval', () => {
  it.each([
    [{ WATCHDOG_USEC: '30000000' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '42' }, 15_000],
    [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '41' }, null],
    [{ WATCHDOG_USEC: 'soon' }, null],
    [{ WATCHDOG_USEC: '0' }, null],
    [{}, null],
  ])('%o gives %s ms', (env, expected) => {
    expect(watchdogInterval(env as Record<string, string>, 42)).toBe(expected);
  });
});
