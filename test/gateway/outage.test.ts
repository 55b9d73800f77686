/** Our own trouble never bounces a real recipient: outages, crashes, restarts. */
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

async function answer(daemon: Daemon, address: string): Promise<string> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  return (await client.ask(`RCPT TO:<${address}>`)).slice(0, 9);
}

/** Asks again and again until the answer is another one; the test's time limit is the deadline. */
async function untilChanged(daemon: Daemon, address: string, from: string): Promise<string> {
  for (;;) {
    const now = await answer(daemon, address);
    if (now !== from) return now;
  }
}

describe('with the tenant switched off', () => {
  it('an old yes is still a yes, and after the limit an old no is not a no', async () => {
    await using tenant = await startPracticeTenant();
    // Without live lookups a fresh directory is enough for a no.
    const more = '[directory]\nfreshness_limit = "4s"\n[lookup]\nenabled = false';
    await using daemon = await startDaemon({ tenant, mode: 'verify', more });
    await daemon.run('sync');
    await tenant.close();
    expect(await answer(daemon, 'nobody@contoso.example')).toBe('550 5.1.1');
    expect(await untilChanged(daemon, 'nobody@contoso.example', '550 5.1.1')).toBe('451 4.4.3');
    expect(await answer(daemon, 'alice@contoso.example')).toBe('250 2.1.5');
    expect(await answer(daemon, 'a.smith+tag@contoso.example')).toBe('250 2.1.5');
    const failed = await daemon.run('sync');
    expect([failed.code, failed.out]).toEqual([1, expect.stringContaining('failed in')]);
    expect((await daemon.run('status')).out).toContain('stale');
    expect(
      await daemon.logged((line) => line.event === 'sync.round' && line.outcome === 'failed'),
    ).toMatchObject({
      level: 'warn',
      error: { code: expect.any(String), message: expect.any(String), hint: expect.any(String) },
    });

    await tenant.listen();
    expect((await daemon.run('sync')).code).toBe(0);
    expect(await answer(daemon, 'nobody@contoso.example')).toBe('550 5.1.1');
  });

  it('a gateway that was never synced defers everybody', async () => {
    await using tenant = await startPracticeTenant();
    await tenant.close();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    expect(await answer(daemon, 'alice@contoso.example')).toBe('451 4.4.3');
    expect(await answer(daemon, 'postmaster@contoso.example')).toBe('250 2.1.5');
    expect(await daemon.run('check', 'alice@contoso.example')).toMatchObject({ code: 4 });
  });
});

describe('kill -9', () => {
  it('in the middle of a round leaves the old directory answering after the restart', async () => {
    await using tenant = await startPracticeTenant({ users: 900 });
    const first = await startDaemon({ tenant, mode: 'verify' });
    expect((await first.run('sync')).code).toBe(0);
    tenant.directory.createUser({ userPrincipalName: 'new.user@contoso.example' });
    tenant.switches.expireDeltaTokens();
    const gate = tenant.switches.pauseAtPage('users', 3);
    const interrupted = first.run('sync');
    await gate.reached;
    await first.end('SIGKILL');
    await interrupted;
    await tenant.close();

    await using second = await startDaemon({ tenant, mode: 'verify', stateDir: first.stateDir });
    expect(await answer(second, 'alice@contoso.example')).toBe('250 2.1.5');
    // The directory is fresh and does not know, but the tenant cannot confirm it.
    expect(await answer(second, 'new.user@contoso.example')).toBe('451 4.4.3');
    gate.release();
    await tenant.listen();
    expect((await second.run('sync')).code).toBe(0);
    expect(await answer(second, 'new.user@contoso.example')).toBe('250 2.1.5');
  });
});
