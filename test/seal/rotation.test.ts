/** Another master key for everything that is sealed: cut short at every step, nothing is closed. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { rotationText } from '../../src/commands/rotate-key.ts';
import { openMirror } from '../../src/mirror/mirror.ts';
import { seal } from '../../src/seal/box.ts';
import { masterKeyFile, needMasterKey } from '../../src/seal/master-key.ts';
import { type PlacedRecord, rotateKey, rotationSteps } from '../../src/seal/rotation.ts';
import { openVault } from '../../src/seal/vault.ts';
import { seeded } from '../random.ts';

const TENANTS = ['11111111-2222-3333-4444-555555555555', '99999999-2222-3333-4444-555555555555'];
const VICTIM = fileURLToPath(new URL('rotating.mjs', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'rcptgate-rotation-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A key file with two sealed records in memory. */
function scene() {
  const stateDir = mkdtempSync(join(root, 'state-'));
  const file = masterKeyFile(stateDir, undefined, existsSync);
  let records: PlacedRecord[] = [];
  const key = needMasterKey(file);
  if (!key.ok) throw new Error(key.message);
  records = TENANTS.map((tenant) => {
    const record = seal(`secret of ${tenant}`, { tenant, kind: 'secret' }, key.key, randomBytes(12));
    return { tenant, place: 'proven', record };
  });
  const places = {
    all: () => records,
    replace: (fresh: readonly PlacedRecord[]) => {
      records = records.map((each) => fresh.find(({ tenant }) => tenant === each.tenant) ?? each);
    },
  };
  /** What each tenant's record opens to. */
  const opened = (now = file): unknown[] =>
    TENANTS.map((tenant) => {
      const read = () => records.find((each) => each.tenant === tenant)?.record ?? null;
      const answer = openVault(now, { read, write: () => undefined }).load(tenant);
      return answer.ok ? answer.value : answer.problem.message;
    });
  return { stateDir, file, places, opened, oldKey: key.key };
}
const ALL_OPEN = TENANTS.map((tenant) => `secret of ${tenant}`);

describe('a key of our own', () => {
  test('is replaced, and what it sealed is sealed anew', () => {
    const { file, places, opened, oldKey } = scene();
    const before = places.all().map(({ record }) => record);
    expect(rotateKey(file, places)).toEqual({
      ...{ path: file.path, made: true, resealed: 2, already: 0, unopened: [], spare: [] },
    });
    expect(opened()).toEqual(ALL_OPEN);
    const key = readFileSync(file.path);
    expect([key.length, key.equals(oldKey), statSync(file.path).mode & 0o777]).toEqual([32, false, 0o600]);
    expect(existsSync(`${file.path}.next`)).toBe(false);
    for (const [index, { record }] of places.all().entries()) {
      expect(record.keyId).not.toBe(before[index]?.keyId);
      expect(record.nonce).not.toEqual(before[index]?.nonce);
    }
  });

  test.each([1, 2, 3])('cut short before step %i it loses nothing, and the next run finishes', (steps) => {
    const { file, places, opened } = scene();
    const run = rotationSteps(file, places);
    for (let step = 0; step < steps; step += 1) expect(run.next().done).toBe(false);
    expect(opened()).toEqual(ALL_OPEN);
    const next = existsSync(`${file.path}.next`) ? readFileSync(`${file.path}.next`) : null;
    expect(rotateKey(file, places)).toMatchObject({
      resealed: steps === 3 ? 0 : 2,
      already: steps === 3 ? 2 : 0,
    });
    if (next !== null) expect(readFileSync(file.path)).toEqual(next);
    expect(opened()).toEqual(ALL_OPEN);
  });

  test('stays when the records cannot be written', () => {
    const { file, places, opened, oldKey } = scene();
    const full = () => {
      throw new Error('disk full');
    };
    expect(() => rotateKey(file, { ...places, replace: full })).toThrow('disk full');
    expect([opened(), readFileSync(file.path)]).toEqual([ALL_OPEN, oldKey]);
  });

  test('that cannot be used is never replaced; one that is missing is', () => {
    const { file, places, opened } = scene();
    writeFileSync(file.path, 'short');
    expect(() => rotateKey(file, places)).toThrow('5 bytes, not 32');
    expect(readFileSync(file.path, 'utf8')).toBe('short');
    rmSync(file.path);
    const answer = rotateKey(file, places);
    expect(answer).toMatchObject({ resealed: 0, unopened: [{ place: 'proven' }, { place: 'proven' }] });
    expect(rotationText(answer)).toContain('sealed with a key that is not here');
    expect(opened()[0]).toContain('another master key');
  });
});

