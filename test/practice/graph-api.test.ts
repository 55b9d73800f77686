/** Lists, lookups, permissions and access tokens, read with the real Graph client. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { fetchOf, graphOf, readAll, refusal, tokenOf } from './clients.ts';

let tenant: PracticeTenant;
let token: string;
let now = Date.now();
beforeAll(async () => {
  tenant = await startPracticeTenant({ users: 300, now: () => now });
  token = await tokenOf(tenant);
});
afterEach(() => {
  tenant.switches.reset();
  now = Date.now();
});
afterAll(() => tenant.close());

async function withRoles(...roles: string[]) {
  tenant.switches.rolesGranted = new Set(roles);
  return graphOf(tenant, await tokenOf(tenant));
}

function filtered(path: string, filter: string, select = 'id,proxyAddresses'): string {
  return `${path}?$filter=${encodeURIComponent(filter)}&$select=${select}`;
}

describe('lists', () => {
  it('page by 100 unless told otherwise', async () => {
    const graph = graphOf(tenant, token);
    const { pages, entries } = await readAll(graph, '/users?$select=id,mail');
    expect(pages.map((page) => page.value.length)).toEqual([100, 100, 100, 14]);
    expect(pages.every((page) => !('@odata.deltaLink' in page))).toBe(true);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(314);
    expect((await readAll(graph, '/users?$top=999&$select=id')).pages).toHaveLength(1);
    expect(await refusal(graph.api('/users?$top=1000').get())).toMatchObject({ statusCode: 400 });
  });

  it('show users without their addresses unless selected, and groups with them', async () => {
    const graph = graphOf(tenant, token);
    expect((await graph.api('/users').get()).value[0]).not.toHaveProperty('proxyAddresses');
    expect((await graph.api('/groups').get()).value[0].proxyAddresses).toContain(
      'SMTP:sales@contoso.example',
    );
  });

  it('count only for eventual consistency', async () => {
    const graph = graphOf(tenant, token);
    expect(await graph.api('/users?$count=true').get()).not.toHaveProperty('@odata.count');
    const counted = await graph.api('/users?$count=true').header('ConsistencyLevel', 'eventual').get();
    expect(counted['@odata.count']).toBe(314);
  });
});

describe('lookups', () => {
  it.each([
    ['/users', 'alice@contoso.example'],
    ['/users', 'A.SMITH@contoso.example'],
    ['/users', "o'brien@contoso.example"],
    ['/users', 'r&d@contoso.example'],
    ['/users', 'a/b@contoso.example'],
    ['/users', 'plus+literal@contoso.example'],
    ['/users', 'leser@bücher.example'],
    ['/groups', 'sales@contoso.example'],
  ])('find in %s: %s', async (path, address) => {
    const quoted = address.replaceAll("'", "''");
    const filter = `proxyAddresses/any(x:x eq 'smtp:${quoted}') or proxyAddresses/any(p:p eq 'SMTP:${quoted}')`;
    const { value } = await graphOf(tenant, token).api(filtered(path, filter)).get();
    expect(value).toHaveLength(1);
    expect(value[0].proxyAddresses.map((entry: string) => entry.toLowerCase())).toContain(
      `smtp:${address.toLowerCase()}`,
    );
  });

  it('find generated objects and none that do not exist', async () => {
    const graph = graphOf(tenant, token);
    const addresses = [...tenant.directory.recipientAddresses()].filter((address) =>
      /^shared\d+@contoso/.test(address),
    );
    const address = addresses.at(-1) ?? '';
    const found = await graph.api(filtered('/users', `proxyAddresses/any(x:x eq 'smtp:${address}')`)).get();
    expect(found.value).toHaveLength(1);
    const nobody =
      "proxyAddresses/any(x:x eq 'smtp:nobody@contoso.example' or x eq 'SMTP:nobody@contoso.example')";
    expect((await graph.api(filtered('/users', nobody)).get()).value).toEqual([]);
  });

  it('combine with other conditions', async () => {
    const graph = graphOf(tenant, token);
    const filter =
      "(mail eq 'ALICE@contoso.example' or mail eq 'bob@contoso.example') and accountEnabled eq true";
    expect((await graph.api(filtered('/users', filter, 'mail')).get()).value).toHaveLength(2);
    expect(
      (await readAll(graph, filtered('/users', "userType eq 'Guest'", 'id'))).entries.length,
    ).toBeGreaterThan(1);
  });

  it.each(['mail ne', "nonsense eq 'x'", 'proxyAddresses/any(x:y eq 1)', "(mail eq 'x'"])(
    'refuse %s',
    async (filter) => {
      const error = await refusal(graphOf(tenant, token).api(filtered('/users', filter)).get());
      expect(error).toMatchObject({ statusCode: 400, code: expect.stringMatching(/^Request_/) });
    },
  );

  it('answer a single object, and 404 for one that is gone', async () => {
    const graph = graphOf(tenant, token);
    const [alice] = tenant.directory.find('alice@contoso.example');
    expect(await graph.api(`/users/${alice?.id}?$select=mail`).get()).toMatchObject({
      mail: 'alice@contoso.example',
    });
    expect(await graph.api('/users/alice@contoso.example').get()).toMatchObject({ id: alice?.id });
    const missing = { statusCode: 404, code: 'Request_ResourceNotFound' };
    expect(await refusal(graph.api(`/groups/${alice?.id}`).get())).toMatchObject(missing);
    const id = tenant.directory.createUser({ userPrincipalName: 'shortlived@contoso.example' });
    tenant.directory.softDelete(id);
    expect(await refusal(graph.api(`/users/${id}`).get())).toMatchObject(missing);
    const deleted = await graph
      .api('/directory/deletedItems/microsoft.graph.user?$select=id,deletedDateTime')
      .get();
    expect(deleted.value).toEqual([{ id, deletedDateTime: expect.any(String) }]);
  });
});

describe('permissions', () => {
  const denied = { statusCode: 403, code: 'Authorization_RequestDenied' };
  const table: Array<[path: string, roles: string[], allowed: boolean]> = [
    ['/users', [], false],
    ['/users', ['User.Read.All'], true],
    ['/users', ['Directory.Read.All'], true],
    ['/users', ['Group.Read.All'], false],
    ['/users/delta', ['User.Read.All'], true],
    ['/users/delta', ['User.ReadBasic.All'], false],
    ['/groups', ['Group.Read.All'], true],
    ['/groups/delta', ['GroupMember.Read.All'], true],
    ['/groups/delta', ['User.Read.All'], false],
    ['/contacts/delta', ['User.Read.All', 'Group.Read.All'], false],
    ['/contacts/delta', ['OrgContact.Read.All'], true],
    ['/organization', ['User.Read.All'], true],
    ['/organization', ['Group.Read.All'], false],
    ['/domains', ['User.Read.All'], false],
    ['/domains', ['Domain.Read.All'], true],
    ['/directory/deletedItems/microsoft.graph.group', ['GroupMember.Read.All'], false],
  ];
  it.each(table)('%s with %j: %s', async (path, roles, allowed) => {
    const request = (await withRoles(...roles)).api(path).get();
    if (allowed) expect((await request).value).toBeInstanceOf(Array);
    else expect(await refusal(request)).toMatchObject(denied);
  });

  it('leave properties out without saying so', async () => {
    const graph = await withRoles('User.ReadBasic.All', 'GroupMember.Read.All');
    const { value } = await graph.api('/users?$select=id,mail,proxyAddresses').get();
    expect(Object.keys(value[0]).sort()).toEqual(['id', 'mail']);
    expect((await graph.api('/groups').get()).value[0]).not.toHaveProperty('proxyAddresses');
    tenant.switches.basicGroupsHideAddresses = false;
    expect((await graph.api('/groups').get()).value[0]).toHaveProperty('proxyAddresses');
  });

  it('refuse writes and unknown segments', async () => {
    const graph = graphOf(tenant, token);
    expect(await refusal(graph.api('/users').post({}))).toMatchObject(denied);
    expect(await refusal(graph.api('/nonsense').get())).toMatchObject({
      statusCode: 400,
      code: 'BadRequest',
    });
  });
});

describe('access tokens', () => {
  const claims = { aud: 'https://graph.microsoft.com', exp: 4_000_000_000, roles: ['User.Read.All'] };
  it.each([
    ['', 'Access token is empty.'],
    ['garbage', 'CompactToken parsing failed with error code: 80049217'],
  ])('refuses %j', async (bad, message) => {
    expect(await refusal(graphOf(tenant, bad).api('/users').get())).toMatchObject({
      statusCode: 401,
      message,
    });
  });

  it('refuses tokens that are expired, for somebody else, or of another tenant', async () => {
    const sign = async (more: object): Promise<string> =>
      tenant.signToken({ ...claims, tid: tenant.tenantId, ...more });
    const messages = [];
    for (const bad of [
      await sign({ exp: 1000 }),
      await sign({ aud: 'https://elsewhere.example' }),
      await sign({ tid: 'x' }),
    ]) {
      const error = await refusal(graphOf(tenant, bad).api('/users').get());
      expect(error).toMatchObject({ statusCode: 401, code: 'InvalidAuthenticationToken' });
      messages.push(error.message);
    }
    expect(messages).toEqual([
      'Lifetime validation failed, the token is expired.',
      'Access token validation failure. Invalid audience.',
      'Access token validation failure. Invalid tenant.',
    ]);
  });

  it('refuses a token once its lifetime has passed', async () => {
    const graph = graphOf(tenant, await tokenOf(tenant));
    now += 3_600_000;
    expect(await refusal(graph.api('/users').get())).toMatchObject({ statusCode: 401 });
  });
});

describe('replies', () => {
  it('carry the headers of Graph and repeat the client request id', async () => {
    tenant.switches.throttlePercentage = 0.9;
    const id = '11111111-2222-4333-8444-555555555555';
    const headers = { authorization: `Bearer ${token}`, 'client-request-id': id };
    const response = await fetchOf(tenant)(`${tenant.graph}/v1.0/users/delta?$select=id`, { headers });
    await response.text();
    const names = ['request-id', 'x-ms-ags-diagnostic', 'x-ms-resource-unit', 'date', 'preference-applied'];
    expect(names.filter((name) => response.headers.get(name) === null)).toEqual([]);
    expect(response.headers.get('client-request-id')).toBe(id);
    expect(response.headers.get('x-ms-throttle-limit-percentage')).toBe('0.9');
    expect(response.headers.get('content-type')).toMatch(/^application\/json;odata.metadata=minimal/);
  });

  it('list the verified domains', async () => {
    tenant.directory.addDomain('pending.example', { isVerified: false });
    const graph = await withRoles('User.Read.All', 'Domain.Read.All');
    const { value } = await graph.api('/organization?$select=id,verifiedDomains').get();
    expect(value[0].id).toBe(tenant.tenantId);
    const names = value[0].verifiedDomains.map(({ name }: { name: string }) => name);
    expect(names).toEqual(['contoso.example', 'contoso.onmicrosoft.example', 'bücher.example']);
    expect((await graph.api('/domains').get()).value).toHaveLength(4);
    tenant.directory.removeDomain('pending.example');
    expect((await graph.api('/domains').get()).value).toHaveLength(3);
  });

  it('add and remove secrets for an application that owns itself', async () => {
    const graph = await withRoles('Application.ReadWrite.OwnedBy');
    const path = `/applications(appId='${tenant.applicationId}')`;
    const wanted = { passwordCredential: { displayName: 'renewed' } };
    expect(await refusal(graph.api(`${path}/addPassword`).post(wanted))).toMatchObject({ statusCode: 403 });
    tenant.switches.ownsItself = true;
    const added = await graph.api(`${path}/addPassword`).post(wanted);
    expect(added.secretText.slice(0, 3)).toBe(added.hint);
    const { passwordCredentials } = await graph.api(path).get();
    expect(passwordCredentials.map(({ secretText }: { secretText: unknown }) => secretText)).toEqual([
      null,
      null,
    ]);
    await graph.api(`${path}/removePassword`).post({ keyId: added.keyId });
    expect((await graph.api(path).get()).passwordCredentials).toHaveLength(1);
  });
});
