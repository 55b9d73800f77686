/** The rules behind the console's door, as tables. */
import { describe, expect, it } from 'vitest';
import { roleOf, visitorFrom } from '../../src/console/entrance/authorise.ts';
import { keyStore } from '../../src/console/entrance/keys.ts';
import { LINK_TIME, OneTimeLinks } from '../../src/console/link.ts';
import { isOurHost, isOurPost, siteAddress } from '../../src/console/site/address.ts';
import { Attempts } from '../../src/console/site/attempts.ts';
import { clientAddress, networks } from '../../src/console/site/client-address.ts';
import { cookiesFor } from '../../src/console/site/cookies.ts';
import { securityHeaders } from '../../src/console/site/headers.ts';
import { acceptedLanguage } from '../../src/console/site/language.ts';
import { ONE_SHOT_TIME, openOneShots } from '../../src/console/site/one-shot.ts';
import { Sessions } from '../../src/console/site/sessions.ts';
import { maySee } from '../../src/console/site/visit.ts';
import { ADMIN, adminOf } from './site.ts';

const T1 = '11111111-2222-3333-4444-555555555555';
const T2 = '99999999-2222-3333-4444-555555555555';
const PERSON = { tenant: T1, object: 'o1', name: 'Ada', roles: [] };
const NOBODY = { admins: [], readers: [], remembered: [] };

describe('who may enter', () => {
  const me = { tenant: T1, object: 'o1' };
  it.each([
    ['nobody is on a list', PERSON, NOBODY, null],
    ['the app role', { ...PERSON, roles: ['Gateway.Admin'] }, NOBODY, 'admin'],
    ['the readers role', { ...PERSON, roles: ['Gateway.Reader'] }, NOBODY, 'reader'],
    ['another role', { ...PERSON, roles: ['gateway.admin', 'Admin'] }, NOBODY, null],
    ['the configuration', PERSON, { ...NOBODY, admins: [me] }, 'admin'],
    ['the configuration, to read', PERSON, { ...NOBODY, readers: [me] }, 'reader'],
    ['the Access page', PERSON, { ...NOBODY, remembered: [{ ...me, role: 'reader' as const }] }, 'reader'],
    ['the higher of two', PERSON, { ...NOBODY, readers: [me], admins: [me] }, 'admin'],
    ['an equal object of another tenant', PERSON, { ...NOBODY, admins: [{ ...me, tenant: T2 }] }, null],
    ['another object', PERSON, { ...NOBODY, admins: [{ ...me, object: 'o2' }] }, null],
    ['a name that is on the list', { ...PERSON, name: 'o1', object: 'x' }, { ...NOBODY, admins: [me] }, null],
  ])('%s', (_name, person, lists, role) => {
    expect(roleOf(person, lists)).toBe(role);
  });

  it('sees the own tenant only, and everything when there is no other', () => {
    const one = visitorFrom(PERSON, 'admin', false);
    expect([T1, T2, null].map((tenant) => maySee(one, tenant))).toEqual([true, false, false]);
    const all = visitorFrom(PERSON, 'admin', true);
    expect([T1, T2, null].map((tenant) => maySee(all, tenant))).toEqual([true, true, true]);
    expect(one.who).toBe(`${T1}/o1 (Ada)`);
  });
});

describe('the address of a console', () => {
  const PUBLIC = siteAddress('https://gate.example', '127.0.0.1', 8025);
  const OPEN = siteAddress(null, '0.0.0.0', 8025);
  it.each([
    [PUBLIC, 'gate.example', true],
    [PUBLIC, 'GATE.example', true],
    [PUBLIC, 'localhost:8025', true],
    [PUBLIC, '[::1]:8025', true],
    [PUBLIC, 'gate.example.evil.example', false],
    [PUBLIC, '127.0.0.1', false],
    [OPEN, '192.0.2.1:8025', false],
    [OPEN, undefined, false],
  ])('%o takes the host %s: %s', (address, host, ours) => {
    expect(isOurHost(address, host)).toBe(ours);
  });

  it.each([
    [
      'a page of ours behind a proxy that keeps Host',
      'gate.example',
      'https://gate.example',
      'same-origin',
      true,
    ],
    ['behind one that changes it', '127.0.0.1:8025', 'https://gate.example', 'same-origin', true],
    ['through a tunnel', 'localhost:8025', 'http://localhost:8025', 'same-origin', true],
    ['an old browser', 'gate.example', 'https://gate.example', undefined, true],
    ['no origin, but the browser vouches', 'gate.example', undefined, 'same-origin', true],
    ['no word at all', 'gate.example', undefined, undefined, false],
    ['another port', 'localhost:8025', 'http://localhost:9999', 'same-site', false],
    ['http instead of https', 'gate.example', 'http://gate.example.evil', 'cross-site', false],
    ['right origin, but cross-site', 'gate.example', 'https://gate.example', 'cross-site', false],
    ['null', 'gate.example', 'null', undefined, false],
  ])('a form from %s', (_name, host, origin, fetchSite, ours) => {
    expect(isOurPost(PUBLIC, { host, origin, fetchSite })).toBe(ours);
  });

  it('is in the headers and cookies when it is https', () => {
    const login = { loginOrigins: ['https://login.example'] };
    const secure = securityHeaders({ publicUrl: 'https://gate.example', ...login });
    expect(secure.get('strict-transport-security')).toMatch(/^max-age=\d+$/);
    expect(secure.get('content-security-policy')).toContain("form-action 'self' https://login.example;");
    expect(
      securityHeaders({ publicUrl: 'http://localhost:1', ...login }).has('strict-transport-security'),
    ).toBe(false);
    expect(cookiesFor('https://gate.example').session).toBe('__Host-rcptgate-session');
    expect(cookiesFor('http://localhost:8025').session).toBe('rcptgate-session');
  });
});

