/** Delta rounds, read with the real Graph client. */
import type { Client } from '@microsoft/microsoft-graph-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamName } from '../../src/core/recipient.ts';
import { addressesOf } from '../../src/core/recipient.ts';
import { verifiedNames } from '../../src/practice/domains.ts';
import type { Entry } from '../../src/practice/entry.ts';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { graphOf, readAll, tokenOf } from './clients.ts';

const USERS = '/users/delta?$select=id,displayName,mail,proxyAddresses,userType,accountEnabled';
const ALICE = 'alice@contoso.example';

let tenant: PracticeTenant;
let graph: Client;
beforeEach(async () => {
  tenant = await startPracticeTenant({ users: 450 });
  tenant.switches.rolesGranted.add('OrgContact.Read.All');
  graph = graphOf(tenant, await tokenOf(tenant));
});
afterEach(() => tenant.close());

function idOf(address: string): string {
  return tenant.directory.find(address)[0]?.id ?? '';
}

/** The entries of the next round. */
async function changesSince(link: string): Promise<{ entries: Entry[]; link: string }> {
  return readAll(graph, link);
}

describe('a first round', () => {
  it('comes in pages of at most 200 that end in one deltaLink', async () => {
    const { pages, entries } = await readAll(graph, USERS);
    expect(pages.map((page) => page.value.length)).toEqual([200, 200, 64]);
    expect(pages.map((page) => '@odata.deltaLink' in page)).toEqual([false, false, true]);
    expect(pages.map((page) => '@odata.nextLink' in page)).toEqual([true, true, false]);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(464);
  });

  it('can have empty pages with a nextLink, and pages of any size', async () => {
    tenant.switches.emptyPageEvery = 2;
    const { pages, entries } = await readAll(graph, USERS);
    expect(pages.map((page) => page.value.length)).toEqual([200, 0, 200, 0, 64]);
    tenant.switches.emptyPageEvery = 0;
    tenant.switches.pageSize = 'random';
    expect((await readAll(graph, USERS)).entries).toEqual(entries);
  });

  it('can say things twice and in any order, and lists everybody all the same', async () => {
    const plain = await readAll(graph, USERS);
    Object.assign(tenant.switches, { duplicates: true, shuffle: 'any', unknownRemovals: 3, pageSize: 50 });
    const { pages, entries } = await readAll(graph, USERS);
    expect(entries.filter((entry) => '@removed' in entry)).toHaveLength(3);
    expect(Math.max(...pages.map((page) => page.value.length))).toBeLessThanOrEqual(200);
    expect(entries.length).toBeGreaterThan(plain.entries.length + 3);
    const ids = (list: Entry[]): string[] => [...new Set(list.map(({ id }) => id))].sort();
    expect(ids(entries.filter((entry) => !('@removed' in entry)))).toEqual(ids(plain.entries));
  });

  it('leaves out what was never set, where a list says null', async () => {
    const list = await readAll(graph, '/users?$select=id,mail,proxyAddresses&$top=999');
    const listed = list.entries.find((entry) => entry.mail === null && entry.proxyAddresses?.length === 0);
    const read = (await readAll(graph, USERS)).entries.find(({ id }) => id === listed?.id);
    expect(read).toMatchObject({ userType: 'Member' });
    expect(read).not.toHaveProperty('mail');
  });

  it('reads to the true set of addresses', async () => {
    const verified = verifiedNames(tenant.directory.domains);
    const streams: StreamName[] = ['users', 'groups', 'contacts'];
    const read = new Set<string>();
    for (const stream of streams) {
      const select = stream === 'groups' ? 'groupTypes,mailEnabled,securityEnabled,' : '';
      const { entries } = await readAll(graph, `/${stream}/delta?$select=${select}id,proxyAddresses`);
      for (const entry of entries) {
        for (const { address } of addressesOf(stream, entry, verified)) read.add(address);
      }
    }
    expect(read).toEqual(tenant.directory.recipientAddresses());
    expect(read).toContain("o'brien@contoso.example");
    expect(read).toContain('leser@xn--bcher-kva.example');
    expect(read).not.toContain('nobody@contoso.example');
    expect([...read].filter((address) => address.endsWith('fabrikam.example'))).toEqual([]);
  });

  it('says nothing but the link when started with deltatoken=latest', async () => {
    const { entries, link } = await readAll(graph, '/users/delta?$deltatoken=latest&$select=id,mail');
    expect(entries).toEqual([]);
    tenant.directory.changePrimary(idOf(ALICE), 'alice.new@contoso.example');
    expect((await changesSince(link)).entries).toEqual([
      { id: idOf(ALICE), mail: 'alice.new@contoso.example' },
    ]);
  });

  it('shows changes made while it was read', async () => {
    const first = await graph.api(USERS).get();
    tenant.directory.addAlias(idOf(ALICE), 'late@contoso.example');
    const { link } = await readAll(graph, first['@odata.nextLink']);
    expect((await changesSince(link)).entries.map(({ id }) => id)).toEqual([idOf(ALICE)]);
  });
});

