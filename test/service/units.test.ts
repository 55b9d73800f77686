/** The units and the man pages, judged by the programs that read them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { commandPage, configPage } from '../../scripts/man-pages.mjs';
import { COMMANDS } from '../../src/cli.ts';
import { interop } from '../interop/programs.ts';

const SYSTEMD = fileURLToPath(new URL('../../systemd', import.meta.url));
const TOML = readFileSync(new URL('../../config/rcptgate.toml', import.meta.url), 'utf8');
const DATE = new Date('2026-11-22T00:00:00Z');
const PAGES = {
  'rcptgate.1': commandPage(COMMANDS, '1.2.3', DATE),
  'rcptgate.toml.5': configPage(TOML, '1.2.3', DATE),
};

interop(import.meta.url, ['systemd-analyze'], 'the units', () => {
  it('pass systemd/check', () => {
    const { status, stdout } = spawnSync(path.join(SYSTEMD, 'check'), { encoding: 'utf8' });
    expect([status, stdout]).toEqual([
      0,
      expect.stringMatching(/exposure level for rcptgate\.service: 1\.[0-4] OK/),
    ]);
  });

  it.each([
    ['an open sandbox', /^NoNewPrivileges=yes\nCapabilityBoundingSet=$/m, ''],
    ['a key that systemd does not know', /^Restart=always$/m, 'Restarts=always'],
    ['a type that this systemd does not know', /^Type=notify$/m, 'Type=notify-someday'],
  ])('do not pass with %s', (_fault, line, instead) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'units-'));
    cpSync(SYSTEMD, folder, { recursive: true });
    const unit = path.join(folder, 'rcptgate.service');
    const text = readFileSync(unit, 'utf8');
    writeFileSync(unit, text.replace(line, instead));
    expect(readFileSync(unit, 'utf8')).not.toBe(text);
    expect(spawnSync(path.join(folder, 'check')).status).toBe(1);
  });
});

describe('the man pages', () => {
  it('name every command and every key', () => {
    const plain = (page: string) => page.replaceAll('\\-', '-');
    const absent = Object.values(COMMANDS).filter(({ usage }) => {
      const [head = ''] = usage.split(/[…'"]/);
      return !plain(PAGES['rcptgate.1']).includes(head);
    });
    const keys = [...TOML.matchAll(/^(?:# )?([a-z_]+) = /gm)].map((match) => match[1] ?? '');
    const page = plain(PAGES['rcptgate.toml.5']);
    expect([absent, keys.filter((key) => !page.includes(`.B ${key} = `))]).toEqual([[], []]);
    expect(keys.length).toBeGreaterThan(60);
  });

  it('have no line that is a request by accident', () => {
    const requests = Object.values(PAGES).flatMap((page) =>
      [...page.matchAll(/^[.'](\w*)/gm)].map((match) => match[1]),
    );
    expect([...new Set(requests)].sort()).toEqual([
      'B',
      'BR',
      'I',
      'IR',
      'PP',
      'RB',
      'RI',
      'SH',
      'TH',
      'TP',
      'ad',
      'nh',
    ]);
  });
});

interop(import.meta.url, ['man'], 'man(1)', () => {
  it.each(Object.entries(PAGES))('renders %s without a warning', (name, page) => {
    const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'man-')), name);
    writeFileSync(file, page);
    const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' };
    const { stdout, stderr } = spawnSync('man', ['--warnings', '-l', file], { encoding: 'utf8', env });
    expect(stderr).toBe('');
    expect(stdout).toContain('SEE ALSO');
    expect(execFileSync('man', ['-l', file], { encoding: 'utf8', env }).length).toBeGreaterThan(3000);
  });
});
