/** Images of directories: used when they are exactly what the mirror says, and never otherwise. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addressSetFrom, addressSetOf } from '../../src/core/address-set.ts';
import { openImages } from '../../src/mirror/image.ts';
import { openMirror } from '../../src/mirror/mirror.ts';
import { commit, DAY, entry, NOON, scratchDirectory, scratchMirror, TENANT } from './scratch.ts';

const A = 'a@contoso.example';
const B = 'b@contoso.example';
const FILE = `directory-${TENANT}.image`;

function savedIn(folder: string): string {
  openImages(folder).save(TENANT, 7, addressSetOf([A]).buffer);
  return join(folder, FILE);
}

describe('an image', () => {
  test('is loaded by the generation and tenant it was saved for, and by no other', () => {
    using scratch = scratchDirectory();
    const file = savedIn(scratch.path);
    const images = openImages(scratch.path);
    const loaded = images.load(TENANT, 7);
    expect(loaded && [addressSetFrom(loaded).has(A), addressSetFrom(loaded).size]).toEqual([true, 1]);
    expect([images.load(TENANT, 6), images.load('another', 7)]).toEqual([null, null]);
    copyFileSync(file, join(scratch.path, 'directory-another.image'));
    expect(images.load('another', 7)).toBeNull();
    expect(readdirSync(scratch.path).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  test('is not loaded with any byte flipped, cut off or added', () => {
    using scratch = scratchDirectory();
    const file = savedIn(scratch.path);
    const whole = readFileSync(file);
    const loads = (bytes: Uint8Array): boolean => {
      writeFileSync(file, bytes);
      return openImages(scratch.path).load(TENANT, 7) !== null;
    };
    const flipped = Array.from(whole, (byte, at) => {
      const copy = Buffer.from(whole);
      copy[at] = byte ^ (1 << (at % 8));
      return copy;
    });
    expect(flipped.findIndex(loads)).toBe(-1);
    const cut = Array.from(whole, (_, length) => whole.subarray(0, length));
    expect(cut.findIndex(loads)).toBe(-1);
    expect(loads(Buffer.concat([whole, Buffer.alloc(1)]))).toBe(false);
    expect(loads(whole)).toBe(true);
  });

  test('is written once for each generation, and the old one stays when writing fails', () => {
    using scratch = scratchDirectory();
    const file = savedIn(scratch.path);
    const images = openImages(scratch.path);
    images.load(TENANT, 7);
    const { ino } = statSync(file);
    images.save(TENANT, 7, addressSetOf([B]).buffer);
    expect(statSync(file).ino).toBe(ino);
    mkdirSync(`${file}.new`);
    expect(() => images.save(TENANT, 8, addressSetOf([B]).buffer)).toThrow();
    expect(openImages(scratch.path).load(TENANT, 7)).not.toBeNull();
  });
});

/** Opens the mirror again and says what its directory knows, and whether that came from the image. */
function reopened(path: string): { known: string[]; fromImage: boolean } {
  using mirror = openMirror(path);
  const file = join(dirname(path), FILE);
  const set = addressSetFrom(mirror.readDirectory(TENANT, NOON, DAY).known);
  const before = existsSync(file) ? statSync(file).ino : null;
  // What was loaded from the image is not saved again.
  mirror.saveImage(TENANT);
  return { known: [A, B].filter((address) => set.has(address)), fromImage: statSync(file).ino === before };
}

describe('a restart', () => {
  test('takes the image of the last round, held addresses included', () => {
    using scratch = scratchMirror();
    scratch.round({ read: 'full', users: [entry('1', A)], groups: [] });
    scratch.round({ read: 'full', users: [], groups: [] });
    scratch.mirror.readDirectory(TENANT, NOON, DAY);
    scratch.mirror.saveImage(TENANT);
    scratch.mirror[Symbol.dispose]();
    expect(reopened(scratch.path)).toEqual({ known: [A], fromImage: true });
  });

  test('does not take an image from before the last round, a damaged one or none', () => {
    using scratch = scratchMirror();
    const file = join(dirname(scratch.path), FILE);
    scratch.round({ users: [entry('1', A)] });
    scratch.mirror.readDirectory(TENANT, NOON, DAY);
    scratch.mirror.saveImage(TENANT);
    scratch.round({ users: [entry('1', B)] });
    scratch.mirror[Symbol.dispose]();
    expect(reopened(scratch.path)).toEqual({ known: [B], fromImage: false });
    expect(reopened(scratch.path)).toEqual({ known: [B], fromImage: true });
    writeFileSync(file, readFileSync(file).fill(0, 70, 90));
    expect(reopened(scratch.path)).toEqual({ known: [B], fromImage: false });
  });

  test('does not take an image of another history, though it has as many rounds', () => {
    using scratch = scratchMirror();
    scratch.round({ users: [entry('1', A)] });
    scratch.mirror[Symbol.dispose]();
    const backup = readFileSync(scratch.path);
    const round = (address: string): void => {
      using mirror = openMirror(scratch.path);
      commit(mirror, { users: [entry('1', address)] });
      mirror.readDirectory(TENANT, NOON, DAY);
      mirror.saveImage(TENANT);
    };
    round(B);
    const imageOfB = readFileSync(join(dirname(scratch.path), FILE));
    writeFileSync(scratch.path, backup);
    round('c@contoso.example');
    writeFileSync(join(dirname(scratch.path), FILE), imageOfB);
    expect(reopened(scratch.path)).toEqual({ known: [], fromImage: false });
  });
});
