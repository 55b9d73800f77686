/** What is taken for a page of Graph, and what an answer means: tables. */
import { describe, expect, test } from 'vitest';
import { aadstsIn, explain } from '../../src/core/aadsts.ts';
import { readOrganization } from '../../src/graph/client.ts';
import { FailureError, retryAfterOf } from '../../src/graph/failure.ts';
import { readObject, SELECTED, selectHash } from '../../src/graph/objects.ts';
import { readPage, sameOrigin } from '../../src/graph/page.ts';
import { type RequestPosition, readReply } from '../../src/graph/reply.ts';
import { waitBefore } from '../../src/graph/requests.ts';
import { signInFailure } from '../../src/graph/sign-in-error.ts';
import { rolesOf } from '../../src/graph/tokens.ts';

const BASE = 'https://graph.microsoft.com';
const NEXT = `${BASE}/v1.0/users/delta?$skiptoken=a%2B%3D`;
const DELTA = `${BASE}/v1.0/users/delta?$deltatoken=b`;
const NOON = Date.UTC(2026, 0, 10, 12);

describe('a page', () => {
  const good: Array<[string, unknown, object]> = [
    ['with a nextLink', { value: [], '@odata.nextLink': NEXT }, { patches: [], next: NEXT, delta: null }],
    [
      'with a deltaLink',
      { value: [{ id: '1' }], '@odata.deltaLink': DELTA },
      { patches: [{ id: '1', facts: {} }], next: null, delta: DELTA },
    ],
    [
      'with null for the other link',
      { value: [], '@odata.nextLink': null, '@odata.deltaLink': DELTA },
      { next: null, delta: DELTA },
    ],
  ];
  test.each(good)('%s is read', (_name, body, page) => {
    expect(readPage(body, BASE)).toMatchObject({ ok: true, page });
  });

  const bad: Array<[string, unknown, RegExp]> = [
    ['nothing', undefined, /not a JSON object/],
    ['an array', [], /not a JSON object/],
    ['an empty object', {}, /no value array/],
    ['value as an object', { value: {}, '@odata.deltaLink': DELTA }, /no value array/],
    ['no link', { value: [] }, /neither/],
    ['both links', { value: [], '@odata.nextLink': NEXT, '@odata.deltaLink': DELTA }, /both/],
    ['a link to another host', { value: [], '@odata.nextLink': 'https://graph.example/x' }, /another server/],
    ['a link to another port', { value: [], '@odata.nextLink': `${BASE}:8443/x` }, /another server/],
    ['a link without TLS', { value: [], '@odata.nextLink': NEXT.replace('https', 'http') }, /another server/],
    ['a relative link', { value: [], '@odata.nextLink': '/v1.0/users/delta' }, /another server/],
    ['a link that is a number', { value: [], '@odata.nextLink': 7 }, /another server/],
    ['an entry without id', { value: [{ displayName: 'x' }], '@odata.deltaLink': DELTA }, /no id/],
    ['an entry that is null', { value: [null], '@odata.deltaLink': DELTA }, /not an object/],
    [
      'proxyAddresses as text',
      { value: [{ id: '1', proxyAddresses: 'SMTP:a@b' }], '@odata.deltaLink': DELTA },
      /proxyAddresses of entry 1/,
    ],
    [
      'proxyAddresses with a number',
      { value: [{ id: '1', proxyAddresses: [1] }], '@odata.deltaLink': DELTA },
      /proxyAddresses/,
    ],
    [
      'proxyAddresses as null',
      { value: [{ id: '1', proxyAddresses: null }], '@odata.deltaLink': DELTA },
      /proxyAddresses/,
    ],
    [
      'an unknown reason of removal',
      { value: [{ id: '1', '@removed': { reason: 'gone' } }], '@odata.deltaLink': DELTA },
      /unknown @removed/,
    ],
  ];
  test.each(bad)('with %s is refused', (_name, body, problem) => {
    expect(readPage(body, BASE)).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
  });

  test('default ports are the same origin', () => {
    expect(sameOrigin('https://graph.microsoft.com:443/x', BASE)).toBe(true);
  });
});

describe('an entry', () => {
  test('keeps what is known, null included, and leaves out the rest', () => {
    const item = {
      id: '1',
      displayName: null,
      proxyAddresses: ['SMTP:a@b'],
      assignedPlans: [],
      'members@delta': [],
    };
    expect(readObject(item)).toEqual({
      ok: true,
      patch: { id: '1', facts: { displayName: null, proxyAddresses: ['SMTP:a@b'] } },
    });
  });
  test.each(['changed', 'deleted'] as const)('is removed: %s', (reason) => {
    expect(readObject({ id: '1', '@removed': { reason } })).toEqual({
      ok: true,
      patch: { id: '1', removed: reason, facts: {} },
    });
  });
});

