/** The rejection log's store: what goes in comes out, once, within its bounds. */
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import SQLite from 'better-sqlite3';
import { describe, expect, it, test } from 'vitest';
import { referenceText } from '../../src/core/reference.ts';
import { readHistoryQuery, readTopQuery, type TopQuery } from '../../src/core/rejection-query.ts';
import { isDamage, setAside } from '../../src/mirror/ledger/file.ts';
import { openLedger } from '../../src/mirror/ledger/ledger.ts';
import { seeded } from '../random.ts';
import { batchOf, DAY, HOUR, LIMITS, NOON, query, scratchLedger, TENANT } from './answers.ts';
import { scratchDirectory } from './scratch.ts';

function topQuery(given: Record<string, string>): TopQuery {
  const read = readTopQuery(given);
  if (!read.ok) throw new Error(read.problems.join('; '));
  return read.query;
}

describe('a row', () => {
  it('tells everything that was recorded', () => {
    using log = scratchLedger();
    expect(log.record({})).toEqual({ kept: 1, aggregated: 0 });
    expect(log.ledger.ask.list(query())).toEqual({
      rows: [
        {
          id: 1,
          kind: 'recipient',
          firstAt: NOON,
          lastAt: NOON,
          count: 1,
          ref: '7F3K2Q',
          verdict: 'reject',
          code: 550,
          reason: 'unknown',
          client: '192.0.2.1',
          realClient: '192.0.2.1',
          helo: 'mail.sender.example',
          tls: 'TLSv1.3',
          mailFrom: 'me@sender.example',
          rcpt: 'nobody@contoso.example',
          address: 'nobody@contoso.example',
          domain: 'contoso.example',
          tenant: TENANT,
          directoryAge: 65_000,
          session: 's1',
          source: 'relay',
          detail: null,
          regretted: false,
        },
      ],
      next: null,
    });
  });

  it('stands for the repeats of a period, in one batch and over several', () => {
    using log = scratchLedger();
    const again = (at: number, session: string) => ({ at: NOON + at, session, ref: referenceText(at + 1) });
    expect(log.record(again(0, 'a'), again(1, 'b'))).toEqual({ kept: 1, aggregated: 1 });
    expect(log.record(again(HOUR - 1, 'c'))).toEqual({ kept: 0, aggregated: 1 });
    expect(log.record(again(HOUR, 'd'))).toEqual({ kept: 1, aggregated: 0 });
    const [second, first] = log.ledger.ask.list(query()).rows;
    expect([first?.count, first?.firstAt, first?.lastAt, first?.session]).toEqual([
      3,
      NOON,
      NOON + HOUR - 1,
      'c',
    ]);
    expect([second?.count, second?.session]).toEqual([1, 'd']);
    // Every reference leads to the row that its answer went into.
    for (const [at, row] of [
      [0, 1],
      [1, 1],
      [HOUR - 1, 1],
      [HOUR, 2],
    ] as const) {
      const found = log.ledger.ask.reference(referenceText(at + 1), null);
      expect(found.map((entry) => [entry.row.id, entry.at])).toEqual([
        [row, Math.floor((NOON + at) / 1000) * 1000],
      ]);
    }
  });

  it.each([
    ['another client', { client: '192.0.2.2' }],
    ['another recipient', { rcpt: 'other@contoso.example' }],
    ['another reason', { reason: 'override-deny' }],
    ['another code', { code: 451 }],
  ])('is not shared with %s', (_what, other) => {
    using log = scratchLedger();
    expect(log.record({}, other)).toEqual({ kept: 2, aggregated: 0 });
  });

  it('is not made twice when a batch is sent again', () => {
    using log = scratchLedger();
    const batch = {
      ...batchOf(5, [{}, {}]),
      counts: [{ at: NOON, tenant: 't', domain: 'd', accepted: 1, rejected: 2, deferred: 3 }],
    };
    expect(log.ledger.record(batch)).toEqual({ kept: 1, aggregated: 1 });
    expect(log.ledger.record(batch)).toEqual({ kept: 1, aggregated: 1 });
    expect(log.ledger.ask.list(query()).rows.map(({ count }) => count)).toEqual([2]);
    expect(log.ledger.record({ ...batch, run: 'another life' })).toEqual({ kept: 0, aggregated: 2 });
  });

  it('cuts what a client made long', () => {
    using log = scratchLedger();
    log.record({ helo: 'x'.repeat(5000), detail: '\u0000\u202e' });
    expect(log.ledger.ask.list(query()).rows[0]).toMatchObject({
      helo: 'x'.repeat(512),
      detail: '\u0000\u202e',
    });
  });
});

