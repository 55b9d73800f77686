/** The command line: usage, exit codes, and what a person is told when something is wrong. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS, runCommand } from '../src/cli.ts';
import { EXIT } from '../src/commands/command.ts';
import { openControlSocket } from '../src/console/control.ts';
import { SILENT_DOORS, SILENT_OPERATOR } from './console/operator.ts';
import { NO_RECIPIENTS } from './console/recipients.ts';

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCommand(argv, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    terminal: false,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

function configFile(changes = ''): { file: string; socket: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-cli-'));
  const file = path.join(folder, 'rcptgate.toml');
  writeFileSync(path.join(folder, 'secret'), 'x');
  writeFileSync(
    file,
    `state_dir = "${folder}"
${changes}
[[tenant]]
id = "11111111-2222-3333-4444-555555555555"
application_id = "66666666-7777-8888-9999-000000000000"
secret_file = "${folder}/secret"
[[domain]]
name = "contoso.example"
next_hop = "127.0.0.1:2526"
`,
  );
  return { file, socket: path.join(folder, 'control.sock') };
}

const CHECKED = {
  address: 'a@contoso.example',
  normalised: 'a@contoso.example',
  reason: 'x',
  reply: '250 2.1.5 OK',
  domain: 'contoso.example',
  tenant: 't',
  nextHop: null,
  matched: null,
  freshness: 'fresh',
  directoryAge: 1,
  objects: [],
};
const ROUND = { tenant: 't', startedAt: 0, durationMs: 1, addresses: 1, added: 0, removed: 0, held: 0 };

/** A daemon that gives fixed answers. */
async function daemon(
  socket: string,
  answers: { verdicts?: string[]; outcome?: string; freshness?: string },
) {
  return openControlSocket(socket, {
    approve: async (hash: string) => ({
      ok: false,
      message: `there is no held plan ${hash}: nothing is held`,
    }),
    discrepancies: async () => [],
    metrics: async () => '',
    operator: SILENT_OPERATOR,
    recipients: NO_RECIPIENTS,
    doors: SILENT_DOORS,
    harvest: { state: () => ({}), reset: () => ({}) },
    check: async () => (answers.verdicts ?? []).map((verdict) => ({ ...CHECKED, verdict })),
    sync: async () => [{ ...ROUND, outcome: answers.outcome }],
    status: async () => ({
      version: '1',
      startedAt: 0,
      now: 1,
      listeners: [],
      tenants: [
        {
          tenant: 't',
          freshness: answers.freshness,
          syncedAt: 0,
          addresses: 1,
          departed: 0,
          domains: [],
          lastRound: null,
          nextRun: null,
          held: 0,
          trouble: null,
        },
      ],
    }),
  });
}

describe('help', () => {
  it.each([['--help'], ['help'], []])('%s lists every command', async (...argv) => {
    const { code, out } = await run(...argv);
    expect(code).toBe(EXIT.ok);
    for (const { usage } of Object.values(COMMANDS)) expect(out).toContain(usage);
  });

  it.each(Object.keys(COMMANDS))('%s --help says more', async (name) => {
    const { code, out } = await run(name, '--help');
    expect([code, out]).toEqual([EXIT.ok, expect.stringContaining(COMMANDS[name]?.help ?? '?')]);
  });

  it('knows its version', async () => {
    expect((await run('--version')).out).toMatch(/^rcptgate \d+\.\d+\.\d+$/);
  });
});

describe('wrong usage', () => {
  it.each([
    [['frobnicate'], 'unknown command "frobnicate"'],
    [['toString'], 'unknown command "toString"'],
    [['status', '--colour'], "Unknown option '--colour'"],
    [['config', 'destroy'], 'rcptgate config check'],
    [['practice', '--users', 'many'], '--users needs a number'],
  ])('%j ends with 2', async (argv, message) => {
    const { code, err } = await run(...argv);
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining(message)]);
  });

  it('check without an address shows its usage', async () => {
    const { file, socket } = configFile();
    await using _daemon = await daemon(socket, {});
    expect(await run('check', '--config', file)).toMatchObject({
      code: EXIT.usage,
      err: 'rcptgate check needs at least one ADDRESS',
    });
  });
});

describe('config check', () => {
  it('accepts a good file and warns about files it cannot read', async () => {
    const { file } = configFile('ca_file = "/nonexistent/ca.pem"');
    const { code, out, err } = await run('config', 'check', '--config', file);
    expect([code, out]).toEqual([EXIT.ok, `${file} is valid.`]);
    expect(err).toMatch(/^warnings:\n {2}ca_file: \/nonexistent\/ca.pem cannot be read/);
  });

  it('lists all problems of a bad one', async () => {
    const { file } = configFile('log_level = "loud"\ncolour = 1\n[sync]\nschedule = "every now and then"');
    const { code, err } = await run('config', 'check', '--config', file);
    expect(code).toBe(EXIT.usage);
    expect(err).toContain('log_level: ');
    expect(err).toContain('colour: is not a known key');
    expect(err).toContain('sync.schedule: ');
  });

  it('names a file that is not there', async () => {
    const { code, err } = await run('config', 'check', '--config', '/nonexistent.toml');
    expect([code, err]).toEqual([EXIT.usage, expect.stringContaining('/nonexistent.toml: cannot be read')]);
  });
});

describe('asking the daemon', () => {
  it.each([
    [['accept'], EXIT.ok],
    [['accept', 'reject', 'defer'], EXIT.no],
    [['accept', 'defer'], EXIT.unsure],
  ])('check with %j exits with %i', async (verdicts, expected) => {
    const { file, socket } = configFile();
    await using _daemon = await daemon(socket, { verdicts });
    const { code, out } = await run('check', 'a@contoso.example', '--config', file);
    expect([code, out.split('\n\n').length]).toEqual([expected, verdicts.length]);
    const json = await run('check', 'a@contoso.example', '--json', '--config', file);
    expect(JSON.parse(json.out)).toHaveLength(verdicts.length);
  });

  it.each([
    ['ok', EXIT.ok],
    ['partial', EXIT.no],
    ['failed', EXIT.no],
  ])('sync that is %s exits with %i', async (outcome, expected) => {
    const { file, socket } = configFile();
    await using _daemon = await daemon(socket, { outcome });
    expect(await run('sync', '--config', file)).toMatchObject({
      code: expected,
      out: expect.stringContaining(outcome),
    });
  });

  it.each([
    ['fresh', EXIT.ok],
    ['stale', EXIT.no],
    ['empty', EXIT.no],
  ])('status of a %s directory exits with %i', async (freshness, expected) => {
    const { file, socket } = configFile();
    await using _daemon = await daemon(socket, { freshness });
    expect(await run('status', '--config', file)).toMatchObject({ code: expected });
  });

  it('says when it does not run', async () => {
    const { file, socket } = configFile();
    const { code, err } = await run('status', '--config', file);
    expect([code, err]).toEqual([EXIT.unreachable, expect.stringContaining(socket)]);
  });
});
