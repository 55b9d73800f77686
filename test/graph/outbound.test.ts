/** Ways out to Microsoft: proxies with and without a password, private authorities, and what broke in words. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openGraph } from '../../src/graph/client.ts';
import { readSecretFile } from '../../src/graph/credential-file.ts';
import { openHttp } from '../../src/graph/http.ts';
import { openTokens } from '../../src/graph/tokens.ts';
import { outboundProxy, transportFailure } from '../../src/graph/transport.ts';
import {
  createAuthority,
  createClientCertificate,
  createServerIdentity,
} from '../../src/practice/certificate.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { freePort } from '../daemon.ts';
import { startConnectProxy } from './connect-proxy.ts';

const PASSWORD = 'p%40ss%3Aword';
const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'];
let tenant: PracticeTenant;
let directory: string;
let caFile: string;

beforeAll(async () => {
  tenant = await startPracticeTenant();
  directory = mkdtempSync(join(tmpdir(), 'rcptgate-outbound-'));
  caFile = written('ca.pem', tenant.caPem);
  written('secret', tenant.secret);
});
afterAll(async () => {
  await tenant[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});
afterEach(() => {
  for (const name of PROXY_VARIABLES) delete process.env[name];
});

function written(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** Signs in and asks Graph who the tenant is, by the given way; 'ok' or the failure. */
async function signIn(proxy: string | null, authorities: string | null = caFile) {
  await using http = openHttp({ caFile: authorities, proxy, timeout: 10_000 });
  const { tenantId, applicationId, login, graph: base } = tenant;
  const readCredential = () => readSecretFile(join(directory, 'secret'));
  const tokens = openTokens({ tenant: tenantId, applicationId, login, graph: base, readCredential }, http);
  const graph = openGraph({ tenant: tenantId, graph: base, retries: 0 }, http, tokens);
  const outcome = await graph.organization();
  return outcome.ok ? 'ok' : outcome.failure;
}

describe('a proxy', () => {
  test('that wants a password gets it, from the configuration or the environment', async () => {
    await using proxy = await startConnectProxy('gate:p@ss:word');
    const url = `http://gate:${PASSWORD}@${proxy.host}`;
    expect(await signIn(url)).toBe('ok');
    expect(proxy.passed).toEqual(expect.arrayContaining([new URL(tenant.graph).host]));
    const before = proxy.passed.length;
    process.env.HTTPS_PROXY = url;
    expect(await signIn(null)).toBe('ok');
    expect(proxy.passed.length).toBeGreaterThan(before);
  });

  test.each([
    ['none', (host: string) => `http://${host}`],
    ['a wrong one', (host: string) => `http://gate:wrong-one@${host}`],
  ])('that wants a password and gets %s is told, without the password', async (_name, url) => {
    await using proxy = await startConnectProxy('gate:p@ss:word');
    const failure = await signIn(url(proxy.host));
    expect(failure).toMatchObject({
      kind: 'network',
      code: 'proxy-407',
      message: expect.stringContaining(`the proxy ${proxy.host} answered 407`),
      hint: expect.stringContaining('user name and password'),
    });
    expect(JSON.stringify(failure)).not.toContain('wrong-one');
  });

  test('that forbids the way is told', async () => {
    await using proxy = await startConnectProxy();
    proxy.status = 403;
    expect(await signIn(`http://${proxy.host}`)).toMatchObject({
      code: 'proxy-403',
      hint: expect.stringContaining('Allow CONNECT to localhost'),
    });
    proxy.status = 200;
    expect(await signIn(`http://${proxy.host}`)).toBe('ok');
  });

  test('that is not there is named', async () => {
    const host = `127.0.0.1:${await freePort()}`;
    expect(await signIn(`http://${host}`)).toMatchObject({
      code: 'ECONNREFUSED',
      hint: expect.stringContaining(`the proxy ${host}`),
    });
  });

  test('is passed by for names in NO_PROXY', async () => {
    await using proxy = await startConnectProxy();
    process.env.HTTPS_PROXY = `http://${proxy.host}`;
    process.env.NO_PROXY = 'other.example,localhost';
    expect(await signIn(null)).toBe('ok');
    expect(proxy.passed).toEqual([]);
    process.env.NO_PROXY = 'other.example';
    expect(await signIn(null)).toBe('ok');
    expect(proxy.passed.length).toBeGreaterThan(0);
  });

  test.each(['not a url', 'proxy.example:3128', 'http://%zz:pass~word@127.0.0.1:1'])(
    'written as %j in the environment is told, without its password',
    async (value) => {
      process.env.HTTPS_PROXY = value;
      const failure = await signIn(null);
      expect(failure).toMatchObject({ kind: 'network', hint: expect.stringMatching(/proxy/i) });
      expect(JSON.stringify(failure)).not.toContain('pass~word');
    },
  );

  test.each([
    ['http://gate:secret@proxy.example:3128', {}, 'proxy.example:3128'],
    [null, { HTTPS_PROXY: 'http://gate:secret@env.example:8080' }, 'env.example:8080'],
    [null, { https_proxy: 'nonsense' }, 'in HTTPS_PROXY'],
    [null, { HTTPS_PROXY: '' }, null],
  ])('%j in %j is named %j', (configured, env, name) => {
    expect(outboundProxy(configured, env)).toBe(name);
  });
});

