/** The door of the console, over a fake daemon: pages, limits, and what strangers can and cannot do. */
import { describe, expect, it } from 'vitest';
import { type Answers, type RigOptions, siteRig } from './site.ts';

const T1 = '11111111-2222-3333-4444-555555555555';
const T2 = '99999999-2222-3333-4444-555555555555';
const APPLICATION = {
  tenant: T1,
  applicationId: '66666666-7777-8888-9999-000000000000',
  login: 'https://login.microsoftonline.com',
  ready: true,
  domains: ['contoso.example'],
};
const SECOND = { ...APPLICATION, tenant: T2, domains: ['fabrikam.example', 'fabrikam.test'] };

function stranger(answers: Answers = {}, options: RigOptions = {}) {
  return siteRig({
    answers: { 'POST /v1/console/applications': () => [APPLICATION], ...answers },
    visitor: null,
    ...options,
  });
}

describe('the sign-in page', () => {
  it('says how to come in, and names no tenant when there is one', async () => {
    const html = await (await stranger().get('/sign-in')).text();
    expect(html).toContain('rcptgate console-link');
    expect(html).toContain('Sign in with Microsoft');
    expect(html).not.toContain('contoso.example');
    expect(html).not.toContain('<nav');
  });

  it('lets choose between several, by their domains', async () => {
    const rig = stranger({ 'POST /v1/console/applications': () => [APPLICATION, SECOND] });
    const html = await (await rig.get('/sign-in')).text();
    expect(html).toContain('contoso.example');
    expect(html).toContain('fabrikam.example, fabrikam.test');
  });

  it('is in Japanese', async () => {
    const html = await (await stranger().get('/sign-in', { language: 'ja' })).text();
    expect(html).toContain('<h1>サインイン</h1>');
  });

  it.each([
    ['no application is set up', { 'POST /v1/console/applications': () => [] }],
    ['none is ready', { 'POST /v1/console/applications': () => [{ ...APPLICATION, ready: false }] }],
    ['the daemon does not answer', { 'POST /v1/console/applications': () => new Error('busy') }],
    ['the daemon answers nonsense', { 'POST /v1/console/applications': () => ({ no: 'list' }) }],
  ])('offers the link when %s', async (_name, answers) => {
    const answer = await stranger(answers).get('/sign-in');
    const html = await answer.text();
    expect([answer.status, html.includes('once an application has been set up')]).toEqual([200, true]);
    expect(html).toContain('rcptgate console-link');
  });

  it('asks the daemon once in three seconds, however often it is looked at', async () => {
    let now = 0;
    const rig = stranger({}, { now: () => now });
    for (; now < 6000; now += 100) await rig.get('/sign-in');
    expect(rig.calls).toHaveLength(2);
  });
});

describe('a sign-in', () => {
  it('begins with everything that will be checked when it comes back', async () => {
    const answer = await stranger().post('/sign-in', { tenant: T1, to: '/status' });
    expect(answer.status).toBe(303);
    const to = new URL(answer.headers.get('location') ?? '');
    expect(to.origin + to.pathname).toBe(`https://login.microsoftonline.com/${T1}/oauth2/v2.0/authorize`);
    const query = Object.fromEntries(to.searchParams);
    expect(query).toEqual({
      client_id: APPLICATION.applicationId,
      response_type: 'code',
      response_mode: 'query',
      redirect_uri: 'http://localhost:8025/oauth/callback',
      scope: 'openid profile',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
    expect(answer.headers.get('set-cookie')).toMatch(
      /^rcptgate-arrival=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/,
    );
  });

  it('has Secure cookies with a host prefix on https', async () => {
    const rig = stranger({}, { publicUrl: 'https://gate.example' });
    const answer = await rig.post('/sign-in', { tenant: T1, to: '/' });
    expect(answer.headers.get('set-cookie')).toMatch(
      /^__Host-rcptgate-arrival=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    );
    expect(answer.headers.get('location')).toContain(
      'redirect_uri=https%3A%2F%2Fgate.example%2Foauth%2Fcallback',
    );
  });

  it.each([
    ['of an unknown tenant', { tenant: T2 }],
    ['of no tenant', {}],
    ['of a tenant that is none', { tenant: '../../evil' }],
  ])('%s leads nowhere', async (_name, fields) => {
    const answer = await stranger().post('/sign-in', { to: '/', ...fields });
    expect(answer.headers.get('location')).toBe('/sign-in');
  });

  it('comes back to nothing but a path of ours', async () => {
    const rig = stranger();
    const html = await (await rig.get('/sign-in?to=//evil.example')).text();
    expect(html).toContain('name="to" value="/"');
  });
});

describe('the door', () => {
  const HOSTILE = [
    ['another origin', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
  ] as const;
  it.each(
    ['/enter', '/sign-in'].flatMap((path) =>
      HOSTILE.map(([name, headers]) => [path, name, headers] as const),
    ),
  )('%s takes no form from %s', async (path, _name, headers) => {
    const rig = stranger();
    expect((await rig.post(path, { link: 'x', tenant: T1 }, { headers })).status).toBe(403);
    expect(rig.calls).toEqual([]);
  });

  it.each(['/enter', '/sign-in'])('%s takes no large form', async (path) => {
    const rig = stranger();
    expect((await rig.post(path, { link: 'x'.repeat(10_000) })).status).toBe(413);
    expect(rig.calls).toEqual([]);
  });

  it('is shut to a client that tries too often; the daemon is left alone, the log told once', async () => {
    const rig = stranger({ 'POST /v1/console/link/use': () => ({ use: 'unknown' }) });
    const answers: number[] = [];
    for (let count = 0; count < 50; count++) {
      answers.push((await rig.post('/enter', { link: `guess ${count}` })).status);
    }
    expect(answers.filter((status) => status === 303)).toHaveLength(20);
    expect(answers.filter((status) => status === 429)).toHaveLength(30);
    expect(rig.calls).toHaveLength(20);
    const why = rig.news.map((each) => (each.news === 'refused' ? each.why : each.news));
    expect(why.filter((each) => each === 'too many attempts')).toHaveLength(1);
    expect((await rig.get('/oauth/callback?state=made-up')).status).toBe(429);
    expect((await rig.post('/sign-in', { tenant: T1 })).status).toBe(429);
  });

  it('explains a link that is spent, once the browser is back at the sign-in page', async () => {
    const rig = stranger({ 'POST /v1/console/link/use': () => ({ use: 'late' }) });
    const answer = await rig.post('/enter', { link: 'x' });
    const cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const page = await rig.get('/sign-in', { headers: { cookie } });
    expect(await page.text()).toContain('older than ten minutes');
    expect(await (await rig.get('/sign-in')).text()).not.toContain('role="alert"');
  });

  it('keeps the link when the language is changed on its page', async () => {
    const html = await (await stranger().get('/enter?link=abc')).text();
    expect(html).toContain('to=%2Fenter%3Flink%3Dabc');
    expect((await stranger().get('/enter')).status).toBe(400);
  });

  it.each(['/sign-in', '/enter?link=x', '/oauth/callback?state=x', '/nowhere', '/language/xx'])(
    '%s has the security headers',
    async (path) => {
      const { headers } = await stranger().get(path);
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('cache-control')).toBe('no-store');
    },
  );
});
