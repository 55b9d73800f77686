/** The OAuth settings as pages: steps, words for every problem, consent callbacks, who may do what. */
import { describe, expect, it } from 'vitest';
import { readConsent } from '../../src/console/oauth/consent.ts';
import { lifeOf, stepsOf } from '../../src/console/oauth/steps.ts';
import { openOneShots } from '../../src/console/site/one-shot.ts';
import { AADSTS } from '../../src/core/aadsts.ts';
import type { ApplicationView } from '../../src/core/connection.ts';
import { PROBLEMS } from '../../src/core/problems.ts';
import { AADSTS_CODES } from '../../src/practice/aadsts.ts';
import { seeded } from '../random.ts';
import { connection, DAY, NOW, proven, settings, TENANT, view } from './oauth-fixture.ts';
import { ADMIN, type Answers, adminOf, FROM, READER, siteRig } from './site.ts';

const problem = (code: string) => ({ code, message: 'as the daemon said it', hint: 'as the daemon hinted' });
const OTHER = '22222222-2222-3333-4444-555555555555';

describe('the steps', () => {
  const failed = { at: NOW, ok: false, problem: problem('AADSTS7000215') } as const;
  const lacking = { at: NOW, ok: false, problem: problem('roles-missing') } as const;
  const token = { at: NOW, ok: true, roles: [] } as const;
  const file = { applicationId: 'a', kind: 'secret', files: ['/etc/secret'], expires: null };
  const rows: Array<[string, Partial<ApplicationView>, string]> = [
    ['nothing entered', {}, 'next waiting waiting'],
    ['saved', { pending: settings() }, 'done next waiting'],
    ['refused', { pending: settings({ trial: failed }) }, 'done failed waiting'],
    ['a token', { pending: settings({ trial: token }) }, 'done done next'],
    ['a token without permissions', { pending: settings({ trial: lacking }) }, 'done done next'],
    [
      'nobody consented yet',
      { pending: settings({ trial: { at: NOW, ok: false, problem: problem('AADSTS7000229') } }) },
      'done failed next',
    ],
    ['proven', { used: proven() }, 'done done done'],
    ['renewing', { used: proven(), pending: settings() }, 'done next waiting'],
    ['renewing, refused', { used: proven(), pending: settings({ trial: failed }) }, 'done failed waiting'],
    ['proving', { pending: settings(), connection: connection() }, 'done next running'],
    ['importing', { used: proven(), connection: connection({ phase: 'importing' }) }, 'done done running'],
    ['imported', { used: proven(), connection: connection({ phase: 'done' }) }, 'done done done'],
    [
      'consent missing',
      {
        pending: settings({ trial: lacking }),
        connection: connection({ phase: 'consent', problem: problem('roles-missing') }),
      },
      'done done next',
    ],
    [
      'another tenant',
      {
        pending: settings({ trial: token }),
        connection: connection({ phase: 'failed', problem: problem('other-tenant') }),
      },
      'done done failed',
    ],
    ['in the file', { file }, 'done next waiting'],
    ['in the file, tried', { file, trial: token }, 'done done next'],
  ];
  it.each(rows)('%s', (_name, over, expected) => {
    const { save, authenticate, connect } = stepsOf(view(over));
    expect(`${save} ${authenticate} ${connect}`).toBe(expected);
  });

  it.each([
    [400, 'good', 400],
    [60, 'good', 60],
    [59.5, 'wait', 59],
    [0.5, 'wait', 0],
    [0, 'bad', 0],
    [-3, 'bad', 0],
  ])('a credential with %d days left is %s', (left, urgency, days) => {
    expect(lifeOf({ expires: NOW + left * DAY }, NOW)).toEqual({ urgency, days });
    expect(lifeOf({ expires: null }, NOW)).toBeNull();
  });
});

