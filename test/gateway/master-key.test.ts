/** The master key changed, lost and broken, with the real daemon: the procedure of the README. */
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { startDaemon } from '../daemon.ts';

describe('the master key', () => {
  it.each(['changed', 'lost'])(
    '%s: the credential in its file is sealed anew, and alone is enough afterwards',
    async (how) => {
      await using tenant = await startPracticeTenant();
      const first = await startDaemon({ tenant, mode: 'verify' });
      const { stateDir } = first;
      const key = path.join(stateDir, 'master.key');
      await first.run('sync');
      await first.end('SIGTERM');
      const old = readFileSync(key);
      if (how === 'lost') rmSync(key);
      else writeFileSync(key, randomBytes(32), { mode: 0o600 });
      const second = await startDaemon({ tenant, mode: 'verify', stateDir });
      expect((await second.run('sync')).code).toBe(0);
      await second.end('SIGTERM');
      expect(readFileSync(key).equals(old)).toBe(false);
      // The file is gone now: only what was sealed under the new key is left.
      await using third = await startDaemon({ tenant, mode: 'verify', stateDir, files: { secret: '' } });
      expect((await third.run('sync')).code).toBe(0);
      await third.logged((line) => line.event === 'credential.use' && line.source === 'kept');
      await third.end('SIGTERM');
      rmSync(stateDir, { recursive: true, force: true });
    },
  );

  it('of the wrong length is named and left alone', async () => {
    await using tenant = await startPracticeTenant();
    const first = await startDaemon({ tenant, mode: 'verify' });
    const { stateDir } = first;
    await first.run('sync');
    await first.end('SIGTERM');
    const key = path.join(stateDir, 'master.key');
    writeFileSync(key, 'short');
    await using second = await startDaemon({ tenant, mode: 'verify', stateDir });
    expect((await second.run('sync')).code).toBe(0);
    const line = await second.logged(({ event }) => event === 'credential.trouble');
    expect(JSON.stringify(line)).toContain('master.key');
    expect(readFileSync(key, 'utf8')).toBe('short');
    await second.end('SIGTERM');
    rmSync(stateDir, { recursive: true, force: true });
  });
});
