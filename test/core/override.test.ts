/** Overrides: the form a match is compared in, which entry decides, and what becomes of the others. */
import { describe, expect, it } from 'vitest';
import { addressSetOf } from '../../src/core/address-set.ts';
import { operatorFrom } from '../../src/core/operator.ts';
import { normaliseMatch, type Override, overrideFor } from '../../src/core/override.ts';
import { reviewOverrides } from '../../src/core/override-review.ts';
import type { DomainPolicy, Policy } from '../../src/core/policy.ts';

const NOW = Date.UTC(2026, 10, 22);

function entry(match: string, action: 'allow' | 'deny' = 'allow', expires: number | null = null): Override {
  return { match, action, text: null, note: null, expires };
}

describe('a match', () => {
  it.each([
    ['Folder@Contoso.Example', 'folder@contoso.example'],
    [' folder@contoso.example ', 'folder@contoso.example'],
    ['info@bücher.example', 'info@xn--bcher-kva.example'],
    ['"two words"@contoso.example', 'two words@contoso.example'],
    ['@Bücher.example', '@xn--bcher-kva.example'],
    ['*-List@Contoso.Example', '*-list@contoso.example'],
    ['*@bücher.example', '*@xn--bcher-kva.example'],
    ['*@*.Contoso.Example', '*@*.contoso.example'],
    ['folder', null],
    ['@', null],
    ['@*.contoso.example', null],
    ['*', null],
    ['*@', null],
    ['*@not a domain', null],
    ['a b*@contoso.example', null],
    ['a\u0000*@contoso.example', null],
  ])('%j is compared as %j', (match, normalised) => {
    expect(normaliseMatch(match)).toBe(normalised);
  });
});

describe('the entry that decides', () => {
  const list = [
    entry('@contoso.example', 'deny'),
    entry('*@contoso.example', 'allow', NOW - 1),
    entry('a*@contoso.example'),
    entry('ab*@contoso.example', 'deny'),
    entry('abc@contoso.example', 'allow', NOW - 1),
    entry('abc@contoso.example', 'deny', NOW),
    entry('abc@contoso.example'),
  ];

  it.each([
    ['abc@contoso.example', NOW, 5],
    ['abc@contoso.example', NOW + 1, 6],
    ['abc@contoso.example', NOW - 1, 4],
    ['abd@contoso.example', NOW, 2],
    ['xyz@contoso.example', NOW, 0],
    ['xyz@contoso.example', NOW - 1, 1],
    ['xyz@fabrikam.example', NOW, undefined],
  ])('for %s at %i is entry %j', (key, now, index) => {
    expect(overrideFor(list, key, now)).toBe(index === undefined ? null : list[index]);
  });
});

describe('a review', () => {
  const domain = { name: 'contoso.example', subdomains: false } as DomainPolicy;
  const domains = { domains: new Map([[domain.name, domain]]) };

  function review(file: readonly Override[], stored: readonly Override[]) {
    return reviewOverrides(file, stored, domains, NOW).map(
      ({ match, source, state, shadowedBy, exceptions }) => [
        match,
        source,
        state,
        shadowedBy ? `${shadowedBy.match} (${shadowedBy.source})` : null,
        exceptions.map((exception) => exception.match),
      ],
    );
  }

  it('names what expired, is shadowed, is foreign, or has exceptions', () => {
    const file = [entry('@contoso.example', 'deny'), entry('a@contoso.example'), entry('x*@contoso.example')];
    const stored = [
      entry('a@contoso.example', 'deny'),
      entry('xy*@contoso.example', 'deny'),
      entry('b@contoso.example', 'allow', NOW - 1),
      entry('c@contoso.example', 'deny'),
      entry('@elsewhere.example'),
      entry('*@*.example'),
    ];
    expect(review(file, stored)).toEqual([
      ['@contoso.example', 'file', 'shadowed', '*@*.example (command)', []],
      ['a@contoso.example', 'file', 'active', null, []],
      ['x*@contoso.example', 'file', 'active', null, []],
      ['a@contoso.example', 'command', 'shadowed', 'a@contoso.example (file)', []],
      ['xy*@contoso.example', 'command', 'shadowed', 'x*@contoso.example (file)', []],
      ['b@contoso.example', 'command', 'expired', null, []],
      ['c@contoso.example', 'command', 'active', null, []],
      ['@elsewhere.example', 'command', 'shadowed', '*@*.example (command)', []],
      ['*@*.example', 'command', 'active', null, ['c@contoso.example']],
    ]);
  });

  it('lists exceptions of the other action, and domains that are not ours', () => {
    expect(
      review(
        [entry('@contoso.example', 'deny')],
        [entry('a@contoso.example'), entry('b@contoso.example', 'deny'), entry('@x.example')],
      ),
    ).toEqual([
      ['@contoso.example', 'file', 'active', null, ['a@contoso.example']],
      ['a@contoso.example', 'command', 'active', null, []],
      ['b@contoso.example', 'command', 'active', null, []],
      ['@x.example', 'command', 'foreign', null, []],
    ]);
  });
});

describe('what the operator said', () => {
  it('follows the configuration file, and leaves it as it was', () => {
    const policy: Policy = {
      domains: new Map(),
      overrides: [entry('a@contoso.example')],
      freshnessLimit: 1,
      gracePeriod: 1,
    };
    const stored = { ...entry('a@contoso.example', 'deny'), addedAt: 1, addedBy: 'me' };
    const origin = { tenant: 't', file: 'f.csv', importedAt: 2, importedBy: 'me' };
    const known = addressSetOf(['all@contoso.example']).buffer;
    const operator = operatorFrom(policy, { overrides: [stored], imports: [{ ...origin, known }] });
    expect(operator.policy.overrides).toEqual([policy.overrides[0], stored]);
    expect(overrideFor(operator.policy.overrides, 'a@contoso.example', NOW)?.action).toBe('allow');
    expect(operator.policy.imported?.get('t')?.has('all@contoso.example')).toBe(true);
    expect(operator.imports.get('t')).toMatchObject(origin);
    expect(policy.overrides).toHaveLength(1);
  });
});