describe('a consent callback', () => {
  const consent = { tenant: TENANT, who: 'Ada', shared: false };
  const setUp = (session: string | null = 'mine', age = 0) => {
    let now = NOW;
    const states = openOneShots<typeof consent>(() => now);
    const state = states.issue(consent, session);
    now += age;
    return { states, state };
  };
  const granted = `admin_consent=True&tenant=${TENANT.toUpperCase()}&scope=x`;
  const declined = 'admin_consent=True&error=consent_required';

  it.each<[string, (state: string) => string, object]>([
    ['granted', (state) => `${granted}&state=${state}`, { kind: 'granted', consent }],
    ['the error first', (state) => `${declined}&state=${state}`, { kind: 'declined', code: 'AADSTS65004' }],
    [
      'its AADSTS code',
      (state) => `${declined}&error_description=AADSTS90094%3a+x&state=${state}`,
      { kind: 'declined', code: 'AADSTS90094' },
    ],
    [
      'an unknown error',
      (state) => `error=temporarily_unavailable&state=${state}`,
      { code: 'temporarily_unavailable' },
    ],
    [
      'a cancel',
      (state) => `error=access_denied&error_subcode=cancel&state=${state}`,
      { code: 'AADSTS65004' },
    ],
    ['no state', () => granted, { kind: 'refused', why: 'unknown' }],
    ['a made-up state', () => `${granted}&state=${'x'.repeat(43)}`, { kind: 'refused', why: 'unknown' }],
    [
      'an error without state',
      () => 'error=permission_denied',
      { kind: 'refused', why: 'stateless', code: 'AADSTS65004' },
    ],
    [
      'an error with a made-up state',
      () => `error=permission_denied&state=${'x'.repeat(43)}`,
      { kind: 'refused', why: 'unknown' },
    ],
    [
      'another tenant',
      (state) => `admin_consent=True&tenant=${OTHER}&state=${state}`,
      { kind: 'refused', why: 'forged' },
    ],
    ['no tenant', (state) => `admin_consent=True&state=${state}`, { kind: 'refused', why: 'forged' }],
    ['no consent', (state) => `tenant=${TENANT}&state=${state}`, { kind: 'refused', why: 'incomplete' }],
    [
      'consent False',
      (state) => `admin_consent=False&tenant=${TENANT}&state=${state}`,
      { kind: 'refused', why: 'incomplete' },
    ],
    [
      'the state twice',
      (state) => `${granted}&state=${state}&state=${state}`,
      { kind: 'refused', why: 'repeated' },
    ],
    [
      'the tenant twice',
      (state) => `${granted}&tenant=${OTHER}&state=${state}`,
      { kind: 'refused', why: 'repeated' },
    ],
    [
      'any other field twice',
      (state) => `${granted}&x=1&x=1&state=${state}`,
      { kind: 'refused', why: 'repeated' },
    ],
  ])('with %s', (_name, query, expected) => {
    const { states, state } = setUp();
    expect(readConsent(new URLSearchParams(query(state)), states, 'mine')).toMatchObject(expected);
  });

  it('works once, for ten minutes, in its session; a shared one in any', () => {
    const once = setUp();
    const query = (state: string) => new URLSearchParams(`${granted}&state=${state}`);
    expect(readConsent(query(once.state), once.states, 'other')).toMatchObject({ why: 'foreign' });
    expect(readConsent(query(once.state), once.states, null)).toMatchObject({ why: 'foreign' });
    expect(readConsent(query(once.state), once.states, 'mine')).toMatchObject({ kind: 'granted' });
    expect(readConsent(query(once.state), once.states, 'mine')).toMatchObject({ why: 'unknown' });
    const late = setUp('mine', 10 * 60_000);
    expect(readConsent(query(late.state), late.states, 'mine')).toMatchObject({ why: 'late' });
    const shared = setUp(null);
    expect(readConsent(query(shared.state), shared.states, null)).toMatchObject({ kind: 'granted' });
    const replayed = readConsent(query(shared.state), shared.states, null);
    expect(replayed).toMatchObject({ why: 'unknown' });
  });
});

it('no consent callback is granted but by the one right answer', () => {
  const random = seeded(20261122);
  const consent = { tenant: TENANT, who: 'Ada', shared: false };
  let granted = 0;
  for (let round = 0; round < 5000; round++) {
    const states = openOneShots<typeof consent>(() => NOW);
    const state = states.issue(consent, 'mine');
    const values = [state, TENANT, TENANT.toUpperCase(), OTHER, 'True', 'true', 'False', '', 'x'];
    const names = ['state', 'tenant', 'admin_consent', 'error', 'scope', 'State'];
    // Mostly the right answer, and a field or two of chance.
    const answer: Array<[string, string]> = [
      ['state', state],
      ['tenant', TENANT],
      ['admin_consent', 'True'],
    ];
    const pairs = answer.filter(() => random.below(8) > 0);
    for (let more = random.below(3); more > 0; more--) pairs.push([random.pick(names), random.pick(values)]);
    const reply = readConsent(new URLSearchParams(pairs), states, 'mine');
    const of = (name: string) => pairs.filter(([each]) => each === name).map(([, value]) => value);
    const right =
      new Set(pairs.map(([name]) => name)).size === pairs.length &&
      of('state')[0] === state &&
      of('tenant')[0]?.toLowerCase() === TENANT &&
      of('admin_consent')[0]?.toLowerCase() === 'true' &&
      of('error').length === 0;
    expect([reply.kind === 'granted', pairs]).toEqual([right, pairs]);
    if (right) granted++;
  }
  expect(granted).toBeGreaterThan(500);
});

