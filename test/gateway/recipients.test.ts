/** Recipients, rounds and next hops as the control socket of the real daemon shows them. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { controlClient } from '../../src/console/control-client.ts';
import type { FoundRecipient, RecipientPicture, SearchPage } from '../../src/core/recipient-search.ts';
import { startPracticeNextHop } from '../../src/practice/next-hop.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

function socketOf({ stateDir }: Daemon) {
  return controlClient(path.join(stateDir, 'control.sock'));
}

describe('the control socket', () => {
  it('finds recipients, shows one in full, and remembers rounds', { timeout: 120_000 }, async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    expect((await daemon.run('sync')).code).toBe(0);
    const control = socketOf(daemon);
    const find = async (query: string): Promise<readonly FoundRecipient[]> =>
      ((await control.get(`/v1/recipients?tenant=${tenant.tenantId}&${query}`)) as SearchPage).items;
    const [alice] = await find('q=alice%40contoso');
    expect(alice).toMatchObject({ kind: 'user', state: 'live', tenant: tenant.tenantId });
    expect(alice?.addresses[0]).toBe('alice@contoso.example');
    expect(await find('q=nobody-at-all')).toEqual([]);
    expect((await find('q=&kind=user&limit=3')).length).toBe(3);
    const { stream = '', id = '' } = alice?.object ?? {};
    const query = new URLSearchParams({ tenant: tenant.tenantId, stream, id });
    const picture = (await control.get(`/v1/recipient?${query}`)) as RecipientPicture;
    expect(picture.entries).toContainEqual(
      expect.objectContaining({ address: 'alice@contoso.example', primary: true, standing: 'known' }),
    );
    await expect(control.get('/v1/recipients?tenant=nobody&q=a')).rejects.toThrow(
      'there is no tenant nobody',
    );
    await expect(control.get(`/v1/recipients?tenant=${tenant.tenantId}&q=a&after=x`)).rejects.toThrow(
      'does not exist',
    );
    await expect(control.get(`/v1/recipient?tenant=${tenant.tenantId}&stream=x&id=1`)).rejects.toThrow(
      'no kind of object',
    );
    expect((await daemon.run('sync')).code).toBe(0);
    const rounds = (await control.get(`/v1/rounds?tenant=${tenant.tenantId}`)) as object[];
    expect(rounds.length).toBeGreaterThanOrEqual(2);
    expect(rounds[0]).toMatchObject({ outcome: 'ok', tenant: tenant.tenantId });
    expect(await control.get(`/v1/held?tenant=${tenant.tenantId}`)).toEqual({
      hash: null,
      items: [],
      next: null,
    });
  });

  it('explains to a tenant what is its own, and says whose a match is', { timeout: 120_000 }, async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    expect((await daemon.run('sync')).code).toBe(0);
    const control = socketOf(daemon);
    const explain = (address: string, tenants: unknown) => control.post('/v1/explain', { address, tenants });
    expect(await explain('alice@contoso.example', [tenant.tenantId])).toMatchObject({ reason: 'known' });
    expect(await explain('alice@contoso.example', null)).toMatchObject({ reason: 'known' });
    expect(await explain('alice@contoso.example', ['another'])).toBeNull();
    expect(await explain('alice@elsewhere.example', [tenant.tenantId])).toBeNull();
    expect(await explain('alice@elsewhere.example', null)).toMatchObject({ reason: 'not-our-domain' });
    expect(await explain('no address', [tenant.tenantId])).toMatchObject({ reason: 'malformed' });
    await expect(control.post('/v1/explain', { address: 1 })).rejects.toThrow('"address" must be a string');
    const matches = [
      'A@Contoso.example',
      '@contoso.example',
      '*-x@contoso.example',
      '*@*',
      'a@elsewhere.example',
      'x',
    ];
    expect(await control.post('/v1/overrides/owners', { matches })).toEqual([
      { match: 'a@contoso.example', tenant: tenant.tenantId },
      { match: '@contoso.example', tenant: tenant.tenantId },
      { match: '*-x@contoso.example', tenant: tenant.tenantId },
      { match: '*@*', tenant: null },
      { match: 'a@elsewhere.example', tenant: null },
      { match: null, tenant: null },
    ]);
  });

  it('shows how the next hops do', { timeout: 120_000 }, async () => {
    await using tenant = await startPracticeTenant();
    await using hop = await startPracticeNextHop();
    const working = `127.0.0.1:${hop.port}`;
    const dead = await freePort();
    await using daemon = await startDaemon({
      tenant,
      nextHop: working,
      more: `[[domain]]\nname = "fabrikam.example"\ntenant = "${tenant.tenantId}"\nnext_hop = "127.0.0.1:${dead}"\npolicy = "open"\n`,
    });
    expect((await daemon.run('sync')).code).toBe(0);
    const status = async () =>
      ((await socketOf(daemon).get('/v1/status')) as { nextHops: object[] }).nextHops;
    // Every next hop is asked at the start what it can do, which may have failed already.
    expect(await status()).toMatchObject([
      { nextHop: working, lastSuccess: null, lastTrouble: null, connections: 0 },
      { nextHop: `127.0.0.1:${dead}`, lastSuccess: null, connections: 0 },
    ]);
    await using client = await dialog(daemon.port);
    await client.ask('EHLO client.example');
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<alice@contoso.example>')).toMatch(/^250/);
    expect(await status()).toMatchObject([{ lastSuccess: expect.any(Number), connections: 1 }, {}]);
    await client.ask('RSET');
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<anybody@fabrikam.example>')).toMatch(/^451/);
    expect(await status()).toMatchObject([
      { connections: 0 },
      { lastSuccess: null, lastTrouble: { at: expect.any(Number), stage: 'connect' }, connections: 0 },
    ]);
    const out = (await daemon.run('status')).out;
    expect(out).toMatch(new RegExp(`^${working} +good +0 +\\d+ s ago +-$`, 'm'));
    expect(out).toMatch(new RegExp(`^127\\.0\\.0\\.1:${dead} +trouble +0 +- +\\d+ s ago$`, 'm'));
  });
});
