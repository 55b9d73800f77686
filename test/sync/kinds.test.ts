/** Every recipient kind that Graph shows, from the practice tenant through a round into the directory. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY, idOf, openRig, type Rig } from './rig.ts';

const CONTACTS = 'OrgContact.Read.All';

let plain: Rig;
let granted: Rig;
beforeAll(async () => {
  plain = await openRig();
  granted = await openRig();
  granted.tenant.switches.rolesGranted.add(CONTACTS);
  for (const rig of [plain, granted]) {
    const { directory } = rig.tenant;
    const kinds = { alice: idOf(rig, 'alice@contoso.example') };
    directory.addAlias(kinds.alice, 'x500@contoso.example', 'X500');
    directory.addAlias(kinds.alice, 'sip@contoso.example', 'SIP');
    directory.updateUser(kinds.alice, {
      proxyAddresses: [
        ...(directory.get(kinds.alice)?.fields.proxyAddresses ?? []),
        'SPO:SPO_5b7e@SPO_contoso',
        'smtp:alice@unverified.example',
        'smtp:alice@sub.contoso.example',
      ],
    });
    expect(await rig.round()).toMatchObject({ outcome: 'ok' });
  }
});
afterAll(async () => {
  await plain[Symbol.asyncDispose]();
  await granted[Symbol.asyncDispose]();
});

const kinds: Array<[kind: string, address: string, known: boolean, as: string | null]> = [
  ['a user', 'alice@contoso.example', true, 'user'],
  ["a user's alias", 'a.smith@contoso.example', true, 'user'],
  ['a user whose sign-in is blocked', 'blocked@contoso.example', true, 'user'],
  ['a shared mailbox', 'info@contoso.example', true, 'user'],
  ['a room', 'boardroom@contoso.example', true, 'user'],
  ['equipment', 'projector@contoso.example', true, 'user'],
  ['a mail user', 'carol@contoso.example', true, 'user'],
  ['a Microsoft 365 group', 'sales@contoso.example', true, 'microsoft-365-group'],
  ['a distribution list', 'staff@contoso.example', true, 'distribution-list'],
  ['a mail-enabled security group', 'admins@contoso.example', true, 'mail-enabled-security-group'],
  ['an internationalised domain', 'leserin@xn--bcher-kva.example', true, 'user'],
  ['a subdomain of a verified domain', 'alice@sub.contoso.example', true, 'user'],
  ['a guest', 'guest@fabrikam.example', false, null],
  ['a plain security group', 'vpn@contoso.example', false, null],
  ['a service account without a mailbox', 'svc-backup@contoso.example', false, null],
  ['an X500 entry', 'x500@contoso.example', false, null],
  ['a SIP entry', 'sip@contoso.example', false, null],
  ['a SPO entry', 'spo_5b7e@spo_contoso', false, null],
  ['an unverified domain', 'alice@unverified.example', false, null],
];
test.each(kinds)('%s: %s, known: %s', (_kind, address, known, as) => {
  for (const rig of [plain, granted]) {
    expect(rig.knows(address)).toBe(known);
    expect(rig.mirror.describe(address).owners[0]?.kind ?? null).toBe(as);
  }
});

describe('a contact', () => {
  const PARTNER = 'partner@contoso.example';

  test('is known with the permission only, which is detected', () => {
    expect([plain.knows(PARTNER), granted.knows(PARTNER)]).toEqual([false, true]);
    expect(granted.mirror.describe(PARTNER).owners).toMatchObject([{ kind: 'contact', stream: 'contacts' }]);
    expect(plain.mirror.counts(plain.tenant.tenantId).objects.contact).toBeUndefined();
  });

  test('stays known when the permission is withdrawn; status says so, and the rest goes on', async () => {
    await using rig = await openRig();
    const tenant = rig.tenant.tenantId;
    rig.tenant.switches.rolesGranted.add(CONTACTS);
    await rig.round();
    rig.tenant.switches.rolesGranted.delete(CONTACTS);
    // Roles are those of the token, so the change shows when the token is renewed.
    rig.forgetTokens();
    const { syncedAt } = rig.mirror.state(tenant);
    rig.shift += 1000;
    rig.tenant.directory.addAlias(idOf(rig, 'alice@contoso.example'), 'al@contoso.example');
    const report = await rig.round();
    expect(report).toMatchObject({ outcome: 'ok', added: 1, removed: 0, held: 0 });
    expect(report.error).toMatchObject({
      code: 'permission-withdrawn',
      hint: expect.stringContaining(CONTACTS),
    });
    expect(report.streams[2]).toMatchObject({ stream: 'contacts', error: { code: 'permission-withdrawn' } });
    expect(rig.knows(PARTNER)).toBe(true);
    expect(rig.mirror.state(tenant).syncedAt).toBeGreaterThan(syncedAt ?? 0);
    const contacts = () => rig.mirror.state(tenant).streams.find(({ stream }) => stream === 'contacts');
    expect(contacts()?.error).toContain('permission-withdrawn');

    rig.shift += 2 * DAY;
    expect(await rig.round()).toMatchObject({ outcome: 'ok', removed: 0 });
    expect(rig.knows(PARTNER)).toBe(true);

    rig.tenant.switches.rolesGranted.add(CONTACTS);
    rig.forgetTokens();
    const again = await rig.round();
    expect(again).toMatchObject({ outcome: 'ok', streams: [{}, {}, { stream: 'contacts' }] });
    expect(again.error).toBeUndefined();
    expect(contacts()?.error).toBeNull();
    expect(rig.matchesTruth()).toBe(true);
  });
});

describe('an address on several objects survives the removal of one', () => {
  test.each([
    ['a user and a user', 'users'],
    ['a user and a group', 'groups'],
    ['a user and a contact', 'contacts'],
  ] as const)('%s', async (_name, stream) => {
    await using rig = await openRig();
    rig.tenant.switches.rolesGranted.add(CONTACTS);
    const { directory } = rig.tenant;
    const shared = 'shared@contoso.example';
    const first = directory.createUser({ userPrincipalName: shared });
    const second = {
      users: () => directory.createUser({ userPrincipalName: 'second@contoso.example' }),
      groups: () => directory.createGroup({ mail: 'second@contoso.example', kind: 'distribution' }),
      contacts: () => directory.createContact({ mail: 'second@fabrikam.example' }),
    }[stream]();
    directory.addAlias(second, shared);
    await rig.round();
    expect(rig.mirror.describe(shared).owners).toHaveLength(2);
    directory.softDelete(first);
    expect(await rig.round()).toMatchObject({ outcome: 'ok', removed: 0, held: 0 });
    expect(rig.mirror.describe(shared)).toMatchObject({ owners: [{ stream }], departures: [] });
    expect(rig.knows(shared)).toBe(true);
    directory.purge(second);
    expect((await rig.round()).removed).toBeGreaterThan(0);
    expect(rig.knows(shared)).toBe(false);
    expect(rig.matchesTruth()).toBe(true);
  });
});
