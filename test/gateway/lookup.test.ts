/** Live lookup through the whole gateway: a new mailbox works at once, and neither an outage nor a flood changes a no. */
import { once } from 'node:events';
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

async function synced(daemon: Daemon): Promise<void> {
  const { code, out, err } = await daemon.run('sync');
  expect(code, out + err).toBe(0);
}

/** Sends every recipient in one go and returns the replies' codes in order. */
async function answers(daemon: Daemon, addresses: readonly string[]): Promise<string[]> {
  const socket = net.connect({ port: daemon.port, host: '127.0.0.1' });
  const lines: string[] = [];
  let pending = '';
  let greeting = 3;
  const done = new Promise<void>((resolve) => {
    socket.setEncoding('latin1').on('data', (text) => {
      pending += text;
      for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 2);
        if (line[3] === '-') continue;
        if (greeting-- > 0) continue;
        lines.push(line.slice(0, 9));
        if (lines.length === addresses.length) resolve();
      }
    });
  });
  await once(socket, 'connect');
  socket.write('EHLO client.example\r\nMAIL FROM:<>\r\n');
  socket.write(addresses.map((address) => `RCPT TO:<${address}>\r\n`).join(''));
  await done;
  socket.destroy();
  return lines;
}

function lists(tenant: PracticeTenant): number {
  return (tenant.counts.get('users') ?? 0) + (tenant.counts.get('groups') ?? 0);
}

describe('an unknown address', () => {
  it('that was made since the last round is accepted at its first RCPT, without a sync', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify', more: '[lookup]\nrate = 100' });
    await synced(daemon);
    tenant.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    const batch = ['alice', 'zoe', 'nobody', 'zoe+tag', 'alice', 'info'].map(
      (name) => `${name}@contoso.example`,
    );
    const [yes, no] = ['250 2.1.5', '550 5.1.1'];
    expect(await answers(daemon, batch)).toEqual([yes, yes, no, yes, yes, yes]);
    expect(await daemon.logged((line) => line.event === 'lookup.found')).toMatchObject({
      level: 'info',
      tenant: tenant.tenantId,
      address: 'zoe@contoso.example',
      ms: expect.any(Number),
    });
    expect(await daemon.logged((line) => line.reason === 'live-lookup')).toMatchObject({
      event: 'rcpt.accept',
      level: 'info',
      rcpt: 'zoe@contoso.example',
    });
    const asked = lists(tenant);
    expect(await answers(daemon, batch)).toEqual([yes, yes, no, yes, yes, yes]);
    expect(lists(tenant)).toBe(asked);

    tenant.directory.createUser({ userPrincipalName: 'yan@contoso.example' });
    const check = await daemon.run('check', 'yan@contoso.example');
    expect(check.code).toBe(0);
    expect(check.out).toMatch(
      /accept \(live-lookup\)[\s\S]*live lookup +found \(\d+ ms\)[\s\S]*held by +user/,
    );
    const missing = await daemon.run('check', 'nobody@contoso.example');
    expect([missing.code, missing.out]).toEqual([1, expect.stringMatching(/live lookup +absent/)]);
    expect((await daemon.run('check', 'alice@contoso.example')).out).not.toContain('live lookup');

    await synced(daemon);
    expect((await daemon.run('check', 'zoe@contoso.example')).out).toContain('accept (known)');
  });

  it('survives a restart once it was found', async () => {
    await using tenant = await startPracticeTenant();
    const first = await startDaemon({ tenant, mode: 'verify' });
    await synced(first);
    tenant.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    expect(await answers(first, ['zoe@contoso.example'])).toEqual(['250 2.1.5']);
    await first.end('SIGKILL');
    await tenant.close();
    await using second = await startDaemon({ tenant, mode: 'verify', stateDir: first.stateDir });
    expect(await answers(second, ['zoe@contoso.example'])).toEqual(['250 2.1.5']);
  });

  it('hears 451 while Graph cannot be asked, though the directory is fresh, and known ones hear nothing of it', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await synced(daemon);
    await tenant.close();
    const batch = ['nobody@contoso.example', 'alice@contoso.example', 'x@elsewhere.example'];
    expect(await answers(daemon, batch)).toEqual(['451 4.4.3', '250 2.1.5', '554 5.7.1']);
    expect(await daemon.logged((line) => line.event === 'rcpt.defer')).toMatchObject({
      reason: 'lookup-failed',
      tenant: tenant.tenantId,
    });
    expect(await daemon.logged((line) => line.event === 'lookup.trouble')).toMatchObject({
      level: 'warn',
      tenant: tenant.tenantId,
      error: { code: expect.any(String), message: expect.any(String), hint: expect.any(String) },
    });
    expect((await daemon.run('check', 'nobody@contoso.example')).code).toBe(4);
    await tenant.listen();
    await expect
      .poll(() => answers(daemon, ['nobody@contoso.example']), { timeout: 15_000 })
      .toEqual(['550 5.1.1']);
  });

  it('is not asked of Graph when lookups are off, or in an observed domain', async () => {
    await using tenant = await startPracticeTenant();
    const more = '[lookup]\nenabled = false';
    await using daemon = await startDaemon({ tenant, mode: 'verify', more });
    await synced(daemon);
    expect(await answers(daemon, ['nobody@contoso.example'])).toEqual(['550 5.1.1']);
    await using observing = await startDaemon({ tenant, mode: 'verify', domain: 'policy = "observe"' });
    await synced(observing);
    expect(await answers(observing, ['nobody@contoso.example'])).toEqual(['250 2.1.5']);
    expect(lists(tenant)).toBe(0);
  });
});

describe('a flood of guesses', () => {
  it('from many clients is held to the budget of the tenant', async () => {
    await using tenant = await startPracticeTenant();
    const more = '[lookup]\nrate = 0.01\nburst = 20';
    await using daemon = await startDaemon({ tenant, mode: 'verify', more });
    await synced(daemon);
    const guesses = Array.from({ length: 500 }, (_, index) => `guess${index}@contoso.example`);
    const replies = await answers(daemon, guesses);
    expect(replies.filter((reply) => reply === '550 5.1.1')).toHaveLength(20);
    expect(replies.filter((reply) => reply === '451 4.4.3')).toHaveLength(480);
    expect(lists(tenant)).toBe(40);
    expect(await daemon.logged((line) => line.reason === 'lookup-over-budget')).toBeTruthy();
  });
});

it('a client that goes away while its lookup runs leaves nothing behind', async () => {
  await using tenant = await startPracticeTenant();
  await using daemon = await startDaemon({ tenant, mode: 'verify' });
  await synced(daemon);
  tenant.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
  tenant.switches.fail({ match: /^(users|groups)$/, fault: { kind: 'slow', ms: 800 }, times: 2 });
  {
    await using client = await dialog(daemon.port);
    await client.ask('EHLO client.example');
    await client.ask('MAIL FROM:<>');
    client.send('RCPT TO:<zoe@contoso.example>\r\n');
  }
  await daemon.logged((line) => line.event === 'lookup.found');
  expect(await answers(daemon, ['zoe@contoso.example'])).toEqual(['250 2.1.5']);
  await daemon.end('SIGTERM');
  expect(daemon.log.filter((line) => line.event === 'listener.trouble')).toEqual([]);
});
