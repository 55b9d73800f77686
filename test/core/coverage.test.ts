/** What is covered, and what has to be named as missing. */
import { describe, expect, it } from 'vitest';
import { coverageOf, type Holdings } from '../../src/core/coverage.ts';
import type { DomainMode, DomainPolicy } from '../../src/core/policy.ts';

function domain(
  name: string,
  policy: DomainMode = 'enforce',
  changes: Partial<DomainPolicy> = {},
): DomainPolicy {
  return { name, tenant: 't1', policy, subaddressing: true, subdomains: false, nextHop: null, ...changes };
}

const HELD: Holdings = {
  tenant: 't1',
  syncedAt: 1,
  verified: ['contoso.example'],
  streams: ['users', 'groups'],
  objects: { user: 3, guest: 2, 'distribution-list': 1 },
  addresses: [
    { kind: 'user', domain: 'contoso.example', count: 4 },
    { kind: 'user', domain: 'sub.contoso.example', count: 1 },
    { kind: 'distribution-list', domain: 'contoso.example', count: 2 },
  ],
  imported: [],
};
const ORIGIN = { file: 'r.csv', importedAt: 1, addresses: 1 };
const imported = (...types: string[]) => types.map((type) => ({ type, domain: 'contoso.example', count: 1 }));
const HIDDEN = ['dynamic-distribution-groups', 'public-folders', 'contacts'];

function gaps(holdings: Partial<Holdings>, domains = [domain('contoso.example')]): string[] {
  const origin = holdings.imported ? ORIGIN : null;
  const facts = { holdings: { ...HELD, ...holdings }, domains, origin, overrideDomains: [] };
  return coverageOf(facts).gaps.map(({ gap, enforced }) => (enforced ? gap : `(${gap})`));
}

describe('gaps', () => {
  it.each<[string, string[], string[]]>([
    ['without an import', gaps({}), HIDDEN],
    [
      'with the permission on contacts',
      gaps({ streams: ['users', 'groups', 'contacts'] }),
      HIDDEN.slice(0, 2),
    ],
    ['with the whole list imported', gaps({ imported: imported('UserMailbox') }), []],
    [
      'with public folders imported',
      gaps({ imported: imported('PublicFolder') }),
      ['dynamic-distribution-groups', 'contacts'],
    ],
    [
      'with each of them imported',
      gaps({ imported: imported('PublicFolder', 'MailContact', 'DynamicDistributionGroup') }),
      [],
    ],
    ['of a tenant never read', gaps({ syncedAt: null, verified: [] }), ['never-read']],
    [
      'without an enforced domain',
      gaps({}, [domain('contoso.example', 'observe')]),
      HIDDEN.map((gap) => `(${gap})`),
    ],
    [
      'of a domain that is not verified',
      gaps({ imported: imported('UserMailbox') }, [domain('contoso.example'), domain('new.example')]),
      ['not-verified'],
    ],
    [
      'of a domain below a verified one',
      gaps({ imported: imported('UserMailbox') }, [domain('contoso.example'), domain('a.contoso.example')]),
      ['no-addresses'],
    ],
    [
      'of a domain not configured',
      gaps({ imported: imported('UserMailbox'), verified: ['contoso.example', 'more.example'] }),
      ['(not-configured)'],
    ],
    [
      "of another tenant's domain",
      gaps({ imported: imported('UserMailbox') }, [
        domain('contoso.example'),
        domain('b.example', 'enforce', { tenant: 't2' }),
      ]),
      [],
    ],
  ])('%s', (_name, found, expected) => {
    expect(found).toEqual(expected);
  });
});

describe('counts', () => {
  it('are by kind and by domain, subdomains with the domain that covers them', () => {
    const coverage = coverageOf({
      holdings: {
        ...HELD,
        verified: ['contoso.example', 'more.example'],
        imported: imported('PublicFolder'),
      },
      domains: [domain('contoso.example', 'enforce', { subdomains: true }), domain('old.example', 'open')],
      origin: ORIGIN,
      overrideDomains: ['contoso.example', 'sub.contoso.example', '*.example'],
    });
    const none = { users: 0, groups: 0, contacts: 0, imported: 0, overrides: 0 };
    expect(coverage.domains).toEqual([
      {
        name: 'contoso.example',
        policy: 'enforce',
        verified: true,
        users: 5,
        groups: 2,
        contacts: 0,
        imported: 1,
        overrides: 2,
      },
      { name: 'old.example', policy: 'open', verified: false, ...none },
      { name: 'more.example', policy: null, verified: true, ...none },
    ]);
    expect(coverage.kinds.filter(({ objects, addresses }) => objects !== 0 || addresses > 0)).toEqual([
      { kind: 'user', objects: 3, addresses: 5, source: 'graph' },
      { kind: 'guest', objects: 2, addresses: 0, source: 'graph' },
      { kind: 'distribution-list', objects: 1, addresses: 2, source: 'graph' },
      { kind: 'PublicFolder', objects: null, addresses: 1, source: 'import' },
    ]);
  });
});