test('every stream asks for proxyAddresses and never for members; its hash follows from what it asks', () => {
  for (const properties of Object.values(SELECTED)) {
    expect(properties).toContain('proxyAddresses');
    expect(properties).not.toContain('members');
  }
  expect(selectHash('users')).not.toBe(selectHash('contacts'));
});

describe('an answer', () => {
  const answer = (status: number, text: string, headers: Record<string, string> = {}) => ({
    status,
    text,
    headers: new Headers({ 'content-type': 'application/json;odata.metadata=minimal', ...headers }),
  });
  const error = (code: string) => JSON.stringify({ error: { code, message: 'm' } });
  const html = { 'content-type': 'text/html' };

  test('with JSON is its body', () => {
    expect(readReply(answer(200, '{"value":[]}'), 'first', NOON)).toEqual({ ok: true, value: { value: [] } });
  });

  const cases: Array<[number, string, RequestPosition, string, string]> = [
    [410, error('resyncRequired'), 'stored-cursor', 'cursor-spent', 'resyncRequired'],
    [400, error('syncStateNotFound'), 'stored-cursor', 'cursor-spent', 'syncStateNotFound'],
    [400, error('SyncStateNotFound'), 'next-page', 'cursor-spent', 'SyncStateNotFound'],
    [400, error('Request_UnsupportedQuery'), 'stored-cursor', 'cursor-spent', 'Request_UnsupportedQuery'],
    [400, error('BadRequest'), 'stored-cursor', 'cursor-spent', 'BadRequest'],
    [400, '', 'stored-cursor', 'cursor-spent', 'http-400'],
    [400, error('Directory_ExpiredPageToken'), 'next-page', 'page-expired', 'Directory_ExpiredPageToken'],
    [
      400,
      error('DirectoryPageTokenNotFoundException'),
      'next-page',
      'page-expired',
      'DirectoryPageTokenNotFoundException',
    ],
    [400, error('BadRequest'), 'first', 'protocol', 'BadRequest'],
    [410, error('resyncRequired'), 'first', 'protocol', 'resyncRequired'],
    [
      401,
      error('InvalidAuthenticationToken'),
      'stored-cursor',
      'token-refused',
      'InvalidAuthenticationToken',
    ],
    [403, error('Authorization_RequestDenied'), 'stored-cursor', 'forbidden', 'Authorization_RequestDenied'],
    [404, error('UnknownError'), 'next-page', 'protocol', 'UnknownError'],
    [429, error('TooManyRequests'), 'stored-cursor', 'throttled', 'TooManyRequests'],
    [500, error(''), 'stored-cursor', 'server', 'http-500'],
    [502, '<html>', 'stored-cursor', 'server', 'http-502'],
    [503, error('serviceNotAvailable'), 'stored-cursor', 'server', 'serviceNotAvailable'],
    [204, '', 'stored-cursor', 'protocol', 'http-204'],
    [302, '', 'stored-cursor', 'protocol', 'http-302'],
    [200, '{"value":[', 'stored-cursor', 'protocol', 'broken-json'],
  ];
  test.each(cases)('%i %s at %s is %s', (status, text, position, kind, code) => {
    expect(readReply(answer(status, text), position, NOON)).toMatchObject({
      ok: false,
      failure: { kind, code },
    });
  });

  test('that is no JSON is not an answer', () => {
    expect(readReply(answer(200, '<html>', html), 'first', NOON)).toMatchObject({
      failure: { code: 'not-json' },
    });
  });
  test('carries its Retry-After', () => {
    const reply = answer(429, error('TooManyRequests'), { 'retry-after': '2.128' });
    expect(readReply(reply, 'first', NOON)).toMatchObject({ failure: { retryAfter: 2128 } });
  });
});

test.each([
  ['30', 30_000],
  ['2.128', 2128],
  ['0', 0],
  [new Date(NOON + 20_000).toUTCString(), 20_000],
  [new Date(NOON - 20_000).toUTCString(), null],
  ['-5', null],
  ['soon', null],
  ['', null],
  [null, null],
])('Retry-After %s is %s ms', (header, wait) => {
  expect(retryAfterOf(header, NOON)).toBe(wait);
});

describe('trying again', () => {
  const failure = (
    kind: 'network' | 'server' | 'throttled' | 'timeout' | 'protocol',
    retryAfter: number | null = null,
  ) => ({
    kind,
    code: 'x',
    message: 'x',
    hint: '',
    retryAfter,
  });
  test.each([
    ['a broken connection', failure('network'), 0, 100],
    ['later, twice as long', failure('server'), 1, 200],
    ['not for ever', failure('server'), 2, null],
    ['after a short Retry-After', failure('throttled', 2000), 0, 2000],
    ['not after a long one', failure('throttled', 30_000), 0, null],
    ['not after a timeout', failure('timeout'), 0, null],
    ['not for nonsense', failure('protocol'), 0, null],
  ])('%s', (_name, problem, attempt, wait) => {
    expect(waitBefore(problem, attempt, { retries: 2, retryDelay: 100 })).toBe(wait);
  });
});

