/** The status pages: what they show, to whom, and what they ask the daemon to do. */
import { describe, expect, it } from 'vitest';
import { statusSection } from '../../src/console/status/section.tsx';
import { gatewayView, MINE, NOW, OTHER, roundView, tenantView } from './gateway-state.ts';
import { type Answers, adminOf, FROM, READER, type RigOptions, siteRig } from './site.ts';

const DAY = 86_400_000;
const EVIL = '<script>alert(1)</script>\u202e';
const PLAN = {
  tenant: MINE,
  hash: 'a1b2c3d4e5',
  since: NOW - DAY,
  addresses: 2000,
  why: { count: 2000 },
  top: [`${EVIL}@contoso.example`],
};

const ANSWERS: Answers = {
  'GET /v1/status': () => gatewayView(),
  'GET /v1/rounds': (_body, path) => [
    roundView(new URL(path, 'http://x').searchParams.get('tenant') ?? ''),
    roundView('', {
      outcome: 'failed',
      addresses: null,
      error: { code: 'AADSTS7000222', message: `expired ${EVIL}`, hint: 'renew it' },
    }),
  ],
  'GET /v1/held': () => ({
    hash: PLAN.hash,
    items: [
      { address: `${EVIL}@contoso.example`, why: 'count', removedAt: NOW - DAY, lastMail: NOW - 2 * DAY },
      { address: 'b@contoso.example', why: 'recent-mail', removedAt: NOW - DAY, lastMail: null },
    ],
    next: 'b@contoso.example',
  }),
  'GET /v1/coverage': () => [MINE, OTHER].map((tenant) => coverage(tenant)),
  'GET /v1/history': (_body, path) => {
    const query = new URL(path, 'http://x').searchParams;
    const [from, to, step] = [
      Number(query.get('since')),
      Number(query.get('until')),
      Number(query.get('step')) * 1000,
    ];
    const buckets = Array.from({ length: (to - from) / step }, (_, index) => ({
      at: from + index * step,
      accepted: 10,
      rejected: index,
      deferred: 0,
    }));
    return { from, to, step, buckets };
  },
  'POST /v1/sync': (body) => [
    { progress: { stream: 'users', entries: 100 } },
    { reports: [roundView((body as { tenant: string }).tenant)] },
  ],
  'POST /v1/sync/approve': () => ({ ok: true, tenant: MINE, addresses: 2000 }),
};

function coverage(tenant: string) {
  return {
    tenant,
    syncedAt: NOW,
    origin: null,
    kinds: [
      { kind: 'user', objects: 10, addresses: 20, source: 'graph' },
      { kind: EVIL, objects: null, addresses: 1, source: 'import' },
    ],
    domains: [
      {
        name: `${tenant}.example`,
        policy: 'enforce',
        verified: true,
        users: 1,
        groups: 2,
        contacts: 3,
        imported: 4,
        overrides: 5,
      },
    ],
    gaps: [
      {
        gap: 'public-folders',
        domain: null,
        missing: 'mail-enabled public folders',
        remedy: 'import',
        enforced: true,
      },
      {
        gap: 'not-configured',
        domain: 'x.example',
        missing: 'x.example is verified',
        remedy: 'add',
        enforced: false,
      },
    ],
  };
}

function rig(options: RigOptions = {}, answers: Answers = {}) {
  return siteRig({
    now: () => NOW,
    sections: (parts) => [statusSection(parts)],
    ...options,
    answers: { ...ANSWERS, ...answers },
  });
}

async function html(site: ReturnType<typeof rig>, path: string, language: 'en' | 'ja' = 'en') {
  return (await site.get(path, { language })).text();
}

