/** Mirrors of every released schema: brought forward without losing anything; a newer one is refused and left alone. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import SQLite from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { packDeparted } from '../../src/core/departed.ts';
import { openSnapshot } from '../../src/core/directory.ts';
import { inspectBackup } from '../../src/mirror/backup.ts';
import { openDatabase } from '../../src/mirror/database.ts';
import { openMirror } from '../../src/mirror/mirror.ts';
import { newestSchema } from '../../src/mirror/schema.ts';

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url));
const TENANT = '11111111-2222-3333-4444-555555555555';
const released = readdirSync(FIXTURES).filter((name) => name.endsWith('.sqlite'));
const scratch = () => path.join(mkdtempSync(path.join(os.tmpdir(), 'rcptgate-mirror-')), 'mirror.sqlite');

function fixture(name: string): string {
  const file = scratch();
  copyFileSync(path.join(FIXTURES, name), file);
  return file;
}

/** Names and columns of all tables, whatever the order they were made in. */
function shape(file: string): unknown {
  const database = new SQLite(file, { readonly: true });
  const tables = database
    .prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .pluck()
    .all();
  const columns = tables.map((name) => [
    name,
    (database.pragma(`table_info(${name})`) as Array<Record<string, unknown>>).map(
      ({ name: column, type, notnull, pk, dflt_value }) => [column, type, notnull, pk, dflt_value],
    ),
  ]);
  const indexes = database
    .prepare("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name")
    .pluck()
    .all();
  database.close();
  return { columns, indexes };
}

describe('a released schema', () => {
  it('has a fixture', () => expect(released).toContain('schema-4.sqlite'));

  it.each(released)('%s becomes what a new mirror is', (name) => {
    const [old, fresh] = [fixture(name), scratch()];
    openDatabase(old).close();
    openDatabase(fresh).close();
    expect(shape(old)).toEqual(shape(fresh));
    expect(inspectBackup(old).schema).toBe(newestSchema());
  });

  it.each(released)('%s keeps addresses, departures, cursors and what the operator said', (name) => {
    using mirror = openMirror(fixture(name));
    const { departed, ...stored } = mirror.readDirectory(TENANT, 0, 0);
    const { known } = openSnapshot({ ...stored, departed: packDeparted(departed) });
    const addresses = ['alice', 'alice.alias', 'bob', 'bob.alias', 'dave'].map(
      (local) => `${local}@contoso.example`,
    );
    expect(addresses.filter((address) => !known.has(address))).toEqual([]);
    expect(known.size).toBe(5);
    expect(departed.map(([address]) => address)).toEqual(['carol@contoso.example']);
    const { syncedAt, streams } = mirror.state(TENANT);
    expect(syncedAt).toBe(Date.UTC(2026, 10, 1));
    expect(streams.find(({ stream }) => stream === 'users')?.cursor).toContain('deltatoken');
    expect(mirror.overrides.all()).toMatchObject([{ match: 'folder@contoso.example', action: 'allow' }]);
    expect(mirror.imports.types(TENANT)).toEqual(
      new Map([['list@contoso.example', 'DynamicDistributionGroup']]),
    );
    expect(mirror.describe('alice@contoso.example').owners).toMatchObject([{ id: 'id-alice', kind: 'user' }]);
  });
});

describe('a newer schema', () => {
  it('is refused with words, and the file is left as it is', () => {
    const file = fixture('schema-4.sqlite');
    const database = new SQLite(file);
    database.pragma(`user_version = ${newestSchema() + 1}`);
    database.close();
    const before = readFileSync(file);
    const words = new RegExp(
      `made by a newer version of rcptgate \\(schema ${newestSchema() + 1}; this one knows up to ${newestSchema()}\\)`,
    );
    expect(() => openMirror(file)).toThrow(words);
    expect(() => inspectBackup(file)).toThrow(words);
    const after = readFileSync(file);
    // Only the header's journal mode (bytes 18 and 19) and change counters may differ.
    expect(after.subarray(100).equals(before.subarray(100))).toBe(true);
  });
});
