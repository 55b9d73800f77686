/** The commands for what Graph does not show: what they ask the daemon, what they print, and how they end. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkText } from '../../src/commands/check.ts';
import { type Daemon, type DaemonCommand, EXIT } from '../../src/commands/command.ts';
import { coverage, coverageText } from '../../src/commands/coverage.ts';
import { importFile } from '../../src/commands/import.ts';
import { override, overridesText } from '../../src/commands/override.ts';
import { statusText } from '../../src/commands/status.ts';
import { type Coverage, coverageOf } from '../../src/core/coverage.ts';
import { planImport } from '../../src/core/import-plan.ts';
import type { ReviewedOverride } from '../../src/core/override-review.ts';
import type { DomainPolicy } from '../../src/core/policy.ts';

/** A daemon that gives one answer to everything and keeps what it was asked. */
function daemon(answer: unknown): Daemon & { readonly asked: Array<[path: string, body?: unknown]> } {
  const asked: Array<[string, unknown?]> = [];
  return {
    asked,
    get: async (path) => {
      asked.push([path]);
      return answer;
    },
    post: async (path, body) => {
      asked.push([path, body]);
      return answer;
    },
    async *postLines() {},
    async *postBytes() {},
  };
}

async function run(
  command: DaemonCommand,
  answer: unknown,
  positionals: readonly string[],
  options: Record<string, string | boolean> = {},
  json = false,
) {
  const asking = daemon(answer);
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
    terminal: false,
  };
  const code = await command(asking, { positionals, config: '', json, options }, terminal);
  return { code, out: out.join('\n'), err: err.join('\n'), asked: asking.asked };
}

function reviewed(match: string, changes: Partial<ReviewedOverride> = {}): ReviewedOverride {
  const entry = { match, action: 'allow', text: null, note: null, expires: null } as const;
  return { ...entry, source: 'command', state: 'active', shadowedBy: null, exceptions: [], ...changes };
}

describe('rcptgate override', () => {
  it('prints both sources, and below them who comes first', () => {
    const text = overridesText([
      reviewed('@contoso.example', {
        action: 'deny',
        source: 'file',
        exceptions: [{ match: 'a@contoso.example', source: 'command' }],
      }),
      reviewed('a@contoso.example', { expires: Date.UTC(2028, 0, 1) - 1, note: 'a\u001b[2Jb' }),
      reviewed('a*@contoso.example', {
        state: 'shadowed',
        shadowedBy: { match: '*@contoso.example', source: 'file' },
      }),
      reviewed('@x.example', { state: 'foreign' }),
    ]);
    expect(text.split('\n')).toEqual([
      'MATCH               ACTION  FROM     STATE     UNTIL                     NOTE',
      '@contoso.example    deny    file     active    -',
      'a@contoso.example   allow   command  active    2027-12-31T23:59:59.999Z  a?[2Jb',
      'a*@contoso.example  allow   command  shadowed  -',
      '@x.example          allow   command  foreign   -',
      '  @contoso.example: except a@contoso.example (command)',
      '  a*@contoso.example: never decides: *@contoso.example (file) comes first',
      '  @x.example: never asked for: no [[domain]] covers it',
    ]);
  });

  it.each([
    [[]],
    [['list', 'x']],
    [['add', 'a@b.example']],
    [['add', 'a', 'allow', 'x']],
    [['remove']],
    [['forget', 'x']],
  ])('%j shows the usage', async (positionals) => {
    const { code, err, asked } = await run(override, [], positionals);
    expect([code, err, asked]).toEqual([EXIT.usage, expect.stringContaining('override add MATCH'), []]);
  });

  it('asks for what was said, and tells what came of it', async () => {
    const added = { ok: true, override: reviewed('a@b.example'), replaced: null };
    const options = { text: 'T', note: 'N', expires: '30d' };
    const { code, out, asked } = await run(override, added, ['add', 'a@b.example', 'deny'], options);
    expect([code, asked]).toEqual([
      EXIT.ok,
      [['/v1/overrides', { match: 'a@b.example', action: 'deny', ...options }]],
    ]);
    expect(out).toContain('added; it answers from now on.');
    const refused = { ok: false, problems: [{ key: 'match', problem: 'must be an address' }] };
    expect(await run(override, refused, ['add', 'a', 'deny'])).toMatchObject({
      code: EXIT.usage,
      err: 'the override cannot be used:\n  match: must be an address',
    });
  });

  it.each([
    [{ match: 'a', removed: {}, inFile: false }, EXIT.ok, 'a is removed.', ''],
    [{ match: 'a', removed: null, inFile: false }, EXIT.no, '', 'no override has the match a'],
    [{ match: 'a', removed: null, inFile: true }, EXIT.no, '', 'stands in the configuration file'],
    [{ match: 'a', removed: {}, inFile: true }, EXIT.no, 'a is removed.', 'stands in the configuration file'],
  ])('remove of %j ends with %i', async (answer, expected, said, complained) => {
    const { code, out, err } = await run(override, answer, ['remove', 'a']);
    expect([code, out, err]).toEqual([expected, said, expect.stringContaining(complained)]);
  });

  it('list prints JSON when asked to', async () => {
    const { code, out } = await run(override, [reviewed('a@b.example')], ['list'], {}, true);
    expect([code, JSON.parse(out)]).toEqual([EXIT.ok, [reviewed('a@b.example')]]);
  });
});

