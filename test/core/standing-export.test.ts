/** What a standing export holds, table by table, and how each format writes it. */
import { describe, expect, it } from 'vitest';
import { addressesIn, addressSetOf } from '../../src/core/address-set.ts';
import { decideText } from '../../src/core/decide.ts';
import type { Directory } from '../../src/core/directory.ts';
import { countsAsEntry, EXPORT_FORMATS, exportWriting } from '../../src/core/export-format.ts';
import type { Override } from '../../src/core/override.ts';
import type { DomainMode, DomainPolicy, Policy } from '../../src/core/policy.ts';
import {
  type Exported,
  exportEntries,
  exportGaps,
  exportRefusal,
  unloadedDomains,
} from '../../src/core/standing-export.ts';
import { seeded } from '../random.ts';

const NOW = Date.UTC(2026, 10, 22);
const DAY = 86_400_000;

function domain(name: string, policy: DomainMode = 'enforce', tenant = 't1'): DomainPolicy {
  return { name, tenant, policy, subaddressing: true, subdomains: false, nextHop: null };
}

function override(match: string, action: 'allow' | 'deny', expires: number | null = null): Override {
  return { match, action, text: null, note: null, expires };
}

interface Given {
  readonly known?: readonly string[];
  readonly departed?: ReadonlyArray<readonly [string, number]>;
  readonly domains?: readonly DomainPolicy[];
  readonly overrides?: readonly Override[];
  readonly imported?: readonly string[];
  readonly syncedAt?: number | null;
}

function exported(given: Given): Exported {
  const known = addressSetOf(given.known ?? []);
  const departed = new Map(given.departed ?? []);
  const directory: Directory = new Map([
    [
      't1',
      { tenant: 't1', known, departed, syncedAt: given.syncedAt === undefined ? NOW - 1000 : given.syncedAt },
    ],
  ]);
  const domains = given.domains ?? [domain('c.example')];
  const policy: Policy = {
    domains: new Map(domains.map((each) => [each.name, each])),
    overrides: given.overrides ?? [],
    freshnessLimit: 3_600_000,
    gracePeriod: 3 * DAY,
    ...(given.imported ? { imported: new Map([['t1', addressSetOf(given.imported)]]) } : {}),
  };
  return { directory, departed: new Map([['t1', [...departed.keys()]]]), policy, now: NOW };
}

const ROLES = ['abuse@c.example', 'postmaster@c.example'];

describe('exportEntries', () => {
  it.each<[string, Given, string[]]>([
    ['known addresses', { known: ['a@c.example', 'b@c.example'] }, ['a@c.example', 'b@c.example']],
    ['nobody of a domain that is not configured', { known: ['a@other.example'] }, []],
    ['who left lately', { departed: [['old@c.example', NOW - DAY]] }, ['old@c.example']],
    ['nobody who left long ago', { departed: [['old@c.example', NOW - 4 * DAY]] }, []],
    [
      'imported addresses',
      { known: ['a@c.example'], imported: ['a@c.example', 'pf@c.example'] },
      ['a@c.example', 'pf@c.example'],
    ],
    ['who is allowed', { overrides: [override('x@c.example', 'allow')] }, ['x@c.example']],
    ['nobody who is allowed no longer', { overrides: [override('x@c.example', 'allow', NOW - 1)] }, []],
    ['nobody who is denied', { known: ['a@c.example'], overrides: [override('a@c.example', 'deny')] }, []],
    [
      'nobody a pattern denies',
      { known: ['a-old@c.example'], overrides: [override('*-old@c.example', 'deny')] },
      [],
    ],
    ['a stale directory as it is', { known: ['a@c.example'], syncedAt: NOW - 30 * DAY }, ['a@c.example']],
    ['a domain that is allowed as a whole', { overrides: [override('@c.example', 'allow')] }, ['@c.example']],
    ['a mailbox that is a role too, once', { known: ['abuse@c.example'] }, []],
  ])('lists %s', (_name, given, expected) => {
    const matches = [...exportEntries(exported(given))].map(({ match }) => match).sort();
    expect(matches).toEqual([...expected, ...ROLES].sort());
  });

  it.each<[DomainMode, string]>([
    ['open', 'domain-open'],
    ['observe', 'observed-unknown'],
  ])('lists a domain with policy %s as a whole', (policy, reason) => {
    const entries = [
      ...exportEntries(exported({ known: ['a@c.example'], domains: [domain('c.example', policy)] })),
    ];
    expect(entries).toContainEqual({ match: '@c.example', reason });
    expect(entries).toContainEqual({ match: 'a@c.example', reason: 'known' });
  });

  it('lists exactly what the verdict accepts, each once (seeded)', () => {
    const random = seeded(11);
    const name = (): string => `u${random.below(30)}@${random.pick(['c.example', 'd.example', 'e.example'])}`;
    for (let round = 0; round < 200; round++) {
      const names = (count: number): string[] => Array.from({ length: random.below(count) }, name);
      const given = exported({
        known: names(20),
        departed: names(5).map((key) => [key, NOW - random.below(5 * DAY)]),
        domains: [domain('c.example'), domain('d.example')],
        overrides: names(4).map((key) => override(key, random.pick(['allow', 'deny']))),
        imported: names(5),
      });
      const entries = [...exportEntries(given)].map(({ match }) => match);
      expect(new Set(entries).size).toBe(entries.length);
      for (let user = 0; user < 30; user++) {
        for (const host of ['c.example', 'd.example', 'e.example']) {
          const key = `u${user}@${host}`;
          const { action } = decideText(key, given.directory, given.policy, NOW);
          expect([key, entries.includes(key)]).toEqual([key, action === 'accept']);
        }
      }
    }
  });
});

