/** The commands over the rejection log: what they ask, what they print of attacker's text, and how they end. */
import { describe, expect, it } from 'vitest';
import { type Daemon, type DaemonCommand, EXIT } from '../../src/commands/command.ts';
import { explain, explanationText, referenceIn } from '../../src/commands/explain.ts';
import { regretsText, rejections, rejectionsText, timeIn } from '../../src/commands/rejections.ts';
import type { RejectionRow } from '../../src/core/rejection.ts';

const NOON = Date.UTC(2026, 10, 22, 12);
const DAY = 86_400_000;

const ROW: RejectionRow = {
  id: 7,
  kind: 'recipient',
  firstAt: NOON - 60_000,
  lastAt: NOON,
  count: 2,
  ref: '7F3K2Q',
  verdict: 'reject',
  code: 550,
  reason: 'unknown',
  client: '192.0.2.1',
  realClient: '198.51.100.7',
  helo: 'mail\u001b[2J',
  tls: null,
  mailFrom: '',
  rcpt: 'x\u202e@contoso.example',
  address: 'x@contoso.example',
  domain: 'contoso.example',
  tenant: 't1',
  directoryAge: 65_000,
  session: 's1',
  source: 'relay',
  detail: null,
  regretted: true,
};

async function run(
  command: DaemonCommand,
  answers: Readonly<Record<string, unknown>>,
  positionals: readonly string[] = [],
  options: Record<string, string | boolean> = {},
  json = false,
) {
  const asked: string[] = [];
  const answer = async (path: string): Promise<unknown> => {
    asked.push(path);
    const found = Object.entries(answers).find(([start]) => path.startsWith(start));
    if (!found) throw new Error(`nobody asks for ${path}`);
    return typeof found[1] === 'function' ? found[1](path) : found[1];
  };
  const daemon: Daemon = { get: answer, post: answer, async *postLines() {} };
  const out: string[] = [];
  const err: string[] = [];
  const terminal = {
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
    terminal: false,
  };
  const code = await command(daemon, { positionals, config: '', json, options }, terminal);
  return { code, out: out.join('\n'), err: err.join('\n'), asked };
}

describe('rcptgate rejections', () => {
  it('asks for the last day and fifty rows', async () => {
    const { code, out, asked } = await run(rejections, { '/v1/rejections?': { rows: [ROW], next: null } });
    const query = Object.fromEntries(new URLSearchParams(asked[0]?.split('?')[1]));
    expect([code, query.limit, asked.length]).toEqual([EXIT.ok, '50', 1]);
    expect(Math.abs(Number(query.since) - (Date.now() - DAY))).toBeLessThan(60_000);
    expect(out).toContain('x?@contoso.example');
  });

  it('passes filters on and reads every page for CSV', async () => {
    const pages = (path: string) => ({ rows: [ROW], next: path.includes('cursor=') ? null : '7' });
    const options = { csv: true, since: '7d', client: '192.0.2.*', verdict: 'defer' };
    const { out, asked } = await run(rejections, { '/v1/rejections?': pages }, [], options);
    expect(asked).toHaveLength(2);
    expect(asked[1]).toMatch(/client=192\.0\.2\.\*&verdict=defer&since=\d+&limit=1000&cursor=7$/);
    expect(out.split('\n').filter((line) => line.includes('7F3K2Q'))).toHaveLength(2);
    expect(out).toContain('mail?[2J');
  });

  it('lists the most frequent, and regrets of any age', async () => {
    const top = { by: 'clients', rows: [{ value: 'a\u0007', count: 1234, firstAt: 1, lastAt: NOON }] };
    const tops = await run(rejections, { '/v1/rejections/top?': top }, [], { top: true });
    expect([tops.asked.length, tops.out.includes('1,234  2026-11-22T12:00:00Z  a?')]).toEqual([4, true]);
    const regrets = await run(rejections, { '/v1/regrets?': { rows: [], next: null } }, [], {
      regrets: true,
    });
    expect(regrets.asked).toEqual(['/v1/regrets?limit=50']);
    expect(regrets.out).toBe('no address that was rejected has appeared in the directory since.');
  });

  it.each([
    [['x'], {}],
    [[], { since: 'yesterday' }],
    [[], { until: '2026-13-45' }],
    [[], { limit: '-1' }],
  ])('%j %j is not how it is used', async (positionals, options) => {
    const { code, asked } = await run(rejections, {}, positionals, options as Record<string, string>);
    expect([code, asked]).toEqual([EXIT.usage, []]);
  });

  it('says when there is nothing, and prints nothing as it came', () => {
    expect(rejectionsText([])).toBe('nothing was refused or deferred.');
    expect(rejectionsText([ROW]).split('\n')[1]).toBe(
      '2026-11-22T12:00:00Z  2      550   unknown, exists now  198.51.100.7  7F3K2Q  x?@contoso.example  <>',
    );
    const regret = {
      id: 1,
      tenant: 't',
      address: 'a@b.example',
      foundAt: NOON,
      firstAt: 1,
      lastAt: 2,
      count: 1,
    };
    expect(regretsText([{ ...regret, senders: ['\u001b', ''], clients: [] }])).toContain('<?> <>');
  });
});

