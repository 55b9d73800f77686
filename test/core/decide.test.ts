/** The verdict table of the README, row by row. */
import { describe, expect, it } from 'vitest';
import { addressSetOf } from '../../src/core/address-set.ts';
import { decideText } from '../../src/core/decide.ts';
import { type Directory, emptyTenantDirectory } from '../../src/core/directory.ts';
import type { Override } from '../../src/core/override.ts';
import type { DomainPolicy, Policy } from '../../src/core/policy.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 10, 22, 12);
const TENANT = 't1';

function domain(name: string, changes: Partial<DomainPolicy> = {}): [string, DomainPolicy] {
  const nextHop = '127.0.0.1:2526';
  return [
    name,
    { name, tenant: TENANT, policy: 'enforce', subaddressing: true, subdomains: false, nextHop, ...changes },
  ];
}

function override(match: string, action: 'allow' | 'deny', changes: Partial<Override> = {}): Override {
  return { match, action, text: null, note: null, expires: null, ...changes };
}

const policy: Policy = {
  domains: new Map([
    domain('contoso.example'),
    domain('strict.example', { subaddressing: false }),
    domain('observe.example', { policy: 'observe' }),
    domain('open.example', { policy: 'open', nextHop: null }),
    domain('wide.example', { subdomains: true }),
    domain('exact.wide.example', { policy: 'open' }),
    domain('xn--bcher-kva.example'),
    domain('elsewhere.example', { tenant: 't2' }),
  ]),
  overrides: [
    override('folder@contoso.example', 'allow'),
    override('gone@contoso.example', 'deny', { text: 'Moved to info@contoso.example' }),
    override('over@contoso.example', 'allow', { expires: NOW - 1 }),
    override('last-moment@contoso.example', 'allow', { expires: NOW }),
    override('*-list@contoso.example', 'allow'),
    override('blocked-list@contoso.example', 'deny'),
    override('a*b*c@contoso.example', 'deny'),
    override('@open.example', 'deny'),
    override('Postmaster@contoso.example', 'deny'),
  ],
  imported: new Map([
    [
      TENANT,
      addressSetOf([
        'all@contoso.example',
        'jürgen@contoso.example',
        'left@contoso.example',
        'gone@contoso.example',
        'all@strict.example',
        'all@open.example',
        'all@elsewhere.example',
      ]),
    ],
  ]),
  freshnessLimit: HOUR,
  gracePeriod: 24 * HOUR,
};

const known = addressSetOf([
  'alice@contoso.example',
  'plus+literal@contoso.example',
  'alice@strict.example',
  'alice@observe.example',
  'alice@sub.wide.example',
  'info@xn--bcher-kva.example',
  'jürgen@contoso.example',
  'with space@contoso.example',
]);
const departed = new Map([
  ['left@contoso.example', NOW - 23 * HOUR],
  ['long-gone@contoso.example', NOW - 24 * HOUR],
  ['from-the-future@contoso.example', NOW + HOUR],
]);

function directory(syncedAt: number | null): Directory {
  return new Map([[TENANT, { tenant: TENANT, known, departed, syncedAt }]]);
}

const FRESH = directory(NOW - 5 * MINUTE);

type Row = [recipient: string, action: string, reason: string, matched?: string | null];

function outcome(recipient: string, from: Directory, now = NOW): Row {
  const { action, reason, matched } = decideText(recipient, from, policy, now);
  return [recipient, action, reason, matched];
}

