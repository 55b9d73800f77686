/** The guard as an operator meets it: held, seen, tried dry, approved; and mail that makes it careful. */
import { request } from 'node:http';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

async function answer(daemon: Daemon, address: string): Promise<string> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  return (await client.ask(`RCPT TO:<${address}>`)).slice(0, 9);
}

function metric(daemon: Daemon, name: string): Promise<number> {
  const socketPath = path.join(daemon.stateDir, 'control.sock');
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/metrics' }, async (response) => {
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += chunk;
      resolve(Number(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]));
    });
    asked.once('error', reject).end();
  });
}

/** Deletes so many users and returns a principal name of one. */
function deleteUsers({ directory }: PracticeTenant, count: number): string {
  const users = [...directory.live('users')].slice(-count);
  for (const user of users) directory.softDelete(user.id);
  return users[0]?.fields.mail ?? '';
}

describe('removals that are too many', () => {
  it('are held, told once, shown, and applied by their hash', async () => {
    await using tenant = await startPracticeTenant({ users: 60 });
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await daemon.run('sync');
    expect(await metric(daemon, 'rcptgate_sync_held_addresses')).toBe(0);
    expect(await metric(daemon, 'rcptgate_directory_fresh')).toBe(1);
    expect(await metric(daemon, 'rcptgate_directory_age_seconds')).toBeGreaterThanOrEqual(0);
    const gone = deleteUsers(tenant, 40);

    const dry = await daemon.run('sync', '--dry-run');
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining('would be held (share)')]);
    expect(dry.out).toContain('nothing was changed');
    expect((await daemon.run('status')).out).not.toContain('approve');

    expect((await daemon.run('sync')).out).toContain('removals held');
    const line = await daemon.logged(({ event }) => event === 'sync.held');
    expect(line).toMatchObject({ level: 'warn', tenant: tenant.tenantId, why: { share: line.held } });
    expect(await answer(daemon, gone)).toBe('250 2.1.5');
    await daemon.run('sync');
    await daemon.run('sync');
    expect(await metric(daemon, 'rcptgate_sync_held_addresses')).toBe(line.held);
    const { out } = await daemon.run('status');
    expect(out).toContain(`rcptgate sync approve ${line.plan}`);
    expect(out).toContain('max_removal_share');

    const wrong = await daemon.run('sync', 'approve', '0123456789');
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining(`what is held now is ${line.plan}`)]);
    expect(await answer(daemon, gone)).toBe('250 2.1.5');
    const right = await daemon.run('sync', 'approve', String(line.plan), '--tenant', tenant.tenantId);
    expect([right.code, right.out]).toEqual([0, expect.stringContaining('begin their grace period')]);
    expect((await daemon.run('check', gone)).out).toContain('accept (grace)');
    expect(await metric(daemon, 'rcptgate_sync_held_addresses')).toBe(0);
    expect(await metric(daemon, 'rcptgate_directory_grace_addresses')).toBe(line.held);
    expect((await daemon.run('status')).out).not.toContain('approve');
    expect((await daemon.run('sync', 'approve', String(line.plan))).err).toContain('nothing is held');
    // Not by the dry run, and not by the rounds that found the same again.
    await daemon.end('SIGTERM');
    expect(daemon.log.filter(({ event }) => event === 'sync.held')).toEqual([line]);
  });

  it('are still held, and not told again, after a restart', async () => {
    await using tenant = await startPracticeTenant({ users: 60 });
    const first = await startDaemon({ tenant, mode: 'verify' });
    await first.run('sync');
    const gone = deleteUsers(tenant, 40);
    await first.run('sync');
    await first.end('SIGTERM');
    await using second = await startDaemon({ tenant, mode: 'verify', stateDir: first.stateDir });
    expect(await answer(second, gone)).toBe('250 2.1.5');
    await second.run('sync');
    expect(await metric(second, 'rcptgate_sync_held_addresses')).toBeGreaterThan(40);
    await second.end('SIGTERM');
    expect(second.log.some(({ event }) => event === 'sync.held')).toBe(false);
    await first[Symbol.asyncDispose]();
  });
});

describe('an address that received mail', () => {
  it('is held until Graph confirms that it is gone', async () => {
    await using tenant = await startPracticeTenant();
    const first = await startDaemon({ tenant, mode: 'verify' });
    await first.run('sync');
    expect(await answer(first, 'a.smith+tag@contoso.example')).toBe('250 2.1.5');
    await first.end('SIGTERM');
    await using second = await startDaemon({ tenant, mode: 'verify', stateDir: first.stateDir });
    await second.run('sync');
    const [alice] = tenant.directory.find('alice@contoso.example');
    tenant.switches.fail({ match: /\/users\/[0-9a-f]{8}-/, fault: { kind: 'forbidden' } });
    tenant.directory.removeAlias(alice?.id ?? '', 'a.smith@contoso.example');
    await second.run('sync');
    const held = await second.logged(({ event }) => event === 'sync.held');
    expect(held).toMatchObject({ why: { 'recent-mail': 1 }, addresses: ['a.smith@contoso.example'] });
    expect((await second.run('check', 'a.smith@contoso.example')).out).toContain('accept (known)');
    expect((await second.run('status')).out).toContain('Graph did not confirm');
    await first[Symbol.asyncDispose]();
  });
});

it('a tenant that turns stale, and fresh again, is told once each time', async () => {
  await using tenant = await startPracticeTenant();
  await using daemon = await startDaemon({
    tenant,
    mode: 'verify',
    more: '[directory]\nfreshness_limit = "8s"',
  });
  await daemon.run('sync');
  await tenant.close();
  const turns = () =>
    daemon.log
      .map(({ event }) => String(event))
      .filter((event) => event === 'directory.stale' || event === 'directory.fresh');
  const stale = await daemon.logged(({ event }) => event === 'directory.stale');
  expect(stale).toMatchObject({ level: 'warn', tenant: tenant.tenantId, directory_age: expect.any(Number) });
  expect(await metric(daemon, 'rcptgate_directory_fresh')).toBe(0);
  await tenant.listen();
  await daemon.run('sync');
  expect(await metric(daemon, 'rcptgate_directory_fresh')).toBe(1);
  await expect.poll(() => turns().at(-1)).toBe('directory.fresh');
  expect(turns().filter((event) => event === 'directory.stale')).toHaveLength(1);
});
