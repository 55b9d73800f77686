/** What a new import changes, when it is held, and which addresses of it count. */
import { describe, expect, it } from 'vitest';
import {
  decodeImport,
  encodeImport,
  encodeImportBytes,
  planImport,
  siftImport,
} from '../../src/core/import-plan.ts';
import type { DomainPolicy } from '../../src/core/policy.ts';

function listed(count: number, from = 0, type = 'MailContact'): Map<string, string> {
  return new Map(Array.from({ length: count }, (_, index) => [`u${from + index}@contoso.example`, type]));
}

describe('a plan', () => {
  it.each([
    ['the first import', listed(0), listed(3), null],
    ['nothing at all', listed(0), listed(0), 'empty'],
    ['an empty one', listed(1), listed(0), 'empty'],
    ['two of three gone', listed(3), listed(1), null],
    ['three of four gone', listed(4), listed(1), 'much-smaller'],
    ['a fifth gone', listed(100), listed(80), null],
    ['more than a fifth gone', listed(100), listed(79), 'much-smaller'],
    ['as many, but others', listed(100), listed(100, 50), 'much-smaller'],
    ['more', listed(100), listed(200), null],
  ])('for %s is held: %j', (_name, before, after, hold) => {
    expect(planImport(before, after)).toMatchObject({ hold, before: before.size, after: after.size });
  });

  it('counts by type, a change of type as what it is now', () => {
    const before = new Map([
      ...listed(2),
      ['f@contoso.example', 'MailContact'],
      ['g@contoso.example', 'PublicFolder'],
    ]);
    const after = new Map([...listed(1), ['f@contoso.example', 'PublicFolder'], ['h@contoso.example', 'A']]);
    expect(planImport(before, after).rows).toEqual([
      { type: 'A', added: 1, gone: 0, unchanged: 0 },
      { type: 'MailContact', added: 0, gone: 1, unchanged: 1 },
      { type: 'PublicFolder', added: 0, gone: 1, unchanged: 1 },
    ]);
  });
});

describe('samples', () => {
  it('name some of those that come and go', () => {
    expect(planImport(listed(3), listed(3, 1)).samples).toEqual({
      added: ['u3@contoso.example'],
      gone: ['u0@contoso.example'],
    });
    const { samples } = planImport(listed(100), listed(100, 100));
    expect([samples.added.length, samples.gone.length]).toEqual([10, 10]);
  });
});

describe('the list as bytes', () => {
  it.each([0, 1, 100_000])('of %i addresses is that of the text', (count) => {
    const list = new Map([...listed(count), ['ü@bücher.example', 'A']]);
    expect(new TextDecoder().decode(encodeImportBytes(list))).toBe(encodeImport(list));
  });
});

describe('the addresses that count', () => {
  const domain = (name: string, tenant: string, subdomains = false): [string, DomainPolicy] => [
    name,
    { name, tenant, policy: 'enforce', subaddressing: true, subdomains, nextHop: null },
  ];
  const domains = {
    domains: new Map([
      domain('contoso.example', 't1', true),
      domain('b.contoso.example', 't2'),
      domain('b.example', 't2'),
    ]),
  };

  it('are those in accepted domains of the tenant', () => {
    const lines: Array<[string, string]> = [
      ['A@Contoso.Example', 'X'],
      ['a@contoso.example', 'Y'],
      ['a@sub.contoso.example', 'X'],
      ['a@b.contoso.example', 'X'],
      ['a@b.example', 'X'],
      ['b@b.example', 'X'],
      ['no address', 'X'],
      [`${'x'.repeat(400)}@contoso.example`, 'X'],
    ];
    const { accepted, foreign } = siftImport(lines, 't1', domains);
    expect([...accepted]).toEqual([
      ['a@contoso.example', 'X'],
      ['a@sub.contoso.example', 'X'],
    ]);
    expect(foreign).toEqual({ 'b.contoso.example': 1, 'b.example': 2 });
  });

  it('travel as lines, and what is no line is left out', () => {
    const list = new Map([...listed(3), ['two words@contoso.example', 'Public Folder']]);
    expect(new Map([...decodeImport(encodeImport(list))])).toEqual(new Map([...list].map((pair) => pair)));
    expect([...decodeImport('X\ta@b.example\njunk\n\tnobody\nY\tc@d.example')]).toEqual([
      ['a@b.example', 'X'],
      ['c@d.example', 'Y'],
    ]);
  });
});
