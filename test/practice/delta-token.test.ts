/** State tokens, query options and page gates of delta rounds, and what a tenant that was switched off remembers. */
import type { Client } from '@microsoft/microsoft-graph-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { fetchOf, graphOf, readAll, refusal, tokenOf } from './clients.ts';

const USERS = '/users/delta?$select=id,displayName,mail,proxyAddresses,userType,accountEnabled';
const ALICE = 'alice@contoso.example';

let tenant: PracticeTenant;
let graph: Client;
let clock = Date.now();
beforeEach(async () => {
  clock = Date.now();
  tenant = await startPracticeTenant({ users: 450, now: () => clock });
  tenant.switches.rolesGranted.add('OrgContact.Read.All');
  graph = graphOf(tenant, await tokenOf(tenant));
});
afterEach(() => tenant.close());

function idOf(address: string): string {
  return tenant.directory.find(address)[0]?.id ?? '';
}

describe('state tokens', () => {
  const token = (link: string): string => new URL(link).searchParams.get('$deltatoken') ?? '';

  it('are refused when somebody changed them', async () => {
    const { link } = await readAll(graph, '/users/delta?$select=id');
    for (const bad of [
      token(link).replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
      `${token(link)}A`,
      'garbage',
    ]) {
      const error = await refusal(graph.api(`/users/delta?$deltatoken=${bad}`).get());
      expect(error).toMatchObject({ statusCode: 400, code: 'BadRequest', message: 'Badly formed token.' });
    }
  });

  it('of another stream find nothing and lead to this one', async () => {
    const { link } = await readAll(graph, '/groups/delta?$select=id');
    const page = await graph.api(`/users/delta?$deltatoken=${token(link)}`).get();
    expect(page.value).toEqual([]);
    expect(page['@odata.deltaLink']).toContain('/users/delta?$deltatoken=');
  });

  it.each([
    ['gone', 410, 'resyncRequired'],
    ['sync-state-not-found', 400, 'syncStateNotFound'],
    ['unsupported-query', 400, 'Request_UnsupportedQuery'],
  ] as const)('age: %s', async (shape, statusCode, code) => {
    const { link } = await readAll(graph, '/users/delta?$select=id');
    tenant.switches.expiredTokenShape = shape;
    clock += 8 * 24 * 60 * 60 * 1000;
    graph = graphOf(tenant, await tokenOf(tenant));
    const error = await refusal(graph.api(link).get());
    expect(error).toMatchObject({ statusCode, code });
    if (shape === 'gone')
      expect(error.headers?.get('location')).toBe(`${tenant.graph}/v1.0/users/delta?$deltatoken=`);
  });

  it('can be expired by hand', async () => {
    const { link } = await readAll(graph, '/users/delta?$select=id');
    tenant.switches.expireDeltaTokens();
    expect(await refusal(graph.api(link).get())).toMatchObject({ code: 'syncStateNotFound' });
    expect((await readAll(graph, '/users/delta?$select=id')).entries).toHaveLength(464);
  });
});

describe('query options', () => {
  it.each([
    ['$expand=members', 'Request_UnsupportedQuery'],
    ['$orderby=mail', 'Request_UnsupportedQuery'],
    ["$filter=mail eq 'x'", 'Request_UnsupportedQuery'],
    ['$select=nonsense', 'BadRequest'],
  ])('refuses %s', async (option, code) => {
    expect(await refusal(graph.api(`/users/delta?${option}`).get())).toMatchObject({ statusCode: 400, code });
  });

  it('takes a filter by ids, the long form of the name, and ignores $top', async () => {
    const id = idOf(ALICE);
    const { entries } = await readAll(
      graph,
      `/users/microsoft.graph.delta()?$select=mail&$filter=id eq '${id}'`,
    );
    expect(entries).toEqual([{ id, mail: ALICE }]);
    expect((await graph.api('/users/delta?$top=1').get()).value).toHaveLength(200);
  });
});

describe('page gates', () => {
  it('hold a page until it is released', async () => {
    const gate = tenant.switches.pauseAtPage('users', 2);
    const round = readAll(graph, USERS);
    await gate.reached;
    expect(tenant.requests.filter(({ route }) => route === 'users/delta')).toHaveLength(1);
    gate.release();
    expect((await round).entries).toHaveLength(464);
  });
});

describe('a tenant that is off', () => {
  it('refuses connections, and comes back as it was', async () => {
    const { link } = await readAll(graph, USERS);
    tenant.directory.addAlias(idOf(ALICE), 'meanwhile@contoso.example');
    await tenant.close();
    await expect(fetchOf(tenant)(tenant.login)).rejects.toThrow('fetch failed');
    await tenant.listen();
    expect((await readAll(graph, link)).entries).toHaveLength(1);
  });
});
