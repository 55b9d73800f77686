/** What may be asked of the rejection log: every parameter, every fault, and whatever else somebody sends. */
import { describe, expect, it } from 'vitest';
import { historyOf } from '../../src/core/history.ts';
import {
  readHistoryQuery,
  readRegretQuery,
  readRejectionQuery,
  readTenants,
  readTopQuery,
} from '../../src/core/rejection-query.ts';
import { seeded } from '../random.ts';

const NOON = Date.UTC(2026, 10, 22, 12);

describe('a query for rows', () => {
  it('asks for everything by default, fifty rows', () => {
    expect(readRejectionQuery({})).toEqual({
      ok: true,
      query: {
        since: null,
        until: null,
        recipient: null,
        client: null,
        domain: null,
        tenant: null,
        reason: null,
        verdict: null,
        text: null,
        tenants: null,
        limit: 50,
        before: null,
      },
    });
  });

  it('reads every parameter, and takes an empty one for none', () => {
    const given = {
      since: '1000',
      until: '2000',
      recipient: ' a*@contoso.example ',
      client: '192.0.2.*',
      domain: 'Contoso.Example',
      tenant: 'T1',
      reason: '',
      verdict: 'defer',
      text: 'x',
      tenants: 'T1, t2,',
      limit: '1000',
      cursor: '17',
    };
    expect(readRejectionQuery(given)).toEqual({
      ok: true,
      query: {
        since: 1000,
        until: 2000,
        recipient: 'a*@contoso.example',
        client: '192.0.2.*',
        domain: 'contoso.example',
        tenant: 't1',
        reason: null,
        verdict: 'defer',
        text: 'x',
        tenants: ['t1', 't2'],
        limit: 1000,
        before: 17,
      },
    });
  });

  it.each([
    [{ since: 'yesterday' }, '"since" must be a time in ms since 1970'],
    [{ until: '-1' }, '"until" must be a time in ms since 1970'],
    [{ since: '99999999999999999' }, '"since" must be a time in ms since 1970'],
    [{ verdict: 'accept' }, '"verdict" must be one of reject, defer'],
    [{ limit: '0' }, '"limit" must be a number from 1 to 1000'],
    [{ limit: '1001' }, '"limit" must be a number from 1 to 1000'],
    [{ cursor: 'x' }, '"cursor" must be the "next" of the page before'],
    [{ text: 'x'.repeat(513) }, '"text" is longer than 512 characters'],
    [{ colour: 'blue' }, '"colour" is not something to ask by'],
  ])('refuses %j', (given, problem) => {
    expect(readRejectionQuery(given)).toEqual({ ok: false, problems: [problem] });
  });

  it('tells all problems at once', () => {
    const read = readTopQuery({ by: 'senders', limit: 'many', since: 'x' });
    expect(read.ok ? [] : read.problems).toHaveLength(3);
    expect(readRegretQuery({ client: 'x' })).toMatchObject({ ok: false });
  });
});

describe('the tenants of an answer', () => {
  it.each([
    [undefined, null],
    ['', []],
    [',', []],
    ['A,b', ['a', 'b']],
  ])('%j is %j', (given, tenants) => expect(readTenants(given)).toEqual(tenants));
});

describe('a query for counts', () => {
  it('is the last day in half hours by default', () => {
    expect(readHistoryQuery({}, NOON)).toMatchObject({
      ok: true,
      query: { since: NOON - 86_400_000, until: NOON, step: 1_800_000 },
    });
  });

  it.each([
    [{ step: '301' }, '"step" must be a multiple of 300 seconds'],
    [{ since: '2000', until: '1000' }, '"since" must be before "until"'],
    [{ since: '0', step: '300' }, 'at most 2000 steps fit between "since" and "until"'],
    [{ limit: '5' }, '"limit" is not something to ask by'],
  ])('refuses %j', (given, problem) => {
    expect(readHistoryQuery(given, NOON)).toEqual({ ok: false, problems: [problem] });
  });

  it('has no gaps, whole buckets, and at least one', () => {
    const bucket = { at: 600_000, accepted: 1, rejected: 2, deferred: 3 };
    expect(historyOf({ since: 400_000, until: 1_000_000, step: 300_000 }, [bucket])).toEqual({
      from: 300_000,
      to: 1_200_000,
      step: 300_000,
      buckets: [
        { at: 300_000, accepted: 0, rejected: 0, deferred: 0 },
        bucket,
        { at: 900_000, accepted: 0, rejected: 0, deferred: 0 },
      ],
    });
  });
});

it('never throws, and never lets through what is out of bounds', () => {
  const random = seeded(20261122);
  const names = [
    'since',
    'until',
    'limit',
    'cursor',
    'verdict',
    'recipient',
    'step',
    'by',
    'text',
    'tenants',
    '__proto__',
  ];
  const pieces = [
    '0',
    '1',
    '99',
    '-',
    '1e9',
    'reject',
    '*',
    '%',
    "'",
    '\u0000',
    '\ud800',
    'x'.repeat(600),
    '',
    ' ',
    'a@b',
    '\u202e',
  ];
  for (let round = 0; round < 20_000; round++) {
    const given = Object.fromEntries(
      Array.from({ length: random.below(5) }, () => [
        random.pick(names),
        random.pick(pieces) + random.pick(pieces),
      ]),
    );
    const rows = readRejectionQuery(given);
    if (rows.ok) {
      expect(rows.query.limit).toBeGreaterThan(0);
      expect(rows.query.limit).toBeLessThanOrEqual(1000);
    } else expect(rows.problems.length).toBeGreaterThan(0);
    const counts = readHistoryQuery(given, NOON);
    if (counts.ok) {
      const { since, until, step } = counts.query;
      expect(historyOf({ since, until, step }, []).buckets.length).toBeLessThanOrEqual(2002);
    }
    readTopQuery(given);
    readRegretQuery(given);
  }
});
