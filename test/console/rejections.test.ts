/** The rejections pages: whose rows they ask for, what they show of it, and that nothing in a row does more than be read. */
import { describe, expect, it } from 'vitest';
import { axisEnd, stack } from '../../src/console/chart/scale.ts';
import type { RejectionRow } from '../../src/core/rejection.ts';
import { ADMIN, adminOf, READER, type RigOptions, siteRig } from './site.ts';

const NOON = Date.UTC(2026, 10, 22, 12);
const EVIL = '=cmd|"<script>alert(1)</script>\u202e\u001b[2J@x.example';

function row(changes: Partial<RejectionRow> = {}): RejectionRow {
  return {
    id: 7,
    kind: 'recipient',
    firstAt: NOON - 60_000,
    lastAt: NOON,
    count: 1234,
    ref: '7F3K2Q',
    verdict: 'reject',
    code: 550,
    reason: 'unknown',
    client: '192.0.2.1',
    realClient: '192.0.2.1',
    helo: EVIL,
    tls: 'TLSv1.3',
    mailFrom: '',
    rcpt: EVIL,
    address: EVIL,
    domain: 'contoso.example',
    tenant: 't1',
    directoryAge: 65_000,
    session: 's1',
    source: 'relay',
    detail: EVIL,
    regretted: true,
    ...changes,
  };
}

const HISTORY = {
  from: NOON - 3_600_000,
  to: NOON,
  step: 1_800_000,
  buckets: [
    { at: NOON - 3_600_000, accepted: 900, rejected: 80, deferred: 3 },
    { at: NOON - 1_800_000, accepted: 0, rejected: 0, deferred: 0 },
  ],
};

function rigOf(options: RigOptions = {}, more: RigOptions['answers'] = {}) {
  return siteRig({
    now: () => NOON,
    answers: {
      'GET /v1/rejections': (_body, path) => ({
        rows: [row()],
        next: path.includes('cursor=7') ? null : '7',
      }),
      'GET /v1/rejections/top': () => ({ rows: [{ value: EVIL, count: 5, firstAt: 1, lastAt: 2 }] }),
      'GET /v1/history': () => HISTORY,
      'GET /v1/regrets': () => ({
        rows: [
          {
            id: 1,
            tenant: 't1',
            address: EVIL,
            foundAt: NOON,
            firstAt: 1,
            lastAt: 2,
            count: 3,
            senders: [EVIL, ''],
            clients: [],
          },
        ],
        next: '1',
      }),
      ...more,
    },
    ...options,
  });
}

function queries(rig: ReturnType<typeof rigOf>): Array<Record<string, string>> {
  return rig.calls
    .filter(({ path }) => /rejections|regrets|history/.test(path))
    .map(({ path }) => Object.fromEntries(new URLSearchParams(path.split('?')[1])));
}