describe('a filter', () => {
  const rows = [
    { rcpt: 'a_b@contoso.example', at: NOON },
    {
      rcpt: 'axb@contoso.example',
      at: NOON + HOUR,
      client: '198.51.100.7',
      code: 451,
      reason: 'directory-stale',
    },
    {
      rcpt: 'C@Fabrikam.example',
      address: 'c@fabrikam.example',
      domain: null,
      tenant: null,
      reason: 'not-our-domain',
      at: NOON + 2 * HOUR,
    },
    { rcpt: 'd@sub.contoso.example', tenant: 't2', mailFrom: "it's@x.example", at: NOON + 3 * HOUR },
  ];
  it.each([
    [{}, [4, 3, 2, 1]],
    [{ recipient: 'a_b@contoso.example' }, [1]],
    [{ recipient: 'A_B@Contoso.Example' }, [1]],
    [{ recipient: 'a_b' }, [1]],
    [{ recipient: '*@fabrikam.example' }, [3]],
    [{ recipient: 'a*@contoso.example' }, [2, 1]],
    [{ recipient: '%' }, []],
    [{ client: '198.51.100.7' }, [2]],
    [{ client: '192.0.2.*' }, [4, 3, 1]],
    [{ client: '192.0.2' }, []],
    [{ domain: 'fabrikam.example' }, [3]],
    [{ domain: 'CONTOSO.example' }, [4, 2, 1]],
    [{ reason: 'unknown' }, [4, 1]],
    [{ verdict: 'defer' }, [2]],
    [{ verdict: 'reject' }, [4, 3, 1]],
    [{ text: "it's" }, [4]],
    [{ since: String(NOON + HOUR) }, [4, 3, 2]],
    [{ until: String(NOON + HOUR) }, [2, 1]],
    [{ tenant: 'T2' }, [4]],
    [{ tenants: TENANT }, [2, 1]],
    [{ tenants: `${TENANT},t2` }, [4, 2, 1]],
    [{ tenants: '' }, []],
    [{ tenant: TENANT, tenants: 't2' }, []],
  ])('%j', (given, expected) => {
    using log = scratchLedger();
    log.record(...rows);
    expect(log.ledger.ask.list(query(given as Record<string, string>)).rows.map(({ id }) => id)).toEqual(
      expected,
    );
  });

  it('pages through everything once', () => {
    using log = scratchLedger();
    log.record(...Array.from({ length: 25 }, (_, index) => ({ rcpt: `x${index}@contoso.example` })));
    const seen: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { rows, next } = log.ledger.ask.list(query({ limit: '10', cursor }));
      seen.push(...rows.map(({ id }) => id));
      cursor = next;
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => 25 - index));
  });

  it('finds exactly what a plain filter finds, whatever is asked', () => {
    using log = scratchLedger();
    const random = seeded(42);
    const names = ['a', 'B', 'a_b', 'x%', "o'hara", '日本', '\\'];
    const answers = Array.from({ length: 300 }, (_, index) => ({
      rcpt: `${random.pick(names)}${random.below(3)}@contoso.example`,
      client: `192.0.2.${index}`,
      helo: random.pick([null, ...names]),
      mailFrom: random.pick(names),
      at: NOON + index,
    }));
    log.record(...answers);
    for (let round = 0; round < 300; round++) {
      const text = random.pick([...names, 'b', '%', '_', '*', '日', '192.0.2.1', ';--', '"']);
      const fold = (value: string | null): string =>
        (value ?? '').replace(/[A-Z]/g, (letter) => letter.toLowerCase());
      const expected = answers.filter(({ rcpt, client, helo, mailFrom }) =>
        [rcpt, client, helo, mailFrom, 's1', 'unknown'].some((value) => fold(value).includes(fold(text))),
      );
      const found = log.ledger.ask.list(query({ text, limit: '1000' })).rows;
      expect([text, found.length]).toEqual([text, expected.length]);
    }
  });
});

