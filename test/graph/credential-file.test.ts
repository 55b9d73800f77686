/** Credential files as people and tools write them; every fault has words, and no words hold the credential. */
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { assertionCredential } from '../../src/graph/assertion.ts';
import { certificateCredential } from '../../src/graph/certificate.ts';
import { credentialFrom, credentialText } from '../../src/graph/credential.ts';
import { readCredential } from '../../src/graph/credential-file.ts';
import {
  createAuthority,
  createClientCertificate,
  createServerIdentity,
} from '../../src/practice/certificate.ts';

const directory = mkdtempSync(join(tmpdir(), 'rcptgate-credential-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const NOW = Date.now();
const SECRET = 'aB3~value.of-a_secret';
let files = 0;

function written(content: string | Buffer): string {
  const path = join(directory, `file-${files++}`);
  writeFileSync(path, content);
  return path;
}

describe('a secret file', () => {
  test.each<[string, string | Buffer]>([
    ['as it is', SECRET],
    ['with a newline', `${SECRET}\n`],
    ['with CRLF', `${SECRET}\r\n`],
    ['with blanks around', ` \t${SECRET} \n\n`],
    ['with a byte order mark', `\ufeff${SECRET}\r\n`],
    ['in UTF-16 as Windows writes it', Buffer.from(`\ufeff${SECRET}\r\n`, 'utf16le')],
  ])('%s', async (_name, content) => {
    const read = await readCredential({ kind: 'secret', secretFile: written(content), expires: 5 }, NOW);
    expect(read).toEqual({ ok: true, value: { kind: 'secret', secret: SECRET, expires: 5 } });
  });

  test.each([
    ['', 'secret-empty'],
    [' \r\n', 'secret-empty'],
    ['\ufeff', 'secret-empty'],
    [`${SECRET}\nanother`, 'secret-lines'],
  ])('%j is refused', async (content, code) => {
    const read = await readCredential({ kind: 'secret', secretFile: written(content), expires: null }, NOW);
    expect(read).toMatchObject({ ok: false, failure: { code, hint: expect.stringMatching(/./) } });
    expect(JSON.stringify(read)).not.toContain(SECRET);
  });

  test('missing, or a directory', async () => {
    const place = join(directory, 'directory');
    mkdirSync(place);
    for (const secretFile of [join(directory, 'missing'), place]) {
      const read = await readCredential({ kind: 'secret', secretFile, expires: null }, NOW);
      expect(read).toMatchObject({
        ok: false,
        failure: { code: 'secret-file', hint: expect.stringContaining('secret_file') },
      });
    }
  });
});

describe('a certificate', () => {
  const identity = createClientCertificate('rcptgate');
  const other = createClientCertificate('other');
  const ec = createServerIdentity(createAuthority(), { dns: ['localhost'], ipv4: [] });
  const x509 = new X509Certificate(identity.certPem);
  const [from, to] = [Date.parse(x509.validFrom), Date.parse(x509.validTo)];
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const encrypted = (type: 'pkcs8' | 'pkcs1'): string =>
    generateEncrypted(identity.keyPem, type, 'correct horse');

  test('has its thumbprint without colons, its end, and the key decrypted', () => {
    for (const type of ['pkcs8', 'pkcs1'] as const) {
      const texts = { certificate: identity.certPem, key: encrypted(type), passphrase: 'correct horse' };
      expect(certificateCredential(texts, NOW)).toEqual({
        ok: true,
        value: {
          kind: 'certificate',
          thumbprint: x509.fingerprint256.replaceAll(':', ''),
          privateKey: identity.keyPem,
          expires: to,
        },
      });
    }
  });

  test('the first certificate of a chain counts, and one file may hold both', () => {
    const both = `${identity.keyPem}${identity.certPem}${other.certPem}`;
    const texts = { certificate: both, key: both, passphrase: null };
    expect(certificateCredential(texts, NOW).ok).toBe(true);
  });

  const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
  test.each<[string, object, number, string, string]>([
    ['expired', {}, to + 1000, 'certificate-expired', `expired on ${day(to)}`],
    ['not yet valid', {}, from - 1000, 'certificate-early', `not valid before ${day(from)}`],
    ['of another key', { key: other.keyPem }, NOW, 'key-mismatch', 'does not belong'],
    ['with an EC key', { certificate: ec.certPem, key: ec.keyPem }, NOW, 'key-not-rsa', 'type ec'],
    ['with a short key', { key: pem(short) }, NOW, 'key-short', '1024 bits'],
    ['with an encrypted key alone', { key: encrypted('pkcs8') }, NOW, 'key-encrypted', 'is encrypted'],
    ['with an old encrypted key alone', { key: encrypted('pkcs1') }, NOW, 'key-encrypted', 'is encrypted'],
    [
      'with a wrong passphrase',
      { key: encrypted('pkcs8'), passphrase: 'incorrect' },
      NOW,
      'key-passphrase',
      'does not open',
    ],
    ['that is no PEM', { certificate: 'garbage' }, NOW, 'certificate', 'holds no PEM'],
    [
      'that is damaged',
      { certificate: identity.certPem.replace(/MII.{20}/, 'MIIAAAAAAAAAAAAAAAAAAAA') },
      NOW,
      'certificate',
      'cannot be read',
    ],
    ['whose key is a certificate', { key: identity.certPem }, NOW, 'key', 'no PEM private key'],
    [
      'whose key is damaged',
      { key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' },
      NOW,
      'key',
      'cannot be read',
    ],
  ])('%s is refused in clear words', (_name, change, now, code, words) => {
    const texts = { certificate: identity.certPem, key: identity.keyPem, passphrase: null, ...change };
    const read = certificateCredential(texts, now);
    expect(read).toMatchObject({
      ok: false,
      failure: {
        kind: 'credential',
        code,
        message: expect.stringContaining(words),
        hint: expect.stringMatching(/./),
      },
    });
    expect(JSON.stringify(read)).not.toMatch(/incorrect|correct horse|PRIVATE KEY-----\\n/);
  });

  test.each(['certificateFile', 'keyFile', 'keyPassphraseFile'])('%s may be missing', async (name) => {
    const read = await readCredential(
      {
        kind: 'certificate',
        certificateFile: written(identity.certPem),
        keyFile: written(encrypted('pkcs8')),
        keyPassphraseFile: written('correct horse\n'),
        [name]: join(directory, 'missing'),
      },
      NOW,
    );
    const code = { certificateFile: 'certificate-file', keyFile: 'key-file' }[name] ?? 'key-passphrase-file';
    expect(read).toMatchObject({ ok: false, failure: { code } });
  });
});

describe('an assertion', () => {
  const jwt = (claims: object): string =>
    ['{"alg":"RS256"}', JSON.stringify(claims), 'signature']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');

  test('is good until its exp', () => {
    const assertion = jwt({ exp: NOW / 1000 + 60 });
    const read = assertionCredential(`${assertion}\n`, NOW);
    expect(read).toMatchObject({ ok: true, value: { kind: 'assertion', assertion } });
    expect(assertionCredential(assertion, NOW + 61_000)).toMatchObject({
      ok: false,
      failure: { code: 'assertion-expired', message: expect.stringContaining('expired at 20') },
    });
  });

  test.each(['garbage', 'a.b.c', jwt({}), jwt({ exp: 'soon' }), `${jwt({ exp: 1 })}.more`])(
    '%s is none',
    (text) => {
      expect(assertionCredential(text, 0)).toMatchObject({ ok: false, failure: { code: 'assertion' } });
    },
  );
});

test('a credential survives its text, and nothing else passes for one', () => {
  const secret = { kind: 'secret', secret: SECRET, expires: null } as const;
  expect(credentialFrom(credentialText(secret))).toEqual(secret);
  for (const text of ['', '{', 'null', '[]', '{"kind":"secret"}', '{"kind":"assertion","assertion":"x"}']) {
    expect(credentialFrom(text)).toBeNull();
  }
});

function pem(key: { export(options: object): string | Buffer }): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function generateEncrypted(keyPem: string, type: 'pkcs8' | 'pkcs1', passphrase: string): string {
  const key = createPrivateKey(keyPem);
  return key.export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
}
