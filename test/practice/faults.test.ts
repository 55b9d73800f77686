/** Every fault that the switches can order, as the real Graph client or a plain fetch meets it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Fault } from '../../src/practice/faults.ts';
import type { PracticeTenant } from '../../src/practice/tenant-server.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { fetchOf, graphOf, readAll, refusal, tokenOf } from './clients.ts';

let tenant: PracticeTenant;
let token: string;
beforeAll(async () => {
  tenant = await startPracticeTenant({ users: 300 });
  token = await tokenOf(tenant);
});
afterEach(() => tenant.switches.reset());
afterAll(() => tenant.close());

describe('faults', () => {
  const ask = (path = '/v1.0/users/delta?$select=id', init: object = {}): Promise<Response> =>
    fetchOf(tenant)(`${tenant.graph}${path}`, { headers: { authorization: `Bearer ${token}` }, ...init });

  const statuses: Array<[fault: Fault, status: number, code: string]> = [
    [{ kind: 'expired-token' }, 401, 'InvalidAuthenticationToken'],
    [{ kind: 'forbidden' }, 403, 'Authorization_RequestDenied'],
    [{ kind: 'throttled' }, 429, 'TooManyRequests'],
    [{ kind: 'error', status: 500 }, 500, 'Service_InternalServerError'],
    [{ kind: 'error', status: 503 }, 503, 'serviceNotAvailable'],
    [
      { kind: 'error', status: 503, code: 'Directory_ReplicaUnavailable' },
      503,
      'Directory_ReplicaUnavailable',
    ],
    [{ kind: 'error', status: 504 }, 504, 'GatewayTimeout'],
    [{ kind: 'page-token' }, 400, 'Directory_ExpiredPageToken'],
    [
      { kind: 'page-token', code: 'DirectoryPageTokenNotFoundException' },
      400,
      'DirectoryPageTokenNotFoundException',
    ],
  ];
  it.each(statuses)('%j is %i %s', async (fault, statusCode, code) => {
    tenant.switches.fail({ match: /users\/delta/, fault });
    const error = await refusal(graphOf(tenant, token).api('/users/delta').get());
    expect(error).toMatchObject({ statusCode, code });
    expect((await ask()).status).toBe(200);
  });

  it.each([
    ['3', '3'],
    ['2.128', '2.128'],
    ['http-date', expect.stringMatching(/GMT$/)],
    ['absent', null],
  ])('throttles with Retry-After %s', async (retryAfter, header) => {
    tenant.switches.fail({ match: /users/, fault: { kind: 'throttled', retryAfter } });
    const response = await ask();
    await response.text();
    expect(response.headers.get('retry-after')).toEqual(header);
    expect(response.headers.get('x-ms-throttle-scope')).toContain(tenant.tenantId);
  });

  it('answers with a page of somebody else', async () => {
    tenant.switches.fail({ match: /users/, fault: { kind: 'html', status: 200 } });
    tenant.switches.fail({ match: /users/, fault: { kind: 'html', status: 502 } });
    tenant.switches.fail({ match: /users/, fault: { kind: 'no-content' } });
    tenant.switches.fail({
      match: /users/,
      fault: { kind: 'redirect', location: 'https://portal.example/' },
    });
    const portal = await ask();
    expect([portal.status, portal.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect((await ask()).status).toBe(502);
    expect((await ask()).status).toBe(204);
    expect((await ask('/v1.0/users', { redirect: 'manual' })).status).toBe(302);
  });

  it('breaks off', async () => {
    tenant.switches.fail({ match: /users/, fault: { kind: 'truncated' } });
    await expect((await ask()).json()).rejects.toBeInstanceOf(SyntaxError);
    tenant.switches.fail({ match: /users/, fault: { kind: 'cut' } });
    await expect((await ask()).text()).rejects.toThrow('terminated');
    tenant.switches.fail({ match: /users/, fault: { kind: 'reset' } });
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect((await ask()).status).toBe(200);
  });

  it('falls silent', async () => {
    tenant.switches.fail({ match: /users/, fault: { kind: 'silent' } });
    await expect(ask(undefined, { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    tenant.switches.fail({ match: /users/, fault: { kind: 'stalled' } });
    const response = await ask(undefined, { signal: AbortSignal.timeout(200) });
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toMatchObject({ name: 'TimeoutError' });
    tenant.switches.fail({ match: /users/, fault: { kind: 'slow', ms: 50 } });
    const started = performance.now();
    expect((await ask()).status).toBe(200);
    expect(performance.now() - started).toBeGreaterThan(45);
  });

  it.each([
    ['both-links', ['@odata.context', '@odata.nextLink', '@odata.deltaLink', 'value']],
    ['neither-link', ['@odata.context', 'value']],
    ['missing-value', ['@odata.context', '@odata.nextLink']],
  ] as const)('spoils a page: %s', async (kind, names) => {
    tenant.switches.fail({ match: /users/, fault: { kind }, page: 1 });
    expect(Object.keys((await (await ask()).json()) as object).sort()).toEqual([...names].sort());
  });

  it('leads astray', async () => {
    tenant.switches.fail({ match: /users/, fault: { kind: 'foreign-link' } });
    tenant.switches.fail({ match: /users/, fault: { kind: 'link-loop' } });
    tenant.switches.fail({ match: /users/, fault: { kind: 'status-over-data', status: 400 } });
    const links = [];
    for (let n = 0; n < 2; n++)
      links.push(((await (await ask()).json()) as Record<string, string>)['@odata.nextLink']);
    expect(links[0]).toMatch(/^https:\/\/graph\.attacker\.example\/v1\.0\/users\/delta\?\$skiptoken=/);
    expect(links[1]).toBe(`${tenant.graph}/v1.0/users/delta?$select=id`);
    const over = await ask();
    expect([over.status, Object.keys((await over.json()) as object)]).toEqual([
      400,
      expect.arrayContaining(['value']),
    ]);
  });

  it('waits for its turn and its page, and counts', async () => {
    tenant.switches.fail({ match: /users/, fault: { kind: 'forbidden' }, skip: 1, times: 2 });
    const statusesSeen = [];
    for (let n = 0; n < 4; n++) statusesSeen.push((await ask()).status);
    expect(statusesSeen).toEqual([200, 403, 403, 200]);
    tenant.switches.fail({ match: /users/, fault: { kind: 'error', status: 500 }, page: 2 });
    expect(await refusal(readAll(graphOf(tenant, token), '/users/delta?$select=id'))).toMatchObject({
      statusCode: 500,
    });
    expect(tenant.requests.at(-1)).toMatchObject({ method: 'GET', route: 'users/delta', status: 500 });
    expect(tenant.counts.get('users/delta')).toBeGreaterThan(5);
  });
});