describe('the organisation', () => {
  const token = { value: 't', roles: ['User.Read.All'], expires: 0 };
  const TENANT = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
  const of = (...names: string[]) => ({
    value: [{ id: TENANT, displayName: 'C', verifiedDomains: names.map((name) => ({ name })) }],
  });
  test('has its domains as sorted A-labels', () => {
    expect(
      readOrganization(
        of('Contoso.example', 'bücher.example', 'contoso.example'),
        TENANT.toUpperCase(),
        token,
      ),
    ).toEqual({
      ok: true,
      value: {
        id: TENANT,
        displayName: 'C',
        domains: ['contoso.example', 'xn--bcher-kva.example'],
        roles: ['User.Read.All'],
      },
    });
  });
  test.each([
    [of(), 'no-domains'],
    [{ value: [{ id: TENANT, verifiedDomains: null }] }, 'no-domains'],
    [{ value: [{ id: 'someone-else', verifiedDomains: [{ name: 'a.example' }] }] }, 'other-tenant'],
    [{ value: [] }, 'bad-organization'],
    [null, 'bad-organization'],
  ])('is not %j', (body, code) => {
    expect(readOrganization(body, TENANT, token)).toMatchObject({ ok: false, failure: { code } });
  });
});

describe('a failed sign-in', () => {
  const exchange = (status: number, text = '{}', headers: Record<string, string> = {}) =>
    ({ ok: true, value: { status, text, headers: new Headers(headers) } }) as const;
  const server = (errorNo: number, errorCode = 'invalid_client') => ({
    errorCode,
    errorNo,
    errorMessage: `AADSTS${errorNo}: x`,
  });
  const cases: Array<[string, unknown, ReturnType<typeof exchange> | null, object]> = [
    [
      'wrong secret',
      server(7000215),
      exchange(401),
      { kind: 'credential', code: 'AADSTS7000215', hint: expect.stringContaining('its id') },
    ],
    [
      'expired secret',
      server(7000222),
      exchange(401),
      { kind: 'credential', code: 'AADSTS7000222', message: expect.stringContaining('expired') },
    ],
    [
      'unknown tenant',
      server(90002, 'invalid_request'),
      exchange(400),
      { kind: 'credential', code: 'AADSTS90002' },
    ],
    [
      'a code that is not in the table',
      server(999999),
      exchange(400),
      { kind: 'credential', code: 'AADSTS999999' },
    ],
    [
      'a code in the text only',
      { errorCode: 'x', errorMessage: 'AADSTS65001: y' },
      exchange(400),
      { code: 'AADSTS65001' },
    ],
    [
      'a passing fault',
      server(90033, 'temporarily_unavailable'),
      exchange(503),
      { kind: 'server', code: 'AADSTS90033' },
    ],
    [
      'throttling',
      server(90055),
      exchange(429, '{}', { 'retry-after': '30' }),
      { kind: 'throttled', retryAfter: 30_000 },
    ],
    ['HTML with 503', new Error('x'), exchange(503, '<html>'), { kind: 'server', code: 'http-503' }],
    ['HTML with 200', new Error('x'), exchange(200, '<html>'), { kind: 'protocol', code: 'http-200' }],
    [
      'MSAL refusing before any request',
      { errorCode: '', errorMessage: '' },
      null,
      { kind: 'protocol', message: expect.stringContaining('no reason given') },
    ],
    ['anything thrown', 'a string', null, { kind: 'protocol', message: expect.stringContaining('a string') }],
  ];
  test.each(cases)('%s', (_name, error, last, expected) => {
    expect(signInFailure(error, last, NOON)).toMatchObject(expected);
  });
  test('a broken connection keeps its cause', () => {
    const failure = {
      kind: 'network',
      code: 'ECONNREFUSED',
      message: 'm',
      hint: 'h',
      retryAfter: null,
    } as const;
    expect(
      signInFailure({ errorCode: 'endpoints_resolution_error' }, { ok: false, failure }, NOON),
    ).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

test('codes are found and explained', () => {
  expect(aadstsIn('AADSTS7000215: Invalid client secret')).toBe(7000215);
  expect(aadstsIn('nothing')).toBeNull();
  expect(explain(7000222).fix.en).toContain('new secret');
  expect(explain(null).means.en).toBeTruthy();
});

test('roles are read from a token, and none from nonsense', () => {
  const payload = Buffer.from(JSON.stringify({ roles: ['User.Read.All', 3] })).toString('base64url');
  expect(rolesOf(`h.${payload}.s`)).toEqual(['User.Read.All']);
  for (const token of ['', 'a.b.c', 'h.bnVsbA.s']) expect(rolesOf(token)).toEqual([]);
});

test('a failure error is still one after passing through the library', () => {
  const error = new FailureError({ kind: 'network', code: 'x', message: 'm', hint: '', retryAfter: null });
  expect(error).toBeInstanceOf(FailureError);
  expect(error.failure.code).toBe('x');
});
