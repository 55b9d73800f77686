/** The recipients pages: search, one in full, explanations, overrides, the import in two steps. */
import { describe, expect, it } from 'vitest';
import { recipientsSection } from '../../src/console/recipients/section.tsx';
import { openUploads } from '../../src/console/recipients/upload.ts';
import { ACTION_OF } from '../../src/core/verdict.ts';
import { gatewayView, MINE, NOW, OTHER, tenantView } from './gateway-state.ts';
import { type Answers, adminOf, FROM, READER, type RigOptions, siteRig } from './site.ts';

const EVIL = '<script>alert(1)</script>\u202e';
const ACTOR = { who: 'console link', from: FROM };

const FOUND = {
  items: [
    {
      tenant: MINE,
      object: { stream: 'users', id: 'u/1' },
      kind: 'user',
      displayName: EVIL,
      state: 'live',
      since: NOW,
      addresses: [`${EVIL}@contoso.example`],
      more: 3,
    },
    {
      tenant: MINE,
      object: null,
      kind: 'address',
      displayName: null,
      state: 'held',
      since: NOW,
      addresses: ['left@contoso.example'],
      more: 0,
    },
  ],
  next: 'NEXT',
};

const PICTURE = {
  tenant: MINE,
  object: { stream: 'users', id: 'u/1' },
  kind: 'user',
  state: 'live',
  since: NOW,
  facts: { displayName: EVIL, userPrincipalName: EVIL, accountEnabled: false },
  entries: [
    {
      entry: `SMTP:${EVIL}`,
      address: 'alice@contoso.example',
      primary: true,
      standing: 'known',
      lastMail: NOW,
    },
    { entry: 'X500:/o=x', address: null, primary: false, standing: 'not-smtp', lastMail: null },
  ],
};

function explained(changes: object = {}) {
  return {
    address: EVIL,
    normalised: 'alice@contoso.example',
    verdict: 'accept',
    reason: 'known',
    reply: '250 2.1.5 Recipient ok',
    domain: 'contoso.example',
    tenant: MINE,
    nextHop: 'mx.example:25',
    matched: 'alice@contoso.example',
    freshness: 'fresh',
    directoryAge: 60_000,
    lookup: null,
    objects: [
      { tenant: MINE, stream: 'users', id: 'u1', kind: 'user', displayName: EVIL, attribute: `SMTP:${EVIL}` },
    ],
    override: { match: EVIL, action: 'allow', note: EVIL, expires: NOW, source: 'command' },
    imported: { file: EVIL, importedAt: NOW },
    ...changes,
  };
}

function override(match: string, changes: object = {}) {
  return {
    match,
    action: 'allow',
    text: null,
    note: EVIL,
    expires: NOW + 86_400_000,
    addedAt: NOW,
    addedBy: EVIL,
    source: 'command',
    state: 'active',
    shadowedBy: null,
    exceptions: [],
    ...changes,
  };
}

const mine = 'a@contoso.example';
const others = 'a@fabrikam.example';

const ANSWERS: Answers = {
  'GET /v1/status': () =>
    gatewayView({
      tenants: [
        tenantView(MINE, { imported: { file: EVIL, importedAt: NOW, addresses: 5 } }),
        tenantView(OTHER),
      ],
    }),
  'GET /v1/recipients': () => FOUND,
  'GET /v1/recipient': () => PICTURE,
  'POST /v1/explain': () => explained(),
  'GET /v1/references/7F3K2Q': () => ({
    reference: '7F3K2Q',
    entries: [
      {
        at: NOW,
        row: {
          rcpt: EVIL,
          address: 'gone@contoso.example',
          tenant: MINE,
          client: '192.0.2.1',
          mailFrom: EVIL,
          code: 550,
          reason: 'unknown',
          detail: EVIL,
        },
      },
    ],
  }),
  'GET /v1/references/AAAAAA': () => ({ reference: 'AAAAAA', entries: [] }),
  'GET /v1/overrides': () => [
    override(mine),
    override(others, { source: 'file', state: 'shadowed', shadowedBy: { match: '*@*', source: 'file' } }),
    override('*@*', { exceptions: [{ match: mine, source: 'command' }] }),
  ],
  'POST /v1/overrides/owners': (body) =>
    (body as { matches: string[] }).matches.map((match) => ({
      match: match.includes('@') ? match.toLowerCase() : null,
      tenant: match.includes('contoso') ? MINE : match.includes('fabrikam') ? OTHER : null,
    })),
  'POST /v1/overrides': (body) =>
    (body as { expires?: string }).expires === 'soon'
      ? { ok: false, problems: [{ key: 'expires', problem: `must be a date ${EVIL}` }] }
      : { ok: true, override: override(mine), replaced: null },
  'POST /v1/overrides/remove': (body) => ({
    match: (body as { match: string }).match,
    removed: {},
    inFile: false,
  }),
  'POST /v1/import': (_body, path) => imported(new URL(path, 'http://x').searchParams),
};