describe('ca_file', () => {
  test('may hold several certificates, in any order', async () => {
    const other = createClientCertificate('another authority').certPem;
    expect(await signIn(null, written('first.pem', `${tenant.caPem}${other}`))).toBe('ok');
    expect(await signIn(null, written('last.pem', `# ours\r\n${other}\r\n${tenant.caPem}`))).toBe('ok');
  });

  test.each([
    ['of another authority', () => written('other.pem', createAuthority().certPem), 'not trusted'],
    ['that is missing', () => join(directory, 'missing.pem'), 'Check ca_file'],
    ['that is a directory', () => directory, 'Check ca_file'],
    ['that is garbage', () => written('garbage.pem', 'garbage'), 'Check ca_file'],
    ['that is cut off', () => written('cut.pem', tenant.caPem.slice(0, 200)), 'Check ca_file'],
  ])('%s is told', async (_name, file, words) => {
    expect(await signIn(null, file())).toMatchObject({
      kind: 'network',
      hint: expect.stringContaining(words),
    });
  });
});

describe('TLS that fails is named with its cause', () => {
  async function asked(server: Server, authorities: string): Promise<object> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using http = openHttp({ caFile: written('tls.pem', authorities), proxy: null, timeout: 10_000 });
    try {
      const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
      const outcome = await http.request(url, { method: 'GET', headers: {} });
      return outcome.ok ? {} : outcome.failure;
    } finally {
      server.close();
    }
  }

  test('a certificate for another name', async () => {
    const authority = createAuthority();
    const { certPem: cert, keyPem: key } = createServerIdentity(authority, {
      dns: ['other.example'],
      ipv4: [],
    });
    expect(await asked(createHttpsServer({ cert, key }), authority.certPem)).toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      message: expect.stringContaining('other.example'),
      hint: expect.stringContaining('another name'),
    });
  });

  test('no TLS at all', async () => {
    expect(await asked(createHttpServer(), tenant.caPem)).toMatchObject({
      message: expect.stringMatching(/wrong version|packet length|disconnected/i),
      hint: expect.stringMatching(/./),
    });
  });

  test.each([
    ['CERT_HAS_EXPIRED', 'clock'],
    ['CERT_NOT_YET_VALID', 'clock'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'ca_file'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'ca_file'],
    ['ENOTFOUND', 'DNS'],
    ['ECONNREFUSED', 'port 443'],
  ])('%s says %s', (code, words) => {
    const cause = Object.assign(new Error('why'), { code });
    const error = new TypeError('fetch failed', { cause });
    const { failure } = transportFailure('graph.example', error, null);
    expect(failure).toMatchObject({ code, message: expect.stringContaining('why') });
    expect(failure.hint).toContain(words);
  });
});
