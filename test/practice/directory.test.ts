/** The tenant's true state: the generator, the verbs, and what outlives a restart. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kindOf, STREAMS } from '../../src/core/recipient.ts';
import { objectId, objectNumber } from '../../src/practice/object-id.ts';
import { populationOf } from '../../src/practice/population.ts';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { graphOf, readAll, refusal, tokenOf } from './clients.ts';

describe('the generated population', () => {
  it('is the same for the same seed and another for another', () => {
    const all = (seed: number) => {
      const population = populationOf(seed, 300);
      return STREAMS.flatMap((stream) =>
        Array.from({ length: population.count(stream) }, (_, index) => population.at(stream, index)),
      );
    };
    expect(all(7)).toEqual(all(7));
    expect(all(7)).not.toEqual(all(8));
  });

  it('finds every object by its id and by its addresses', () => {
    const population = populationOf(3, 500);
    for (const stream of STREAMS) {
      for (let index = 0; index < population.count(stream); index++) {
        const object = population.at(stream, index);
        expect(population.byId(object.id)).toEqual(object);
        for (const entry of object.fields.proxyAddresses ?? []) {
          if (/^smtp:/i.test(entry)) expect(population.candidates(entry)).toContainEqual(object);
        }
      }
    }
    expect(population.byId('00000000-0000-4000-8000-000000000000')).toBeUndefined();
  });

  it('holds every kind of recipient and every kind of entry', () => {
    const population = populationOf(1, 2000);
    const objects = STREAMS.flatMap((stream) =>
      Array.from({ length: population.count(stream) }, (_, index) => population.at(stream, index)),
    );
    expect(new Set(objects.map(({ stream, fields }) => kindOf(stream, fields))).size).toBe(7);
    const entries = objects.flatMap(({ fields }) => fields.proxyAddresses ?? []);
    for (const sign of ["'", '&', '/', '+', 'bücher', 'X500:', 'SIP:', 'SPO:', 'SMTP:', 'smtp:']) {
      expect(entries.some((entry) => entry.includes(sign))).toBe(true);
    }
    expect(entries.filter((entry) => /^smtp:nobody@/i.test(entry))).toEqual([]);
  });

  it('gives ids that read back', () => {
    for (const stream of STREAMS) {
      for (const index of [0, 1, 65_535, 1_000_000, 4_000_000_000]) {
        const number = { stream, origin: 'created', index } as const;
        expect(objectId(5, number)).toMatch(
          /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
        );
        expect(objectNumber(5, objectId(5, number))).toEqual(number);
      }
    }
  });

  it('costs nothing until it is read, however large', async () => {
    await using tenant = await startPracticeTenant({ users: 5_000_000 });
    const graph = graphOf(tenant, await tokenOf(tenant));
    const before = process.memoryUsage().heapUsed;
    const page = await graph.api('/users/delta?$select=id,proxyAddresses').get();
    expect(page.value).toHaveLength(200);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
    const last = populationOf(1, 5_000_000).at('users', 4_999_999);
    expect(await graph.api(`/users/${last.id}?$select=userPrincipalName`).get()).toMatchObject({
      userPrincipalName: last.fields.userPrincipalName,
    });
  });
});

describe('the directory', () => {
  let tenant: PracticeTenant;
  beforeEach(async () => {
    tenant = await startPracticeTenant({ users: 50 });
  });
  afterEach(() => tenant.close());

  const accepted = (address: string): boolean => tenant.directory.recipientAddresses().has(address);
  const idOf = (address: string): string => tenant.directory.find(address)[0]?.id ?? '';

  it('holds the named objects', () => {
    const addresses = [
      'alice',
      'a.smith',
      'info',
      'boardroom',
      'projector',
      'carol',
      'sales',
      'staff',
      'admins',
      'partner',
    ];
    const odd = ["o'brien", 'r&d', 'a/b', 'plus+literal', 'blocked'];
    expect([...addresses, ...odd].filter((name) => !accepted(`${name}@contoso.example`))).toEqual([]);
    const absent = [
      'nobody@contoso.example',
      'vpn@contoso.example',
      'guest@fabrikam.example',
      'svc-backup@contoso.example',
    ];
    expect(absent.filter(accepted)).toEqual([]);
  });

  it('creates, changes and removes', () => {
    const id = tenant.directory.createUser({ userPrincipalName: 'New.Person@contoso.example' });
    expect(accepted('new.person@contoso.example')).toBe(true);
    tenant.directory.addAlias(id, 'np@contoso.example');
    tenant.directory.changePrimary(id, 'person@contoso.example');
    expect(tenant.directory.get(id)?.fields).toMatchObject({
      mail: 'person@contoso.example',
      proxyAddresses: [
        'SMTP:person@contoso.example',
        'smtp:New.Person@contoso.example',
        'smtp:np@contoso.example',
      ],
    });
    tenant.directory.removeAlias(id, 'np@contoso.example');
    expect(accepted('np@contoso.example')).toBe(false);
    tenant.directory.rename(id, 'other');
    expect(tenant.directory.get(id)?.fields).toMatchObject({ userPrincipalName: 'other@contoso.example' });
    tenant.directory.softDelete(id);
    expect(accepted('other@contoso.example')).toBe(false);
    expect(() => tenant.directory.updateUser(id, { displayName: 'x' })).toThrow('is deleted');
    tenant.directory.restore(id);
    expect(accepted('other@contoso.example')).toBe(true);
    tenant.directory.purge(id);
    expect(() => tenant.directory.restore(id)).toThrow('no such object');
  });

  it('shrinks and regrows with the licence', () => {
    const id = idOf('alice@contoso.example');
    const before = tenant.directory.get(id)?.fields.proxyAddresses;
    tenant.directory.removeLicence(id);
    expect(tenant.directory.get(id)?.fields.proxyAddresses).toEqual([
      'SMTP:alice@contoso.onmicrosoft.example',
    ]);
    tenant.directory.restoreLicence(id, 'part');
    expect([accepted('alice@contoso.example'), accepted('a.smith@contoso.example')]).toEqual([true, false]);
    tenant.directory.restoreLicence(id, 'all');
    expect(tenant.directory.get(id)?.fields.proxyAddresses).toEqual(before);
  });

  it.each(['remove-first', 'add-first'] as const)('moves an address, %s', async (order) => {
    const graph = graphOf(tenant, await tokenOf(tenant));
    const { link } = await readAll(graph, '/users/delta?$select=id,proxyAddresses&$deltatoken=latest');
    const [from, to] = [idOf('alice@contoso.example'), idOf('bob@contoso.example')];
    tenant.directory.moveAddress('a.smith@contoso.example', from, to, order);
    expect(tenant.directory.find('a.smith@contoso.example').map(({ id }) => id)).toEqual([to]);
    const { entries } = await readAll(graph, link);
    expect(entries.map(({ id }) => id)).toEqual(order === 'add-first' ? [to, from] : [from, to]);
  });

  it('knows groups, contacts and domains', () => {
    tenant.directory.createGroup({ mail: 'team@contoso.example', kind: 'distribution' });
    tenant.directory.createGroup({ mail: 'hidden@contoso.example', kind: 'security' });
    const contact = tenant.directory.createContact({ mail: 'x@fabrikam.example' });
    tenant.directory.addAlias(contact, 'x@contoso.example');
    expect([accepted('team@contoso.example'), accepted('hidden@contoso.example')]).toEqual([true, false]);
    expect([accepted('x@contoso.example'), accepted('x@fabrikam.example')]).toEqual([true, false]);
    tenant.directory.addDomain('fabrikam.example');
    expect([accepted('x@fabrikam.example'), accepted('guest@fabrikam.example')]).toEqual([true, true]);
    tenant.directory.removeDomain('fabrikam.example');
    expect(accepted('x@fabrikam.example')).toBe(false);
  });
});

describe('a restart', () => {
  let stateDir: string;
  beforeEach(() => {
    stateDir = mkdtempSync(path.join(tmpdir(), 'rcptgate-practice-'));
  });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  it('keeps the CA, tokens and changes when it has a directory for them', async () => {
    const first = await startPracticeTenant({ stateDir, users: 20 });
    const graph = graphOf(first, await tokenOf(first));
    const { link } = await readAll(graph, '/users/delta?$select=id,mail');
    const id = first.directory.createUser({ userPrincipalName: 'kept@contoso.example' });
    await first.close();
    await using second = await startPracticeTenant({ stateDir, users: 20 });
    expect([second.caPem, second.login]).toEqual([first.caPem, first.login]);
    const { entries } = await readAll(graph, link);
    expect(entries).toEqual([{ id, mail: 'kept@contoso.example' }]);
  });

  it('refuses the tokens of another population', async () => {
    const first = await startPracticeTenant({ stateDir, users: 20 });
    const { link } = await readAll(graphOf(first, await tokenOf(first)), '/users/delta?$select=id');
    await first.close();
    await using second = await startPracticeTenant({ stateDir, users: 30 });
    const graph = graphOf(second, await tokenOf(second));
    expect(await refusal(graph.api(link).get())).toMatchObject({ code: 'syncStateNotFound' });
  });
});
