/** Documentation drift is a failing test: what the program has, the README names. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../src/cli.ts';
import { EXIT } from '../src/commands/command.ts';
import { ACTION_OF, bareVerdict, type Reason } from '../src/core/verdict.ts';
import { EVENT_NAMES } from '../src/ops/event-names.ts';
import { createMetrics } from '../src/ops/metrics.ts';
import { replyFor } from '../src/smtp/reply.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const CONTRIBUTING = readFileSync(new URL('../CONTRIBUTING.md', import.meta.url), 'utf8');
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

function sourceOf(file: string): string {
  return readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8');
}

const EVENTS = [
  'event-names',
  'events',
  'log-events',
  'learning-events',
  'operator-events',
  'application-events',
  'console-events',
  'door-events',
  'rejection-events',
  'harvest-events',
  'listener-events',
  'service-events',
]
  .map((name) => sourceOf(`ops/${name}.ts`))
  .join('');

describe('the README', () => {
  it.each(Object.keys(ACTION_OF) as Reason[])(
    'has a row for the verdict %s with its action and reply',
    (reason) => {
      const row = README.split('\n').find((line) => line.includes(`| \`${reason}\` |`)) ?? '';
      const { code, enhanced } = replyFor(bareVerdict(reason), '7F3K2Q');
      expect(row).toContain(`| ${ACTION_OF[reason]} |`);
      expect(row).toContain(`${code} ${enhanced}`);
    },
  );

  it.each(EVENT_NAMES)('names the event %s', (event) => {
    expect(README).toContain(`\`${event}\``);
    expect(EVENTS.split(`'${event}'`).length).toBeGreaterThan(2);
  });

  it('names every event that is written', () => {
    const written = [...EVENTS.matchAll(/'((?:[a-z_]+)\.[a-z_]+)'/g)].map((match) => match[1]);
    expect(written.filter((event) => !(EVENT_NAMES as readonly string[]).includes(event ?? ''))).toEqual([]);
  });

  it('names every metric', async () => {
    const metrics = await createMetrics().registry.getMetricsAsJSON();
    expect(metrics.length).toBeGreaterThan(4);
    expect(metrics.filter(({ name }) => !README.includes(`\`${name}\``)).map(({ name }) => name)).toEqual([]);
  });

  it('names every command and exit code', () => {
    const commands = Object.keys(COMMANDS).filter((name) => !README.includes(`\`rcptgate ${name}`));
    const codes = Object.values(EXIT).filter((code) => !new RegExp(`^\\| ${code} \\|`, 'm').test(README));
    expect([commands, codes]).toEqual([[], []]);
  });
});

describe('the README of config/', () => {
  it('names every file', () => {
    const folder = new URL('../config/', import.meta.url);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'README.md')
      .map(({ parentPath, name }) => path.relative(fileURLToPath(folder), path.join(parentPath, name)));
    const readme = readFileSync(new URL('README.md', folder), 'utf8');
    expect(files.length).toBeGreaterThan(6);
    expect(files.filter((file) => !readme.includes(`\`${file}\``))).toEqual([]);
  });
});

describe('CONTRIBUTING', () => {
  it('gives a reason for every dependency', () => {
    const missing = Object.keys(manifest.dependencies).filter((name) => !CONTRIBUTING.includes(name));
    expect(missing).toEqual([]);
  });
});