describe('a time', () => {
  it.each([
    ['90m', NOON - 90 * 60_000],
    ['24h', NOON - DAY],
    ['7d', NOON - 7 * DAY],
    ['2026-11-22', NOON - DAY / 2],
    ['2026-11-22T12:00Z', NOON],
    ['2026-11-22T21:00+09:00', NOON],
    ['2026-11-22T12:00', null],
    ['2026-02-31', null],
    ['soon', null],
    ['', null],
    ['999999d', 0],
  ])('%s is %s', (text, time) => expect(timeIn(text, NOON)).toBe(time));
});

describe('rcptgate explain', () => {
  const check = [
    {
      address: 'x',
      normalised: 'x',
      verdict: 'accept',
      reason: 'known',
      reply: '250',
      objects: [],
      freshness: null,
      matched: null,
      domain: null,
      nextHop: null,
    },
  ];
  const entries = { entries: [{ at: NOON, row: ROW }] };

  it.each([
    ['7F3K2Q', '7F3K2Q'],
    ['[ref 7f3k2q]', '7F3K2Q'],
    ['ref 7F3K2Q', '7F3K2Q'],
    ['7F3K2', null],
    ['a@b.cd', null],
    ['postmaster', null],
  ])('takes %s for the reference %s', (text, reference) => expect(referenceIn(text)).toBe(reference));

  it('tells the answer behind a reference, and what would be answered now', async () => {
    const { code, out, asked } = await run(
      explain,
      { '/v1/references/7F3K2Q': entries, '/v1/check': check },
      ['7f3k2q'],
    );
    expect([code, asked]).toEqual([EXIT.ok, ['/v1/references/7F3K2Q', '/v1/check']]);
    expect(out).toContain('198.51.100.7 (through 192.0.2.1), helo mail?[2J, no TLS');
    expect(out).toMatch(/now:\nx +accept \(known\)/);
  });

  it.each([
    ['reject', EXIT.no],
    ['defer', EXIT.unsure],
  ])('ends by what would be answered now: %s', async (verdict, code) => {
    const answers = {
      '/v1/rejections': { rows: [], next: null },
      '/v1/regrets': { rows: [], next: null },
      '/v1/check': [{ ...check[0], verdict }],
    };
    expect(await run(explain, answers, ['a@b.example'])).toMatchObject({ code });
  });

  it('says that nothing is known of a reference', async () => {
    const { code, out } = await run(explain, { '/v1/references/ZZZZZZ': { entries: [] } }, ['ZZZZZZ']);
    expect([code, out]).toEqual([EXIT.no, expect.stringContaining('no answer with the reference ZZZZZZ')]);
  });

  it('needs one thing to explain', async () => {
    expect((await run(explain, {}, [])).code).toBe(EXIT.usage);
    expect((await run(explain, {}, ['a', 'b'])).code).toBe(EXIT.usage);
  });

  it('shows the words of a refused session, which has no recipient', () => {
    const row = {
      ...ROW,
      kind: 'session' as const,
      rcpt: null,
      reason: 'session-refused',
      detail: 'MAIL: 5.5.1 nested',
    };
    const text = explanationText(
      { asked: '7F3K2Q', entries: [{ at: NOON, row }], rows: null, regrets: [], check: null },
      NOON,
    );
    expect(text).toMatch(/in words +MAIL: 5\.5\.1 nested/);
  });
});
