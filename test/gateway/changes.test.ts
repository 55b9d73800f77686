/** What changes in the tenant changes the answer to RCPT TO after the next round. */
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

/** The reply codes and enhanced codes that each address gets now. */
async function answers(daemon: Daemon, ...addresses: string[]): Promise<string[]> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  const replies: string[] = [];
  for (const address of addresses) replies.push((await client.ask(`RCPT TO:<${address}>`)).slice(0, 9));
  return replies;
}

async function synced(daemon: Daemon): Promise<void> {
  const { code, out, err } = await daemon.run('sync');
  expect(code, out + err).toBe(0);
}

const YES = '250 2.1.5';
const NO = '550 5.1.1';

describe('a change in the tenant', () => {
  it('is answered after the next round: created, aliased, renamed, moved, deleted', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      more: '[directory]\ngrace_period = "0s"',
    });
    await synced(daemon);
    const { directory } = tenant;
    const named = ['zoe@contoso.example', 'z.jones@contoso.example', 'zoey@contoso.example'];
    expect(await answers(daemon, ...named)).toEqual([NO, NO, NO]);

    const bob = directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    await synced(daemon);
    expect(await answers(daemon, ...named)).toEqual([YES, NO, NO]);

    directory.addAlias(bob, 'z.jones@contoso.example');
    await synced(daemon);
    expect(await answers(daemon, ...named)).toEqual([YES, YES, NO]);

    directory.changePrimary(bob, 'zoey@contoso.example');
    directory.removeAlias(bob, 'zoe@contoso.example');
    await synced(daemon);
    expect(await answers(daemon, ...named)).toEqual([NO, YES, YES]);

    const [alice] = directory.find('alice@contoso.example');
    directory.moveAddress('z.jones@contoso.example', bob, alice?.id ?? '');
    directory.softDelete(bob);
    await synced(daemon);
    expect(await answers(daemon, ...named)).toEqual([NO, YES, NO]);

    directory.restore(bob);
    await synced(daemon);
    expect(await answers(daemon, ...named)).toEqual([NO, YES, YES]);
  });

  it('that takes an address away leaves it in grace', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await synced(daemon);
    tenant.directory.removeAlias(
      tenant.directory.find('a.smith@contoso.example')[0]?.id ?? '',
      'a.smith@contoso.example',
    );
    await synced(daemon);
    expect(await answers(daemon, 'a.smith@contoso.example')).toEqual([YES]);
    const { out, code } = await daemon.run('check', 'a.smith@contoso.example');
    expect([code, out]).toEqual([0, expect.stringContaining('accept (grace)')]);
    expect(await daemon.logged((line) => line.reason === 'grace')).toMatchObject({
      event: 'rcpt.accept',
      level: 'info',
    });
  });

  it('reaches every recipient that the tenant really has', async () => {
    await using tenant = await startPracticeTenant({ users: 500, seed: 4 });
    tenant.switches.rolesGranted.add('OrgContact.Read.All');
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    await synced(daemon);
    const recipients = [...tenant.directory.recipientAddresses()].filter((address) =>
      address.endsWith('@contoso.example'),
    );
    expect(recipients.length).toBeGreaterThan(500);
    const { out } = await daemon.run('check', '--json', ...recipients);
    const verdicts = JSON.parse(out) as Array<{ address: string; verdict: string; objects: unknown[] }>;
    expect(verdicts.filter(({ verdict, objects }) => verdict !== 'accept' || objects.length === 0)).toEqual(
      [],
    );
  });
});
