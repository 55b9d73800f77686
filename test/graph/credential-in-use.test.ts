/** Which credential is in use while files change: against the practice tenant, a round being one organization(). */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CredentialFiles } from '../../src/core/credential-files.ts';
import { type Graph, openGraph } from '../../src/graph/client.ts';
import type { Credential } from '../../src/graph/credential.ts';
import { readCredential } from '../../src/graph/credential-file.ts';
import type { CredentialNews, KeptCredential } from '../../src/graph/credential-in-use.ts';
import { done, failed } from '../../src/graph/failure.ts';
import { openHttp } from '../../src/graph/http.ts';
import { openTokens, type Tokens } from '../../src/graph/tokens.ts';
import { newSecret } from '../../src/practice/application.ts';
import { createClientCertificate } from '../../src/practice/certificate.ts';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';

const NEW = 'new~secret';
let tenant: PracticeTenant;
let directory: string;
let news: CredentialNews[];
let kept: Credential | null;
const closers: Array<() => PromiseLike<unknown>> = [];

beforeEach(async () => {
  tenant = await startPracticeTenant();
  directory = mkdtempSync(join(tmpdir(), 'rcptgate-use-'));
  writeFileSync(join(directory, 'ca.pem'), tenant.caPem);
  put('secret', tenant.secret);
  news = [];
  kept = null;
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await tenant[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

function put(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const memory: KeptCredential = {
  load: () => done(kept),
  save(credential) {
    kept = credential;
    return done(null);
  },
};

/** A gateway's sign-in as after a start. */
function start(
  files: CredentialFiles = { kind: 'secret', secretFile: join(directory, 'secret'), expires: null },
  now: () => number = Date.now,
): { graph: Graph; tokens: Tokens; round(): Promise<string> } {
  const { tenantId, applicationId, login, graph: base } = tenant;
  const http = openHttp({ caFile: join(directory, 'ca.pem'), proxy: null, timeout: 10_000 });
  closers.push(() => http[Symbol.asyncDispose]());
  const tokens = openTokens(
    {
      tenant: tenantId,
      applicationId,
      login,
      graph: base,
      readCredential: () => readCredential(files, now()),
      kept: memory,
      tell: (each) => news.push(each),
    },
    http,
    now,
  );
  const graph = openGraph({ tenant: tenantId, graph: base, retries: 0 }, http, tokens);
  const round = async (): Promise<string> => {
    const outcome = await graph.organization();
    return outcome.ok ? 'ok' : outcome.failure.code;
  };
  return { graph, tokens, round };
}

const told = (): string[] =>
  news.map((each) => (each.event === 'use' ? `use ${each.kind} ${each.source}` : each.code));

describe('a changed secret', () => {
  test.each<[string, () => void, string, string]>([
    ['a wrong one', () => put('secret', 'wrong'), 'AADSTS7000215', "secret's value"],
    ['an id', () => put('secret', tenant.application.objectId), 'AADSTS7000215', 'form of an id'],
    ['nothing', () => put('secret', ''), 'secret-empty', 'Write'],
    ['two lines', () => put('secret', 'a\nb'), 'secret-lines', 'nothing else'],
    ['no file', () => rmSync(join(directory, 'secret')), 'secret-file', 'secret_file'],
  ])(
    '%s leaves the old one in use, is told once, and the right one mends it',
    async (_n, spoil, code, fix) => {
      const { round, tokens } = start();
      expect(await round()).toBe('ok');
      spoil();
      expect([await round(), await round(), await round()]).toEqual(['ok', 'ok', 'ok']);
      expect(told()).toEqual(['use secret file', code]);
      expect(tokens.credential()).toMatchObject({
        use: { kind: 'secret', source: 'file' },
        proven: true,
        trouble: {
          code,
          message: expect.stringContaining('the last one that worked stays in use'),
          hint: expect.stringContaining(fix),
        },
      });
      // The old one still makes new tokens, not only the cached one.
      tokens.forget();
      expect((await tokens.get()).ok).toBe(true);
      tenant.application.secrets.push(newSecret('new', NEW, Date.now()));
      put('secret', `${NEW}\r\n`);
      expect(await round()).toBe('ok');
      expect(tokens.credential().trouble).toBeNull();
      expect(told()).toEqual(['use secret file', code, 'use secret file']);
      expect(kept).toMatchObject({ secret: NEW });
    },
  );

  test('replaces one that has ended meanwhile, without a failed round', async () => {
    const { round, tokens } = start();
    await round();
    tenant.application.secrets = [
      newSecret('old', tenant.secret, 0, Date.now() - 1),
      newSecret('new', NEW, Date.now()),
    ];
    tokens.forget();
    expect(await round()).toBe('AADSTS7000222');
    put('secret', NEW);
    expect(await round()).toBe('ok');
    expect(kept).toMatchObject({ secret: NEW });
  });

  test('that cannot be tried stays untried, and is tried again', async () => {
    const { round, tokens } = start();
    await round();
    tenant.application.secrets.push(newSecret('new', NEW, Date.now()));
    put('secret', NEW);
    tenant.switches.failToken({ kind: 'error', status: 503 }, 1);
    expect(await round()).toBe('ok');
    expect(tokens.credential().trouble?.message).toContain('did not work');
    expect(kept).toMatchObject({ secret: tenant.secret });
    expect(await round()).toBe('ok');
    expect(kept).toMatchObject({ secret: NEW });
  });

  test('has not worked before Graph has named the tenant', async () => {
    const { round } = start();
    await round();
    tenant.application.secrets.push(newSecret('new', NEW, Date.now()));
    put('secret', NEW);
    tenant.switches.fail({
      match: /^organization/,
      fault: { kind: 'error', status: 503 },
      times: 1,
    });
    expect(await round()).toBe('ok');
    expect(kept).toMatchObject({ secret: tenant.secret });
  });

  test('is taken at once while nothing has worked yet', async () => {
    put('secret', 'wrong');
    const { round, tokens } = start();
    expect(await round()).toBe('AADSTS7000215');
    expect(kept).toBeNull();
    expect(tokens.credential()).toMatchObject({ proven: false, trouble: null });
    put('secret', tenant.secret);
    expect(await round()).toBe('ok');
    expect(kept).toMatchObject({ secret: tenant.secret });
  });

  test('that never worked does not stay when its file goes', async () => {
    put('secret', 'wrong');
    const { round, tokens } = start();
    await round();
    rmSync(join(directory, 'secret'));
    expect(await round()).toBe('secret-file');
    expect(tokens.credential()).toMatchObject({ use: null, proven: false });
  });

  test('the same one with another end is no change', async () => {
    const secretFile = join(directory, 'secret');
    const files = { kind: 'secret' as const, secretFile, expires: 1 as number };
    const { round, tokens } = start(files);
    await round();
    files.expires = 2;
    await round();
    expect(tokens.credential().use?.expires).toBe(2);
    expect(told()).toEqual(['use secret file']);
  });
});

describe('after a restart', () => {
  test.each<[string, () => void]>([
    ['without its file', () => rmSync(join(directory, 'secret'))],
    ['with a wrong secret', () => put('secret', 'wrong')],
  ])('%s the kept one is used, and said so', async (_name, spoil) => {
    await start().round();
    news = [];
    spoil();
    const { round, tokens } = start();
    expect([await round(), await round()]).toEqual(['ok', 'ok']);
    expect(told().toSorted()).toEqual([
      expect.stringMatching(/^(AADSTS7000215|secret-file)$/),
      'use secret kept',
    ]);
    expect(tokens.credential()).toMatchObject({ use: { source: 'kept' }, proven: true });
    put('secret', tenant.secret);
    expect(await round()).toBe('ok');
    expect(tokens.credential()).toMatchObject({ use: { source: 'file' }, trouble: null });
  });

  test('a new secret in the file is proven against the kept one', async () => {
    await start().round();
    tenant.application.secrets.push(newSecret('new', NEW, Date.now()));
    put('secret', NEW);
    expect(await start().round()).toBe('ok');
    expect(kept).toMatchObject({ secret: NEW });
  });

  test('what cannot be opened is told, and the file is used and kept anew', async () => {
    await start().round();
    kept = null;
    const load = memory.load;
    memory.load = () => failed('credential', 'sealed-damaged', 'damaged', 'sealed anew');
    try {
      const { round, tokens } = start();
      expect(await round()).toBe('ok');
      expect(told()).toContain('sealed-damaged');
      expect(tokens.credential().trouble).toBeNull();
      expect(kept).toMatchObject({ secret: tenant.secret });
    } finally {
      memory.load = load;
    }
  });
});

describe('a certificate', () => {
  const identity = createClientCertificate('rcptgate');
  const files = (): CredentialFiles => ({
    kind: 'certificate',
    certificateFile: put('cert.pem', identity.certPem),
    keyFile: put('key.pem', identity.keyPem),
    keyPassphraseFile: null,
  });

  test('signs in, and its end is known', async () => {
    tenant.application.certificates.push(identity.certPem);
    tenant.application.secrets = [];
    const { round, tokens } = start(files());
    expect(await round()).toBe('ok');
    expect(tokens.credential().use?.expires).toBeGreaterThan(Date.now());
  });

  test('that is not registered is told with what to do', async () => {
    const { graph } = start(files());
    expect(await graph.organization()).toMatchObject({
      ok: false,
      failure: { code: 'AADSTS700027', hint: expect.stringContaining('Upload the certificate') },
    });
  });

  test('replaces a secret once it has worked', async () => {
    await start().round();
    const { round } = start(files());
    expect(await round()).toBe('ok');
    expect(kept?.kind).toBe('secret');
    tenant.application.certificates.push(identity.certPem);
    expect(await round()).toBe('ok');
    expect(kept?.kind).toBe('certificate');
  });
});

describe('a federated assertion', () => {
  let issuer: KeyObject;
  const claims = {
    issuer: 'https://issuer.example',
    subject: 'gateway',
    audience: 'api://AzureADTokenExchange',
  };
  let files: CredentialFiles;

  beforeEach(() => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    issuer = pair.privateKey;
    const publicKeyPem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    tenant.application.federated.push({ ...claims, publicKeyPem });
    tenant.application.secrets = [];
    files = { kind: 'assertion', assertionFile: join(directory, 'token') };
  });

  async function issue(seconds: number, subject = claims.subject): Promise<string> {
    const end = Math.floor(Date.now() / 1000) + seconds;
    const jwt = new SignJWT({ sub: subject, jti: crypto.randomUUID() });
    jwt.setProtectedHeader({ alg: 'RS256' }).setIssuer(claims.issuer).setAudience(claims.audience);
    const assertion = await jwt.setExpirationTime(end).sign(issuer);
    put('token', `${assertion}\n`);
    return assertion;
  }

  test('signs in, and is read again when it changes', async () => {
    await issue(3600);
    const { round, tokens } = start(files);
    expect(await round()).toBe('ok');
    const next = await issue(7200);
    expect(await round()).toBe('ok');
    expect(kept).toMatchObject({ assertion: next });
    expect(tokens.credential().trouble).toBeNull();
  });

  test('that ended between rounds is read again before the next token', async () => {
    let late = 0;
    await issue(60);
    const { round, tokens } = start(files, () => Date.now() + late);
    expect(await round()).toBe('ok');
    late = 120_000;
    const next = await issue(3600);
    tokens.forget();
    expect((await tokens.get()).ok).toBe(true);
    tokens.confirmCredential();
    expect(kept).toMatchObject({ assertion: next });
  });

  test('that ended and was not renewed is told; a good token outlives it', async () => {
    let late = 0;
    await issue(60);
    const { round, tokens } = start(files, () => Date.now() + late);
    await round();
    late = 120_000;
    expect(await round()).toBe('ok');
    expect(tokens.credential().trouble).toMatchObject({ code: 'assertion-expired' });
    tokens.forget();
    expect(await tokens.get()).toMatchObject({ ok: false, failure: { code: 'assertion-expired' } });
  });

  test('of another subject is told with what to do', async () => {
    await issue(3600, 'somebody else');
    const { graph } = start(files);
    expect(await graph.organization()).toMatchObject({
      ok: false,
      failure: {
        code: expect.stringMatching(/^AADSTS7002/),
        hint: expect.stringContaining('issuer, subject'),
      },
    });
  });
});
