/**
 * The one rule of the source tree: a folder imports `core/` and itself, only the top files join folders, and each
 * npm package is imported in one folder (`practice/`, which plays the other side, excepted). Also its measures.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src/', import.meta.url));
const TOP = [
  'main.ts',
  'cli.ts',
  'app.ts',
  'answering.ts',
  'certificates.ts',
  'claims.ts',
  'degraded.ts',
  'service.ts',
  'edge.ts',
  'edge-watch.ts',
  'doors.ts',
  'exporter.ts',
  'inquiry.ts',
  'recipient-inquiry.ts',
  'recorder.ts',
  'rejections.ts',
  'learner.ts',
  'rounds.ts',
  'tenant.ts',
  'sign-in.ts',
  'application-store.ts',
  'application-requests.ts',
  'application-inquiry.ts',
  'rehearsal.ts',
  'console-inquiry.ts',
  'console-process.ts',
  'reload.ts',
  'watching.ts',
  'cli-upkeep.ts',
  'upkeep-inquiry.ts',
  'sound-mirror.ts',
  'restore.ts',
  'worker.ts',
  'workers.ts',
  'worker-protocol.ts',
  'worker-report.ts',
  'worker-watch.ts',
];

interface Source {
  readonly file: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources: Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => {
    const text = readFileSync(path.join(SRC, file), 'utf8');
    const found = text.matchAll(
      /(?:^|[\s;])(?:import|export)\b[^'"();]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm,
    );
    const imports = [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
    return { file, folder: file.includes('/') ? (file.split('/')[0] ?? '') : '', text, imports };
  });

/** The folder in src that a relative import of `source` leads to; '' is the top. */
function targetFolder(source: Source, specifier: string): string {
  const target = path.join(path.dirname(source.file), specifier);
  return target.includes('/') ? (target.split('/')[0] ?? '') : '';
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

describe('the source tree', () => {
  it('has only the known top files', () => {
    const top = sources.filter(({ folder }) => folder === '').map(({ file }) => file);
    expect(top.filter((file) => !TOP.includes(file))).toEqual([]);
  });

  it('lets a folder import core and itself only', () => {
    const crossings = sources
      .filter(({ folder }) => folder !== '')
      .flatMap((source) =>
        source.imports
          .filter((specifier) => specifier.startsWith('.'))
          .filter((specifier) => !['core', source.folder].includes(targetFolder(source, specifier)))
          .map((specifier) => `${source.file} imports ${specifier}`),
      );
    expect(crossings).toEqual([]);
  });

  it('keeps core free of packages and of input and output', () => {
    const allowed = ['node:url', 'node:crypto'];
    const foreign = sources
      .filter(({ folder }) => folder === 'core')
      .flatMap(({ file, imports }) =>
        imports.filter((name) => !name.startsWith('.')).map((name) => `${file}: ${name}`),
      );
    expect(foreign.filter((each) => !allowed.some((name) => each.endsWith(`: ${name}`)))).toEqual([]);
  });

  it('imports each npm package in one folder', () => {
    const users = new Map<string, Set<string>>();
    for (const { folder, imports } of sources) {
      if (folder === 'practice') continue;
      for (const specifier of imports) {
        if (specifier.startsWith('.') || isBuiltin(specifier)) continue;
        const name = packageOf(specifier);
        users.set(name, (users.get(name) ?? new Set()).add(folder));
      }
    }
    const shared = [...users].filter(([, folders]) => folders.size > 1);
    expect(users.size).toBeGreaterThan(5);
    expect(shared.map(([name, folders]) => `${name}: ${[...folders].join(', ')}`)).toEqual([]);
  });

  it('loads the practice tenant in the rehearsal only', () => {
    const loaders = sources.filter(
      (source) =>
        source.folder !== 'practice' &&
        source.imports.some((name) => targetFolder(source, name) === 'practice'),
    );
    expect(loaders.map(({ file }) => file)).toEqual(['rehearsal.ts']);
  });

  it('keeps files under 300 lines and opens each with what it is', () => {
    const faults = sources.flatMap(({ file, text }) => [
      ...(text.split('\n').length > 300 ? [`${file} has ${text.split('\n').length} lines`] : []),
      ...(/^(?:#!.*\n)?\/\*\*/.test(text) ? [] : [`${file} does not open with a sentence`]),
    ]);
    expect(faults).toEqual([]);
  });
});