function csv(text: string): string {
  const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'rcptgate-import-')), 'list.csv');
  writeFileSync(file, text);
  return file;
}

const CSV =
  'PrimarySmtpAddress,RecipientTypeDetails,EmailAddresses\na@b.example,PublicFolder,smtp:a@b.example\n';

function imported(before: ReadonlyMap<string, string>, changes: object = {}) {
  const plan = planImport(before, new Map([['a@b.example', 'PublicFolder']]));
  return { ok: true, tenant: 't', dryRun: false, applied: plan.hold === null, plan, foreign: {}, ...changes };
}

describe('rcptgate import', () => {
  const four = new Map(['1', '2', '3', '4'].map((name) => [`${name}@b.example`, 'MailContact']));

  it('sends the list, not the file, and shows what it changes', async () => {
    const file = csv(CSV);
    const foreign = { 'x.example': 3, 'y.example': 12 };
    const { code, out, asked } = await run(importFile, imported(new Map(), { foreign }), [file], {
      tenant: 'T',
    });
    expect(code).toBe(EXIT.ok);
    expect(asked[0]?.[0]).toBe('/v1/import?file=list.csv&dry_run=&force=&tenant=T');
    expect(Buffer.from(asked[0]?.[1] as Uint8Array).toString()).toBe('PublicFolder\ta@b.example\n');
    expect(out.split('\n')).toEqual([
      `${file}: 1 recipients, 1 addresses`,
      '',
      'TYPE          ADDED  GONE  UNCHANGED',
      'PublicFolder  1      0     0',
      'all           1      0     0',
      'left out, not in an accepted domain of the tenant: 15 (y.example 12, x.example 3)',
      '',
      'imported: 1 addresses answer from now on.',
    ]);
  });

  it.each([
    ['held', imported(four), {}, EXIT.no, 'held, nothing was changed: 4 of 4 addresses'],
    ['forced', imported(four, { applied: true }), { force: true }, EXIT.ok, 'imported: 1 addresses'],
    [
      'a dry run',
      imported(new Map(), { dryRun: true, applied: false }),
      { 'dry-run': true },
      EXIT.ok,
      'dry run: nothing',
    ],
    [
      'a dry run of one to be held',
      imported(four, { dryRun: true }),
      { 'dry-run': true },
      EXIT.no,
      'it would be held',
    ],
  ])('%s', async (_name, answer, options, expected, text) => {
    const { code, out } = await run(importFile, answer, [csv(CSV)], options);
    expect([code, out]).toEqual([expected, expect.stringContaining(text)]);
  });

  it.each([
    [{}, { plan: planImport(four, new Map()), applied: true }, '4 imported addresses are gone.'],
    [
      { 'dry-run': true },
      { plan: planImport(four, new Map()), applied: false },
      '4 imported addresses would go',
    ],
  ])('--remove %j takes the import away', async (options, changes, text) => {
    const answer = { ...imported(four), ...changes };
    const { code, out, asked } = await run(importFile, answer, [], { ...options, remove: true });
    expect([code, out]).toEqual([EXIT.ok, expect.stringContaining(text)]);
    const dry = 'dry-run' in options ? '1' : '';
    expect(asked).toEqual([[`/v1/import?file=%28removed%29&dry_run=${dry}&force=1`, new Uint8Array()]]);
  });

  it('takes a file or --remove, not both and not neither', async () => {
    for (const [files, options] of [
      [[], {}],
      [['a', 'b'], {}],
      [['a'], { remove: true }],
    ] as const) {
      expect(await run(importFile, null, files, options)).toMatchObject({ code: EXIT.usage, asked: [] });
    }
  });

  it('says what is wrong with a file, naming it, and asks the daemon nothing', async () => {
    const bad = csv('PrimarySmtpAddress,EmailAddresses\n"a@b.example","{smtp:a@b.example...}"\n');
    const cut = await run(importFile, null, [bad]);
    expect(cut).toMatchObject({ code: EXIT.no, asked: [] });
    expect(cut.err).toContain(`${bad}: line 2, column EmailAddresses: PowerShell cut the list short`);
    const missing = await run(importFile, null, ['/nonexistent.csv']);
    expect(missing).toMatchObject({
      code: EXIT.no,
      err: expect.stringContaining('/nonexistent.csv: cannot be read'),
    });
    const refused = await run(importFile, { ok: false, problem: 'there is no tenant x' }, [csv(CSV)]);
    expect(refused).toMatchObject({ code: EXIT.no, err: 'there is no tenant x' });
    expect(await run(importFile, null, [])).toMatchObject({ code: EXIT.usage });
  });

  it('prints JSON when asked to', async () => {
    const { out } = await run(importFile, imported(new Map()), [csv(CSV)], {}, true);
    expect(JSON.parse(out)).toMatchObject({ rows: 1, addresses: 1, applied: true, plan: { after: 1 } });
  });
});