/** A daemon with one tenant. */
function answers(application: ApplicationView, over: Answers = {}): Answers {
  const at = (action: string): string => `POST /v1/applications/${TENANT}/${action}`;
  const { login, graph } = application;
  return {
    'GET /v1/applications': () => [application],
    [at('save')]: () => ({ ok: true }),
    [at('authenticate')]: () => ({ ok: true }),
    [at('discard')]: () => ({ discarded: true }),
    [at('consent')]: () => ({ applicationId: 'a', login, graph }),
    [at('declined')]: () => ({}),
    [at('connect')]: () => connection({ phase: 'consent', problem: problem('roles-missing') }),
    ...over,
  };
}

describe('every problem', () => {
  const codes = [...Object.keys(AADSTS).map((code) => `AADSTS${code}`), ...Object.keys(PROBLEMS)];

  it('that Entra ID is known to answer has an explanation of its own, but for requests that we never make', () => {
    expect(AADSTS_CODES.filter((code) => !(code in AADSTS))).toEqual([50058, 70003, 70007, 700054, 900144]);
  });

  it.each(codes)('%s is shown in both languages with what to do', async (code) => {
    const pending = settings({ trial: { at: NOW, ok: false, problem: problem(code) } });
    const rig = siteRig({ answers: answers(view({ pending })), now: () => NOW });
    const [en, ja] = await Promise.all(
      (['en', 'ja'] as const).map(async (language) =>
        (await rig.get(`/oauth/${TENANT}`, { language })).text(),
      ),
    );
    const known = code.startsWith('AADSTS') ? AADSTS[Number(code.slice(6))] : PROBLEMS[code];
    const escaped = (text = '') =>
      text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
    expect(en).toContain(escaped(known?.means.en));
    expect(en).toContain(escaped(known?.fix.en));
    expect(ja).toContain(escaped(known?.means.ja));
    expect(ja).toContain(escaped(known?.fix.ja));
    expect(known?.fix.ja).toMatch(/[ぁ-ん]/);
    expect(ja).not.toContain('as the daemon');
  });

  it('without words of ours keeps those of the daemon', async () => {
    const pending = settings({ trial: { at: NOW, ok: false, problem: problem('ECONNRESET') } });
    const rig = siteRig({ answers: answers(view({ pending })) });
    const html = await (await rig.get(`/oauth/${TENANT}`)).text();
    expect(html).toContain('as the daemon said it');
    expect(html).toContain('as the daemon hinted');
  });
});