describe('the status page', () => {
  it('shows freshness, rounds, next run, next hops and listeners', async () => {
    const text = await html(rig(), '/status');
    for (const part of [
      'fresh',
      '12,345',
      'in 10 minutes',
      'AADSTS7000222',
      'renew it',
      '127.0.0.1:2525',
      'in trouble',
      MINE,
      OTHER,
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toContain('client secret, it works, it ends in 300 days');
    expect(text).toContain('<noscript><meta http-equiv="refresh" content="30"');
    expect(text).toContain('data-live="/status/live"');
    expect(text).toContain('src="/assets/live.js"');
  });

  it('shows the answers of the last day, of the tenants that the visitor may see', async () => {
    const site = rig();
    const text = await html(site, '/status');
    expect(text).toContain('Answers of the last day');
    expect(text).toContain('<svg');
    expect(text).toContain('href="/assets/chart.css"');
    const own = rig({ visitor: adminOf(MINE) });
    await html(own, '/status');
    await html(own, '/status');
    const asked = own.calls.filter(({ path }) => path.startsWith('/v1/history'));
    expect(asked.map(({ path }) => new URL(path, 'http://x').searchParams.get('tenants'))).toEqual([MINE]);
    const silent = rig({}, { 'GET /v1/history': () => new Error('the disk is full') });
    expect(await html(silent, '/status')).toContain('cannot be shown now');
  });

  it('speaks Japanese', async () => {
    const text = await html(rig(), '/status', 'ja');
    for (const part of [
      '<html lang="ja">',
      '最新',
      '次回の同期',
      '今すぐ同期',
      'クライアント シークレット',
      '失敗',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toMatch(/>Last rounds|>Next run/);
  });

  it('gives its parts alone to the script, and asks the daemon once for many who look', async () => {
    const site = rig();
    const answers = await Promise.all(Array.from({ length: 20 }, () => site.get('/status/live')));
    const text = await answers[0]?.text();
    expect(text).not.toContain('<html');
    expect(text).toContain(`id="part-facts-${MINE}"`);
    expect(site.calls.filter(({ path }) => path === '/v1/status')).toHaveLength(1);
  });

  it('shows nothing of other tenants and of the machine to an administrator of one', async () => {
    const site = rig(
      { visitor: adminOf(MINE) },
      {
        'GET /v1/status': () =>
          gatewayView({
            tenants: [
              tenantView(MINE, { sharedDomains: [{ domain: 'both.example', tenants: [MINE, OTHER] }] }),
              tenantView(OTHER),
            ],
          }),
      },
    );
    for (const path of ['/status', '/status/live']) {
      const text = await html(site, path);
      expect(text).toContain(MINE);
      expect(text).not.toContain(OTHER);
      expect(text).not.toContain('127.0.0.1:2525');
      expect(text).not.toContain('mx.example');
    }
  });

  it('says that there is no tenant, and what to do', async () => {
    const text = await html(rig({}, { 'GET /v1/status': () => gatewayView({ tenants: [] }) }), '/status');
    expect(text).toContain('<a href="/guide">Set one up</a>');
  });

  it('is honest when the daemon answers nonsense or not at all', async () => {
    const odd = await rig({}, { 'GET /v1/status': () => ({ a: 1 }) }).get('/status');
    expect([odd.status, await odd.text()]).toEqual([500, expect.stringContaining('does not know')]);
    const silent = siteRig({ sections: (parts) => [statusSection(parts)] });
    expect((await silent.get('/status')).status).toBe(503);
  });
});

describe('text from outside', () => {
  it.each([
    '/status',
    '/status/live',
    `/status/${MINE}/rounds`,
    `/status/${MINE}/held`,
    `/status/${MINE}/coverage`,
  ])('is only text on %s', async (path) => {
    const site = rig(
      {},
      {
        'GET /v1/status': () =>
          gatewayView({
            tenants: [
              tenantView(MINE, {
                plan: PLAN as never,
                trouble: EVIL,
                imported: { file: EVIL, importedAt: NOW, addresses: 1 },
                credential: { use: null, proven: false, trouble: { code: EVIL, message: EVIL, hint: EVIL } },
              }),
            ],
          }),
      },
    );
    const text = await html(site, path);
    expect(text).not.toContain('<script>alert');
    expect(text).not.toContain('\u202e');
    expect(text).toContain('&lt;script&gt;alert(1)');
    expect(text).not.toMatch(/ on\w+="| style="/);
  });
});

describe('a round on request', () => {
  it('runs in the name of the visitor and shows how it ends', async () => {
    const site = rig();
    const answer = await site.post(`/status/${MINE}/sync`, {});
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/status']);
    expect(site.calls).toContainEqual({
      method: 'LINES',
      path: '/v1/sync',
      body: { tenant: MINE },
      actor: { who: 'console link', from: FROM },
    });
    const text = await html(site, '/status');
    expect(text).toContain('The round has begun.');
    expect(text).toContain('The round is over (complete): 12,345 addresses, 7 added, 2 removed.');
  });

  it('shows how far it is, refuses a second one, and says when the daemon goes away', async () => {
    let end: (lines: unknown[]) => void = () => undefined;
    const lines = new Promise<unknown[]>((resolve) => {
      end = resolve;
    });
    const site = siteRig({
      now: () => NOW,
      answers: ANSWERS,
      sections: (parts) => [
        statusSection({
          ...parts,
          daemon: {
            ...parts.daemon,
            async *lines() {
              yield { progress: { stream: 'users', entries: 4200 } };
              yield* await lines;
            },
          },
        }),
      ],
    });
    await site.post(`/status/${MINE}/sync`, {});
    const running = await html(site, '/status');
    expect(running).toContain('Read so far: users 4,200');
    expect(running).toContain('data-busy="true"');
    expect(running).toContain('content="3"');
    await site.post(`/status/${MINE}/sync`, {});
    expect(await html(site, '/status')).toContain('still running');
    end([]);
    await expect.poll(() => html(site, '/status')).toContain('could not be followed to its end');
  });

  it('is refused to readers', async () => {
    const site = rig({ visitor: READER });
    expect((await site.post(`/status/${MINE}/sync`, {})).status).toBe(403);
    expect(await html(site, '/status')).not.toContain('Sync now');
    expect(site.calls.filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});

describe('a held plan', () => {
  const held: Answers = {
    'GET /v1/status': () => gatewayView({ tenants: [tenantView(MINE, { plan: PLAN as never, held: 2000 })] }),
  };

  it('is shown with every address and approved by its hash', async () => {
    const site = rig({}, held);
    expect(await html(site, '/status')).toContain(`href="/status/${MINE}/held"`);
    const text = await html(site, `/status/${MINE}/held?after=x`);
    expect(text).toContain('value="a1b2c3d4e5"');
    expect(text).toContain('2026-11-20');
    expect(text).toContain('after=b%40contoso.example');
    expect(site.calls.at(-1)?.path).toContain('after=x');
    const answer = await site.post(`/status/${MINE}/approve`, { hash: PLAN.hash });
    expect(answer.headers.get('location')).toBe('/status');
    expect(site.calls).toContainEqual({
      method: 'POST',
      path: '/v1/sync/approve',
      body: { hash: PLAN.hash, tenant: MINE },
      actor: { who: 'console link', from: FROM },
    });
    expect(await html(site, '/status')).toContain('2,000 addresses begin their grace period.');
  });

  it('that has changed meanwhile is not offered for approval', async () => {
    const site = rig({}, { ...held, 'GET /v1/held': () => ({ hash: 'other', items: [], next: null }) });
    expect(await html(site, `/status/${MINE}/held`)).not.toContain('name="hash"');
  });

  it('is refused with the words of the daemon, and a strange hash before it', async () => {
    const site = rig(
      {},
      { ...held, 'POST /v1/sync/approve': () => ({ ok: false, message: `there is no held plan ${EVIL}` }) },
    );
    const answer = await site.post(`/status/${MINE}/approve`, { hash: PLAN.hash });
    expect(answer.headers.get('location')).toBe(`/status/${MINE}/held`);
    expect(await html(site, `/status/${MINE}/held`)).toContain('there is no held plan &lt;script');
    expect((await site.post(`/status/${MINE}/approve`, { hash: 'x y' })).status).toBe(400);
  });
});

describe('coverage', () => {
  it('names the gaps in both languages, and is counted once a minute', async () => {
    const site = rig();
    const text = await html(site, `/status/${MINE}/coverage`);
    expect(text).toContain('mail-enabled public folders');
    expect(text).toContain('enforced: unknown recipients are refused');
    const japanese = await html(site, `/status/${MINE}/coverage`, 'ja');
    expect(japanese).toContain('メールが有効なパブリック フォルダー');
    expect(japanese).toContain('x.example はテナントで検証済み');
    expect(site.calls.filter(({ path }) => path === '/v1/coverage')).toHaveLength(1);
  });
});

describe('the end of a credential', () => {
  const ends = (days: number): Answers => ({
    'GET /v1/status': () =>
      gatewayView({
        tenants: [
          tenantView(MINE, {
            credential: {
              use: { kind: 'secret', source: 'file', expires: NOW + days * DAY },
              proven: true,
              trouble: null,
            },
          }),
          tenantView(OTHER),
        ],
      }),
  });

  it.each([
    [61, null],
    [60, 'ends in 60 days'],
    [1, 'ends tomorrow'],
    [-2, 'ended 2 days ago'],
  ])('in %i days is announced on every page: %j', async (days, text) => {
    const site = rig({}, ends(days));
    for (const path of ['/status', `/status/${MINE}/rounds`]) {
      const page = await html(site, path);
      if (text === null) expect(page).not.toContain('Renew it');
      else expect(page).toContain(`The credential of tenant ${MINE.slice(0, 4)}.example (${MINE}) ${text}`);
    }
  });

  it('is no concern of another tenant, and a daemon that is away says nothing', async () => {
    expect(await html(rig({ visitor: adminOf(OTHER) }, ends(3)), '/status')).not.toContain('Renew it');
    const site = rig({}, { 'GET /v1/status': () => new Error('busy') });
    expect((await site.get('/status')).status).toBe(500);
    expect(await html(site, '/status')).not.toContain('Renew it');
  });
});

describe('a tenant that is not configured', () => {
  it.each(['rounds', 'held', 'coverage'])('has no %s', async (name) => {
    expect((await rig().get(`/status/nobody/${name}`)).status).toBe(404);
  });
});

describe('another tenant', () => {
  it.each([
    ['GET', 'rounds', 404],
    ['GET', 'held', 404],
    ['GET', 'coverage', 404],
    ['POST', 'sync', 404],
    ['POST', 'approve', 404],
  ] as const)('%s %s does not exist for an administrator of one', async (method, name, status) => {
    const site = rig({ visitor: adminOf(OTHER) });
    const path = `/status/${MINE}/${name}`;
    const answer = method === 'GET' ? await site.get(path) : await site.post(path, { hash: PLAN.hash });
    expect(answer.status).toBe(status);
    expect(site.calls.filter(({ path: asked }) => asked !== '/v1/status')).toEqual([]);
    expect((await site.post(`/status/nobody/${name}`, { hash: PLAN.hash })).status).toBe(404);
  });
});

describe('a tenant that is not set up', () => {
  const error = {
    code: 'not-set-up',
    message: 'the tenant is not set up',
    hint: 'Run rcptgate console-link',
  };
  const waiting = tenantView(MINE, {
    setUp: false,
    freshness: 'empty',
    syncedAt: null,
    lastRound: roundView(MINE, { outcome: 'failed', error }),
    credential: { use: null, proven: false, trouble: error },
  });
  const answers = {
    'GET /v1/status': () => gatewayView({ tenants: [waiting] }),
    'GET /v1/rounds': () => [roundView(MINE, { outcome: 'failed', error })],
  };

  it.each([
    ['en', 'Set up this tenant'],
    ['ja', 'このテナントをセットアップする'],
  ] as const)('leads to what comes first, in %s, in place of an error', async (language, text) => {
    const page = await (await rig({}, answers).get('/status', { language })).text();
    expect(page).toContain(`href="/guide/${MINE}"`);
    expect(page).toContain(`href="/oauth/${MINE}"`);
    expect(page).toContain(text);
    expect(page).not.toContain('not-set-up');
    expect(page).not.toContain(`/status/${MINE}/sync`);
  });

  it('offers a reader nothing that they may not do', async () => {
    const page = await html(rig({ visitor: READER }, answers), '/status');
    expect(page).toContain('not set up yet');
    expect(page).not.toContain('Set up this tenant');
  });
});
