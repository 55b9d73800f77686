/** The set-up guide: every value that is copied, the manifest and the script, compared with the permissions reference. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliScript, shellQuoted } from '../../src/console/guide/cli-script.ts';
import { applicationLink, registerLink } from '../../src/console/guide/portal-links.ts';
import { APP_ROLES, isRegistrable, manifestOf, redirectUris } from '../../src/console/guide/registration.ts';
import { manifestChange } from '../../src/practice/manifest.ts';
import { permissionOf } from '../../src/practice/permission-ids.ts';
import { APPLICATION, proven, settings, TENANT, view } from './oauth-fixture.ts';
import { ADMIN, adminOf, READER, siteRig } from './site.ts';

const URL_OF = 'https://gate.contoso.example';
const ASKED = ['User.Read.All', 'Group.Read.All', 'OrgContact.Read.All', 'openid', 'profile'];

describe('the registration', () => {
  it('asks for exactly what is needed, by ids of the permissions reference, and for nothing of mailboxes', () => {
    const access = manifestOf(URL_OF).requiredResourceAccess.flatMap(({ resourceAccess }) => resourceAccess);
    const names = access.map(({ id, type }) => permissionOf({ id, type: type as 'Role' | 'Scope' })?.value);
    expect(names).toEqual(ASKED);
  });

  it('is a manifest as the portal takes it', () => {
    const manifest = manifestOf(URL_OF);
    const change = manifestChange(JSON.stringify(manifest));
    expect(change.redirectUris).toEqual([`${URL_OF}/oauth/callback`, `${URL_OF}/oauth/consent`]);
    expect(change.requestedPermissions?.map(({ value }) => value)).toEqual(ASKED);
    expect(change.appRoles?.map(({ value }) => value)).toEqual(['Gateway.Admin', 'Gateway.Reader']);
    expect(new Set(APP_ROLES.map(({ id }) => id)).size).toBe(2);
    expect(manifest.web.implicitGrantSettings).toEqual({
      enableAccessTokenIssuance: false,
      enableIdTokenIssuance: false,
    });
    expect(manifest.signInAudience).toBe('AzureADMyOrg');
  });

  it.each([
    ['https://gate.example', true],
    ['http://localhost:8025', true],
    ['http://127.0.0.1:8025', false],
    ['http://gate.example', false],
    [`https://${'a'.repeat(250)}.example`, false],
  ])('%s can be registered: %s', (url, expected) => {
    expect(isRegistrable(url)).toBe(expected);
  });

  it('links into the portal of the cloud, to the application once its id is known', () => {
    expect(registerLink('china')).toContain('https://entra.microsoftonline.cn/');
    expect(applicationLink('global', 'Credentials', APPLICATION)).toBe(
      `https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationMenuBlade/~/Credentials/appId/${APPLICATION}/isMSAApp~/false`,
    );
    expect(applicationLink('global', 'Credentials', null)).toContain('ApplicationsListBlade');
  });
});

describe('the script', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'rcptgate-az-'));
    // Stands for the Azure CLI: notes its arguments, one a line, and answers as it would.
    const az = `#!/bin/bash
[ -t 0 ] || cat >/dev/null
{ echo "--"; for each in "$@"; do printf '%s\\n' "$each"; done; } >>"$AZ_LOG"
case "$1 $2 $3" in
  'account show --query') echo "\${AZ_TENANT:-none}" ;;
  'ad app list') printf '%s' "\${AZ_EXISTING:-}" ;;
  'ad app create') echo ${APPLICATION} ;;
  'ad sp create') echo 99999999-0000-0000-0000-000000000001 ;;
  'ad signed-in-user show') echo 99999999-0000-0000-0000-000000000002 ;;
  'ad app credential') if [ "$4" = reset ]; then echo 'pass~word.of-az'; else echo 2028-11-22T00:00:00Z; fi ;;
esac
`;
    writeFileSync(path.join(folder, 'az'), az);
    chmodSync(path.join(folder, 'az'), 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const settingsOf = (over: object = {}) => ({
    tenant: TENANT,
    publicUrl: URL_OF,
    cloud: 'global' as const,
    graph: 'https://graph.microsoft.com',
    ...over,
  });
  const run = (script: string, env: Record<string, string> = {}) => {
    const log = path.join(folder, 'log');
    writeFileSync(log, '');
    const PATH = `${folder}:${process.env.PATH}`;
    const done = spawnSync('sh', ['-c', script], { env: { PATH, AZ_LOG: log, ...env }, encoding: 'utf8' });
    const calls = readFileSync(log, 'utf8').split('--\n').slice(1);
    return { ...done, calls: calls.map((call) => call.trimEnd().split('\n')) };
  };

  it('is valid bash, outside and inside', () => {
    const script = cliScript(settingsOf({ cloud: 'usgov', publicUrl: "https://it's.example/$(id)" }));
    const inner = script.split('\n').slice(1, -2).join('\n');
    for (const text of [script, inner]) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
      expect([status, stderr]).toEqual([0, '']);
    }
  });

  it('registers everything with the ids of the manifest, and prints what is to be entered', () => {
    const { status, stdout, calls } = run(cliScript(settingsOf()));
    expect(status).toBe(0);
    expect(stdout).toContain(APPLICATION);
    expect(stdout).toContain('pass~word.of-az');
    expect(stdout).toContain('2028-11-22');
    const verbs = calls.map(([a, b, c]) => `${a} ${b} ${c}`);
    expect(verbs).toEqual([
      'account show --query',
      `login --tenant ${TENANT}`,
      'ad app list',
      'ad app create',
      'ad sp create',
      'ad signed-in-user show',
      'rest --method POST',
      'ad app credential',
      'ad app credential',
    ]);
    const create = calls[3] ?? [];
    const optionOf = (name: string, at = 1) => create[create.indexOf(name) + at] ?? '';
    const manifest = JSON.parse(JSON.stringify(manifestOf(URL_OF)));
    expect(JSON.parse(optionOf('--required-resource-accesses'))).toEqual(manifest.requiredResourceAccess);
    expect(JSON.parse(optionOf('--app-roles'))).toEqual(manifest.appRoles);
    expect([optionOf('--web-redirect-uris'), optionOf('--web-redirect-uris', 2)]).toEqual([
      ...redirectUris(URL_OF),
    ]);
    expect([optionOf('--enable-access-token-issuance'), optionOf('--enable-id-token-issuance')]).toEqual([
      'false',
      'false',
    ]);
    const rest = calls[6] ?? [];
    expect(JSON.parse(rest[rest.indexOf('--body') + 1] ?? '')).toEqual({
      principalId: '99999999-0000-0000-0000-000000000002',
      resourceId: '99999999-0000-0000-0000-000000000001',
      appRoleId: APP_ROLES[0]?.id,
    });
  });

  it('does not sign in again, names the cloud, and leaves an application alone that is there', () => {
    const signedIn = run(cliScript(settingsOf({ cloud: 'china' })), { AZ_TENANT: TENANT });
    expect(signedIn.calls.map(([verb]) => verb)).not.toContain('login');
    expect(signedIn.calls[0]).toEqual(['cloud', 'set', '--name', 'AzureChinaCloud']);
    const there = run(cliScript(settingsOf()), { AZ_TENANT: TENANT, AZ_EXISTING: APPLICATION });
    expect([there.status, there.calls.length]).toEqual([1, 2]);
    expect(there.stderr).toContain('exists already');
  });

  it('runs nothing that is in a value', () => {
    const evil = 'https://x.example/\'; touch pwned; $(touch pwned) `touch pwned` "; echo';
    const { calls } = run(cliScript(settingsOf({ publicUrl: evil, tenant: '$(touch pwned)' })));
    const create = calls.find(([, , verb]) => verb === 'create') ?? [];
    expect(create).toContain(`${evil}/oauth/consent`);
    expect(spawnSync('ls', ['pwned']).status).not.toBe(0);
    for (const text of ["it's", '', '$x', 'a\nb', "''"]) {
      const { stdout } = spawnSync('sh', ['-c', `printf %s ${shellQuoted(text)}`], { encoding: 'utf8' });
      expect(stdout).toBe(text);
    }
  });
});

describe('the guide', () => {
  const answers = {
    'GET /v1/applications': () => [view({ pending: settings() })],
    'GET /v1/tenant-of': (_: unknown, asked: string) =>
      asked.includes('none') ? { ok: true, tenant: null } : { ok: true, tenant: TENANT },
  };

  it.each(['en', 'ja'] as const)('has every value to copy in %s', async (language) => {
    const rig = siteRig({ answers, publicUrl: URL_OF });
    const host = { host: 'gate.contoso.example' };
    const html = await (await rig.get(`/guide/${TENANT}`, { language, headers: host })).text();
    for (const value of [...redirectUris(URL_OF), ...ASKED, ...APP_ROLES.map(({ id }) => id)])
      expect(html).toContain(`>${value}<`);
    for (const name of ['Mail.Read', 'Mail.ReadBasic', 'Mail.ReadBasic.All']) expect(html).toContain(name);
    expect(html).toContain(`ApplicationMenuBlade/~/Credentials/appId/${APPLICATION}`);
    expect(html).toContain('az ad app create');
    expect(html).not.toMatch(/on(click|load)=|style=|<script>(?!<)/);
  });

  it('offers manifest and script as files, and finds the tenant of a domain', async () => {
    const rig = siteRig({ answers });
    const manifest = await rig.get(`/guide/${TENANT}/rcptgate-manifest.json`);
    expect(manifest.headers.get('content-disposition')).toContain('rcptgate-manifest.json');
    expect(await manifest.json()).toEqual(JSON.parse(JSON.stringify(manifestOf('http://localhost:8025'))));
    const script = await rig.get(`/guide/${TENANT}/rcptgate-setup.sh`);
    expect(await script.text()).toContain(TENANT);
    const found = await (await rig.get('/guide?domain=contoso.example')).text();
    expect(found).toContain(`contoso.example belongs to the tenant ${TENANT}`);
    expect(await (await rig.get('/guide?domain=none.example')).text()).toContain('No tenant of this cloud');
  });

  it('is for those who see the tenant', async () => {
    const rig = siteRig({ answers, visitor: adminOf('22222222-2222-3333-4444-555555555555') });
    for (const file of ['', '/rcptgate-manifest.json', '/rcptgate-setup.sh'])
      expect((await rig.get(`/guide/${TENANT}${file}`)).status).toBe(404);
    expect(await (await rig.get('/guide')).text()).not.toContain(TENANT);
  });

  const OTHER = '22222222-2222-3333-4444-555555555555';
  const two = {
    ...answers,
    'GET /v1/applications': () => [
      view({ used: proven() }),
      view({ tenant: OTHER, domains: ['fabrikam.example', 'b.example', 'c.example'] }),
    ],
  };

  it.each([
    ['the only tenant', answers, ADMIN],
    ['the only one that is seen', two, adminOf(TENANT)],
  ])('opens directly for %s, with the finder at its end', async (_name, given, visitor) => {
    const html = await (await siteRig({ answers: given, visitor }).get('/guide')).text();
    expect(html).toContain('az ad app create');
    expect(html).toContain(`contoso.example</bdi> <code class="id">${TENANT}</code>`);
    expect(html.indexOf('id="finder"')).toBeGreaterThan(html.indexOf('id="not-needed"'));
  });

  it('lets choose among several, by organisation and domains', async () => {
    const html = await (await siteRig({ answers: two }).get('/guide')).text();
    expect(html).toContain(`<bdi>Contoso – contoso.example</bdi> <code class="id">${TENANT}</code>`);
    expect(html).toContain(`<bdi>fabrikam.example, b.example, …</bdi> <code class="id">${OTHER}</code>`);
    expect(html).not.toContain('az ad app create');
  });

  it.each([
    ['nothing entered', two, ADMIN, `/guide/${OTHER}`],
    ['something saved', answers, ADMIN, `/oauth/${TENANT}`],
    ['the own tenant is set up', two, adminOf(TENANT), '/status'],
    ['a reader', answers, READER, '/status'],
    ['a daemon that is away', {}, ADMIN, '/status'],
  ])('is where a visit begins while something is to be set up: %s', async (_name, given, visitor, to) => {
    expect((await siteRig({ answers: given, visitor }).get('/')).headers.get('location')).toBe(to);
  });
});
