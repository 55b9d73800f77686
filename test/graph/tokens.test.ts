/** Sign-in and HTTP against the practice tenant: what MSAL does wrong by itself, and ways out through a proxy. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openGraph } from '../../src/graph/client.ts';
import { readSecretFile } from '../../src/graph/credential-file.ts';
import { type Http, openHttp } from '../../src/graph/http.ts';
import { openTokens, type Tokens } from '../../src/graph/tokens.ts';
import type { Fault } from '../../src/practice/faults.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';

let tenant: PracticeTenant;
let http: Http;
let directory: string;

beforeAll(async () => {
  tenant = await startPracticeTenant();
  directory = mkdtempSync(join(tmpdir(), 'rcptgate-graph-'));
  writeFileSync(join(directory, 'ca.pem'), tenant.caPem);
  writeFileSync(join(directory, 'secret'), tenant.secret);
  http = openHttp({ caFile: join(directory, 'ca.pem'), proxy: null, timeout: 3000 });
});
afterAll(async () => {
  await http[Symbol.asyncDispose]();
  await tenant[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(() => {
  tenant.switches.reset();
});

function tokensOver(way: Http, over: { login?: string; tenant?: string } = {}): Tokens {
  const { tenantId, applicationId, login, graph } = tenant;
  const readCredential = () => readSecretFile(join(directory, 'secret'));
  return openTokens({ tenant: tenantId, applicationId, login, graph, readCredential, ...over }, way);
}

function posts(): number {
  return tenant.requests.filter(({ route }) => route === 'token').length;
}

describe('a token', () => {
  test('is fetched once for many callers, and kept', async () => {
    const tokens = tokensOver(http);
    const before = posts();
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => tokens.get()));
    expect(outcomes.every(({ ok }) => ok)).toBe(true);
    expect(await tokens.get()).toMatchObject({
      ok: true,
      value: { roles: expect.arrayContaining(['User.Read.All']) },
    });
    expect(posts() - before).toBe(1);
  });

  const faults: Array<[string, Fault, object]> = [
    ['a wrong secret', { kind: 'aadsts', code: 7000215 }, { kind: 'credential', code: 'AADSTS7000215' }],
    ['an expired secret', { kind: 'aadsts', code: 7000222 }, { kind: 'credential', code: 'AADSTS7000222' }],
    [
      'a disabled application',
      { kind: 'aadsts', code: 7000112 },
      { kind: 'credential', code: 'AADSTS7000112' },
    ],
    [
      'an unknown application',
      { kind: 'aadsts', code: 700016 },
      { kind: 'credential', code: 'AADSTS700016' },
    ],
    ['an unknown tenant', { kind: 'aadsts', code: 90002 }, { kind: 'credential', code: 'AADSTS90002' }],
    ['a passing fault', { kind: 'aadsts', code: 90033 }, { code: 'AADSTS90033', hint: '' }],
    ['throttling', { kind: 'throttled', retryAfter: '30' }, { kind: 'throttled', retryAfter: 30_000 }],
    ['503', { kind: 'error', status: 503, retryAfter: 'absent' }, { kind: 'server' }],
    ['HTML with 200', { kind: 'html', status: 200 }, { kind: 'protocol' }],
    ['HTML with 502', { kind: 'html', status: 502 }, { kind: 'server', code: 'http-502' }],
    ['200 {}', { kind: 'empty-object' }, { kind: 'protocol', code: 'empty-token' }],
    ['500 {}', { kind: 'empty-object', status: 500 }, {}],
    ['silence', { kind: 'silent' }, { kind: 'timeout', code: 'timeout' }],
    ['a stalled body', { kind: 'stalled' }, { kind: 'timeout' }],
    ['a reset', { kind: 'reset' }, { kind: 'network' }],
  ];
  test.each(faults)('%s is told, and the next request works at once', async (_name, fault, expected) => {
    const tokens = tokensOver(http);
    tenant.switches.failToken(fault, 1);
    const outcome = await tokens.get();
    expect(outcome).toMatchObject({
      ok: false,
      failure: { ...expected, message: expect.stringMatching(/./) },
    });
    // MSAL alone would refuse for a minute after a 429 or 5xx, without asking.
    expect(await tokens.get()).toMatchObject({ ok: true });
  });

  test.each([{ kind: 'reset' }, { kind: 'error', status: 503 }] as Fault[])(
    'survives trouble during an early refresh: %j',
    async (fault) => {
      tenant.switches.tokenRefreshIn = 0;
      const tokens = tokensOver(http);
      const first = await tokens.get();
      tenant.switches.failToken(fault);
      const second = await tokens.get();
      expect(second.ok && first.ok && second.value.value === first.value.value).toBe(true);
    },
  );

  test('is renewed after it was forgotten', async () => {
    const tokens = tokensOver(http);
    await tokens.get();
    const before = posts();
    tokens.forget();
    await tokens.get();
    expect(posts() - before).toBe(1);
  });

  test('a login service that is not there', async () => {
    const tokens = tokensOver(http, { login: 'https://localhost:1' });
    expect(await tokens.get()).toMatchObject({
      ok: false,
      failure: { message: expect.stringContaining('localhost:1') },
    });
  });
});

describe('the way out', () => {
  async function signIn(way: Http): Promise<object> {
    await using open = way;
    const outcome = await openGraph(
      { tenant: tenant.tenantId, graph: tenant.graph, retries: 0 },
      open,
      tokensOver(open),
    ).organization();
    return outcome.ok ? { domains: outcome.value.domains.length > 0 } : outcome.failure;
  }

  test('needs the CA', async () => {
    const failure = await signIn(openHttp({ caFile: null, proxy: null, timeout: 2000 }));
    expect(failure).toMatchObject({ kind: 'network', hint: expect.stringContaining('ca_file') });
  });

  test('says so when the CA file is missing, and works once it is there', async () => {
    const caFile = join(directory, 'later.pem');
    const way = openHttp({ caFile, proxy: null, timeout: 2000 });
    const request = () => way.request(`${tenant.login}/x`, { method: 'GET', headers: {} });
    expect(await request()).toMatchObject({ ok: false, failure: { code: 'outbound-settings' } });
    writeFileSync(caFile, 'not a certificate');
    expect(await request()).toMatchObject({ ok: false, failure: { code: 'outbound-settings' } });
    writeFileSync(caFile, tenant.caPem);
    expect(await request()).toMatchObject({ ok: true, value: { status: 404 } });
    await way[Symbol.asyncDispose]();
  });

  test.each(['configured', 'environment'])('through a proxy: %s', async (from) => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request, socket, head) => {
      asked.push(request.url ?? '');
      const [, port] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) end.on('error', () => {});
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    if (from === 'environment') process.env.HTTPS_PROXY = url;
    const caFile = join(directory, 'ca.pem');
    try {
      const way = openHttp({ caFile, proxy: from === 'configured' ? url : null, timeout: 2000 });
      expect(await signIn(way)).toEqual({ domains: true });
      expect(asked).toContain(new URL(tenant.graph).host);
    } finally {
      delete process.env.HTTPS_PROXY;
      proxy.close();
    }
  });
});