describe('the set that is listed', () => {
  it('gives back every address, also long and non-ASCII ones', () => {
    const wanted = ['a@c.example', 'jörg@c.example', `${'x'.repeat(300)}@c.example`];
    expect([...addressesIn(addressSetOf(wanted).buffer)].sort()).toEqual(wanted.sort());
  });
});

describe('what a list cannot say', () => {
  it('is told', () => {
    const given = exported({
      overrides: [override('*-list@c.example', 'allow'), override('*x*@c.example', 'deny', NOW - 1)],
      domains: [{ ...domain('c.example', 'open'), subdomains: true }],
    });
    expect(exportGaps(given).map(({ match }) => match)).toEqual(['*-list@c.example', '*.c.example']);
  });
});

describe('an export is refused', () => {
  it.each<[number | null, number, number, string | null]>([
    [null, 0, 20, 'it would be empty'],
    [100, 0, 100, 'it would be empty'],
    [null, 5, 20, null],
    [100, 80, 20, null],
    [100, 79, 20, 'it would have 79 entries instead of 100, and at most 20 % may go at once'],
    [100, 79, 100, null],
    [100, 500, 0, null],
    [3, 2, 20, 'it would have 2 entries instead of 3, and at most 20 % may go at once'],
  ])('%j to %j at %j %%: %j', (before, after, share, problem) => {
    expect(exportRefusal(before, after, share)).toBe(problem);
  });

  it('when a tenant of an enforced domain was never read', () => {
    expect(unloadedDomains(exported({ syncedAt: null }))).toEqual(['c.example']);
    expect(unloadedDomains(exported({ syncedAt: null, domains: [domain('c.example', 'open')] }))).toEqual([]);
    expect(unloadedDomains(exported({}))).toEqual([]);
  });
});

describe('the formats', () => {
  const entries = ['a@c.example', '@open.example', 'a b@c.example', '#x@c.example', 'a"b\\c@c.example'];
  it.each([
    [
      'postfix',
      [
        'a@c.example OK',
        '@open.example OK',
        '"a b@c.example" OK',
        '"#x@c.example" OK',
        '"a\\"b\\\\c@c.example" OK',
      ],
    ],
    [
      'exim',
      [
        'a@c.example: ok',
        '*@open.example: ok',
        '"a b@c.example": ok',
        '"#x@c.example": ok',
        '"a\\"b\\\\c@c.example": ok',
      ],
    ],
    ['list', entries],
  ] as const)('%s', (format, lines) => {
    const { head, entry, tail } = exportWriting(format, NOW);
    const text = head + entries.map((match, n) => entry({ match, reason: 'known' }, n === 0)).join('') + tail;
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('# '))).toEqual(lines);
  });

  it('json', () => {
    const { head, entry, tail } = exportWriting('json', NOW);
    const text = head + entries.map((match, n) => entry({ match, reason: 'known' }, n === 0)).join('') + tail;
    expect(JSON.parse(text).recipients.map(({ match }: { match: string }) => match)).toEqual(entries);
  });

  it.each(EXPORT_FORMATS)('%s: as many lines count as there are entries', (format) => {
    const { head, entry, tail } = exportWriting(format, NOW);
    const text = head + entries.map((match, n) => entry({ match, reason: 'known' }, n === 0)).join('') + tail;
    expect(text.split('\n').filter((line) => countsAsEntry(format, line))).toHaveLength(entries.length);
  });
});
