/** What a changed configuration file does to a running gateway. */
import { describe, expect, it } from 'vitest';
import { applyChanges, configChanges } from '../../src/config/changes.ts';
import { type ParsedConfig, parseConfig } from '../../src/config/config.ts';

const BASE = `
log_level = "info"
[[smtp]]
listen = "127.0.0.1:2525"
[[tenant]]
id = "11111111-2222-3333-4444-555555555555"
application_id = "66666666-7777-8888-9999-000000000000"
secret_file = "s"
[[domain]]
name = "contoso.example"
next_hop = "127.0.0.1:2526"
`;
const NEW_TENANT = `
[[tenant]]
id = "22222222-2222-3333-4444-555555555555"
application_id = "66666666-7777-8888-9999-000000000000"
secret_file = "s"
`;
const NEW_DOMAIN = `
[[domain]]
name = "fabrikam.example"
next_hop = "127.0.0.1:2526"
`;

function parsed(toml: string): Extract<ParsedConfig, { ok: true }> {
  const result = parseConfig(toml, { schedule: () => null });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result;
}

function swap(from: string, to: string): string {
  expect(BASE).toContain(from);
  return BASE.replace(from, to);
}

describe('a changed key', () => {
  it.each([
    ['nothing', BASE, [], []],
    ['the log level', swap('"info"', '"debug"'), ['log_level'], []],
    ['a comment', `# hello\n${BASE}`, [], []],
    ['a domain', BASE + NEW_DOMAIN, ['domain'], []],
    ['a next hop', swap(':2526', ':2527'), ['domain'], []],
    ['an override', `${BASE}[[override]]\nmatch = "a@contoso.example"\naction = "allow"\n`, ['override'], []],
    [
      'the limit of freshness',
      `${BASE}[directory]\nfreshness_limit = "2h"\n`,
      ['directory.freshness_limit'],
      [],
    ],
    ['the grace period', `${BASE}[directory]\ngrace_period = "2h"\n`, [], ['directory.grace_period']],
    [
      'a certificate',
      swap('[[tenant]]', 'tls_cert = "c"\ntls_key = "k"\n[[tenant]]'),
      ['smtp[0].tls_cert', 'smtp[0].tls_key'],
      [],
    ],
    ['a port', swap(':2525', ':2524'), [], ['smtp[0].listen.port']],
    ['a limit', swap('[[tenant]]', 'max_connections = 5\n[[tenant]]'), [], ['smtp[0].max_connections']],
    ['a second listener', swap('[[tenant]]', '[[smtp]]\nlisten = "127.0.0.1:25"\n[[tenant]]'), [], ['smtp']],
    ['a section', `${BASE}[relay]\ntls = "off"\n`, [], ['relay.tls']],
    ['the state directory', `state_dir = "/x"\n${BASE}`, [], ['state_dir']],
  ])('%s', (_case, toml, applied, restart) => {
    const before = parsed(BASE);
    const after = parsed(toml);
    const changes = configChanges(before.file, before.file, after.file);
    expect([changes.applied, changes.restart]).toEqual([applied, restart]);
  });

  it('that waits is named until the restart, one that took effect only once', () => {
    const start = parsed(BASE);
    const next = parsed(swap(':2525', ':2524').replace('"info"', '"debug"'));
    expect(configChanges(start.file, next.file, next.file)).toMatchObject({
      applied: [],
      restart: ['smtp[0].listen.port'],
    });
  });

  it('takes away no certificate from a running listener', () => {
    const start = parsed(swap('[[tenant]]', 'tls_cert = "c"\ntls_key = "k"\n[[tenant]]'));
    const next = parsed(BASE);
    const changes = configChanges(start.file, start.file, next.file);
    expect(changes.restart).toEqual(['smtp[0].tls_cert', 'smtp[0].tls_key']);
    expect(applyChanges(start.config, next.config, changes).smtp[0]?.tlsFiles).toEqual({
      cert: 'c',
      key: 'k',
    });
  });

  it.each([
    [
      'a tenant that is not running',
      BASE +
        NEW_TENANT +
        NEW_DOMAIN.replace('next_hop', 'tenant = "22222222-2222-3333-4444-555555555555"\nnext_hop'),
    ],
    ['another mode', swap('[[tenant]]', 'mode = "verify"\n[[tenant]]').replace('next_hop', '# next_hop')],
  ])('keeps the domains when they need %s', (_case, toml) => {
    const start = parsed(BASE);
    const next = parsed(
      toml.replace(
        'name = "contoso.example"',
        `name = "contoso.example"\ntenant = "11111111-2222-3333-4444-555555555555"`,
      ),
    );
    const changes = configChanges(start.file, start.file, next.file);
    expect(changes.restart).toContain('domain');
    expect(applyChanges(start.config, next.config, changes).policy.domains).toEqual(
      start.config.policy.domains,
    );
  });

  it('is in force when it is applied, and only then', () => {
    const start = parsed(BASE);
    const next = parsed(`${swap('"info"', '"debug"')}${NEW_DOMAIN}[directory]\ngrace_period = "2h"\n`);
    const changes = configChanges(start.file, start.file, next.file);
    const running = applyChanges(start.config, next.config, changes);
    expect(running.logLevel).toBe('debug');
    expect([...running.policy.domains.keys()]).toEqual(['contoso.example', 'fabrikam.example']);
    expect(running.policy.gracePeriod).toBe(start.config.policy.gracePeriod);
  });
});
