/** A tenant set up and renewed over the control socket of the real daemon; what is in use is only replaced by what works. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { controlClient } from '../../src/console/control-client.ts';
import { newSecret } from '../../src/practice/application.ts';
import { createClientCertificate } from '../../src/practice/certificate.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function stateFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rcptgate-'));
  folders.push(folder);
  return folder;
}

async function answer(daemon: Daemon, address: string): Promise<string> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  return (await client.ask(`RCPT TO:<${address}>`)).slice(0, 9);
}

/** The control socket's routes for the practice tenant's application. */
function applicationOf(daemon: Daemon, tenant: PracticeTenant) {
  const client = controlClient(path.join(daemon.stateDir, 'control.sock'));
  const post = (action: string, body: object = {}) =>
    client.post(`/v1/applications/${tenant.tenantId}/${action}`, body) as Promise<Answer>;
  const view = async () => ((await client.get('/v1/applications')) as View[])[0] as View;
  const seen = new Set<object>();
  const connected = async (): Promise<View> => {
    for (;;) {
      const state = await view();
      if (state.connection?.phase !== 'proving' && state.connection?.phase !== 'importing') return state;
      seen.add(await daemon.logged((line) => line.event === 'application.connect' && !seen.has(line)));
    }
  };
  return { post, view, connected, get: client.get };
}

interface Settings {
  readonly applicationId: string;
  readonly kind: string;
  readonly hint: string | null;
  readonly expires: number | null;
  readonly expiresFrom: string | null;
  readonly certificate: string | null;
  readonly provenAt: number | null;
  readonly trial: object | null;
}
interface View {
  readonly pending: Settings | null;
  readonly used: Settings | null;
  readonly file: object | null;
  readonly connection: {
    readonly phase: string;
    readonly result: object | null;
    readonly problem: object | null;
  } | null;
}
interface Answer {
  readonly ok?: boolean;
  readonly problem?: { readonly code: string };
  readonly phase?: string;
  readonly state: View;
}

const SECRET = 'n3w~secret-for-grep-0123456789';

function wroteInState(stateDir: string, text: string): string[] {
  return readdirSync(stateDir).filter((name) => {
    const file = path.join(stateDir, name);
    return name !== 'secret' && statSync(file).isFile() && readFileSync(file).includes(text);
  });
}

