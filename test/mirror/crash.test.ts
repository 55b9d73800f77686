/** What is on disk after a process was killed without warning, and files that cannot be used. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import SQLite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { openMirror } from '../../src/mirror/mirror.ts';
import { commit, entry, knownOf, scratchDirectory, TENANT } from './scratch.ts';

const OLD = 'old@contoso.example';
const NEW = 'new@contoso.example';
const VICTIM = fileURLToPath(new URL('./victim.mjs', import.meta.url));
const BUILT = new URL('../../dist/mirror/mirror.js', import.meta.url);

test.each(['staged', 'inside-commit', 'committed'])('killed when %s', (moment) => {
  expect(existsSync(BUILT), 'npm run build comes first').toBe(true);
  using directory = scratchDirectory();
  const path = join(directory.path, 'mirror.sqlite');
  using before = openMirror(path);
  commit(before, { users: [entry('1', OLD)] });
  before[Symbol.dispose]();

  const child = spawnSync(process.execPath, [VICTIM, path, moment, BUILT.href], { encoding: 'utf8' });
  expect(child.signal, child.stderr).toBe('SIGKILL');

  using after = openMirror(path);
  const committed = moment === 'committed';
  expect(knownOf(after, [OLD, NEW])).toEqual(committed ? [NEW] : [OLD]);
  expect(after.state(TENANT).syncedAt).not.toBeNull();
  // Nothing staged by the dead process gets into the next round.
  expect(commit(after, { users: [] })).toMatchObject({ addresses: 1, added: 0, removed: 0 });
});

test('a file of a newer version is refused with clear words', () => {
  using directory = scratchDirectory();
  const path = join(directory.path, 'mirror.sqlite');
  openMirror(path)[Symbol.dispose]();
  const newer = new SQLite(path);
  newer.pragma('user_version = 99');
  newer.close();
  expect(() => openMirror(path)).toThrow(
    /made by a newer version of rcptgate \(schema 99; this one knows up to \d+\)/,
  );
});

test('a file that is no database is refused with what to do', () => {
  using directory = scratchDirectory();
  const path = join(directory.path, 'mirror.sqlite');
  writeFileSync(
    path,
    'this is not a database, but it is long enough to be looked at as if it were one'.repeat(50),
  );
  expect(() => openMirror(path)).toThrow(/mirror\.sqlite cannot be opened: .*Move the damaged file away/);
});

test('a place where no file can be made is refused with what to do', () => {
  using directory = scratchDirectory();
  const path = join(directory.path, 'mirror.sqlite');
  mkdirSync(path);
  expect(() => openMirror(path)).toThrow(
    /cannot be opened: .*Check that the service user may write to state_dir/,
  );
});
