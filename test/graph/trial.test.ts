/** Trying a credential beside the one in use: what it needs, what is waited for, and what is not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { SecretCredential } from '../../src/graph/credential.ts';
import { tenantOfDomain } from '../../src/graph/domain-tenant.ts';
import { type Http, openHttp } from '../../src/graph/http.ts';
import { authenticate, type Candidate, prove } from '../../src/graph/trial.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';

let tenant: PracticeTenant;
let http: Http;
let folder: string;
const signal = new AbortController().signal;

beforeAll(async () => {
  tenant = await startPracticeTenant();
  folder = mkdtempSync(path.join(tmpdir(), 'rcptgate-trial-'));
  writeFileSync(path.join(folder, 'ca.pem'), tenant.caPem);
  http = openHttp({ caFile: path.join(folder, 'ca.pem'), proxy: null, timeout: 5000 });
});
afterAll(async () => {
  await http[Symbol.asyncDispose]();
  await tenant[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});
afterEach(() => tenant.switches.reset());

function candidate(over: Partial<Candidate> = {}, secret = tenant.secret): Candidate {
  const { tenantId, applicationId, login, graph } = tenant;
  const credential: SecretCredential = { kind: 'secret', secret, expires: null };
  return { tenant: tenantId, applicationId, login, graph, credential, ...over };
}

const posts = (): number => tenant.counts.get('token') ?? 0;

test('authenticating gets a token of its own every time', async () => {
  const before = posts();
  expect(await authenticate(candidate(), http)).toMatchObject({ ok: true });
  expect(await authenticate(candidate(), http)).toMatchObject({ ok: true });
  expect(posts() - before).toBe(2);
  const wrong = await authenticate(candidate({}, crypto.randomUUID()), http);
  expect(wrong).toMatchObject({ ok: false, failure: { code: 'secret-id' } });
});

test('a consent that arrives late is waited for', async () => {
  tenant.switches.rolesGranted = new Set();
  const before = posts();
  const proving = prove(candidate(), http, [1, 1, 1, 1, 1, 1], signal);
  tenant.switches.rolesGranted = new Set(['User.Read.All', 'Group.Read.All']);
  expect(await proving).toMatchObject({
    ok: true,
    value: { domains: expect.arrayContaining(['contoso.example']) },
  });
  expect(posts() - before).toBeGreaterThan(0);
});

test('and one that never does is told by the names of what is missing', async () => {
  tenant.switches.rolesGranted = new Set(['User.Read.All']);
  const before = posts();
  expect(await prove(candidate(), http, [1, 1], signal)).toMatchObject({
    ok: false,
    failure: { code: 'roles-missing', message: 'missing: Group.Read.All' },
  });
  expect(posts() - before).toBe(3);
});

test('what waiting does not cure is told at once', async () => {
  tenant.switches.applicationDisabled = true;
  const before = posts();
  expect(await prove(candidate(), http, [60_000], signal)).toMatchObject({
    failure: { code: 'AADSTS7000112' },
  });
  expect(posts() - before).toBe(1);
});

test('a tenant that is another one than Graph names is refused', async () => {
  // Entra ID knows a tenant by its domain as well, so the token is good; Graph says whose it is.
  const outcome = await prove(candidate({ tenant: 'contoso.example' }), http, [], signal);
  expect(outcome).toMatchObject({ ok: false, failure: { code: 'other-tenant' } });
});

test('the end of the secret is read where that is allowed', async () => {
  tenant.switches.rolesGranted = new Set(['User.Read.All', 'Group.Read.All', 'Application.Read.All']);
  const end = tenant.application.secrets[0]?.end;
  expect(await prove(candidate(), http, [], signal)).toMatchObject({ ok: true, value: { expires: end } });
  tenant.switches.rolesGranted = new Set(['User.Read.All', 'Group.Read.All']);
  expect(await prove(candidate(), http, [], signal)).toMatchObject({ ok: true, value: { expires: null } });
});

test('the tenant of a domain is found, or not, or the trouble is told', async () => {
  expect(await tenantOfDomain('contoso.example', tenant.login, http)).toEqual({
    ok: true,
    value: tenant.tenantId,
  });
  expect(await tenantOfDomain('elsewhere.example', tenant.login, http)).toEqual({ ok: true, value: null });
  expect(await tenantOfDomain('../x', `${tenant.login}`, http)).toMatchObject({ ok: true, value: null });
  expect(await tenantOfDomain('x.example', 'https://localhost:1', http)).toMatchObject({ ok: false });
});
