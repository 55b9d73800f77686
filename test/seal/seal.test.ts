/** The credential at rest: nothing but the right key, tenant and kind opens it, and trouble has words. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type SealedRecord, seal, unseal } from '../../src/seal/box.ts';
import { masterKeyFile, needMasterKey, readMasterKey } from '../../src/seal/master-key.ts';
import { openVault } from '../../src/seal/vault.ts';
import { seeded } from '../random.ts';

const TENANT = '11111111-2222-3333-4444-555555555555';
const LABEL = { tenant: TENANT, kind: 'secret' };
const TEXT = 'app\n{"kind":"secret","secret":"s3cr~et","expires":null}';
const root = mkdtempSync(join(tmpdir(), 'rcptgate-seal-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function record(): { key: Buffer; sealed: SealedRecord } {
  const key = randomBytes(32);
  return { key, sealed: seal(TEXT, LABEL, key, randomBytes(12)) };
}

describe('a sealed text', () => {
  test('opens with its key, and shows nothing of itself', () => {
    const { key, sealed } = record();
    expect(unseal(sealed, TENANT, key)).toEqual({ ok: true, text: TEXT });
    expect(sealed.sealed.includes('s3cr~et')).toBe(false);
    expect(JSON.stringify(sealed)).not.toContain(key.toString('hex'));
  });

  test('is refused when any single bit of it was flipped', () => {
    const { key, sealed } = record();
    const flips = (['nonce', 'sealed'] as const).flatMap((field) =>
      Array.from({ length: sealed[field].length * 8 }, (_, bit) => {
        const bytes = Buffer.from(sealed[field]);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        return unseal({ ...sealed, [field]: bytes }, TENANT, key).ok;
      }),
    );
    expect(flips.length).toBeGreaterThan(500);
    expect(flips).not.toContain(true);
  });

  test('is refused in any other shape, and never throws', () => {
    const { key, sealed } = record();
    const { below } = seeded(20261122);
    const noise = (size: number) => Buffer.from(Array.from({ length: size }, () => below(256)));
    for (let turn = 0; turn < 3000; turn++) {
      const cut = sealed.sealed.subarray(0, below(sealed.sealed.length));
      const other: SealedRecord[] = [
        { ...sealed, sealed: cut },
        { ...sealed, nonce: noise(below(40)) },
        { ...sealed, sealed: noise(below(80)) },
        { ...sealed, sealed: Buffer.concat([sealed.sealed, noise(1 + below(5))]) },
      ];
      for (const each of other) expect(unseal(each, TENANT, key)).toEqual({ ok: false, problem: 'damaged' });
    }
  });

  test.each([
    ['another tenant', (sealed: SealedRecord) => sealed, 'other', 'damaged'],
    ['another kind', (sealed: SealedRecord) => ({ ...sealed, kind: 'assertion' }), TENANT, 'damaged'],
    [
      'a key name that was changed',
      (sealed: SealedRecord) => ({ ...sealed, keyId: '00' }),
      TENANT,
      'wrong-key',
    ],
  ])('is refused for %s', (_name, change, tenant, problem) => {
    const { key, sealed } = record();
    expect(unseal(change(sealed), tenant, key)).toEqual({ ok: false, problem });
  });

  test('another key is named as such', () => {
    expect(unseal(record().sealed, TENANT, randomBytes(32))).toEqual({ ok: false, problem: 'wrong-key' });
  });
});

describe('the master key', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(root, 'key-'));
  });

  test('is made once, with 32 bytes that only the service may read', () => {
    const file = { path: join(directory, 'master.key'), own: true };
    expect(readMasterKey(file)).toMatchObject({ ok: false, problem: 'missing' });
    const made = needMasterKey(file);
    expect(made.ok && made.key.length).toBe(32);
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect(needMasterKey(file)).toEqual(made);
    expect(readMasterKey(file)).toEqual(made);
  });

  test('is never made where somebody else provides it, and never overwritten', () => {
    expect(needMasterKey({ path: join(directory, 'none'), own: false })).toMatchObject({ ok: false });
    const file = { path: join(directory, 'short'), own: true };
    writeFileSync(file.path, 'short');
    expect(needMasterKey(file)).toMatchObject({
      ok: false,
      message: expect.stringContaining('5 bytes, not 32'),
    });
    expect(readFileSync(file.path, 'utf8')).toBe('short');
  });

  test('a directory in its place, or none to make it in, is told', () => {
    mkdirSync(join(directory, 'master.key'));
    expect(needMasterKey({ path: join(directory, 'master.key'), own: true }).ok).toBe(false);
    expect(needMasterKey({ path: join(directory, 'no', 'master.key'), own: true })).toMatchObject({
      ok: false,
      message: expect.stringContaining('cannot be made'),
    });
  });

  const MADE = '/state/master.key';
  const NEXT = '/state/master.key.next';
  const GIVEN = '/run/credentials/x/rcptgate.master-key';
  test.each([
    [undefined, true, MADE, true, [NEXT]],
    ['', true, MADE, true, [NEXT]],
    ['/run/credentials/x', true, GIVEN, false, [`${GIVEN}.previous`, MADE, NEXT]],
    ['/run/credentials/x', false, MADE, true, [NEXT, `${GIVEN}.previous`]],
  ])('with CREDENTIALS_DIRECTORY %j (there: %j) it is %s', (credentials, there, path, own, others) => {
    expect(masterKeyFile('/state', credentials, () => there)).toEqual({ path, own, others });
  });
});

describe('the vault', () => {
  function scene() {
    const file = { path: join(mkdtempSync(join(root, 'vault-')), 'master.key'), own: true };
    const rows = new Map<string, SealedRecord>();
    const store = {
      read: (tenant: string) => rows.get(tenant) ?? null,
      write: (tenant: string, row: SealedRecord) => void rows.set(tenant, row),
    };
    return { file, rows, store, vault: openVault(file, store) };
  }

  test('gives back what was put in, and a new nonce each time', () => {
    const { vault, rows } = scene();
    expect(vault.load(TENANT)).toEqual({ ok: true, value: null });
    expect(vault.save(LABEL, TEXT).ok).toBe(true);
    const first = rows.get(TENANT)?.nonce;
    vault.save(LABEL, TEXT);
    expect(rows.get(TENANT)?.nonce).not.toEqual(first);
    expect(vault.load(TENANT)).toEqual({ ok: true, value: TEXT });
  });

  test('a lost key, another key and a damaged record have words, and saving mends them', () => {
    const { vault, rows, file } = scene();
    const says = (words: string) =>
      expect(vault.load(TENANT)).toMatchObject({
        ok: false,
        problem: { message: expect.stringContaining(words), hint: expect.stringContaining('sealed anew') },
      });
    vault.save(LABEL, TEXT);
    rmSync(file.path);
    says('is missing');
    writeFileSync(file.path, randomBytes(32));
    says('another master key');
    vault.save(LABEL, TEXT);
    const row = rows.get(TENANT);
    if (row) rows.set(TENANT, { ...row, sealed: Buffer.from('damaged, and long enough for a tag') });
    says('damaged');
    vault.save(LABEL, TEXT);
    expect(vault.load(TENANT)).toEqual({ ok: true, value: TEXT });
  });

  test('a key that cannot be used keeps nothing, in words', () => {
    const { vault, rows, file } = scene();
    writeFileSync(file.path, '');
    expect(vault.save(LABEL, TEXT)).toMatchObject({ ok: false, problem: { code: 'master-key' } });
    expect(rows.size).toBe(0);
  });

  test('a store that throws is told', () => {
    const broken = () => {
      throw new Error('disk full');
    };
    const vault = openVault(scene().file, { read: broken, write: broken });
    const problem = { code: 'sealed-store', message: expect.stringContaining('disk full') };
    expect(vault.load(TENANT)).toMatchObject({ ok: false, problem });
    expect(vault.save(LABEL, TEXT)).toMatchObject({ ok: false, problem });
  });
});
