/** Live lookups against the practice tenant: who is found, and that trouble of any kind is not a no. */
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/practice/faults.ts';
import { firstRounds, openLearningStage } from './learning-stage.ts';

/** Filtered lists; the rounds' own requests go on. */
const LOOKUPS = /^(users|groups|contacts)$/;

describe('a mailbox made since the last round', () => {
  test('is found, enters the mirror, and the next directory has it', async () => {
    const stage = await openLearningStage();
    await firstRounds(stage);
    const [tenant] = stage.tenants;
    tenant?.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    expect(await stage.ask(tenant, 'zoe@contoso.example')).toBe('found');
    await expect.poll(() => stage.requests(tenant)).toBe(2);
    expect(stage.knows(tenant, 'zoe@contoso.example')).toBe(false);
    const described = await stage.learning.describe('zoe@contoso.example');
    expect(described.owners).toMatchObject([{ kind: 'user', attribute: 'SMTP:zoe@contoso.example' }]);
    const [status] = await stage.learning.status();
    const [report] = await stage.learning.sync(null);
    // The round has nothing to add: the mirror had it.
    expect(report).toMatchObject({ outcome: 'ok', added: 0, removed: 0, addresses: status?.addresses });
    expect(stage.knows(tenant, 'zoe@contoso.example')).toBe(true);
  });

  test('is found while a round is going on', async () => {
    const stage = await openLearningStage([{ users: 450 }]);
    await firstRounds(stage);
    const [tenant] = stage.tenants;
    tenant?.switches.expireDeltaTokens();
    const gate = tenant?.switches.pauseAtPage('users', 2);
    const round = stage.learning.sync(null);
    await gate?.reached;
    tenant?.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    expect(await stage.ask(tenant, 'zoe@contoso.example')).toBe('found');
    gate?.release();
    expect(await round).toMatchObject([{ outcome: 'ok' }]);
    // That round had passed the place where she would stand; the next one brings her for good.
    await stage.learning.sync(null);
    expect(stage.knows(tenant, 'zoe@contoso.example')).toBe(true);
  });

  test('in a domain verified since the last round is found', async () => {
    const stage = await openLearningStage();
    await firstRounds(stage);
    const [tenant] = stage.tenants;
    tenant?.directory.addDomain('new.example');
    tenant?.directory.createUser({ userPrincipalName: 'zoe@new.example' });
    expect(await stage.ask(tenant, 'zoe@new.example')).toBe('found');
    const [report] = await stage.learning.sync(null);
    expect(report).toMatchObject({ outcome: 'ok', removed: 0 });
    expect(stage.knows(tenant, 'zoe@new.example')).toBe(true);
  });
});

test('every kind of recipient is found, and nobody else', async () => {
  const stage = await openLearningStage([{}], { burst: 1000 });
  const [tenant] = stage.tenants;
  tenant?.switches.rolesGranted.add('OrgContact.Read.All');
  await firstRounds(stage);
  const rows: ReadonlyArray<readonly [address: string, outcome: string]> = [
    ['alice@contoso.example', 'found'],
    ['a.smith@contoso.example', 'found'],
    ['info@contoso.example', 'found'],
    ['sales@contoso.example', 'found'],
    ['staff@contoso.example', 'found'],
    ["o'brien@contoso.example", 'found'],
    ['r&d@contoso.example', 'found'],
    ['a/b@contoso.example', 'found'],
    ['plus+literal@contoso.example', 'found'],
    ['leserin@xn--bcher-kva.example', 'found'],
    ['guest@fabrikam.example', 'absent'],
    ['vpn@contoso.example', 'absent'],
    ['nobody@contoso.example', 'absent'],
    ["' or 1 eq 1 or x eq '@contoso.example", 'absent'],
    ["') or startswith(mail,'a@contoso.example", 'absent'],
    ['https://x@contoso.example', 'absent'],
    ['日本@contoso.example', 'absent'],
    ['\u{1f600}@contoso.example', 'absent'],
  ];
  for (const [address, outcome] of rows) {
    expect([address, await stage.ask(tenant, address)]).toEqual([address, outcome]);
  }
  expect(stage.seen.lookupTroubles).toEqual([]);
});