describe('a tenant that is not in the file', () => {
  it('answers 451 and says what to do, until it is saved, authenticated and connected', async () => {
    await using tenant = await startPracticeTenant();
    tenant.switches.rolesGranted = new Set();
    await using daemon = await startDaemon({ tenant, mode: 'verify', setUpInConsole: true });
    expect(await answer(daemon, 'alice@contoso.example')).toBe('451 4.4.3');
    expect((await daemon.run('status')).out).toContain('not set up: run rcptgate console-link');
    const { post, view, connected } = applicationOf(daemon, tenant);
    expect(await view()).toMatchObject({ file: null, pending: null, used: null, connection: null });
    expect(await post('authenticate')).toMatchObject({ ok: false, problem: { code: 'not-set-up' } });

    const saved = await post('save', { application_id: tenant.applicationId, secret: tenant.secret });
    expect(saved).toMatchObject({ ok: true, state: { pending: { hint: tenant.secret.slice(0, 3) } } });
    expect(await post('authenticate')).toMatchObject({
      ok: true,
      state: { pending: { trial: { roles: [] } } },
    });
    expect(await post('connect')).toMatchObject({ phase: 'consent', problem: { code: 'roles-missing' } });
    expect(await answer(daemon, 'alice@contoso.example')).toBe('451 4.4.3');

    tenant.switches.rolesGranted = new Set(['User.Read.All', 'Group.Read.All']);
    expect(await post('connect', { patient: true })).toMatchObject({ phase: 'proving' });
    const { used, pending, connection } = await connected();
    expect(pending).toBeNull();
    expect(used).toMatchObject({ applicationId: tenant.applicationId, kind: 'secret' });
    expect(connection).toMatchObject({ phase: 'done', problem: null });
    expect(connection?.result).toMatchObject({
      domains: tenant.directory.domains.filter(({ isVerified }) => isVerified).length,
    });
    expect(await answer(daemon, 'alice@contoso.example')).toBe('250 2.1.5');
    expect((await daemon.run('status')).out).toContain('secret entered in the console works');
    expect(await daemon.logged(({ event }) => event === 'application.adopt')).toMatchObject({
      who: 'control socket',
      tenant: tenant.tenantId,
      application: tenant.applicationId,
      organization: expect.any(String),
    });
    expect(wroteInState(daemon.stateDir, tenant.secret)).toEqual([]);
    await daemon.end('SIGTERM');
    expect(JSON.stringify(daemon.log)).not.toContain(tenant.secret);
  });

  it('keeps what was saved, and what is in use, across a restart', async () => {
    await using tenant = await startPracticeTenant();
    const stateDir = stateFolder();
    const options = { tenant, mode: 'verify', setUpInConsole: true, stateDir } as const;
    const first = await startDaemon(options);
    const before = applicationOf(first, tenant);
    await before.post('save', { application_id: tenant.applicationId, secret: tenant.secret });
    await first.end('SIGKILL');
    await using second = await startDaemon(options);
    const after = applicationOf(second, tenant);
    expect((await after.view()).pending).toMatchObject({ applicationId: tenant.applicationId });
    await after.post('connect');
    expect((await after.connected()).connection).toMatchObject({ phase: 'done' });
    await second.end('SIGTERM');
    await using third = await startDaemon(options);
    expect(await answer(third, 'alice@contoso.example')).toBe('250 2.1.5');
    expect((await third.run('sync')).code).toBe(0);
  }, 60_000);

  it('counts the end of what was typed down, and takes another day for it', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify', setUpInConsole: true });
    const { post, connected } = applicationOf(daemon, tenant);
    const expires = Date.now() + 20 * 86_400_000;
    const application = { application_id: tenant.applicationId };
    await post('save', { ...application, secret: tenant.secret, expires });
    await post('connect');
    await connected();
    const warned = (days: number) =>
      daemon.logged((line) => line.event === 'credential.expiry' && line.days === days);
    expect(await warned(30)).toMatchObject({ source: 'console', expires: new Date(expires).toISOString() });
    expect((await daemon.run('status')).out).toContain('it ends in');
    const later = expires - 15 * 86_400_000;
    expect(await post('save', { ...application, expires: later })).toMatchObject({
      state: { pending: null, used: { expires: later, expiresFrom: 'typed' } },
    });
    await daemon.run('sync');
    await warned(7);
  });

  it('whose master key is lost says to enter the credential again, while known recipients stay known', async () => {
    await using tenant = await startPracticeTenant();
    const stateDir = stateFolder();
    const options = { tenant, mode: 'verify', setUpInConsole: true, stateDir } as const;
    const first = await startDaemon(options);
    const before = applicationOf(first, tenant);
    const application = { application_id: tenant.applicationId, secret: tenant.secret };
    await before.post('save', application);
    await before.post('connect');
    await before.connected();
    await first.end('SIGTERM');
    rmSync(path.join(stateDir, 'master.key'));
    await using second = await startDaemon(options);
    expect((await second.run('sync')).code).toBe(1);
    expect(await answer(second, 'alice@contoso.example')).toBe('250 2.1.5');
    const after = applicationOf(second, tenant);
    expect(await after.post('authenticate')).toMatchObject({ ok: false, problem: { code: 'master-key' } });
    expect((await second.run('status')).out).toContain('Enter the credential again in the console');
    await after.post('save', application);
    await after.post('connect');
    expect((await after.connected()).connection).toMatchObject({ phase: 'done' });
  }, 60_000);

  it('is forgotten once a credential in the file has worked, and not before', async () => {
    await using tenant = await startPracticeTenant();
    const stateDir = stateFolder();
    const options = { tenant, mode: 'verify', stateDir } as const;
    const restarted = async (over: object): Promise<Daemon> => {
      const daemon = await startDaemon({ ...options, ...over });
      await daemon.run('sync');
      return daemon;
    };
    const first = await restarted({ setUpInConsole: true });
    const { post, connected } = applicationOf(first, tenant);
    await post('save', { application_id: tenant.applicationId, secret: tenant.secret });
    await post('connect');
    await connected();
    await first.end('SIGTERM');
    const wrong = await restarted({ files: { secret: 'wr0ng' } });
    await wrong.end('SIGTERM');
    const again = await restarted({ setUpInConsole: true });
    expect((await applicationOf(again, tenant).view()).used).not.toBeNull();
    await again.end('SIGTERM');
    const right = await restarted({});
    expect((await right.run('status')).out).toContain('secret from its file works');
    await right.end('SIGTERM');
    await using last = await restarted({ setUpInConsole: true });
    expect((await applicationOf(last, tenant).view()).used).toBeNull();
  }, 120_000);
});