describe('with a fresh directory', () => {
  it.each<Row>([
    ['alice@contoso.example', 'accept', 'known', 'alice@contoso.example'],
    ['ALICE@CONTOSO.EXAMPLE', 'accept', 'known', 'alice@contoso.example'],
    ['"alice"@contoso.example', 'accept', 'known', 'alice@contoso.example'],
    ['@relay.example:alice@contoso.example', 'accept', 'known', 'alice@contoso.example'],
    ['"with space"@contoso.example', 'accept', 'known', 'with space@contoso.example'],
    ['jürgen@contoso.example', 'accept', 'known', 'jürgen@contoso.example'],
    ['info@bücher.example', 'accept', 'known', 'info@xn--bcher-kva.example'],
    ['info@xn--bcher-kva.example', 'accept', 'known', 'info@xn--bcher-kva.example'],
    // a look-alike is somebody else
    ['a\u0131ice@contoso.example', 'reject', 'unknown', null],
    ['al\u0131ce@contoso.example', 'reject', 'unknown', null],
    // sub-addressing: exact match first, then up to the first +, if the domain has it
    ['plus+literal@contoso.example', 'accept', 'known', 'plus+literal@contoso.example'],
    ['alice+a+b@contoso.example', 'accept', 'subaddress', 'alice@contoso.example'],
    ['alice+x@strict.example', 'reject', 'unknown', null],
    ['nobody+alice@contoso.example', 'reject', 'unknown', null],
    // grace
    ['left@contoso.example', 'accept', 'grace', 'left@contoso.example'],
    ['left+tag@contoso.example', 'accept', 'grace', 'left@contoso.example'],
    ['long-gone@contoso.example', 'reject', 'unknown', null],
    ['from-the-future@contoso.example', 'accept', 'grace', 'from-the-future@contoso.example'],
    // imported, when nothing before it knows the address
    ['All@contoso.example', 'accept', 'imported', 'all@contoso.example'],
    ['all+tag@contoso.example', 'accept', 'imported', 'all@contoso.example'],
    ['all@strict.example', 'accept', 'imported', 'all@strict.example'],
    ['all+tag@strict.example', 'reject', 'unknown', null],
    // overrides, the more specific first
    ['folder@contoso.example', 'accept', 'override-allow', 'folder@contoso.example'],
    ['gone@contoso.example', 'reject', 'override-deny', 'gone@contoso.example'],
    ['over@contoso.example', 'reject', 'unknown', null],
    ['last-moment@contoso.example', 'accept', 'override-allow', 'last-moment@contoso.example'],
    ['any-list@contoso.example', 'accept', 'override-allow', '*-list@contoso.example'],
    ['blocked-list@contoso.example', 'reject', 'override-deny', 'blocked-list@contoso.example'],
    ['axxbxxc@contoso.example', 'reject', 'override-deny', 'a*b*c@contoso.example'],
    ['abc@contoso.example', 'reject', 'override-deny', 'a*b*c@contoso.example'],
    ['acb@contoso.example', 'reject', 'unknown', null],
    ['anybody@open.example', 'reject', 'override-deny', '@open.example'],
    // postmaster and abuse
    ['postmaster', 'accept', 'postmaster', null],
    ['POSTMASTER@contoso.example', 'accept', 'postmaster', null],
    ['abuse@contoso.example', 'accept', 'postmaster', null],
    ['abuse@open.example', 'reject', 'override-deny', '@open.example'],
    ['postmaster@open.example', 'accept', 'postmaster', null],
    ['postmaster@foreign.example', 'reject', 'not-our-domain', null],
    // policies
    ['alice@observe.example', 'accept', 'known', 'alice@observe.example'],
    ['nobody@observe.example', 'accept', 'observed-unknown', null],
    ['alice@sub.wide.example', 'accept', 'known', 'alice@sub.wide.example'],
    ['nobody@sub.wide.example', 'reject', 'unknown', null],
    ['nobody@exact.wide.example', 'accept', 'domain-open', null],
    // unknown, foreign, malformed
    ['nobody@contoso.example', 'reject', 'unknown', null],
    ['alice@sub.contoso.example', 'reject', 'not-our-domain', null],
    ['alice@fabrikam.example', 'reject', 'not-our-domain', null],
    ['alice@[127.0.0.1]', 'reject', 'not-our-domain', null],
    ['not an address', 'reject', 'malformed', null],
    ['', 'reject', 'malformed', null],
    // another tenant's domain whose directory was never loaded
    ['alice@elsewhere.example', 'defer', 'directory-empty', null],
  ])('%s: %s (%s)', (...row) => {
    expect(outcome(row[0], FRESH)).toEqual(row);
  });

  it('carries the text of a deny, the next hop and the age', () => {
    expect(decideText('gone@contoso.example', FRESH, policy, NOW)).toMatchObject({
      text: 'Moved to info@contoso.example',
      nextHop: '127.0.0.1:2526',
      domain: 'contoso.example',
      tenant: TENANT,
      freshness: 'fresh',
      directoryAge: 5 * MINUTE,
    });
  });

  it('sends a bare postmaster where the first domain goes', () => {
    expect(decideText('postmaster', FRESH, policy, NOW).nextHop).toBe('127.0.0.1:2526');
  });
});

describe('without a fresh directory an old yes is still a yes and an old no is not a no', () => {
  const STALE = directory(NOW - HOUR - 1);
  const AT_LIMIT = directory(NOW - HOUR);
  const SLIGHTLY_AHEAD = directory(NOW + MINUTE);
  const AHEAD = directory(NOW + MINUTE + 1);
  const LONG_STALE = directory(NOW - 25 * HOUR);
  const NEVER: Directory = new Map([[TENANT, emptyTenantDirectory(TENANT)]]);

  it.each<[string, Directory, ...Row]>([
    ['stale', STALE, 'alice@contoso.example', 'accept', 'known'],
    ['stale', STALE, 'alice+x@contoso.example', 'accept', 'subaddress'],
    ['stale', STALE, 'left@contoso.example', 'accept', 'grace'],
    ['stale', STALE, 'nobody@contoso.example', 'defer', 'directory-stale'],
    ['stale', STALE, 'all@contoso.example', 'accept', 'imported'],
    ['never loaded', NEVER, 'all@contoso.example', 'accept', 'imported'],
    ["another tenant's import", STALE, 'all@elsewhere.example', 'defer', 'directory-empty'],
    ['stale', STALE, 'nobody@observe.example', 'accept', 'observed-unknown'],
    ['stale', STALE, 'folder@contoso.example', 'accept', 'override-allow'],
    ['stale', STALE, 'gone@contoso.example', 'reject', 'override-deny'],
    ['stale', STALE, 'alice@fabrikam.example', 'reject', 'not-our-domain'],
    // what left after the last complete round is not confirmed to be gone
    ['older than a departure', LONG_STALE, 'long-gone@contoso.example', 'accept', 'grace'],
    ['at the limit', AT_LIMIT, 'nobody@contoso.example', 'reject', 'unknown'],
    ['a minute ahead of the clock', SLIGHTLY_AHEAD, 'nobody@contoso.example', 'reject', 'unknown'],
    ['further ahead of the clock', AHEAD, 'nobody@contoso.example', 'defer', 'directory-stale'],
    ['never loaded', NEVER, 'alice@contoso.example', 'defer', 'directory-empty'],
    ['never loaded', NEVER, 'postmaster@contoso.example', 'accept', 'postmaster'],
    ['never loaded', NEVER, 'alice@open.example', 'reject', 'override-deny'],
    ['without the tenant', new Map(), 'alice@contoso.example', 'defer', 'directory-empty'],
  ])('%s: %#', (_name, from, recipient, action, reason) => {
    expect(outcome(recipient, from).slice(0, 3)).toEqual([recipient, action, reason]);
  });
});