function imported(query: URLSearchParams, hold: string | null = null) {
  const applied = query.get('dry_run') !== '1' && (hold === null || query.get('force') === '1');
  return {
    ok: true,
    tenant: query.get('tenant'),
    dryRun: query.get('dry_run') === '1',
    applied,
    plan: {
      rows: [{ type: EVIL, added: 2, gone: 1, unchanged: 4 }],
      before: 5,
      after: 6,
      gone: 1,
      samples: { added: [`${EVIL}@contoso.example`], gone: ['old@contoso.example'] },
      hold,
    },
    foreign: { [EVIL]: 3, 'b.example': 4 },
  };
}

function rig(options: RigOptions = {}, answers: Answers = {}) {
  return siteRig({
    now: () => NOW,
    sections: (parts) => [recipientsSection(parts)],
    ...options,
    answers: { ...ANSWERS, ...answers },
  });
}

type Site = ReturnType<typeof rig>;

async function html(site: Site, path: string, language: 'en' | 'ja' = 'en'): Promise<string> {
  return (await site.get(path, { language })).text();
}

const CSV = `"PrimarySmtpAddress","RecipientTypeDetails"\n"a@contoso.example","PublicFolder"\n"b@contoso.example","PublicFolder"\n`;

function csv(text = CSV, name = 'r.csv'): File {
  return new File([text], name, { type: 'text/csv' });
}

/** Uploads a file and gives where its preview is. */
async function upload(site: Site, file = csv(), tenant = MINE): Promise<string> {
  const answer = await site.post('/recipients/import/upload', { tenant, list: file });
  expect(answer.status).toBe(303);
  return answer.headers.get('location') ?? '';
}

function nameIn(location: string): string {
  return new URL(location, 'http://x').searchParams.get('upload') ?? '';
}

describe('the search', () => {
  it('asks nothing before something was searched for', async () => {
    const site = rig();
    expect(await html(site, '/recipients')).toContain('name="q"');
    expect(site.calls.map(({ path }) => path)).toEqual(['/v1/status']);
  });

  it('shows what was found, with links, and where to go on', async () => {
    const site = rig();
    const text = await html(site, `/recipients?q=al+i&kind=user&tenant=${MINE}`);
    expect(site.calls.at(-1)?.path).toBe(`/v1/recipients?tenant=${MINE}&q=al+i&kind=user&after=`);
    expect(text).toContain(`href="/recipients/object?tenant=${MINE}&amp;stream=users&amp;id=u%2F1"`);
    expect(text).toContain('href="/recipients/explain?address=left%40contoso.example"');
    expect(text).toContain('2 found so far.');
    expect(text).toContain('after=NEXT');
    expect(text).toContain('and 3 more');
    expect(await html(site, '/recipients?q=', 'ja')).toContain('削除を保留中 (受け付け)');
  });

  it('says that nobody was found', async () => {
    const site = rig({}, { 'GET /v1/recipients': () => ({ items: [], next: null }) });
    expect(await html(site, '/recipients?q=x')).toContain('Nobody was found.');
  });

  it('says what the daemon said when it could not', async () => {
    const site = rig({}, { 'GET /v1/recipients': () => new Error('too many searches are waiting') });
    const answer = await site.get('/recipients?q=x');
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining('The search did not work: too many searches'),
    ]);
  });
});