describe('renewal', () => {
  it('proves the new secret first; a wrong one changes nothing', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify', setUpInConsole: true });
    const { post, view, connected } = applicationOf(daemon, tenant);
    await post('save', { application_id: tenant.applicationId, secret: tenant.secret });
    await post('connect');
    await connected();
    const known = (): Promise<string> => answer(daemon, 'alice@contoso.example');

    await post('save', { application_id: tenant.applicationId, secret: SECRET });
    expect(await post('connect')).toMatchObject({ phase: 'failed', problem: { code: 'AADSTS7000215' } });
    expect(await known()).toBe('250 2.1.5');
    expect(await view()).toMatchObject({
      used: { hint: tenant.secret.slice(0, 3) },
      pending: { trial: { ok: false, problem: { code: 'AADSTS7000215' } } },
    });
    expect((await daemon.run('sync')).code).toBe(0);

    await post('save', { application_id: tenant.applicationId, secret: crypto.randomUUID() });
    expect(await post('authenticate')).toMatchObject({ ok: false, problem: { code: 'secret-id' } });
    expect(await post('discard')).toMatchObject({ discarded: true, state: { pending: null } });

    const end = Date.now() + 700 * 86_400_000;
    tenant.application.secrets = [newSecret('new', SECRET, Date.now(), end)];
    tenant.switches.rolesGranted = new Set(['User.Read.All', 'Group.Read.All', 'Application.Read.All']);
    await post('save', {
      application_id: tenant.applicationId,
      secret: SECRET,
      expires: Date.now() + 86_400_000,
    });
    expect(await post('authenticate')).toMatchObject({ ok: true });
    await post('connect');
    expect(await connected()).toMatchObject({
      pending: null,
      used: { hint: SECRET.slice(0, 3), expires: end, expiresFrom: 'registration' },
    });
    expect(await known()).toBe('250 2.1.5');
    expect((await daemon.run('sync')).code).toBe(0);
    expect(wroteInState(daemon.stateDir, SECRET)).toEqual([]);
    await daemon.end('SIGTERM');
    expect(JSON.stringify(daemon.log)).not.toContain(SECRET);
  });

  it('takes a certificate: generated, whose key stays here, or uploaded', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify', setUpInConsole: true });
    const { post, connected } = applicationOf(daemon, tenant);
    const made = await post('save', { application_id: tenant.applicationId, generate: true });
    const pem = made.state.pending?.certificate ?? '';
    const certificate = new X509Certificate(pem);
    expect(certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(2048);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(made.state.pending?.expires).toBe(Date.parse(certificate.validTo));
    expect(await post('authenticate')).toMatchObject({ ok: false, problem: { code: 'AADSTS700027' } });
    tenant.application.certificates = [pem];
    await post('connect');
    expect(await connected()).toMatchObject({ used: { kind: 'certificate' }, connection: { phase: 'done' } });

    const { certPem, keyPem } = createClientCertificate('mine');
    expect(
      await post('save', { application_id: tenant.applicationId, certificate: certPem, key: 'x' }),
    ).toMatchObject({
      problem: { code: 'key' },
    });
    tenant.application.certificates = [certPem];
    await post('save', { application_id: tenant.applicationId, certificate: certPem, key: keyPem });
    await post('connect');
    expect(await connected()).toMatchObject({ used: { kind: 'certificate' }, pending: null });
    expect((await daemon.run('sync')).code).toBe(0);
  });
});

describe('what cannot be saved', () => {
  it('is refused by its code, and changes nothing', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify', setUpInConsole: true });
    const { post, view, get } = applicationOf(daemon, tenant);
    const application_id = tenant.applicationId;
    const rows: Array<[object, string]> = [
      [{ application_id: 'rcptgate', secret: SECRET }, 'application-id'],
      [{ application_id: tenant.tenantId, secret: SECRET }, 'application-is-tenant'],
      [{ application_id }, 'secret-empty'],
      [{ application_id, secret: ' ' }, 'secret-empty'],
      [{ application_id, secret: 'one\ntwo' }, 'secret-lines'],
      [{ application_id, secret: SECRET, expires: 1 }, 'expires-past'],
      [{ application_id, certificate: 'x', key: 'y' }, 'certificate'],
    ];
    for (const [body, code] of rows)
      expect(await post('save', body)).toMatchObject({ ok: false, problem: { code } });
    expect(await view()).toMatchObject({ pending: null, used: null });
    const of = (domain: string) => get(`/v1/tenant-of?domain=${domain}`);
    expect(await of('contoso.example')).toEqual({ ok: true, tenant: tenant.tenantId.toLowerCase() });
    expect(await of('elsewhere.example')).toEqual({ ok: true, tenant: null });
  });

  it('includes everything of a tenant whose credential is in the file, which can be tried all the same', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await startDaemon({ tenant, mode: 'verify' });
    const { post, view } = applicationOf(daemon, tenant);
    expect(await view()).toMatchObject({
      file: {
        applicationId: tenant.applicationId,
        kind: 'secret',
        files: [path.join(daemon.stateDir, 'secret')],
      },
    });
    expect(await post('save', { application_id: tenant.applicationId, secret: SECRET })).toMatchObject({
      problem: { code: 'in-file' },
    });
    expect(await post('authenticate')).toMatchObject({ ok: true });
  });
});