describe('the client address', () => {
  const trusted = networks(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);
  const none = networks([]);
  it.each([
    ['192.0.2.1', undefined, none, '192.0.2.1'],
    ['192.0.2.1', '203.0.113.9', none, '192.0.2.1'],
    ['192.0.2.1', '203.0.113.9', trusted, '192.0.2.1'],
    ['127.0.0.1', '203.0.113.9', trusted, '203.0.113.9'],
    ['::ffff:127.0.0.1', '203.0.113.9', trusted, '203.0.113.9'],
    ['127.0.0.1', '6.6.6.6, 203.0.113.9, 10.1.2.3', trusted, '203.0.113.9'],
    ['127.0.0.1', '203.0.113.9:4711', trusted, '203.0.113.9'],
    ['fd00::1', '[2001:db8::1]:4711', trusted, '2001:db8::1'],
    ['127.0.0.1', undefined, trusted, '127.0.0.1'],
    ['127.0.0.1', '', trusted, '127.0.0.1'],
    ['127.0.0.1', '<script>', trusted, '127.0.0.1'],
    ['127.0.0.1', '10.0.0.1', trusted, '10.0.0.1'],
    ['', undefined, none, 'unknown'],
  ])('of %s with X-Forwarded-For %s is %s', (peer, forwarded, isTrusted, address) => {
    expect(clientAddress(peer, forwarded, isTrusted)).toBe(address);
  });
});

describe('the accepted language', () => {
  it.each([
    [undefined, 'en'],
    ['', 'en'],
    ['ja', 'ja'],
    ['ja-JP,ja;q=0.9,en;q=0.8', 'ja'],
    ['en-US,en;q=0.9,ja;q=0.8', 'en'],
    ['de-DE,de;q=0.9', 'en'],
    ['de, ja;q=0.5', 'ja'],
    ['ja;q=0, en;q=0.1', 'en'],
    ['JA', 'ja'],
    ['ja;q=0.3, en;q=0.7', 'en'],
    ['ja;q=nonsense, en', 'en'],
    ['javanese', 'en'],
  ])('of %j is %s', (header, language) => {
    expect(acceptedLanguage(header)).toBe(language);
  });
});

describe('sessions', () => {
  const limits = { longest: 1000, idle: 300 };
  it('end when they are old, idle or closed', () => {
    const sessions = new Sessions(limits);
    const { cookie } = sessions.open(ADMIN, 0);
    for (const now of [0, 299, 598, 897]) expect(sessions.find(cookie, now)?.visitor).toBe(ADMIN);
    expect(sessions.find(cookie, 1000)).toBeNull();
    const idle = sessions.open(ADMIN, 0).cookie;
    expect(sessions.find(idle, 300)).toBeNull();
    const closed = sessions.open(ADMIN, 0).cookie;
    sessions.close(closed);
    expect(sessions.find(closed, 1)).toBeNull();
    expect([sessions.find('', 1), sessions.find('made up', 1), sessions.size]).toEqual([null, null, 0]);
  });

  it('are bounded, and the one used longest ago goes first', () => {
    const sessions = new Sessions(limits);
    const first = sessions.open(ADMIN, 0).cookie;
    const second = sessions.open(ADMIN, 0).cookie;
    for (let count = 0; count < 498; count++) sessions.open(ADMIN, 0);
    sessions.find(first, 1);
    sessions.open(ADMIN, 1);
    expect([sessions.size, sessions.find(first, 2) !== null, sessions.find(second, 2)]).toEqual([
      500,
      true,
      null,
    ]);
  });

  it('of one account end together', () => {
    const sessions = new Sessions(limits);
    const account = { tenant: T1, object: 'o1' };
    const mine = sessions.open({ ...adminOf(T1), account }, 0).cookie;
    const other = sessions.open({ ...adminOf(T1), account: { ...account, object: 'o2' } }, 0).cookie;
    sessions.closeOf(account);
    expect([sessions.find(mine, 1), sessions.find(other, 1)?.visitor.account?.object]).toEqual([null, 'o2']);
  });
});