describe('the page of a tenant', () => {
  it('shows no secret but its first characters, counts down, and warns of permissions on mailboxes', async () => {
    const trial = {
      at: NOW,
      ok: true,
      roles: ['User.Read.All', 'Mail.Read', 'Directory.ReadWrite.All'],
    } as const;
    const used = proven({ trial, expires: NOW + 30 * DAY });
    const rig = siteRig({ answers: answers(view({ used })), now: () => NOW });
    const html = await (await rig.get(`/oauth/${TENANT}`)).text();
    expect(html).toContain('aB3');
    expect(html).toContain('30 days left');
    expect(html).toContain('Renew it now');
    expect(html).toMatch(/reads a mailbox[^<]*<code>Mail\.Read<\/code>/);
    expect(html).toContain('<code>Directory.ReadWrite.All</code>');
    expect(html).toMatch(/<input[^>]*name="secret"[^>]*type="password"(?![^>]*value)/);
  });

  it('of a credential in the file says which files, and offers no form', async () => {
    const file = {
      applicationId: 'a',
      kind: 'secret',
      files: ['/etc/rcptgate/secret'],
      expires: NOW + 30 * DAY,
    };
    const rig = siteRig({ answers: answers(view({ file })), now: () => NOW });
    const html = await (await rig.get(`/oauth/${TENANT}`)).text();
    expect(html).toContain('/etc/rcptgate/secret');
    expect(html).toContain('30 days left');
    expect(html).not.toContain('name="secret"');
    expect(html).toContain('/authenticate');
  });

  it('is for those who may see the tenant, and its forms for those who may change it', async () => {
    const given = answers(view({ pending: settings() }));
    const stranger = siteRig({ answers: given, visitor: adminOf(OTHER) });
    expect((await stranger.get(`/oauth/${TENANT}`)).status).toBe(404);
    for (const action of ['save', 'authenticate', 'connect', 'discard', 'share'])
      expect((await stranger.post(`/oauth/${TENANT}/${action}`, {})).status).toBe(403);
    const reader = siteRig({ answers: given, visitor: READER });
    expect(await (await reader.get(`/oauth/${TENANT}`)).text()).not.toContain(`/oauth/${TENANT}/save`);
    expect((await reader.post(`/oauth/${TENANT}/connect`, {})).status).toBe(403);
    expect(reader.calls.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('hands the certificate out, and only that', async () => {
    const certificate = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';
    const pending = settings({ kind: 'certificate', hint: null, certificate });
    const rig = siteRig({ answers: answers(view({ pending })) });
    const answer = await rig.get(`/oauth/${TENANT}/certificate.cer`);
    expect(answer.headers.get('content-disposition')).toContain('rcptgate.cer');
    expect(await answer.text()).toBe(certificate);
    const none = siteRig({ answers: answers(view({ pending: settings() })) });
    expect((await none.get(`/oauth/${TENANT}/certificate.cer`)).status).toBe(404);
  });
});

describe('saving', () => {
  const pem = (text: string) => new File([text], 'a.pem');
  it.each<[string, Record<string, string | File>, object]>([
    ['a secret', { kind: 'secret', secret: ' s ~ ' }, { secret: 's ~', expires: null }],
    ['its end', { kind: 'secret', secret: 's', expires: '2028-11-01' }, { expires: Date.UTC(2028, 10, 1) }],
    ['a generated certificate', { kind: 'generate', secret: 'ignored' }, { generate: true }],
    [
      'a certificate and its key',
      { kind: 'certificate', certificate: pem('C'), key: pem('K'), passphrase: ' p' },
      { certificate: 'C', key: 'K', passphrase: ' p' },
    ],
    ['both in one file', { kind: 'certificate', certificate: pem('CK') }, { certificate: 'CK', key: 'CK' }],
  ])('sends %s', async (_name, fields, body) => {
    const rig = siteRig({ answers: answers(view()) });
    const answer = await rig.post(`/oauth/${TENANT}/save`, {
      application_id: 'a',
      cloud: 'usgov',
      ...fields,
    });
    expect(answer.status).toBe(303);
    const call = rig.calls.find(({ path }) => path.endsWith('/save'));
    expect(call?.body).toMatchObject({ application_id: 'a', cloud: 'usgov', ...body });
    expect(call?.actor).toEqual({ who: ADMIN.who, from: FROM });
  });

  it('says in the language of the visitor why it did not', async () => {
    const refusal = { ok: false, problem: problem('application-is-tenant') };
    const rig = siteRig({
      answers: answers(view(), { [`POST /v1/applications/${TENANT}/save`]: () => refusal }),
    });
    await rig.post(`/oauth/${TENANT}/save`, { application_id: 'x', secret: 's' }, { language: 'ja' });
    const html = await (await rig.get(`/oauth/${TENANT}`, { language: 'ja' })).text();
    expect(html).toContain('テナント ID が入力されています');
  });

  it('refuses a field that is there twice, and a file that is far too large', async () => {
    const rig = siteRig({ answers: answers(view()) });
    const twice = await rig.post(`/oauth/${TENANT}/save`, [
      ['csrf', rig.csrf],
      ['secret', 'a'],
      ['secret', 'b'],
    ]);
    expect(twice.status).toBe(400);
    const large = { kind: 'certificate', certificate: pem('x'.repeat(40 * 1024)) };
    await rig.post(`/oauth/${TENANT}/save`, large);
    expect(await (await rig.get(`/oauth/${TENANT}`)).text()).toContain('no certificate can be read');
    expect(rig.calls.some(({ path }) => path.endsWith('/save'))).toBe(false);
  });
});

describe('connecting', () => {
  const stateIn = (location: string | null) => new URL(location ?? '').searchParams.get('state') ?? '';
  const callback = (state: string, tenant = TENANT) =>
    `/oauth/consent?admin_consent=True&tenant=${tenant}&state=${state}`;

  it('leads to Microsoft where consent is missing, and on to the import when it comes back', async () => {
    const rig = siteRig({ answers: answers(view({ pending: settings() })) });
    const { headers, status } = await rig.post(`/oauth/${TENANT}/connect`, {});
    const location = new URL(headers.get('location') ?? '');
    expect([status, location.origin]).toEqual([303, 'https://login.microsoftonline.com']);
    expect(location.pathname).toBe(`/${TENANT}/v2.0/adminconsent`);
    expect(Object.fromEntries(location.searchParams)).toMatchObject({
      client_id: 'a',
      scope: 'https://graph.microsoft.com/.default',
      redirect_uri: 'http://localhost:8025/oauth/consent',
    });
    const back = await rig.get(callback(stateIn(headers.get('location'))));
    expect([back.status, back.headers.get('location')]).toEqual([303, `/oauth/${TENANT}/progress`]);
    expect(rig.calls.at(-1)).toMatchObject({ body: { patient: true }, actor: { who: ADMIN.who } });
    const again = await rig.get(callback(stateIn(headers.get('location'))));
    expect(again.status).toBe(400);
  });

  it('says what a decline means, and does nothing but note it', async () => {
    const rig = siteRig({ answers: answers(view({ pending: settings() })) });
    const { headers } = await rig.post(`/oauth/${TENANT}/connect`, {});
    const before = rig.calls.length;
    const declined = `/oauth/consent?admin_consent=True&error=access_denied&state=${stateIn(headers.get('location'))}`;
    const back = await rig.get(declined);
    expect(back.headers.get('location')).toBe(`/oauth/${TENANT}`);
    expect(rig.calls.slice(before)).toEqual([
      {
        method: 'POST',
        path: `/v1/applications/${TENANT}/declined`,
        body: { shared: false, code: 'AADSTS65004' },
        actor: { who: ADMIN.who, from: FROM },
      },
    ]);
    expect(await (await rig.get(`/oauth/${TENANT}`)).text()).toContain('the consent was declined');
  });

  it.each([
    ['signed in', ADMIN, true],
    ['a stranger', null, false],
  ])(
    'explains a decline that says neither whose nor of what, with a way back: %s',
    async (_who, visitor, nav) => {
      const rig = siteRig({ answers: answers(view({ pending: settings() })), visitor });
      const said = 'error=permission_denied&error_description=The+admin+canceled+the+request';
      const page = await rig.get(`/oauth/consent?${said}`);
      const html = await page.text();
      expect(page.status).toBe(400);
      expect(html).toContain('most likely somebody pressed Cancel');
      expect(html).toContain('<code>AADSTS65004</code>');
      expect(html).toContain('<a href="/oauth">');
      expect(html.includes('<nav')).toBe(nav);
      expect(rig.calls.filter(({ path }) => path.includes('/applications/'))).toEqual([]);
      // What has not the form of a code is not shown: anybody can write it.
      const forged = await rig.get(`/oauth/consent?error=${encodeURIComponent('call 0123 456 now')}`);
      expect((await forged.text()).split('<main')[1]).not.toContain('0123');
    },
  );

  it('refuses what is forged or repeated, and does nothing', async () => {
    const rig = siteRig({ answers: answers(view({ pending: settings() })) });
    for (const forge of [
      (state: string) => callback(state, OTHER),
      (state: string) => `${callback(state)}&tenant=${OTHER}`,
      () => callback('made-up'),
    ]) {
      const { headers } = await rig.post(`/oauth/${TENANT}/connect`, {});
      const before = rig.calls.length;
      const back = await rig.get(forge(stateIn(headers.get('location'))));
      expect(back.status).toBe(400);
      expect(await back.text()).toContain('Nothing was done');
      expect(rig.calls).toHaveLength(before);
    }
  });

  it('goes straight to the import where nothing is missing, and stays where it failed', async () => {
    const at = `POST /v1/applications/${TENANT}/connect`;
    const to = async (phase: 'importing' | 'failed') => {
      const given = answers(view({ pending: settings() }), { [at]: () => connection({ phase }) });
      return (await siteRig({ answers: given }).post(`/oauth/${TENANT}/connect`, {})).headers.get('location');
    };
    expect(await to('importing')).toBe(`/oauth/${TENANT}/progress`);
    expect(await to('failed')).toBe(`/oauth/${TENANT}#step-connect`);
  });

  it.each([
    ['done', 'importing'],
    ['failed', 'failed'],
  ] as const)('by a shared link ends on a page that says %s and nothing else', async (end, phase) => {
    const application = view({ pending: settings(), connection: connection({ phase }) });
    const rig = siteRig({ answers: answers(application) });
    const html = await (await rig.post(`/oauth/${TENANT}/share`, {})).text();
    const link = /value="(https:[^"]*adminconsent[^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const path = callback(stateIn(link));
    const anybody = { headers: { host: 'localhost:8025' } };
    const back = await rig.app.request(path, anybody);
    expect([back.status, back.headers.get('location')]).toEqual([303, `/oauth/consent/${end}`]);
    expect(rig.calls.find(({ path: asked }) => asked.endsWith('/connect'))?.actor).toEqual({
      who: `consent link of ${ADMIN.who}`,
      from: FROM,
    });
    const shown = await (await rig.app.request(`/oauth/consent/${end}`, anybody)).text();
    for (const secret of [TENANT, 'Contoso', 'console link', '<nav']) expect(shown).not.toContain(secret);
    expect((await rig.app.request(path, anybody)).status).toBe(400);
  });
});

describe('the form of step 1', () => {
  const trial = { at: NOW, ok: false, problem: problem('AADSTS7000215') } as const;
  it.each([
    ['open while nothing is saved', {}, null],
    ['folded away once something is', { pending: settings() }, '<details class="more">'],
    ['open again when that was refused', { pending: settings({ trial }) }, '<details class="more" open="">'],
  ] as const)('is %s', async (_name, over, details) => {
    const rig = siteRig({ answers: answers(view(over)) });
    const html = await (await rig.get(`/oauth/${TENANT}`)).text();
    const before = html.slice(0, html.indexOf('id="application_id"'));
    const folded = before.lastIndexOf('<details');
    expect(folded === -1 ? null : before.slice(folded).split('<summary>')[0]).toBe(details);
  });
});

describe('the import', () => {
  const running = connection({
    phase: 'importing',
    organization: 'Contoso',
    progress: [{ stream: 'users', pages: 3, entries: 1204 }],
  });
  const ended = connection({
    phase: 'done',
    adopted: true,
    organization: 'Contoso',
    result: { users: 1204, groups: 88, contacts: 0, addresses: 1410, domains: 3 },
  });

  it('shows how far it is, and loads itself again without scripts', async () => {
    const rig = siteRig({ answers: answers(view({ used: proven(), connection: running })) });
    const html = await (await rig.get(`/oauth/${TENANT}/progress`)).text();
    expect(html).toContain('Users: 1,204 read (3 pages)');
    expect(html).toMatch(/<noscript><meta http-equiv="refresh" content="2"/);
    expect(html).toContain('aria-live="polite"');
  });

  it.each([
    ['en', '1,204 users, 88 groups, 1,410 addresses, 3 domains'],
    ['ja', 'ユーザー 1,204、グループ 88、アドレス 1,410、ドメイン 3'],
  ] as const)('ends with its counts in %s', async (language, text) => {
    const rig = siteRig({ answers: answers(view({ used: proven(), connection: ended })) });
    const html = await (await rig.get(`/oauth/${TENANT}/progress`, { language })).text();
    expect(html).toContain(text);
    for (const next of ['/recipients', '/recipients/explain'])
      expect(html).toContain(`<li><a href="${next}">`);
    expect(html).not.toContain('http-equiv="refresh"');
  });

  it('counts one page as one', async () => {
    const one = { ...running, progress: [{ stream: 'groups' as const, pages: 1, entries: 64 }] };
    const rig = siteRig({ answers: answers(view({ used: proven(), connection: one })) });
    expect(await (await rig.get(`/oauth/${TENANT}/progress`)).text()).toContain('Groups: 64 read (1 page)');
  });

  it('is told line by line as server-sent events until its end', async () => {
    const steps = [running, { ...running, progress: [] }, ended];
    const rig = siteRig({
      answers: answers(view(), {
        'GET /v1/applications': () => [view({ used: proven(), connection: steps.shift() ?? ended })],
      }),
    });
    const text = await (await rig.get(`/oauth/${TENANT}/progress/events`)).text();
    expect(text).toMatch(/event: lines\ndata: \["Organisation: Contoso","Importing the recipients\."\]/);
    expect(text).toMatch(/event: end/);
  });
});
