/** Every error that Entra ID's token endpoint is known to give, as a person then reads it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSecretFile } from '../../src/graph/credential-file.ts';
import { type Http, openHttp } from '../../src/graph/http.ts';
import { openTokens } from '../../src/graph/tokens.ts';
import { AADSTS_CODES } from '../../src/practice/aadsts.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';

let tenant: PracticeTenant;
let http: Http;
let directory: string;

beforeAll(async () => {
  tenant = await startPracticeTenant();
  directory = mkdtempSync(join(tmpdir(), 'rcptgate-faults-'));
  writeFileSync(join(directory, 'ca.pem'), tenant.caPem);
  writeFileSync(join(directory, 'secret'), tenant.secret);
  http = openHttp({ caFile: join(directory, 'ca.pem'), proxy: null, timeout: 5000 });
});
afterAll(async () => {
  await http[Symbol.asyncDispose]();
  await tenant[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

/** What each code says happened, and a word of what to do; transient ones only say that waiting is enough. */
const EXPECTED: Readonly<Record<number, readonly [kind: string, means: string, fix: string]>> = {
  7000215: ['credential', 'secret is wrong', 'its id'],
  7000222: ['credential', 'has expired', 'Create a new secret'],
  7000112: ['credential', 'is disabled', 'Enterprise applications'],
  7000218: ['credential', 'no client secret', 'not empty'],
  700027: ['credential', 'certificate is not registered', 'Upload'],
  700024: ['credential', 'outside its validity', 'NTP'],
  70021: ['credential', 'no federated credential', 'issuer, subject and audience'],
  700213: ['credential', 'no federated credential', 'issuer, subject and audience'],
  700016: ['credential', 'not known in this tenant', 'object id'],
  7000229: ['credential', 'no service principal', 'admin consent'],
  90002: ['credential', 'tenant was not found', 'tenant id'],
  90038: ['credential', 'another cloud', 'cloud'],
  900382: ['credential', 'another cloud', 'cloud'],
  70011: ['credential', 'scope', 'graph'],
  1002012: ['credential', 'scope', 'graph'],
  500011: ['credential', 'Graph is not known', 'graph'],
  65001: ['credential', 'consented', 'admin consent'],
  53003: ['credential', 'Conditional Access', 'Exempt'],
  530035: ['credential', 'security defaults', 'sign-in log'],
  65004: ['credential', 'declined', 'Connect'],
  90094: ['credential', 'administrator has to consent', 'Privileged Role Administrator'],
  90095: ['credential', 'administrator has to consent', 'Privileged Role Administrator'],
  50011: ['credential', 'redirect URI is not registered', 'public_url'],
  54005: ['credential', 'sign-in code', 'Begin again'],
  70008: ['credential', 'sign-in code', 'Begin again'],
  9002313: ['credential', 'sign-in code', 'Begin again'],
  501481: ['credential', 'sign-in code', 'Begin again'],
  501491: ['credential', 'sign-in code', 'Begin again'],
  500112: ['credential', 'redirect URI is not registered', 'public_url'],
  50105: ['credential', 'only for people assigned', 'Users and groups'],
  50020: ['credential', 'not belong to this tenant', 'account of this tenant'],
  50034: ['credential', 'not belong to this tenant', 'account of this tenant'],
  90055: ['throttled', 'fewer requests', ''],
  90024: ['server', 'passing fault', ''],
  90033: ['server', 'temporarily unavailable', ''],
  50000: ['server', 'internal fault', ''],
};

/** Codes of flows that this gateway does not use still name themselves and where to look. */
const GENERAL = ['credential', 'refused', 'login.microsoftonline.com/error'] as const;

const rows = AADSTS_CODES.map((code) => [code, ...(EXPECTED[code] ?? GENERAL)] as const);

test.each(rows)('AADSTS%i: %s, "%s", what to do: "%s"', async (code, kind, means, fix) => {
  const { tenantId, applicationId, login, graph } = tenant;
  const readCredential = () => readSecretFile(join(directory, 'secret'));
  const tokens = openTokens({ tenant: tenantId, applicationId, login, graph, readCredential }, http);
  tenant.switches.failToken({ kind: 'aadsts', code }, 1);
  const outcome = await tokens.get();
  expect(outcome).toMatchObject({
    ok: false,
    failure: {
      kind,
      code: `AADSTS${code}`,
      message: expect.stringContaining(means),
      hint: fix === '' ? '' : expect.stringContaining(fix),
    },
  });
  expect(JSON.stringify(outcome)).not.toContain(tenant.secret);
  // What is said to pass passes at once: MSAL alone would not ask again for a minute.
  expect(await tokens.get()).toMatchObject({ ok: true });
});

test('every code that has words of its own is in the table', () => {
  expect(
    Object.keys(EXPECTED)
      .map(Number)
      .filter((code) => !AADSTS_CODES.includes(code)),
  ).toEqual([]);
});
