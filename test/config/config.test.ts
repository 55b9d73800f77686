/** The configuration: the reference file, every default, and every problem at once. */
import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { type ParsedConfig, parseConfig as parseWith } from '../../src/config/config.ts';
import { fileSchema } from '../../src/config/schema.ts';

const REFERENCE = readFileSync(new URL('../../config/rcptgate.toml', import.meta.url), 'utf8');
const REQUIRED = `
[[tenant]]
id = "11111111-2222-3333-4444-555555555555"
application_id = "66666666-7777-8888-9999-000000000000"
secret_file = "/etc/rcptgate/secret"
[[domain]]
name = "contoso.example"
next_hop = "127.0.0.1:2526"
`;

const judges = { schedule: (text: string) => (text === 'never' ? 'is not a schedule' : null) };

function parseConfig(toml: string): ParsedConfig {
  return parseWith(toml, judges);
}

/** The reference file with every commented-out key switched on. */
const EVERYTHING = REFERENCE.replace(/^# ((?:[a-z_]+ = |\[\[)[^\n]*)$/gm, '$1');

function problems(toml: string): Record<string, string> {
  const parsed = parseConfig(toml);
  return parsed.ok ? {} : Object.fromEntries(parsed.problems.map(({ key, problem }) => [key, problem]));
}

function keysOf(schema: z.ZodType): string[] {
  const { def } = schema as unknown as {
    def: Record<string, z.ZodType> & { shape?: Record<string, z.ZodType> };
  };
  if (def.shape) return Object.entries(def.shape).flatMap(([key, inner]) => [key, ...keysOf(inner)]);
  const inner = def.innerType ?? def.element ?? def.in;
  return inner ? keysOf(inner) : [];
}

describe('the reference configuration', () => {
  it('parses to exactly the defaults', () => {
    expect(fileSchema.parse(parse(REFERENCE))).toEqual(fileSchema.parse(parse(REQUIRED)));
  });

  it('names every key of the schema', () => {
    const named = new Set(
      [...EVERYTHING.matchAll(/^(?:\[\[?)?(?:[a-z]+\.)?([a-z_]+)(?: = |\])/gm)].map((match) => match[1]),
    );
    expect(keysOf(fileSchema).length).toBeGreaterThan(40);
    expect(keysOf(fileSchema).filter((key) => !named.has(key))).toEqual([]);
  });

  it('shows optional keys in a form that is accepted', () => {
    const one = EVERYTHING.replace(/^cloud = .*$/m, '');
    const kinds = [
      ['secret_file', 'secret_expires'],
      ['certificate_file', 'key_file', 'key_passphrase_file'],
      ['assertion_file'],
    ];
    for (const kind of kinds) {
      const others = kinds.filter((each) => each !== kind).flat();
      const lines = one.split('\n').filter((line) => !others.some((key) => line.startsWith(`${key} = `)));
      expect(Object.keys(problems(lines.join('\n')))).toEqual([]);
    }
  });
});

describe('parseConfig', () => {
  it('reads the spelling of the README', () => {
    const parsed = parseConfig(`
      state_dir = "/var/lib/rcptgate"
      ca_file = "/etc/rcptgate/ca.pem"
      [[smtp]]
      listen = "127.0.0.1:2525"
      mode = "relay"
      [[tenant]]
      id = "11111111-2222-3333-4444-555555555555"
      application_id = "66666666-7777-8888-9999-000000000000"
      secret_file = "/etc/rcptgate/secret"
      login = "https://login.microsoftonline.com"
      graph = "https://graph.microsoft.com"
      [[domain]]
      name = "contoso.example"
      policy = "enforce"
      next_hop = "127.0.0.1:2526"
    `);
    expect(parsed).toMatchObject({
      ok: true,
      config: {
        stateDir: '/var/lib/rcptgate',
        controlSocket: '/var/lib/rcptgate/control.sock',
        caFile: '/etc/rcptgate/ca.pem',
        smtp: [{ host: '127.0.0.1', port: 2525, mode: 'relay' }],
        tenants: [{ login: 'https://login.microsoftonline.com', graph: 'https://graph.microsoft.com' }],
      },
    });
    expect(parsed.ok && parsed.config.policy.domains.get('contoso.example')).toMatchObject({
      tenant: '11111111-2222-3333-4444-555555555555',
      policy: 'enforce',
      nextHop: '127.0.0.1:2526',
      subaddressing: true,
    });
  });

  it.each([
    ['usgov', 'https://login.microsoftonline.us', 'https://graph.microsoft.us'],
    ['usgov-dod', 'https://login.microsoftonline.us', 'https://dod-graph.microsoft.us'],
    ['china', 'https://login.partner.microsoftonline.cn', 'https://microsoftgraph.chinacloudapi.cn'],
  ])('knows the cloud %s', (cloud, login, graph) => {
    const parsed = parseConfig(REQUIRED.replace('[[domain]]', `cloud = "${cloud}"\n[[domain]]`));
    expect(parsed).toMatchObject({ ok: true, config: { tenants: [{ login, graph }] } });
  });

  const credential = (lines: string): string =>
    REQUIRED.replace('secret_file = "/etc/rcptgate/secret"', lines);
  it.each([
    ['secret_file = "s"', { kind: 'secret', secretFile: 's', expires: null }],
    [
      'secret_file = "s"\nsecret_expires = 2028-11-01',
      { kind: 'secret', secretFile: 's', expires: Date.UTC(2028, 10, 1) },
    ],
    [
      'certificate_file = "c"\nkey_file = "k"',
      { kind: 'certificate', certificateFile: 'c', keyFile: 'k', keyPassphraseFile: null },
    ],
    [
      'certificate_file = "c"\nkey_file = "k"\nkey_passphrase_file = "p"',
      { kind: 'certificate', certificateFile: 'c', keyFile: 'k', keyPassphraseFile: 'p' },
    ],
    ['assertion_file = "a"', { kind: 'assertion', assertionFile: 'a' }],
  ])('knows the credential %j', (lines, expected) => {
    const parsed = parseConfig(credential(lines));
    expect(parsed.ok && parsed.config.tenants[0]?.credential).toEqual(expected);
  });

  it.each([
    ['', { secret_file: expect.stringContaining('is missing, and so are certificate_file') }],
    ['secret_file = ""', { secret_file: 'must not be empty' }],
    [
      'secret_file = "s"\nassertion_file = "a"',
      { assertion_file: 'goes without secret_file: a tenant has one credential' },
    ],
    [
      'secret_file = "s"\ncertificate_file = "c"\nkey_file = "k"\nassertion_file = "a"',
      {
        certificate_file: 'goes without secret_file: a tenant has one credential',
        assertion_file: 'goes without secret_file: a tenant has one credential',
      },
    ],
    ['certificate_file = "c"', { key_file: 'is missing: a certificate and its key go together' }],
    ['key_file = "k"', { certificate_file: 'is missing: a certificate and its key go together' }],
    [
      'secret_file = "s"\nkey_passphrase_file = "p"',
      { key_passphrase_file: 'opens a key_file, and there is none' },
    ],
    [
      'assertion_file = "a"\nsecret_expires = 2028-11-01',
      { secret_expires: 'speaks of a secret_file, and there is none' },
    ],
    ['secret_file = "s"\nsecret_expires = "soon"', { secret_expires: expect.stringContaining('a date') }],
  ])('refuses the credential %j', (lines, expected) => {
    const found = Object.entries(expected).map(([key, problem]) => [`tenant[0].${key}`, problem]);
    expect(problems(credential(lines))).toEqual(Object.fromEntries(found));
  });

  it('needs no application and no credential of a tenant that is set up in the console', () => {
    const parsed = parseConfig(
      REQUIRED.replace(/^(application_id|secret_file).*\n/gm, '').replace(
        '[[domain]]',
        'cloud = "usgov"\n[[domain]]',
      ),
    );
    expect(parsed).toMatchObject({
      ok: true,
      config: { tenants: [{ applicationId: null, credential: null, cloudFixed: true }] },
    });
  });

  it.each([
    ['secret_file = "s"'],
    ['certificate_file = "c"\nkey_file = "k"'],
    ['assertion_file = "a"'],
    ['key_file = "k"'],
  ])('wants an application beside %j', (lines) => {
    const found = problems(credential(lines).replace(/^application_id.*\n/m, ''));
    expect(found['tenant[0].application_id']).toContain('leave both out to set the tenant up in the console');
  });

  it('takes a schedule of a tenant, which is judged like that of all', () => {
    const own = (schedule: string) => REQUIRED.replace('[[domain]]', `schedule = "${schedule}"\n[[domain]]`);
    expect(parseConfig(own('* * * * *'))).toMatchObject({
      ok: true,
      config: { tenants: [{ schedule: '* * * * *' }], sync: { schedule: '*/5 * * * *' } },
    });
    expect(problems(own('never'))).toEqual({ 'tenant[0].schedule': 'is not a schedule' });
  });

  it('reads the limits of live lookups', () => {
    const lookup = '\n[lookup]\nenabled = false\ndeadline = "1s"\nrate = 0.5\nburst = 3\nnegative = "1m"';
    expect(parseConfig(REQUIRED + lookup)).toMatchObject({
      ok: true,
      config: {
        lookup: {
          enabled: false,
          deadline: 1000,
          rate: 0.5,
          burst: 3,
          negative: 60_000,
        },
      },
    });
    expect(Object.keys(problems(`${REQUIRED}\n[lookup]\nrate = 0\nburst = 0\ndeadline = "soon"`))).toEqual([
      'lookup.deadline',
      'lookup.rate',
      'lookup.burst',
    ]);
  });

  it('is frozen to the bottom', () => {
    const parsed = parseConfig(REQUIRED);
    expect(parsed.ok && Object.isFrozen(parsed.config.smtp[0])).toBe(true);
  });

  it('lists every problem at once, each with its key', () => {
    expect(
      problems(`
        state_dir = ""
        log_level = "loud"
        colour = "blue"
        [relay]
        tls = "maybe"
        connect_timeout = "soon"
        [sync]
        schedule = "never"
        [[smtp]]
        listen = "2525"
        tls_cert = "/tmp/cert.pem"
        max_recipients = 5
        [[smtp]]
        listen = "127.0.0.1:25"
        [[smtp]]
        listen = "127.0.0.1:25"
        [[tenant]]
        id = "contoso"
        application_id = "66666666-7777-8888-9999-000000000000"
        cloud = "global"
        login = "http://login.example"
        [[domain]]
        name = "contoso.example"
        tenant = "99999999-2222-3333-4444-555555555555"
        next_hop = "not a host"
        [[domain]]
        name = "CONTOSO.example"
        [[override]]
        match = "folder"
        action = "forbid"
        expires = "soon"
      `),
    ).toEqual({
      state_dir: expect.stringContaining('empty'),
      log_level: expect.stringContaining('"debug"'),
      colour: 'is not a known key',
      'relay.tls': expect.stringContaining('"opportunistic"'),
      'relay.connect_timeout': expect.stringContaining('duration'),
      'sync.schedule': 'is not a schedule',
      'smtp[0].listen': expect.stringContaining('address and port'),
      'smtp[0].tls_key': expect.stringContaining('go together'),
      'smtp[0].max_recipients': expect.stringContaining('RFC 5321'),
      'smtp[2].listen': 'is the address of smtp[1] again',
      'tenant[0].id': expect.stringContaining('GUID'),
      'tenant[0].secret_file': expect.stringContaining('and so are certificate_file'),
      'tenant[0].cloud': expect.stringContaining('without login'),
      'tenant[0].login': expect.stringContaining('https://'),
      'tenant[0].graph': expect.stringContaining('go together'),
      'domain[0].tenant': 'is not the id of any [[tenant]]',
      'domain[0].next_hop': expect.stringContaining('host:port'),
      'domain[1].name': expect.stringContaining('claimed by domain[0]'),
      'domain[1].next_hop': expect.stringContaining('relay mode needs it'),
      'override[0].match': expect.stringContaining('pattern'),
      'override[0].action': expect.stringContaining('"allow"'),
      'override[0].expires': expect.stringContaining('2027-01-31'),
    });
  });

  it.each([
    ['state_dir = ', 'line 1, column 13'],
    ['[[smtp]\nlisten = 1', 'line 1, column 8'],
  ])('says where TOML breaks: %j', (toml, where) => {
    expect(Object.keys(problems(toml))).toEqual([where]);
  });

  it('needs a tenant and a domain, and says so', () => {
    expect(problems('')).toEqual({ tenant: 'is missing', domain: 'is missing' });
  });

  it('needs to be told which of several tenants a domain belongs to', () => {
    const second = REQUIRED.replaceAll('1111', '7777').replace('[[domain]]', '[[domain]]\nsubdomains = true');
    const toml = `${REQUIRED.split('[[domain]]')[0]}${second}`;
    expect(problems(toml)).toEqual({ 'domain[0].tenant': 'is missing: there are several tenants' });
  });
});

describe('the [console] table', () => {
  const TENANT = '11111111-2222-3333-4444-555555555555';
  const OBJECT = 'ABCDEF01-2222-3333-4444-555555555555';
  const table = (lines: string) => `${REQUIRED}\n[console]\n${lines}`;

  it('has people by both ids, and an address', () => {
    const parsed = parseConfig(
      table(
        `listen = "[::1]:9000"\npublic_url = "https://Gate.Example/"\nadmins = ["${TENANT}/${OBJECT}"]\nsession = "1d"`,
      ),
    );
    expect(parsed.ok && parsed.config.console).toEqual({
      enabled: true,
      host: '::1',
      port: 9000,
      inherited: null,
      publicUrl: 'https://gate.example',
      admins: [{ tenant: TENANT, object: OBJECT.toLowerCase() }],
      readers: [],
      session: 86_400_000,
      sessionIdle: 3_600_000,
      trustedProxies: [],
    });
  });

  it.each([
    ['public_url = "http://gate.example"', 'console.public_url', 'https://HOST'],
    ['public_url = "http://127.0.0.1:8025"', 'console.public_url', 'https://HOST'],
    ['public_url = "https://gate.example/console"', 'console.public_url', 'without a path'],
    ['public_url = "https://gate.example/?x=1"', 'console.public_url', 'without a path'],
    ['public_url = "https://me@gate.example"', 'console.public_url', 'https://HOST'],
    ['public_url = "gate.example"', 'console.public_url', 'https://HOST'],
    [`public_url = "https://${'a.'.repeat(120)}example"`, 'console.public_url', '256'],
    ['listen = "127.0.0.1:0"', 'console.listen', 'such as'],
    ['listen = "8025"', 'console.listen', 'such as'],
    ['admins = ["ada@contoso.example"]', 'console.admins[0]', 'tenant-id/object-id'],
    [`readers = ["${OBJECT}/${OBJECT}"]`, 'console.readers[0]', 'not the id of any [[tenant]]'],
    ['session = "10s"', 'console.session', 'at least a minute'],
    ['trusted_proxies = ["proxy.example"]', 'console.trusted_proxies[0]', '10.0.0.0/8'],
    ['trusted_proxies = ["10.0.0.0/33"]', 'console.trusted_proxies[0]', '10.0.0.0/8'],
    ['trusted_proxies = ["10.0.0.0/8/8"]', 'console.trusted_proxies[0]', '10.0.0.0/8'],
  ])('refuses %s', (line, key, text) => {
    expect(problems(table(line))[key]).toContain(text);
  });

  it.each([
    'public_url = "http://localhost:8025"',
    'trusted_proxies = ["10.0.0.5", "fd00::/8"]',
    'enabled = false',
  ])('takes %s', (line) => {
    expect(problems(table(line))).toEqual({});
  });
});

describe('the lists of a listener', () => {
  const listener = (lines: string): string => `${REQUIRED}\n[[smtp]]\n${lines}`;

  it('are taken as they are written', () => {
    const parsed = parseConfig(
      listener('allow = ["192.0.2.0/24", "::1"]\nproxies = ["10.0.0.1"]\nxclient = []'),
    );
    expect(parsed.ok && parsed.config.smtp[0]?.access).toEqual({
      allow: ['192.0.2.0/24', '::1'],
      proxies: ['10.0.0.1'],
      trusted: ['127.0.0.0/8', '::1'],
      xclient: [],
    });
  });

  it('are told apart when an entry is no network', () => {
    expect(problems(listener('allow = ["10.0.0.1/8", "::1"]\ntrusted = ["::1", "mx.example"]'))).toEqual({
      'smtp[0].allow[0]': '10.0.0.1/8 has bits beyond its prefix; the network is 10.0.0.0/8',
      'smtp[0].trusted[1]': expect.stringMatching(/^mx\.example is not an address or network/),
    });
  });
});

describe('the harvest guard', () => {
  it('has a table of its own', () => {
    const parsed = parseConfig(`${REQUIRED}\n[harvest]\nlimit = 0\nwindow = "1m"\ndeny = "2m"`);
    expect(parsed.ok && parsed.config.harvest).toEqual({ limit: 0, window: 60_000, deny: 120_000 });
  });

  it('tells where its keys went', () => {
    expect(problems(`${REQUIRED}\n[lookup]\nharvest_limit = 0\nharvest_window = "1h"`)).toEqual({
      'lookup.harvest_limit': expect.stringContaining('has moved: it is limit in [harvest]'),
      'lookup.harvest_window': expect.stringContaining('window in [harvest]'),
    });
  });
});