describe('rcptgate coverage', () => {
  const domain: DomainPolicy = {
    name: 'contoso.example',
    tenant: 't1',
    policy: 'enforce',
    subaddressing: true,
    subdomains: false,
    nextHop: null,
  };
  const covered: Coverage = coverageOf({
    holdings: {
      tenant: 't1',
      syncedAt: 0,
      verified: ['contoso.example', 'more.example'],
      streams: ['users', 'groups', 'contacts'],
      objects: { user: 1200 },
      addresses: [{ kind: 'user', domain: 'contoso.example', count: 1500 }],
      imported: [{ type: 'PublicFolder', domain: 'contoso.example', count: 2 }],
    },
    domains: [domain, { ...domain, name: 'a.contoso.example', policy: 'observe' }],
    origin: { file: 'r.csv', importedAt: 0, addresses: 2 },
    overrideDomains: ['contoso.example'],
  });

  it('is a page that a person can read', () => {
    expect(coverageText([covered], 300_000).split('\n')).toEqual([
      'tenant t1: read 5 min ago, r.csv imported 5 min ago',
      '',
      'KIND                         OBJECTS  ADDRESSES  FROM',
      'user                         1,200    1,500      Microsoft Graph  shared, room and equipment mailboxes are users too; Graph does not tell them apart',
      'guest                        0        0          Microsoft Graph  left out: their addresses belong to others',
      'microsoft-365-group          0        0          Microsoft Graph',
      'distribution-list            0        0          Microsoft Graph',
      'mail-enabled-security-group  0        0          Microsoft Graph',
      'security-group               0        0          Microsoft Graph  left out: not mail-enabled',
      'contact                      0        0          Microsoft Graph',
      'PublicFolder                 -        2          import',
      '',
      'DOMAIN             POLICY          VERIFIED  USERS  GROUPS  CONTACTS  IMPORTED  OVERRIDES',
      'contoso.example    enforce         yes       1,500  0       0         2         1',
      'a.contoso.example  observe         yes       0      0       0         0         0',
      'more.example       not configured  yes       0      0       0         0         0',
      '',
      'missing from enforced domains:',
      '  dynamic distribution groups: Microsoft Graph does not show them, and the import of r.csv has none',
      '    rcptgate import of all recipients, or rcptgate override add for each',
      'also worth knowing:',
      '  nobody in the tenant has an address in a.contoso.example',
      '    expected for a new domain; otherwise policy = "observe" until it is clear',
      '  more.example is verified in the tenant, but not in the configuration: its mail is refused here',
      '    add a [[domain]] if its mail comes this way',
      'observed, unknown recipients are accepted and logged: a.contoso.example',
    ]);
  });

  it.each([
    [covered, EXIT.no],
    [{ ...covered, gaps: covered.gaps.filter(({ enforced }) => !enforced) }, EXIT.ok],
  ])('ends with 1 only when an enforced domain lacks something: %#', async (tenant, expected) => {
    const { code, out } = await run(coverage, [tenant], [], {}, true);
    expect([code, JSON.parse(out)]).toEqual([expected, [tenant]]);
  });
});

describe('other commands', () => {
  it('check names the override and the import of an address', () => {
    const text = checkText([
      {
        address: 'a@b.example',
        normalised: 'a@b.example',
        verdict: 'reject',
        reason: 'override-deny',
        reply: '550 5.1.1 No',
        domain: 'b.example',
        tenant: 't1',
        nextHop: null,
        matched: '@b.example',
        freshness: null,
        directoryAge: null,
        objects: [],
        now: 86_400_000 * 40,
        override: { match: '@b.example', action: 'deny', note: 'why', expires: 0, source: 'file' },
        imported: { file: 'r.csv', importedAt: 0 },
      },
    ]);
    expect(text).toMatch(
      /^ {2}override +deny @b\.example, in the configuration file, until 1970-01-01T00:00:00\.000Z: why$/m,
    );
    expect(text).toMatch(/^ {2}imported +from r\.csv, 40 d ago$/m);
  });

  it('status shows how old an import is', () => {
    const tenant = {
      tenant: 't1',
      freshness: 'fresh',
      syncedAt: 0,
      addresses: 1,
      departed: 0,
      held: 0,
      domains: [],
      lastRound: null,
      nextRun: null,
      trouble: null,
      imported: { file: 'r.csv', importedAt: 0, addresses: 1234 },
    };
    const text = statusText({
      version: '1',
      startedAt: 0,
      now: 86_400_000 * 3,
      listeners: [],
      tenants: [tenant],
    });
    expect(text).toContain('\n  t1: 1,234 addresses imported from r.csv, 3 d ago');
  });
});