describe('the page', () => {
  it.each(['en', 'ja'] as const)(
    'shows rows, lists and a chart in %s, and runs nothing of them',
    async (language) => {
      const answer = await rigOf().get('/rejections', { language });
      const html = await answer.text();
      expect(answer.status).toBe(200);
      expect(html).toContain('1,234');
      expect(html).toContain('/recipients/explain?address=7F3K2Q');
      expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;??[2J@x.example');
      for (const forbidden of ['<script>alert', '\u202e', '\u001b']) expect(html).not.toContain(forbidden);
      expect(html.match(/<h2[ >]/g)?.length).toBeGreaterThanOrEqual(4);
      expect(html).toContain('href="/assets/chart.css"');
      expect(html).not.toMatch(/ style=/);
    },
  );

  it('asks for what the filter says, and keeps it in every link', async () => {
    const rig = rigOf();
    const html = await (
      await rig.get('/rejections?span=7d&recipient=a%26b&client=192.0.2.*&verdict=defer&reason=&cursor=9')
    ).text();
    const [list] = queries(rig);
    expect(list).toEqual({
      since: String(NOON - 7 * 86_400_000),
      recipient: 'a&b',
      client: '192.0.2.*',
      verdict: 'defer',
      limit: '50',
      cursor: '9',
    });
    expect(html).toContain('span=7d&amp;recipient=a%26b&amp;client=192.0.2.*&amp;verdict=defer&amp;cursor=7');
    expect(html).toContain('<option value="7d" selected');
  });

  it('says that a filter cannot be used, and asks nothing', async () => {
    const rig = rigOf();
    const answer = await rig.get('/rejections?verdict=accept');
    expect([answer.status, queries(rig)]).toEqual([400, []]);
    expect(await answer.text()).toContain('role="alert"');
  });

  it('is there without counts, and without rows', async () => {
    const rig = rigOf(
      {},
      {
        'GET /v1/history': () => ({ buckets: 'none' }),
        'GET /v1/rejections': () => ({ rows: [], next: null }),
        'GET /v1/rejections/top': () => ({ rows: [] }),
      },
    );
    const html = await (await rig.get('/rejections')).text();
    expect(html).toContain('The counts cannot be shown now.');
    expect(html).toContain('Nothing that fits was refused or deferred.');
  });

  it('does not believe an answer of another form', async () => {
    const rig = rigOf({}, { 'GET /v1/rejections': () => ({ rows: [{ id: 'x' }], next: null }) });
    expect((await rig.get('/rejections')).status).toBe(500);
  });
});

describe('a visitor', () => {
  const paths = ['/rejections', '/rejections/download.csv', '/rejections/regrets'];
  it.each(paths)('of one tenant asks for its rows only on %s', async (path) => {
    const rig = rigOf({ visitor: adminOf('t1') });
    await (await rig.get(`${path}?tenants=t2&tenant=t2`)).text();
    expect(queries(rig).length).toBeGreaterThan(0);
    for (const query of queries(rig)) expect([query.tenants, query.tenant]).toEqual(['t1', undefined]);
  });

  it('of no tenant any more sees nothing, not everything', async () => {
    const rig = rigOf({ visitor: { ...ADMIN, tenants: [] } });
    await rig.get('/rejections');
    for (const query of queries(rig)) expect(query.tenants).toBe('');
  });

  it.each([ADMIN, READER])('of all tenants asks without a restriction', async (visitor) => {
    const rig = rigOf({ visitor });
    await rig.get('/rejections');
    for (const query of queries(rig)) expect(query.tenants).toBeUndefined();
  });

  it('who is not signed in gets nothing', async () => {
    const rig = rigOf({ visitor: null });
    for (const path of paths) expect((await rig.get(path)).status).toBe(303);
    expect(queries(rig)).toEqual([]);
  });
});

describe('the download', () => {
  it('has every page of rows, and is safe in a spreadsheet', async () => {
    const answer = await rigOf().get('/rejections/download.csv?span=all');
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    expect(answer.headers.get('content-disposition')).toBe(
      'attachment; filename="rejections-2026-11-22.csv"',
    );
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect([...bytes.subarray(0, 3)]).toEqual([0xef, 0xbb, 0xbf]);
    const lines = bytes.toString('utf8').slice(1).trimEnd().split('\r\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^first,last,count,verdict,/);
    expect(lines[1]).toContain(`"'=cmd|""<script>alert(1)</script>??[2J@x.example"`);
    expect(lines[1]).not.toContain(',=');
  });
});

describe('the regrets', () => {
  it('name who was told no', async () => {
    const html = await (await rigOf().get('/rejections/regrets')).text();
    expect(html).toContain('null sender');
    expect(html).toContain('??[2J@x.example');
    expect(html).toContain('/rejections/regrets?cursor=1');
  });
});

describe('the chart', () => {
  it('has a title, a description, patterns and a table', async () => {
    const html = await (await rigOf().get('/rejections')).text();
    const svg = /<svg viewBox.*?<\/svg>/s.exec(html)?.[0] ?? '';
    expect(svg).toContain('role="img" aria-labelledby="answers-title answers-desc"');
    expect(svg).toContain('<title id="answers-title">');
    expect(svg).toMatch(
      /<desc id="answers-desc">From 2026-11-22 11:00 UTC to .* 900 accepted, 80 rejected, 3 deferred/,
    );
    expect(svg).toContain('fill="url(#answers-rejected)"');
    expect(svg.match(/class="chart-hover"/g)).toHaveLength(2);
    expect(html).toContain('<th scope="row">2026-11-22 11:30 UTC</th>');
  });

  it.each([
    [0, 1],
    [1, 1],
    [3, 5],
    [10, 10],
    [11, 20],
    [983, 1000],
    [1001, 2000],
    [7_000_000, 10_000_000],
  ])('whose highest bar is %i ends at %i', (highest, end) => expect(axisEnd(highest)).toBe(end));

  it('shows what hardly happened, and keeps within its height', () => {
    const parts = stack(
      [
        ['a', 1],
        ['b', 0],
        ['c', 999_999],
      ] as const,
      1_000_000,
      200,
    );
    expect(parts).toEqual([
      { name: 'a', y: 199, height: 1 },
      { name: 'c', y: 0, height: 199 },
    ]);
  });
});