test('odd local parts reach Graph as they are', async () => {
  const stage = await openLearningStage([{}], { burst: 1000 });
  await firstRounds(stage);
  const [tenant] = stage.tenants;
  const id = tenant?.directory.find('alice@contoso.example')[0]?.id ?? '';
  const odd = "d'arcy|''|a+b|a&b|a/b/c|a#b|100%|%27|a=b|a?b|a b|a\"b|a\\b|{a}|x'y&z+%23#|über".split('|');
  for (const local of odd) {
    tenant?.directory.addAlias(id, `${local}@contoso.example`);
    expect([local, await stage.ask(tenant, `${local}@contoso.example`)]).toEqual([local, 'found']);
    expect([local, await stage.ask(tenant, `${local}x@contoso.example`)]).toEqual([local, 'absent']);
  }
});

test('groups made since the last round are found, and contacts when they may be read', async () => {
  const stage = await openLearningStage();
  await firstRounds(stage);
  const [tenant] = stage.tenants;
  tenant?.directory.createGroup({ displayName: 'Team', mail: 'team@contoso.example' });
  tenant?.directory.createContact({ mail: 'partner@contoso.example' });
  expect(await stage.ask(tenant, 'team@contoso.example')).toBe('found');
  expect(await stage.ask(tenant, 'partner@contoso.example')).toBe('absent');
  expect(tenant?.counts.get('contacts')).toBeUndefined();

  const granted = await openLearningStage();
  granted.tenants[0]?.switches.rolesGranted.add('OrgContact.Read.All');
  await firstRounds(granted);
  granted.tenants[0]?.directory.createContact({ mail: 'partner@contoso.example' });
  expect(await granted.ask(granted.tenants[0], 'partner@contoso.example')).toBe('found');
});

test('the address and the one without its tag are one question', async () => {
  const stage = await openLearningStage();
  await firstRounds(stage);
  const [tenant] = stage.tenants;
  tenant?.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
  expect(await stage.ask(tenant, 'zoe+tag@contoso.example', 'zoe@contoso.example')).toBe('found');
  await expect.poll(() => stage.requests(tenant)).toBe(2);
  expect(stage.seen.found).toEqual(['zoe@contoso.example']);
});