describe('a one-shot state', () => {
  it.each([
    ['in time, same session', 's1', 0, { ok: true, value: 'v' }],
    ['at the last moment', 's1', ONE_SHOT_TIME - 1, { ok: true, value: 'v' }],
    ['too late', 's1', ONE_SHOT_TIME, { ok: false, why: 'late' }],
    ['in another session', 's2', 0, { ok: false, why: 'foreign' }],
    ['in none', null, 0, { ok: false, why: 'foreign' }],
  ])('%s', (_name, session, after, taken) => {
    let now = 0;
    const states = openOneShots<string>(() => now);
    const state = states.issue('v', 's1');
    now = after;
    expect(states.take(state, session)).toEqual(taken);
    if (session === 's1') expect(states.take(state, 's1')).toEqual({ ok: false, why: 'unknown' });
    else expect(states.take(state, 's1')).toEqual({ ok: true, value: 'v' });
  });

  it('of nobody is for whoever brings it', () => {
    const states = openOneShots<string>(() => 0);
    expect(states.take(states.issue('v', null), 'anybody')).toEqual({ ok: true, value: 'v' });
  });

  it('is dropped when a session begins too much, or everybody does', () => {
    const states = openOneShots<number>(() => 0);
    const mine = Array.from({ length: 21 }, (_, index) => states.issue(index, 'mine'));
    expect(states.take(mine[0] ?? '', 'mine')).toEqual({ ok: false, why: 'unknown' });
    expect(states.take(mine[1] ?? '', 'mine')).toEqual({ ok: true, value: 1 });
    for (let count = 0; count < 5000; count++) states.issue(count, `s${count}`);
    expect(states.take(mine[2] ?? '', 'mine')).toEqual({ ok: false, why: 'unknown' });
  });
});

describe('a one-time link', () => {
  it('is good once and for ten minutes', () => {
    const links = new OneTimeLinks();
    const { secret, until } = links.issue(0);
    expect([secret.length, until]).toEqual([43, LINK_TIME]);
    expect([links.use('made up', 0), links.use(secret, LINK_TIME - 1), links.use(secret, 1)]).toEqual([
      'unknown',
      'good',
      'unknown',
    ]);
    expect(links.use(links.issue(0).secret, LINK_TIME)).toBe('late');
  });
});

describe('attempts', () => {
  const allowed = (attempts: Attempts, clients: readonly string[], now: number): number =>
    clients.map((client) => attempts.attempt(client, now)).filter((each) => each === 'allowed').length;
  const times = (count: number, client: string): string[] => Array.from({ length: count }, () => client);

  it('are twenty for a client, then one in three seconds', () => {
    const attempts = new Attempts();
    const [one, other] = ['192.0.2.1', '192.0.2.2'];
    expect([allowed(attempts, times(40, one), 0), allowed(attempts, times(40, other), 0)]).toEqual([20, 20]);
    expect([allowed(attempts, times(5, one), 2_999), allowed(attempts, times(5, one), 3_001)]).toEqual([
      0, 1,
    ]);
  });

  it('of one /64 count together', () => {
    const attempts = new Attempts();
    const network = Array.from({ length: 40 }, (_, index) => `2001:db8:1:2::${index + 1}`);
    expect(allowed(attempts, network, 0)).toBe(20);
    expect(attempts.attempt('2001:db8:1:3::1', 0)).toBe('allowed');
  });

  it('of all together are bounded', () => {
    const attempts = new Attempts();
    const many = Array.from({ length: 300 }, (_, index) => `192.0.2.${index}`);
    expect(allowed(attempts, many, 0)).toBe(200);
    expect(attempts.attempt('198.51.100.1', 1000)).toBe('allowed');
  });

  it('that are refused are worth one line in a row', () => {
    const attempts = new Attempts();
    allowed(attempts, times(20, 'a'), 0);
    const next = [0, 1, 2, 3001, 3002, 3003].map((now) => attempts.attempt('a', now));
    expect(next).toEqual(['refused', 'again', 'again', 'allowed', 'refused', 'again']);
  });
});

describe('signing keys', () => {
  it('are asked for once a day, and for an unknown one not more than twice a minute', async () => {
    let now = 0;
    let asked = 0;
    const keys = keyStore(
      async () => {
        asked++;
        return { keys: [] };
      },
      () => now,
    );
    const counts: number[] = [];
    for (const [at, fresh] of [
      [0, false],
      [1, false],
      [2, true],
      [3, true],
      [29_000, true],
      [30_002, true],
      [86_400_000 + 30_001, false],
      [86_400_000 + 30_002, false],
    ] as const) {
      now = at;
      await keys('t', fresh);
      counts.push(asked);
    }
    expect(counts).toEqual([1, 1, 2, 2, 2, 3, 3, 4]);
  });
});