describe('the most frequent', () => {
  it('are counted by answers, not by rows', () => {
    using log = scratchLedger();
    log.record(
      { rcpt: 'a@x.example', domain: null, tenant: null },
      {},
      {},
      {},
      { client: '198.51.100.7', at: NOON + 5 },
    );
    const top = (by: string, more = {}) =>
      log.ledger.ask.top(topQuery({ by, ...more })).map(({ value, count }) => [value, count]);
    expect(top('recipients')).toEqual([
      ['nobody@contoso.example', 4],
      ['a@x.example', 1],
    ]);
    expect(top('clients')).toEqual([
      ['192.0.2.1', 4],
      ['198.51.100.7', 1],
    ]);
    expect(top('domains')).toEqual([
      ['contoso.example', 4],
      ['x.example', 1],
    ]);
    expect(top('reasons', { limit: '1' })).toEqual([['unknown', 5]]);
    expect(top('domains', { tenants: TENANT })).toEqual([['contoso.example', 4]]);
  });
});

describe('counts over time', () => {
  it('add up, by tenant and domain', () => {
    using log = scratchLedger();
    const count = (at: number, tenant: string | null, domain: string | null) => ({
      at,
      tenant,
      domain,
      accepted: 1,
      rejected: 2,
      deferred: 3,
    });
    for (const id of [1, 2]) {
      const counts = [
        count(NOON, 't1', 'a'),
        count(NOON + 300_000, 't1', 'b'),
        count(NOON + 600_000, 't2', 'c'),
        count(NOON, null, null),
      ];
      log.ledger.record({ run: 'r', id, values: [], answers: 0, counts });
    }
    const history = (given: Record<string, string>) => {
      const read = readHistoryQuery({ since: String(NOON), until: String(NOON + 900_000), ...given }, NOON);
      if (!read.ok) throw new Error(read.problems.join());
      return log.ledger.ask
        .history(read.query)
        .buckets.map(({ accepted, rejected, deferred }) => [accepted, rejected, deferred]);
    };
    expect(history({ step: '900' })).toEqual([[8, 16, 24]]);
    expect(history({ step: '300' })).toEqual([
      [4, 8, 12],
      [2, 4, 6],
      [2, 4, 6],
    ]);
    expect(history({ step: '900', tenants: 't1' })).toEqual([[4, 8, 12]]);
    expect(history({ step: '900', tenants: '' })).toEqual([[0, 0, 0]]);
    expect(history({ step: '900', domain: 'c' })).toEqual([[2, 4, 6]]);
  });
});

describe('regrets', () => {
  it('name who was told no, once, step by step', () => {
    using log = scratchLedger();
    const many = Array.from({ length: 4500 }, (_, index) => ({
      rcpt: `x${index}@contoso.example`,
      at: NOON + index,
    }));
    log.record(
      ...many,
      { reason: 'override-deny', rcpt: 'x7@contoso.example' },
      { code: 451, rcpt: 'x7@contoso.example' },
    );
    log.record({
      rcpt: 'x7@contoso.example',
      mailFrom: 'b@x.example',
      client: '198.51.100.7',
      at: NOON + 5000,
    });
    const look = (): [number, number] => {
      let found = 0;
      let steps = 0;
      for (let after: number | null = 0; after !== null; steps++) {
        const done = log.ledger.regrets.step(TENANT, after, (rcpt) => /^x7?@|^x4444@/.test(rcpt), NOON + DAY);
        found += done.news?.rejections ?? 0;
        after = done.next;
      }
      return [found, steps];
    };
    expect(look()).toEqual([3, 3]);
    expect(look()).toEqual([0, 3]);
    const { rows } = log.ledger.ask.regrets(query());
    expect(rows.map(({ address, count }) => [address, count])).toEqual([
      ['x4444@contoso.example', 1],
      ['x7@contoso.example', 2],
    ]);
    expect(rows[1]).toMatchObject({
      tenant: TENANT,
      foundAt: NOON + DAY,
      firstAt: NOON + 7,
      lastAt: NOON + 5000,
      senders: ['me@sender.example', 'b@x.example'],
      clients: ['192.0.2.1', '198.51.100.7'],
    });
    expect(log.ledger.ask.regrets(query({ tenants: 't2' })).rows).toEqual([]);
    expect(
      log.ledger.ask.list(query({ recipient: 'x7@contoso.example' })).rows.map(({ regretted }) => regretted),
    ).toEqual([true, false, false, true]);
  });
});