describe('could not tell', () => {
  test.each<[string, Fault, string, string | null]>([
    ['an error', { kind: 'error', status: 500 }, 'failed', null],
    ['an outage', { kind: 'error', status: 503 }, 'failed', null],
    ['an HTML page', { kind: 'html', status: 200 }, 'failed', 'not-json'],
    ['an HTML error page', { kind: 'html', status: 502 }, 'failed', 'http-502'],
    ['no content', { kind: 'no-content' }, 'failed', 'http-204'],
    ['an empty object', { kind: 'empty-object' }, 'failed', 'bad-page'],
    ['no value', { kind: 'missing-value' }, 'failed', 'bad-page'],
    ['a truncated body', { kind: 'truncated' }, 'failed', 'broken-json'],
    ['a cut body', { kind: 'cut' }, 'failed', null],
    ['a reset', { kind: 'reset' }, 'failed', null],
    ['a redirect', { kind: 'redirect', location: 'https://portal.example/' }, 'failed', 'http-302'],
    ['a missing permission', { kind: 'forbidden' }, 'failed', 'Authorization_RequestDenied'],
    ['throttling', { kind: 'throttled', retryAfter: '7' }, 'failed', 'TooManyRequests'],
    ['silence', { kind: 'silent' }, 'timeout', null],
    ['a stalled body', { kind: 'stalled' }, 'timeout', null],
  ])('%s is not a no', async (_what, fault, outcome, code) => {
    const stage = await openLearningStage([{}], { deadline: 700 });
    await firstRounds(stage);
    const [tenant] = stage.tenants;
    tenant?.switches.fail({ match: LOOKUPS, fault, times: Number.POSITIVE_INFINITY });
    tenant?.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    const started = performance.now();
    expect(await stage.ask(tenant, 'zoe@contoso.example')).toBe(outcome);
    const took = performance.now() - started;
    if (outcome === 'timeout') expect(took).toBeGreaterThan(690);
    expect(took).toBeLessThan(5000);
    if (code !== null) expect(stage.seen.lookupTroubles).toEqual([code]);
  });

  test('one stream that fails is enough when the others know nobody', async () => {
    const stage = await openLearningStage();
    await firstRounds(stage);
    const [tenant] = stage.tenants;
    const fault = { kind: 'error', status: 500 } as const;
    tenant?.switches.fail({ match: /^groups$/, fault, times: Number.POSITIVE_INFINITY });
    tenant?.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    expect(await stage.ask(tenant, 'nobody@contoso.example')).toBe('failed');
    await stage.learning.sync(null);
    expect(await stage.ask(tenant, 'zoe@contoso.example')).toBe('found');
  });

  test('a slow answer within the deadline counts, a later one serves the next try', async () => {
    const stage = await openLearningStage([{}], { deadline: 1500 });
    await firstRounds(stage);
    const [tenant] = stage.tenants;
    tenant?.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
    tenant?.directory.createUser({ userPrincipalName: 'yan@contoso.example' });
    tenant?.switches.fail({ match: LOOKUPS, fault: { kind: 'slow', ms: 300 }, times: 2 });
    expect(await stage.ask(tenant, 'zoe@contoso.example')).toBe('found');
    tenant?.switches.fail({ match: LOOKUPS, fault: { kind: 'slow', ms: 2500 }, times: 2 });
    expect(await stage.ask(tenant, 'yan@contoso.example')).toBe('timeout');
    await expect.poll(() => stage.seen.found, { timeout: 10_000 }).toContain('yan@contoso.example');
    expect(await stage.ask(tenant, 'yan@contoso.example')).toBe('found');
    await expect.poll(() => stage.requests(tenant)).toBe(4);
  });

  test('a tenant that is switched off, and one that is back', async () => {
    const stage = await openLearningStage();
    await firstRounds(stage);
    const [tenant] = stage.tenants;
    await tenant?.close();
    expect(await stage.ask(tenant, 'nobody@contoso.example')).toBe('failed');
    await tenant?.listen();
    await expect.poll(() => stage.ask(tenant, 'nobody@contoso.example'), { timeout: 10_000 }).toBe('absent');
  });

  test('throttling of a round holds lookups back too', async () => {
    const stage = await openLearningStage();
    await firstRounds(stage);
    const [tenant] = stage.tenants;
    tenant?.switches.fail({ match: /organization/, fault: { kind: 'throttled', retryAfter: '60' } });
    await stage.learning.sync(null);
    const before = stage.requests(tenant);
    expect(await stage.ask(tenant, 'nobody@contoso.example')).toBe('failed');
    expect([stage.requests(tenant), stage.seen.lookupTroubles]).toEqual([before, ['waiting']]);
  });

  test('a learning thread that has stopped', async () => {
    const stage = await openLearningStage();
    await firstRounds(stage);
    await stage.learning.stop();
    expect(await stage.ask(stage.tenants[0], 'nobody@contoso.example')).toBe('failed');
  });
});

test('a hundred who ask for one address at once cost one question', async () => {
  const stage = await openLearningStage();
  await firstRounds(stage);
  const [tenant] = stage.tenants;
  tenant?.directory.createUser({ userPrincipalName: 'zoe@contoso.example' });
  const asked = Array.from({ length: 100 }, () => stage.ask(tenant, 'zoe@contoso.example'));
  expect(new Set(await Promise.all(asked))).toEqual(new Set(['found']));
  await expect.poll(() => stage.requests(tenant)).toBe(2);
});
