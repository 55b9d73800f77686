/** What the commands print, character by character. */
import { describe, expect, it } from 'vitest';
import { checkText } from '../../src/commands/check.ts';
import { statusText } from '../../src/commands/status.ts';
import { roundsText } from '../../src/commands/sync.ts';
import { count, printable, span, table } from '../../src/commands/table.ts';

const ROUND = {
  tenant: 't1',
  outcome: 'ok',
  startedAt: 0,
  durationMs: 1234,
  addresses: 1200,
  added: 3,
  removed: 1,
  held: 0,
};

describe('amounts and tables', () => {
  it.each([
    [null, 'never'],
    [0, '0 s'],
    [119_000, '119 s'],
    [120_000, '2 min'],
    [7_200_000, '2 h'],
    [172_800_000, '2 d'],
  ])('a span of %j ms is %s', (ms, text) => {
    expect(span(ms)).toBe(text);
  });

  it('lines up columns and separates thousands', () => {
    expect(
      table([
        ['A', 'BB'],
        ['longer', count(1_234_567)],
      ]),
    ).toBe('A       BB\nlonger  1,234,567');
  });

  it('shows no control characters', () => {
    expect(printable('a\u001b]0;title\u0007b\u202ec')).toBe('a?]0;title?b?c');
  });
});

describe('checkText', () => {
  it('explains an address', () => {
    const text = checkText([
      {
        address: 'Alice+x@contoso.example',
        normalised: 'alice+x@contoso.example',
        verdict: 'accept',
        reason: 'subaddress',
        reply: '250 2.1.5 Recipient OK',
        domain: 'contoso.example',
        tenant: 't1',
        nextHop: '127.0.0.1:2526',
        matched: 'alice@contoso.example',
        freshness: 'fresh',
        directoryAge: 60_000,
        objects: [{ kind: 'user', displayName: 'Alice', id: '1', attribute: 'SMTP:alice@contoso.example' }],
      },
    ]);
    expect(text).toBe(
      [
        'Alice+x@contoso.example  accept (subaddress)',
        '  reply now              250 2.1.5 Recipient OK',
        '  looked up              alice+x@contoso.example',
        '  matched                alice@contoso.example',
        '  domain                 contoso.example, tenant t1',
        '  directory              fresh, synced 60 s ago',
        '  held by                user "Alice" (1), SMTP:alice@contoso.example',
        '  next hop               127.0.0.1:2526',
      ].join('\n'),
    );
  });

  it('says when there is nothing to explain with', () => {
    const text = checkText([
      {
        address: 'no address',
        normalised: null,
        verdict: 'reject',
        reason: 'malformed',
        reply: '501 5.1.3 Bad recipient address syntax',
        domain: null,
        tenant: null,
        nextHop: null,
        matched: null,
        freshness: null,
        directoryAge: null,
        objects: null,
      },
    ]);
    expect(text).toContain('nothing: it is not a mailbox address');
    expect(text).toContain('the mirror is busy');
  });
});

describe('checkText of an unknown address', () => {
  it.each([
    ['absent', 'live lookup  absent (35 ms): the tenant does not have it'],
    ['timeout', 'live lookup  timeout (35 ms): Graph did not answer'],
  ])('shows a lookup that ended %s', (outcome, expected) => {
    const text = checkText([
      {
        address: 'nobody@contoso.example',
        normalised: 'nobody@contoso.example',
        verdict: 'reject',
        reason: 'unknown',
        reply: '550 5.1.1 No such recipient here',
        domain: 'contoso.example',
        tenant: 't1',
        nextHop: null,
        matched: null,
        freshness: 'fresh',
        directoryAge: 1000,
        lookup: { outcome, ms: 34.6 },
        objects: [],
      },
    ]);
    expect(text.replace(/ {3,}/g, '  ')).toContain(expected);
  });
});

describe('statusText and roundsText', () => {
  it('shows a failing tenant with what to do', () => {
    const error = { code: 'AADSTS7000222', message: 'The client secret has expired.', hint: 'Renew it.' };
    const text = statusText({
      version: '0.1.0',
      startedAt: 0,
      now: 300_000,
      listeners: [{ address: '127.0.0.1:2525', mode: 'relay', connections: 2 }],
      tenants: [
        {
          tenant: 't1',
          freshness: 'stale',
          syncedAt: 0,
          addresses: 1200,
          departed: 3,
          held: 0,
          trouble: null,
          domains: ['contoso.example'],
          lastRound: { ...ROUND, outcome: 'failed', error },
          nextRun: 360_000,
        },
      ],
    });
    expect(text.split('\n')).toEqual([
      'rcptgate 0.1.0, running for 5 min',
      '',
      'LISTENER        MODE   CONNECTIONS',
      '127.0.0.1:2525  relay  2',
      '',
      'TENANT  DIRECTORY  SYNCED     ADDRESSES  IN GRACE  HELD  LAST ROUND  NEXT ROUND',
      't1      stale      5 min ago  1,200      3         0     failed      in 60 s',
      '  t1: AADSTS7000222: The client secret has expired.',
      '  what to do: Renew it.',
    ]);
  });

  it.each([
    [{ kind: 'secret', source: 'file', expires: null }, true, 'secret from its file works'],
    [
      { kind: 'certificate', source: 'file', expires: 20 * 86_400_000 },
      true,
      'certificate from its file works; it ends in 20 d',
    ],
    [
      { kind: 'secret', source: 'kept', expires: -7_200_000 },
      true,
      'secret kept from before is used, because its file cannot be; it ended 2 h ago',
    ],
    [
      { kind: 'assertion', source: 'file', expires: 60_000 },
      false,
      'assertion not proven yet; it ends in 60 s',
    ],
  ] as const)('shows the credential %j', (use, proven, words) => {
    const trouble = { code: 'secret-empty', message: 'The file is empty\u001b.', hint: 'Write it.' };
    const tenant = {
      tenant: 't1',
      freshness: 'fresh',
      syncedAt: 0,
      addresses: 1,
      departed: 0,
      held: 0,
      trouble: null,
      domains: [],
      lastRound: null,
      nextRun: null,
      credential: { use, proven, trouble },
    };
    const text = statusText({ version: '0', startedAt: 0, now: 0, listeners: [], tenants: [tenant] });
    expect(text.split('\n').slice(-3)).toEqual([
      `  t1: ${words}`,
      '  t1: secret-empty: The file is empty?.',
      '  what to do: Write it.',
    ]);
  });

  it('says what a round did', () => {
    expect(roundsText([ROUND, { ...ROUND, held: 9 }, { ...ROUND, outcome: 'failed', addresses: null }])).toBe(
      't1: ok in 1.2 s, 1,200 addresses (3 added, 1 removed)\n' +
        't1: ok in 1.2 s, 1,200 addresses (3 added, 1 removed, 9 removals held)\n' +
        't1: failed in 1.2 s, nothing changed',
    );
  });
});