describe('bounds', () => {
  it('hold for rows and references during a flood', () => {
    using log = scratchLedger({ keepRows: 1000 });
    let number = 0;
    for (let batch = 0; batch < 20; batch++) {
      const answers = Array.from({ length: 500 }, () => ({
        rcpt: `x${++number}@contoso.example`,
        ref: referenceText(number),
      }));
      const { kept } = log.record(...answers);
      log.ledger.pruning.excess(kept);
    }
    const { rows, next } = log.ledger.ask.list(query({ limit: '1000' }));
    expect([rows.length, next, rows.at(0)?.rcpt]).toEqual([1000, null, 'x10000@contoso.example']);
    expect(log.ledger.ask.reference(referenceText(10_000), null)).toHaveLength(1);
    expect(log.ledger.ask.reference(referenceText(1), null)).toEqual([]);
    const peek = new SQLite(log.path, { readonly: true });
    expect(peek.prepare('SELECT count(*) FROM reference').pluck().get()).toBeLessThanOrEqual(7);
    peek.close();
  });

  it('let go of what is old, but never reuse the number of a row', () => {
    using log = scratchLedger({ keep: DAY, keepHistory: DAY });
    log.record({ ref: referenceText(1) }, { rcpt: 'b@contoso.example', ref: referenceText(2) });
    log.ledger.record({
      run: 'r',
      id: 9,
      values: [],
      answers: 0,
      counts: [{ at: NOON, tenant: 't', domain: 'd', accepted: 1, rejected: 1, deferred: 1 }],
    });
    expect(log.ledger.pruning.aged(NOON + 2 * DAY)).toBe(false);
    expect(log.ledger.ask.list(query()).rows.map(({ id }) => id)).toEqual([2]);
    expect(log.ledger.ask.reference(referenceText(1), null)).toEqual([]);
    const other = batchOf(10, [{ rcpt: 'c@contoso.example', at: NOON + 2 * DAY }]);
    log.ledger.record(other);
    expect(log.ledger.ask.list(query()).rows.map(({ id }) => id)).toEqual([3, 2]);
  });
});

describe('a file', () => {
  it('is found again as it was', () => {
    using directory = scratchDirectory();
    const path = join(directory.path, 'rejections.sqlite');
    openLedger(path, LIMITS)[Symbol.dispose]();
    for (const id of [1, 2]) {
      using log = openLedger(path, LIMITS);
      log.record(batchOf(id, [{ rcpt: `x${id}@contoso.example`, ref: referenceText(id) }]));
      expect(log.ask.list(query()).rows).toHaveLength(id);
      expect(log.ask.reference(referenceText(1), null)).toHaveLength(1);
    }
  });

  it('that is no database is set aside', () => {
    using directory = scratchDirectory();
    const path = join(directory.path, 'rejections.sqlite');
    writeFileSync(path, 'not a database, but long enough to be looked at as if it were one'.repeat(50));
    let damage: unknown = null;
    try {
      openLedger(path, LIMITS);
    } catch (error) {
      damage = error;
    }
    expect([isDamage(damage), String(damage)]).toEqual([
      true,
      expect.stringContaining('rejections.sqlite cannot be opened'),
    ]);
    expect(existsSync(setAside(path))).toBe(true);
    openLedger(path, LIMITS)[Symbol.dispose]();
  });

  it('of a newer version is refused, and is no damage', () => {
    using directory = scratchDirectory();
    const path = join(directory.path, 'rejections.sqlite');
    const newer = new SQLite(path);
    newer.pragma('user_version = 99');
    newer.close();
    let refusal: unknown = null;
    try {
      openLedger(path, LIMITS);
    } catch (error) {
      refusal = error;
    }
    expect([isDamage(refusal), String(refusal)]).toEqual([
      false,
      expect.stringMatching(/newer version of rcptgate \(schema 99/),
    ]);
  });
});

test('a process killed in the middle of a batch leaves the batches before', () => {
  using directory = scratchDirectory();
  const path = join(directory.path, 'rejections.sqlite');
  const victim = fileURLToPath(new URL('./ledger-victim.mjs', import.meta.url));
  const built = (file: string) => new URL(`../../dist/${file}`, import.meta.url).href;
  const child = spawnSync(
    process.execPath,
    [victim, path, built('mirror/ledger/ledger.js'), built('core/answered.js')],
    { encoding: 'utf8' },
  );
  expect(child.signal, child.stderr).toBe('SIGKILL');
  using log = openLedger(path, LIMITS);
  expect(log.ask.list(query()).rows.map(({ rcpt }) => rcpt)).toEqual(['written@contoso.example']);
});