describe('a change round', () => {
  let link: string;
  beforeEach(async () => {
    ({ link } = await readAll(graph, USERS));
  });

  it('is quiet when nothing happened, and gives a new link', async () => {
    const round = await changesSince(link);
    expect(round.entries).toEqual([]);
    expect(round.link).toContain('$deltatoken=');
  });

  it('carries the whole new array of addresses', async () => {
    const id = idOf(ALICE);
    tenant.directory.addAlias(id, 'alice.b@contoso.example');
    const [entry] = (await changesSince(link)).entries;
    expect(entry?.proxyAddresses).toContain('smtp:alice.b@contoso.example');
    expect(entry?.proxyAddresses).toContain('SMTP:alice@contoso.example');
    expect(entry).toMatchObject({ id, displayName: 'Alice Smith' });
  });

  it('carries changed properties only when asked for the minimum', async () => {
    tenant.directory.addAlias(idOf(ALICE), 'alice.b@contoso.example');
    const minimal = await graph.api(link).header('prefer', 'return=minimal').get();
    expect(Object.keys(minimal.value[0]).sort()).toEqual(['id', 'proxyAddresses']);
    tenant.switches.sparse = true;
    expect(Object.keys((await changesSince(link)).entries[0] ?? {}).sort()).toEqual(['id', 'proxyAddresses']);
  });

  it('goes through soft delete, restore and purge', async () => {
    const id = idOf(ALICE);
    tenant.directory.softDelete(id);
    let round = await changesSince(link);
    expect(round.entries).toEqual([{ id, '@removed': { reason: 'changed' } }]);
    tenant.directory.restore(id);
    round = await changesSince(round.link);
    expect(round.entries[0]).toMatchObject({ id, displayName: 'Alice Smith' });
    tenant.directory.softDelete(id);
    round = await changesSince(round.link);
    tenant.directory.purge(id);
    round = await changesSince(round.link);
    expect(round.entries).toEqual([{ id, '@removed': { reason: 'deleted' } }]);
  });

  it('can restore an object with its id alone', async () => {
    tenant.switches.sparseRestore = true;
    const id = idOf(ALICE);
    tenant.directory.softDelete(id);
    const { link: next } = await changesSince(link);
    tenant.directory.restore(id);
    expect((await changesSince(next)).entries).toEqual([{ id }]);
  });

  it('lets a distribution list vanish at once', async () => {
    const { link: groups } = await readAll(graph, '/groups/delta?$select=id,mail');
    const id = idOf('staff@contoso.example');
    tenant.directory.softDelete(id);
    expect((await changesSince(groups)).entries).toEqual([{ id, '@removed': { reason: 'deleted' } }]);
  });

  it('reports only what $select tracks', async () => {
    const { link: mails } = await readAll(graph, '/users/delta?$select=id,mail');
    tenant.directory.addAlias(idOf(ALICE), 'alice.b@contoso.example');
    expect((await changesSince(mails)).entries).toEqual([]);
    expect((await changesSince(link)).entries).toHaveLength(1);
  });

  it('can be replayed, by an old link and by the switch', async () => {
    tenant.directory.addAlias(idOf(ALICE), 'alice.b@contoso.example');
    const round = await changesSince(link);
    expect((await changesSince(link)).entries).toEqual(round.entries);
    expect((await changesSince(round.link)).entries).toEqual([]);
    tenant.switches.replayLastRound = true;
    expect((await changesSince(round.link)).entries).toEqual(round.entries);
  });

  it('can show an object as it was and as it is', async () => {
    tenant.switches.duplicates = true;
    const id = idOf(ALICE);
    tenant.directory.changePrimary(id, 'one@contoso.example');
    tenant.directory.changePrimary(id, 'two@contoso.example');
    const { entries } = await changesSince(link);
    expect(entries.map(({ mail }) => mail)).toEqual([
      'one@contoso.example',
      'two@contoso.example',
      'two@contoso.example',
    ]);
  });

  it('can be late, and can lose a change that lists show', async () => {
    tenant.switches.visibilityDelayRounds = 1;
    const id = idOf(ALICE);
    tenant.directory.addAlias(id, 'late@contoso.example');
    const quiet = await changesSince(link);
    expect(quiet.entries).toEqual([]);
    const seen = await changesSince(quiet.link);
    expect(seen.entries.map((entry) => entry.id)).toEqual([id]);
    Object.assign(tenant.switches, { visibilityDelayRounds: 0, dropChanges: 1 });
    tenant.directory.addAlias(id, 'lost@contoso.example');
    expect((await changesSince(seen.link)).entries).toEqual([]);
    expect((await graph.api(`/users/${id}?$select=proxyAddresses`).get()).proxyAddresses).toContain(
      'smtp:lost@contoso.example',
    );
  });

  it('mixes the order, that of one object apart when asked so', async () => {
    const id = idOf(ALICE);
    const plain = ['a', 'b', 'c', 'd'].map((n) =>
      tenant.directory.createUser({ userPrincipalName: `${n}@contoso.example` }),
    );
    tenant.directory.changePrimary(id, 'one@contoso.example');
    tenant.directory.changePrimary(id, 'two@contoso.example');
    Object.assign(tenant.switches, { shuffle: 'by-object', duplicates: true });
    const { entries } = await changesSince(link);
    expect(entries.filter((entry) => entry.id === id).map(({ mail }) => mail?.slice(0, 3))).toEqual([
      'one',
      'two',
      'two',
    ]);
    const order = [...new Set(entries.map((entry) => entry.id))];
    expect(order).not.toEqual([...plain, id]);
    expect(order.sort()).toEqual([...plain, id].sort());
  });

  it('spreads many changes over pages', async () => {
    tenant.switches.pageSize = 2;
    const ids = Array.from({ length: 5 }, (_, n) =>
      tenant.directory.createUser({ userPrincipalName: `new-${'abcde'[n]}@contoso.example` }),
    );
    const { pages, entries } = await readAll(graph, link);
    expect(pages.map((page) => page.value.length)).toEqual([2, 2, 1]);
    expect(entries.map(({ id }) => id)).toEqual(ids);
  });
});
