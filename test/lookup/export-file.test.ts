/** Files of a standing export: replaced as a whole, refused when they shrink, left alone when nothing changed. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ExportEntry } from '../../src/core/standing-export.ts';
import { type ExportTarget, writeExport } from '../../src/lookup/export-file.ts';
import { type ExportResult, keepExports } from '../../src/lookup/standing-exports.ts';

const NOW = Date.UTC(2026, 10, 22);

function target(changes: Partial<ExportTarget> = {}): ExportTarget {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-export-'));
  const file = path.join(folder, 'recipients');
  return { path: file, format: 'postfix', postmap: null, maxShrink: 20, mode: 0o640, ...changes };
}

function entries(count: number): ExportEntry[] {
  return Array.from({ length: count }, (_, n) => ({ match: `user${n}@c.example`, reason: 'known' }));
}

describe('writeExport', () => {
  it.each(['postfix', 'exim', 'list', 'json'] as const)(
    'writes %s, then finds it unchanged',
    async (format) => {
      const file = target({ format });
      expect(await writeExport(file, entries(5000), NOW)).toMatchObject({
        kind: 'written',
        entries: 5000,
        before: null,
      });
      expect(statSync(file.path).mode & 0o777).toBe(0o640);
      const first = readFileSync(file.path, 'utf8');
      expect(await writeExport(file, entries(5000), NOW + 1000)).toMatchObject({
        kind: 'unchanged',
        entries: 5000,
      });
      expect(readFileSync(file.path, 'utf8')).toBe(first);
      expect(await writeExport(file, entries(5001), NOW)).toMatchObject({ kind: 'written', before: 5000 });
      expect(readdirSync(path.dirname(file.path))).toEqual(['recipients']);
    },
  );

  it('keeps the old file rather than one that is much smaller or empty', async () => {
    const file = target();
    await writeExport(file, entries(100), NOW);
    const before = readFileSync(file.path, 'utf8');
    expect(await writeExport(file, entries(50), NOW)).toMatchObject({ kind: 'refused' });
    expect(await writeExport(file, [], NOW, true)).toMatchObject({
      kind: 'refused',
      problem: 'it would be empty',
    });
    expect(readFileSync(file.path, 'utf8')).toBe(before);
    expect(await writeExport(file, entries(50), NOW, true)).toMatchObject({ kind: 'written', before: 100 });
  });

  it('leaves the old file and nothing else when it cannot write', async () => {
    const file = target();
    await writeExport(file, entries(3), NOW);
    const broken = function* (): Generator<ExportEntry> {
      yield { match: 'a@c.example', reason: 'known' };
      throw new Error('no more memory');
    };
    await expect(writeExport(file, broken(), NOW)).rejects.toThrow('no more memory');
    expect(readFileSync(file.path, 'utf8')).toContain('user2@c.example OK');
    expect(readdirSync(path.dirname(file.path))).toEqual(['recipients']);
  });

  it('names the table that postmap could not make', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-postmap-'));
    writeFileSync(path.join(folder, 'postmap'), '#!/bin/sh\necho "no such table type" >&2\nexit 1\n', {
      mode: 0o755,
    });
    const before = process.env.PATH;
    process.env.PATH = `${folder}:${before}`;
    try {
      const file = target({ postmap: 'cdb' });
      await expect(writeExport(file, entries(3), NOW)).rejects.toThrow(
        `postmap cdb:${file.path} failed: no such table type`,
      );
      writeFileSync(path.join(folder, 'postmap'), `#!/bin/sh\ntouch ${file.path}.cdb\n`, { mode: 0o755 });
      // The text is the same, its table was never made.
      expect(await writeExport(file, entries(3), NOW)).toMatchObject({ kind: 'unchanged' });
      expect(existsSync(`${file.path}.cdb`)).toBe(true);
    } finally {
      process.env.PATH = before;
    }
  });
});

describe('keepExports', () => {
  it('writes one file at a time and tells of failures', async () => {
    const told: ExportResult[] = [];
    let running = 0;
    const targets = [target(), target(), target()];
    using standing = keepExports(
      targets,
      async ({ path: file }) => {
        running += 1;
        expect(running).toBe(1);
        await Promise.resolve();
        running -= 1;
        if (file === targets[1]?.path) throw new Error('disk full');
        return { kind: 'written', path: file, entries: 1, before: null };
      },
      (result) => told.push(result),
    );
    const [all, one, none] = await Promise.all([
      standing.write(null, false),
      standing.write(targets[0]?.path ?? '', false),
      standing.write('/nowhere', false),
    ]);
    expect(all.map(({ kind }) => kind)).toEqual(['written', 'failed', 'written']);
    expect([one.length, none.length, told.length]).toEqual([1, 0, 4]);
    expect(told[1]).toMatchObject({ kind: 'failed', problem: 'disk full' });
  });
});