describe('a key that systemd hands over', () => {
  function handedOver() {
    const made = scene();
    const credentials = mkdtempSync(join(root, 'credentials-'));
    writeFileSync(join(credentials, 'rcptgate.master-key'), randomBytes(32));
    const file = masterKeyFile(made.stateDir, credentials, existsSync);
    return { ...made, file, credentials };
  }

  test('takes over from the one in the state directory', () => {
    const { file, places, opened, stateDir } = handedOver();
    expect(opened(file)).toEqual(ALL_OPEN);
    const answer = rotateKey(file, places);
    expect(answer).toMatchObject({ made: false, resealed: 2, spare: [join(stateDir, 'master.key')] });
    expect(rotationText(answer)).toContain('2 credentials are sealed anew');
    rmSync(join(stateDir, 'master.key'));
    expect(opened(file)).toEqual(ALL_OPEN);
  });

  test('takes over from the one before, and says how to change it when there is none', () => {
    const { file, places, opened, stateDir, credentials, oldKey } = handedOver();
    rmSync(join(stateDir, 'master.key'));
    writeFileSync(join(credentials, 'rcptgate.master-key.previous'), oldKey);
    expect(opened(file)).toEqual(ALL_OPEN);
    const answer = rotateKey(file, places);
    expect(answer).toMatchObject({ resealed: 2, spare: [join(credentials, 'rcptgate.master-key.previous')] });
    rmSync(join(credentials, 'rcptgate.master-key.previous'));
    expect(opened(file)).toEqual(ALL_OPEN);
    const again = rotateKey(file, places);
    expect(again).toMatchObject({ made: false, resealed: 0, already: 2, spare: [] });
    expect(rotationText(again)).toContain('rcptgate.master-key.previous');
  });
});

describe('the mirror', () => {
  const settings = '{"applicationId":"a"}';

  test('has all that is sealed, and nothing of what it was before', () => {
    const stateDir = mkdtempSync(join(root, 'mirror-'));
    const path = join(stateDir, 'mirror.sqlite');
    using mirror = openMirror(path);
    const [one = '', two = ''] = TENANTS;
    const key = randomBytes(32);
    const sealed = (tenant: string, text: string) =>
      seal(text, { tenant, kind: 'secret' }, key, randomBytes(12));
    mirror.keepSealedCredential(one, sealed(one, 'first'));
    mirror.applications.keep(two, 'pending', { settings, sealed: sealed(two, 'second') });
    mirror.applications.adopt(two, settings);
    mirror.applications.keep(two, 'pending', { settings, sealed: sealed(two, 'third') });
    const file = masterKeyFile(stateDir, undefined, existsSync);
    writeFileSync(file.path, key);
    const old = mirror.sealedRecords.all();
    expect(rotateKey(file, mirror.sealedRecords)).toMatchObject({ resealed: 3, unopened: [] });
    const now = mirror.sealedRecords.all();
    expect(now.map(({ place }) => place).sort()).toEqual(['pending', 'proven', 'used']);
    expect(openVault(file, { read: mirror.sealedCredential, write: () => {} }).load(one)).toEqual({
      ...{ ok: true, value: 'first' },
    });
    for (const [place, value] of [
      ['used', 'second'],
      ['pending', 'third'],
    ] as const) {
      const read = () => mirror.applications.read(two, place)?.sealed ?? null;
      expect(openVault(file, { read, write: () => {} }).load(two)).toEqual({ ok: true, value });
    }
    const bytes = Buffer.concat([path, `${path}-wal`].map((each) => readFileSync(each)));
    expect(old.filter(({ record }) => bytes.includes(record.sealed))).toEqual([]);
    expect(now.filter(({ record }) => !bytes.includes(record.sealed))).toEqual([]);
  });

  test('opens after every kill -9', async () => {
    const stateDir = mkdtempSync(join(root, 'killed-'));
    const { below } = seeded(20261122);
    for (let turn = 0; turn < 6; turn += 1) {
      const child = spawn(process.execPath, [VICTIM, stateDir], { stdio: ['ignore', 'pipe', 'inherit'] });
      let rotations = 0;
      const most = 1 + below(40);
      for await (const chunk of child.stdout) {
        rotations += String(chunk).length;
        if (rotations >= most) break;
      }
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      using mirror = openMirror(join(stateDir, 'mirror.sqlite'));
      const file = masterKeyFile(stateDir, undefined, existsSync);
      const vault = openVault(file, { read: mirror.sealedCredential, write: () => {} });
      expect(TENANTS.map((tenant) => vault.load(tenant))).toEqual(
        TENANTS.map((tenant) => ({ ok: true, value: `secret of ${tenant}` })),
      );
    }
  }, 60_000);
});