describe('one recipient', () => {
  it('is shown in full', async () => {
    const text = await html(rig(), `/recipients/object?tenant=${MINE}&stream=users&id=u%2F1`);
    for (const part of ['primary', 'accepted', 'no mail address', 'Sign-in allowed', '2026-11-22']) {
      expect(text).toContain(part);
    }
  });

  it('that is gone is said to be', async () => {
    const site = rig({}, { 'GET /v1/recipient': () => null });
    const answer = await site.get(`/recipients/object?tenant=${MINE}&stream=users&id=x`);
    expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('may be gone')]);
    expect((await site.get(`/recipients/object?tenant=${MINE}&stream=other&id=x`)).status).toBe(404);
  });
});

describe('an explanation', () => {
  it.each(Object.entries(ACTION_OF))('has words for %s in both languages', async (reason, verdict) => {
    const site = rig({}, { 'POST /v1/explain': () => explained({ reason, verdict }) });
    const english = await html(site, '/recipients/explain?address=x');
    const japanese = await html(site, '/recipients/explain?address=x', 'ja');
    expect(english).toContain(
      { accept: 'It is accepted.', reject: 'It is refused.', defer: 'asked to try again' }[verdict],
    );
    expect(japanese).toMatch(/[。]/);
    for (const text of [english, japanese]) expect(text).not.toContain(`>${reason}<`);
  });

  it('says what would be said and who decides', async () => {
    const text = await html(
      rig({}, { 'POST /v1/explain': () => explained({ lookup: { outcome: 'absent', ms: 12.3 } }) }),
      '/recipients/explain?address=alice%40contoso.example',
    );
    for (const part of [
      '250 2.1.5 Recipient ok',
      'the tenant does not have it (12 ms)',
      'mx.example:25',
      'added here',
      'fresh, read 1 minute ago',
      'href="/recipients/overrides/edit?match=alice%40contoso.example"',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('of a reference says what was refused then, and what would be said now', async () => {
    const site = rig();
    const text = await html(site, '/recipients/explain?address=7f3k2q');
    expect(text).toContain('Reference 7F3K2Q');
    expect(text).toContain('192.0.2.1');
    expect(text).toContain('What the same address would be told now');
    expect(site.calls).toContainEqual(
      expect.objectContaining({
        path: '/v1/explain',
        body: { address: 'gone@contoso.example', tenants: null },
      }),
    );
    expect(await html(site, '/recipients/explain?address=AAAAAA')).toContain(
      'No refusal with the reference AAAAAA',
    );
    expect(await html(site, '/recipients/explain?address=BBBBBB')).toContain('cannot be looked up now');
  });

  it('asks for the tenants of the visitor only', async () => {
    const site = rig({ visitor: adminOf(MINE) }, { 'POST /v1/explain': () => null });
    expect(await html(site, '/recipients/explain?address=x%40y.example')).toContain(
      'in none of your domains',
    );
    await html(site, '/recipients/explain?address=7F3K2Q');
    expect(site.calls.map(({ path }) => path)).toContain(`/v1/references/7F3K2Q?tenants=${MINE}`);
    expect(site.calls.map(({ body }) => body)).toContainEqual({ address: 'x@y.example', tenants: [MINE] });
  });
});

describe('overrides', () => {
  it('are listed with what can be done', async () => {
    const text = await html(rig(), '/recipients/overrides');
    for (const part of [
      mine,
      others,
      '*@*',
      'in force',
      'never decides',
      'configuration file',
      `Except ${mine}.`,
    ]) {
      expect(text).toContain(part);
    }
    expect(text.match(/action="\/recipients\/overrides\/remove"/g)).toHaveLength(2);
  });

  it('are saved in the name of the visitor, empty fields left out', async () => {
    const site = rig();
    const fields = { match: ` ${mine} `, action: 'deny', text: 'Closed', note: '', expires: '30d' };
    const answer = await site.post('/recipients/overrides/save', fields);
    expect(answer.headers.get('location')).toBe('/recipients/overrides');
    expect(site.calls).toContainEqual({
      method: 'POST',
      path: '/v1/overrides',
      body: { match: mine, action: 'deny', text: 'Closed', expires: '30d' },
      actor: ACTOR,
    });
    expect(await html(site, '/recipients/overrides')).toContain(
      `The override of ${mine} answers from now on.`,
    );
  });

  it('that cannot be used come back with every problem and what was typed', async () => {
    const site = rig();
    const answer = await site.post('/recipients/overrides/save', {
      match: mine,
      action: 'allow',
      note: EVIL,
      expires: 'soon',
    });
    const text = await answer.text();
    expect(answer.status).toBe(422);
    expect(text).toContain('expires: must be a date');
    expect(text).toContain('value="soon"');
    const nobody = await site.post('/recipients/overrides/save', { match: 'x', action: 'allow' });
    expect([nobody.status, await nobody.text()]).toEqual([422, expect.stringContaining('can match nobody')]);
  });

  it('are edited from what they are, ended and removed', async () => {
    const site = rig();
    const form = await html(site, `/recipients/overrides/edit?match=${encodeURIComponent(mine)}`);
    expect(form).toContain('value="2026-11-23T12:00:00.000Z"');
    expect(form).toMatch(/name="match" value="a@contoso.example"[^>]* readonly/);
    expect(await html(site, '/recipients/overrides/edit?match=new%40contoso.example')).not.toMatch(
      /<input[^>]* readonly/,
    );
    await site.post('/recipients/overrides/end', { match: mine });
    expect(site.calls).toContainEqual(
      expect.objectContaining({
        path: '/v1/overrides',
        body: expect.objectContaining({ match: mine, expires: new Date(NOW).toISOString() }),
      }),
    );
    expect(await html(site, '/recipients/overrides')).toContain(`The override of ${mine} has ended.`);
    await site.post('/recipients/overrides/remove', { match: mine });
    expect(site.calls).toContainEqual({
      method: 'POST',
      path: '/v1/overrides/remove',
      body: { match: mine },
      actor: ACTOR,
    });
    await site.post('/recipients/overrides/end', { match: others });
    expect(await html(site, '/recipients/overrides')).toContain(`There is no override of ${others}`);
  });

  it('a visitor of one tenant sees and changes those of its domains only', async () => {
    const site = rig({ visitor: adminOf(MINE) });
    const text = await html(site, '/recipients/overrides');
    expect(text).toContain(mine);
    expect(text).not.toContain('fabrikam');
    expect(text).not.toContain('*@*');
    for (const match of [others, '*@*', 'x@elsewhere.example']) {
      for (const action of ['save', 'end', 'remove']) {
        const answer = await site.post(`/recipients/overrides/${action}`, { match, action: 'allow' });
        expect([match, action, answer.status]).toEqual([match, action, 403]);
      }
      const form = await site.get(`/recipients/overrides/edit?match=${encodeURIComponent(match)}`);
      expect(form.status).toBe(404);
    }
    expect(site.calls.filter(({ actor }) => actor)).toEqual([]);
  });
});

describe('an import', () => {
  it('is previewed, and the very same bytes are imported once', async () => {
    const site = rig();
    const location = await upload(site);
    const text = await html(site, location);
    for (const part of [
      '2 recipients, 2 addresses.',
      'Nothing has changed yet.',
      'b.example',
      'Left out',
      'old@contoso.example',
    ]) {
      expect(text).toContain(part);
    }
    const [dry] = site.calls.filter(({ path }) => path.startsWith('/v1/import'));
    expect(dry?.path).toBe(`/v1/import?tenant=${MINE}&file=r.csv&dry_run=1&force=`);
    const answer = await site.post('/recipients/import/confirm', { upload: nameIn(location) });
    expect(answer.headers.get('location')).toBe('/recipients/import');
    const [, real] = site.calls.filter(({ path }) => path.startsWith('/v1/import'));
    expect(real).toEqual({
      ...dry,
      path: `/v1/import?tenant=${MINE}&file=r.csv&dry_run=&force=`,
      actor: ACTOR,
    });
    expect(new TextDecoder().decode(real?.body as Uint8Array)).toBe(
      'PublicFolder\ta@contoso.example\nPublicFolder\tb@contoso.example\n',
    );
    expect(await html(site, '/recipients/import')).toContain('Imported: 6 addresses');
    await site.post('/recipients/import/confirm', { upload: nameIn(location) });
    expect(await html(site, '/recipients/import')).toContain('This preview is over');
    expect(site.calls.filter(({ path }) => path.startsWith('/v1/import'))).toHaveLength(2);
  });

  it('that the guard holds needs a tick, before and at the last moment', async () => {
    let hold: string | null = 'much-smaller';
    const site = rig(
      {},
      { 'POST /v1/import': (_body, path) => imported(new URL(path, 'http://x').searchParams, hold) },
    );
    const location = await upload(site);
    expect(await html(site, location)).toContain('1 of the 5 addresses of the import in use would be gone');
    const unforced = await site.post('/recipients/import/confirm', { upload: nameIn(location) });
    expect(unforced.headers.get('location')).toBe(location);
    expect(site.calls.filter(({ path }) => path.includes('dry_run=&'))).toEqual([]);
    await site.post('/recipients/import/confirm', { upload: nameIn(location), force: 'yes' });
    expect(site.calls.at(-1)?.path).toContain('force=1');
    hold = null;
    const other = await upload(site);
    hold = 'empty';
    const late = await site.post('/recipients/import/confirm', { upload: nameIn(other) });
    expect(late.headers.get('location')).toMatch(/^\/recipients\/import\/preview\?upload=/);
    expect(await html(site, late.headers.get('location') ?? '')).toContain('would be gone');
  });

  it('is over after ten minutes, after another upload, and when it was thrown away', async () => {
    let now = NOW;
    const site = rig({ now: () => now });
    const first = await upload(site);
    const second = await upload(site);
    const gone = async (location: string) => (await site.get(location)).headers.get('location');
    expect(await gone(first)).toBe('/recipients/import');
    expect(await gone(second)).toBeNull();
    await site.post('/recipients/import/cancel', { upload: nameIn(second) });
    expect(await gone(second)).toBe('/recipients/import');
    const third = await upload(site);
    now += 10 * 60_000;
    expect(await gone(third)).toBe('/recipients/import');
  });

  it('that cannot be read is told with its place', async () => {
    const site = rig();
    expect(await upload(site, csv('"A"\n"b"\n', `${EVIL}.csv`))).toBe('/recipients/import');
    const text = await html(site, '/recipients/import');
    expect(text).toContain('there is no column PrimarySmtpAddress');
    expect(text).not.toContain('<script>alert');
    await site.post('/recipients/import/upload', { tenant: MINE });
    expect(await html(site, '/recipients/import')).toContain('No file was chosen.');
    expect(site.calls.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  it('larger than the limit is refused, and nothing of it is read', async () => {
    const site = rig();
    const answer = await site.post(
      '/recipients/import/upload',
      {},
      { headers: { 'content-length': '100000000' } },
    );
    expect([answer.status, await answer.text()]).toEqual([413, expect.stringContaining('too large')]);
    expect(site.calls).toEqual([]);
  });

  it('one at a time is read, and not beyond the number of addresses that fits', async () => {
    const bytes = new TextEncoder().encode(CSV);
    const read = openUploads(2);
    expect(await Promise.all([read(bytes), read(bytes)])).toMatchObject([{ ok: true }, 'busy']);
    expect([await read(bytes), await openUploads(1)(bytes)]).toMatchObject([{ ok: true }, 'too-many']);
  });

  it('in use can be removed by whoever is sure', async () => {
    const site = rig();
    await site.post('/recipients/import/remove', { tenant: MINE });
    expect(await html(site, '/recipients/import')).toContain('Tick the box');
    await site.post('/recipients/import/remove', { tenant: MINE, sure: 'yes' });
    expect(site.calls.filter(({ path }) => path.startsWith('/v1/import')).map(({ path }) => path)).toEqual([
      `/v1/import?tenant=${MINE}&file=%28removed%29&dry_run=&force=1`,
    ]);
  });

  it('belongs to the session that uploaded it', async () => {
    const site = rig();
    const location = await upload(site);
    const { cookie } = site.sessions.open({ who: 'x', name: 'x', role: 'admin', tenants: null }, NOW);
    const answer = await site.get(location, { headers: { cookie: `rcptgate-session=${cookie}` } });
    expect(answer.headers.get('location')).toBe('/recipients/import');
    expect((await site.get(location)).status).toBe(200);
  });
});

describe('text from outside', () => {
  it.each([
    '/recipients?q=%3Cscript%3Ealert(1)%3C/script%3E',
    `/recipients/object?tenant=${MINE}&stream=users&id=1`,
    '/recipients/explain?address=%3Cscript%3Ealert(1)%3C/script%3E',
    '/recipients/explain?address=7F3K2Q',
    '/recipients/overrides',
    '/recipients/overrides/edit?match=%3Cscript%3Ealert(1)%3C/script%3E%40contoso.example',
    '/recipients/import',
  ])('is only text on %s', async (path) => {
    const text = await html(rig(), path);
    expect(text).not.toContain('<script>alert');
    expect(text).not.toContain('\u202e');
    expect(text).toContain('&lt;script&gt;alert(1)');
    expect(text).not.toMatch(/ on\w+="| style="/);
  });

  it('is only text in a preview', async () => {
    const site = rig();
    const text = await html(site, await upload(site, csv(CSV, `${EVIL}.csv`)));
    expect(text).not.toContain('<script>alert');
    expect(text).not.toContain('\u202e');
  });
});

describe('who may', () => {
  const GETS = [
    '/recipients',
    '/recipients?q=a',
    `/recipients/object?tenant=${MINE}&stream=users&id=1`,
    '/recipients/explain?address=x',
    '/recipients/overrides',
    '/recipients/import',
  ];
  const POSTS: ReadonlyArray<readonly [string, Record<string, string | File>]> = [
    ['/recipients/overrides/save', { match: mine, action: 'allow' }],
    ['/recipients/overrides/end', { match: mine }],
    ['/recipients/overrides/remove', { match: mine }],
    ['/recipients/import/upload', { tenant: MINE, list: csv() }],
    ['/recipients/import/confirm', { upload: 'x' }],
    ['/recipients/import/cancel', { upload: 'x' }],
    ['/recipients/import/remove', { tenant: MINE, sure: 'yes' }],
  ];

  it.each(GETS)('a reader may look at %s, and sees no form that changes', async (path) => {
    const answer = await rig({ visitor: READER }).get(path);
    expect(answer.status).toBe(200);
    const forms = [...(await answer.text()).matchAll(/<form method="post" action="([^"]*)"/g)];
    expect(forms.map(([, action]) => action)).toEqual(['/sign-out']);
  });

  it.each(POSTS)('a reader may not post to %s', async (path, fields) => {
    const site = rig({ visitor: READER });
    expect((await site.post(path, fields)).status).toBe(403);
    expect(site.calls).toEqual([]);
    expect((await site.get('/recipients/overrides/edit')).status).toBe(403);
  });

  it.each([
    ['GET', `/recipients?q=a&tenant=${MINE}`, 404, {}],
    ['GET', `/recipients/object?tenant=${MINE}&stream=users&id=1`, 404, {}],
    ['GET', '/recipients/overrides/edit?match=a%40contoso.example', 404, {}],
    ['POST', '/recipients/overrides/save', 403, { match: mine, action: 'allow' }],
    ['POST', '/recipients/overrides/end', 403, { match: mine }],
    ['POST', '/recipients/overrides/remove', 403, { match: mine }],
    ['POST', '/recipients/import/upload', 403, { tenant: MINE, list: csv() }],
    ['POST', '/recipients/import/remove', 403, { tenant: MINE, sure: 'yes' }],
  ] as const)('%s %s is %i for an administrator of another tenant', async (method, path, status, fields) => {
    const site = rig({ visitor: adminOf(OTHER) });
    const answer = method === 'GET' ? await site.get(path) : await site.post(path, fields);
    expect(answer.status).toBe(status);
    expect(
      site.calls.filter(({ path: asked }) => !['/v1/status', '/v1/overrides/owners'].includes(asked)),
    ).toEqual([]);
  });

  it('nothing of another tenant is in the forms', async () => {
    const site = rig({ visitor: adminOf(OTHER) });
    for (const path of ['/recipients', '/recipients/import'])
      expect(await html(site, path)).not.toContain(MINE);
  });
});
