/** Next hops: round trips towards them, several hosts, DNS, limits, TLS sessions, and who the client is. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { nextHopText, parseNextHop } from '../../src/core/next-hop.ts';
import { HopEndpoints } from '../../src/smtp/hop-endpoints.ts';
import { forwardCommand } from '../../src/smtp/hop-forward.ts';
import { backoff, HopHealth } from '../../src/smtp/hop-health.ts';
import { endpointKey, type HopTrouble } from '../../src/smtp/next-hop.ts';
import type { Resolver } from '../../src/smtp/resolver.ts';
import type { Dialog } from './dialog.ts';
import { openRelaying } from './gateway.ts';
import { AUTHORITY, keyPairFor } from './key-pair.ts';
import { KEYWORDS, type Script, ScriptedHop } from './scripted-hop.ts';

const NO_BACKOFF = { first: 0, longest: 0 };

async function sendTo(client: Dialog, domain = 'b.example'): Promise<string> {
  await client.askAll('MAIL FROM:<s@x.example>', `RCPT TO:<known1@${domain}>`);
  await client.ask('DATA');
  return client.ask('Subject: x\r\n\r\nhello\r\n.');
}

/** A port where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return address && typeof address === 'object' ? address.port : 0;
}

describe('the text of a next hop', () => {
  it.each([
    ['mail.example', 'mail.example:25'],
    ['10.0.0.1:2525', '10.0.0.1:2525'],
    ['[2001:db8::1]', '[2001:db8::1]:25'],
    ['[::1]:2525', '[::1]:2525'],
    ['a.example, b.example:2525', 'a.example:25,b.example:2525'],
    ['mx:Contoso.example', 'mx:contoso.example'],
    ['MX:contoso.example:2525', 'mx:contoso.example:2525'],
  ])('%s means %s', (text, normal) => {
    const route = parseNextHop(text);
    expect(route && nextHopText(route)).toBe(normal);
    expect(parseNextHop(normal)).toEqual(route);
  });

  it.each([
    '',
    'a b',
    'a:0',
    'a:70000',
    'a,,b',
    'mx:',
    'mx:10.0.0.1',
    'mx:[::1]',
    'smtp://a',
    Array(9).fill('a').join(),
  ])('%j means nothing', (text) => expect(parseNextHop(text)).toBeNull());
});

describe('round trips', () => {
  it('MAIL and every recipient of a pipelined batch leave in one packet, DATA with them', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    client.send(
      'MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nRCPT TO:<nobody@b.example>\r\nRCPT TO:<known2@b.example>\r\nDATA\r\n',
    );
    const codes = [];
    for (let n = 0; n < 5; n++) codes.push((await client.reply()).slice(0, 3));
    expect(codes).toEqual(['250', '250', '550', '250', '354']);
    expect(await client.ask('x\r\n.')).toMatch(/^250/);
    expect(hop.flights[1]).toBe(
      'MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nRCPT TO:<known2@b.example>\r\nDATA\r\n',
    );
    expect(hop.delivered[0]?.to).toEqual(['known1@b.example', 'known2@b.example']);
  });

  it('one by one without PIPELINING', async () => {
    const hop = await ScriptedHop.start({ keywords: ['8BITMIME'] });
    const client = await (await openRelaying(hop.name)).greeted();
    client.send('MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nRCPT TO:<known2@b.example>\r\nDATA\r\n');
    for (const code of ['250', '250', '250', '354']) expect(await client.reply()).toMatch(`${code}`);
    expect(await client.ask('x\r\n.')).toMatch(/^250/);
    expect(hop.flights.slice(1, 5)).toEqual([
      'MAIL FROM:<>\r\n',
      'RCPT TO:<known1@b.example>\r\n',
      'RCPT TO:<known2@b.example>\r\n',
      'DATA\r\n',
    ]);
  });

  it('answers keep their order when the next hop refuses some', async () => {
    const hop = await ScriptedHop.start({
      rcpt: (path) => (path.startsWith('known2') ? '550 5.1.1 no' : null),
    });
    const client = await (await openRelaying(hop.name)).greeted();
    const names = ['known1', 'nobody', 'known2', 'known3', 'known2', 'nobody2'];
    client.send(
      `MAIL FROM:<>\r\n${names.map((name) => `RCPT TO:<${name}@b.example>\r\n`).join('')}RSET\r\nNOOP\r\n`,
    );
    const replies = [];
    for (let n = 0; n < 9; n++) replies.push((await client.reply()).slice(0, 14));
    expect(replies.map((reply) => reply.slice(0, 3)).join(' ')).toBe('250 250 550 550 250 550 550 250 250');
  });

  it('DATA behind recipients that are all refused leaves nothing open', async () => {
    const hop = await ScriptedHop.start({ rcpt: '550 5.1.1 no', times: 1 });
    const gateway = await openRelaying(hop.name);
    const client = await gateway.greeted();
    client.send('MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nDATA\r\n');
    for (const code of [/^250/, /^550/, /^554 5\.5\.1/]) expect(await client.reply()).toMatch(code);
    await client.ask('RSET');
    // The scripted next hop says 354 without a recipient; nothing may be sent on that connection.
    expect(await sendTo(client)).toMatch(/^250/);
    expect(hop.connections).toBe(2);
    expect(hop.delivered).toHaveLength(1);
  });

  it('recipients beyond those that may be under way wait, and all are answered', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name, { maxRecipients: 250 })).greeted();
    const names = Array.from({ length: 300 }, (_, n) => `RCPT TO:<known${n}@b.example>\r\n`);
    client.send(`MAIL FROM:<>\r\n${names.join('')}DATA\r\n`);
    const codes = [];
    for (let n = 0; n < 302; n++) codes.push((await client.reply()).slice(0, 3));
    expect(codes.filter((code) => code === '250')).toHaveLength(251);
    expect(codes.filter((code) => code === '452')).toHaveLength(50);
    expect(codes.at(-1)).toBe('354');
    expect(await client.ask('x\r\n.')).toMatch(/^250/);
    expect(hop.delivered[0]?.to).toHaveLength(250);
  });

  it('a client that leaves behind its recipients hears them first', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name)).greeted();
    client.send('MAIL FROM:<>\r\nRCPT TO:<known1@b.example>\r\nRCPT TO:<known2@b.example>\r\n');
    client.finish();
    for (let n = 0; n < 3; n++) expect(await client.reply()).toMatch(/^250/);
    expect(await client.rest()).toBe('');
  });
});

describe('several hosts', () => {
  const greetings: Array<[string, Script]> = [
    ['says 421 in its greeting', { greeting: '421 4.3.2 busy' }],
    ['says 554 in its greeting', { greeting: '554 no SMTP here' }],
    ['resets at once', { greeting: { do: 'reset' } }],
    ['defers EHLO', { ehlo: '421 4.3.2 later' }],
  ];

  it.each(greetings)('the next one is used when the first %s', async (_name, script) => {
    const first = await ScriptedHop.start(script);
    const second = await ScriptedHop.start();
    const gateway = await openRelaying(`${first.name},${second.name}`);
    expect(await sendTo(await gateway.greeted())).toMatch(/^250/);
    expect(second.delivered).toHaveLength(1);
    expect(gateway.events.hopTroubles).toMatchObject([
      { address: first.name, nextHop: `${first.name},${second.name}` },
    ]);
  });

  it('the next one is used when the first cannot be reached, which is then left alone', async () => {
    const port = await closedPort();
    const second = await ScriptedHop.start();
    const gateway = await openRelaying(
      `127.0.0.1:${port},${second.name}`,
      {},
      { backoff: { first: 60_000, longest: 60_000 } },
    );
    const client = await gateway.greeted();
    for (let n = 0; n < 3; n++) expect(await sendTo(client)).toMatch(/^250/);
    expect(gateway.events.hopTroubles).toHaveLength(1);
  });

  it.each([
    ['MAIL', { mail: { do: 'close' } }, /^451/],
    ['RCPT', { rcpt: { do: 'close' } }, /^451/],
    ['MAIL with 421', { mail: '421 4.3.2 no' }, /^451/],
  ] as Array<[string, Script, RegExp]>)(
    'nobody else is asked once %s was said',
    async (_name, script, reply) => {
      const first = await ScriptedHop.start(script);
      const second = await ScriptedHop.start();
      const client = await (await openRelaying(`${first.name},${second.name}`)).greeted();
      expect((await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>'))[1]).toMatch(reply);
      expect(second.connections).toBe(0);
    },
  );

  it('a better host is taken back as soon as it works, whatever is still connected', async () => {
    const first = await ScriptedHop.start({ greeting: '421 4.3.2 busy', times: 1 });
    const second = await ScriptedHop.start();
    const gateway = await openRelaying(`${first.name},${second.name}`, {}, { backoff: NO_BACKOFF });
    const client = await gateway.greeted();
    expect(await sendTo(client)).toMatch(/^250/);
    expect(await sendTo(client)).toMatch(/^250/);
    expect([first.delivered.length, second.delivered.length]).toEqual([1, 1]);
  });

  it('a next hop of which all hosts are left alone is told at once, without connecting and without a line in the log', async () => {
    const hop = await ScriptedHop.start({ greeting: '554 no' });
    const gateway = await openRelaying(hop.name, {}, { backoff: { first: 60_000, longest: 60_000 } });
    const client = await gateway.greeted();
    for (let n = 0; n < 3; n++) {
      await client.ask('MAIL FROM:<>');
      expect(await client.ask('RCPT TO:<known1@b.example>')).toMatch(/^451 4\.4\.1/);
      await client.ask('RSET');
    }
    expect(hop.connections).toBe(1);
    expect(gateway.events.hopTroubles).toHaveLength(1);
  });

  it('pauses double, to a limit, and end with a success', () => {
    const limits = { first: 1000, longest: 60_000 };
    expect([1, 2, 3, 7, 100].map((failures) => backoff(failures, limits))).toEqual([
      1000, 2000, 4000, 60_000, 60_000,
    ]);
    let now = 0;
    const health = new HopHealth(limits, () => now);
    const trouble: HopTrouble = {
      failure: 'unreachable',
      stage: 'connect',
      nextHop: 'a',
      address: 'a',
      error: '',
    };
    health.failed('a', trouble);
    expect(health.troubleOf('a')).toBe(trouble);
    now = 1000;
    expect(health.troubleOf('a')).toBeNull();
    health.failed('a', trouble);
    now = 2999;
    expect(health.troubleOf('a')).toBe(trouble);
    health.recovered('a');
    expect(health.troubleOf('a')).toBeNull();
  });
});

describe('DNS', () => {
  interface Zone {
    mx?: Array<[string, number]>;
    addresses?: Record<string, string[]>;
    ttl?: number;
    down?: boolean;
  }

  function resolverOf(zone: Zone): Resolver & { asked: number } {
    const answer = async (host: string) => {
      resolver.asked += 1;
      if (zone.down) throw new Error('SERVFAIL');
      return { addresses: zone.addresses?.[host] ?? [], ttl: zone.ttl ?? 300 };
    };
    const resolver = {
      asked: 0,
      mx: async () => {
        if (zone.down) throw new Error('SERVFAIL');
        return (zone.mx ?? []).map(([exchange, priority]) => ({ exchange, priority }));
      },
      exchange: answer,
      host: answer,
    };
    return resolver;
  }

  const keys = async (endpoints: HopEndpoints, hop: string) => (await endpoints.of(hop)).map(endpointKey);

  it('gives exchanges in order of preference, and equal ones in random order', async () => {
    const zone = {
      mx: [
        ['c', 20],
        ['a', 10],
        ['b', 10],
      ] as Array<[string, number]>,
      addresses: { a: ['10.0.0.1', '2001:db8::1'], b: ['10.0.0.2'], c: ['10.0.0.3'] },
    };
    let lot = 0;
    const rising = new HopEndpoints(
      resolverOf(zone),
      () => 0,
      () => lot++,
    );
    expect(await keys(rising, 'mx:d.example')).toEqual([
      '10.0.0.1:25',
      '[2001:db8::1]:25',
      '10.0.0.2:25',
      '10.0.0.3:25',
    ]);
    const falling = new HopEndpoints(
      resolverOf(zone),
      () => 0,
      () => lot--,
    );
    expect(await keys(falling, 'mx:d.example:2525')).toEqual([
      '10.0.0.2:2525',
      '[2001:db8::1]:2525',
      '10.0.0.1:2525',
      '10.0.0.3:2525',
    ]);
  });

  it.each([
    ['no MX record: the domain itself', { addresses: { 'd.example': ['10.0.0.9'] } }, ['10.0.0.9:25']],
    [
      'one exchange that does not exist',
      {
        mx: [
          ['gone', 1],
          ['a', 2],
        ],
        addresses: { a: ['10.0.0.1'] },
      },
      ['10.0.0.1:25'],
    ],
    ['a null MX', { mx: [['', 0]] }, /takes no mail/],
    ['no address anywhere', { mx: [['a', 1]] }, /no mail exchange of d\.example has an address/],
    ['DNS out of order', { down: true }, /SERVFAIL/],
  ] as Array<[string, Zone, string[] | RegExp]>)('%s', async (_name, zone, expected) => {
    const found = keys(new HopEndpoints(resolverOf(zone)), 'mx:d.example');
    if (expected instanceof RegExp) await expect(found).rejects.toThrow(expected);
    else expect(await found).toEqual(expected);
  });

  it('is believed for its TTL, and beyond it while it does not answer', async () => {
    const zone: Zone = { addresses: { 'h.example': ['10.0.0.1'] }, ttl: 60 };
    const resolver = resolverOf(zone);
    let now = 0;
    const endpoints = new HopEndpoints(resolver, () => now);
    expect(await keys(endpoints, 'h.example:25')).toEqual(['10.0.0.1:25']);
    now = 59_999;
    expect(endpoints.of('h.example:25')).not.toBeInstanceOf(Promise);
    now = 60_000;
    zone.down = true;
    expect(await keys(endpoints, 'h.example:25')).toEqual(['10.0.0.1:25']);
    zone.down = false;
    zone.addresses = { 'h.example': ['10.0.0.2'] };
    now = 70_001;
    expect(await keys(endpoints, 'h.example:25')).toEqual(['10.0.0.2:25']);
    expect(resolver.asked).toBe(3);
  });

  it('is asked once for everybody who waits', async () => {
    const resolver = resolverOf({ addresses: { 'h.example': ['10.0.0.1'] } });
    const endpoints = new HopEndpoints(resolver);
    await Promise.all(Array.from({ length: 20 }, () => endpoints.of('h.example:25')));
    expect(resolver.asked).toBe(1);
  });

  it('leads a message to the exchange, and a fault of DNS is a 451', async () => {
    const hop = await ScriptedHop.start();
    const port = Number(hop.name.split(':')[1]);
    const zone: Zone = { mx: [['mail.d.example', 10]], addresses: { 'mail.d.example': ['127.0.0.1'] } };
    const gateway = await openRelaying(`mx:d.example:${port}`, {}, { resolver: resolverOf(zone) });
    expect(await sendTo(await gateway.greeted())).toMatch(/^250/);
    expect(gateway.events.relayed[0]?.nextHop).toBe(`mx:d.example:${port}`);
    const lost = await openRelaying('mx:d.example', {}, { resolver: resolverOf({ down: true }) });
    const client = await lost.greeted();
    expect((await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>'))[1]).toMatch(/^451 4\.4\.1/);
    expect(lost.events.hopTroubles).toMatchObject([{ stage: 'resolve', error: 'SERVFAIL', address: null }]);
  });
});

describe('limits', () => {
  it('a transaction too many waits for its turn', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, {}, { maxConnections: 1, slotWait: 5000 });
    const [one, two] = [await gateway.greeted(), await gateway.greeted()];
    await one.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>');
    const waiting = two.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>');
    await one.ask('RSET');
    expect((await waiting)[1]).toMatch(/^250/);
    expect(hop.connections).toBe(1);
  });

  it('and is told 451 when it does not come in time', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, {}, { maxConnections: 1, slotWait: 50 });
    const [one, two] = [await gateway.greeted(), await gateway.greeted()];
    await one.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>');
    expect((await two.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>'))[1]).toMatch(
      /^451 4\.4\.5 .*\[ref/,
    );
    expect(gateway.events.hopTroubles).toMatchObject([{ failure: 'busy' }]);
  });

  it('a place is free again however its transaction ended', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, {}, { maxConnections: 1, slotWait: 2000 });
    for (let n = 0; n < 5; n++) {
      const leaver = await gateway.greeted();
      await leaver.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>');
      if (n % 2) leaver.vanish();
      else await leaver.ask('QUIT');
    }
    expect(await sendTo(await gateway.greeted())).toMatch(/^250/);
  });

  it('a connection carries so many messages and no more', async () => {
    const hop = await ScriptedHop.start();
    const gateway = await openRelaying(hop.name, {}, { maxMessages: 2 });
    const client = await gateway.greeted();
    for (let n = 0; n < 4; n++) expect(await sendTo(client)).toMatch(/^250/);
    expect(hop.connections).toBe(2);
  });
});

describe('what a next hop can do', () => {
  it('is learnt before the first client asks', async () => {
    const hop = await ScriptedHop.start({ keywords: ['SIZE 1000'] });
    const gateway = await openRelaying(hop.name);
    await gateway.relay.learn(hop.name, () => undefined);
    const client = await gateway.dialog();
    expect(await client.ask('EHLO c')).not.toContain('8BITMIME');
    expect(await sendTo(client)).toMatch(/^250/);
    expect(hop.connections).toBe(1);
  });

  it('and nothing but trouble of one that cannot be asked', async () => {
    const gateway = await openRelaying(`127.0.0.1:${await closedPort()}`);
    const troubles: HopTrouble[] = [];
    await gateway.relay.learn(`127.0.0.1:${await closedPort()}`, (trouble) => troubles.push(trouble));
    expect(troubles).toMatchObject([{ stage: 'connect', failure: 'unreachable' }]);
  });
});

describe('TLS sessions', () => {
  it('are resumed', async () => {
    const hop = await ScriptedHop.start({ tls: keyPairFor('127.0.0.1') });
    const gateway = await openRelaying(hop.name, {}, { tls: 'verified', ca: AUTHORITY, maxMessages: 1 });
    const client = await gateway.greeted();
    for (let n = 0; n < 5; n++) expect(await sendTo(client)).toMatch(/^250/);
    expect(hop.handshakes).toEqual({ done: 5, resumed: 4 });
  });

  it('of a host that was not verified do not count where it has to be', async () => {
    const hop = await ScriptedHop.start({ tls: keyPairFor('elsewhere.example') });
    const other = `127.0.0.1:${hop.name.split(':')[1]},127.0.0.1:1`;
    const gateway = await openRelaying(
      ({ domain }) => (domain === 'b.example' ? hop.name : other),
      {},
      {
        tls: (nextHop) => (nextHop === hop.name ? 'required' : 'verified'),
        ca: AUTHORITY,
        maxMessages: 1,
      },
    );
    const client = await gateway.greeted();
    expect(await sendTo(client)).toMatch(/^250/);
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<known1@c.example>')).toMatch(/^451/);
    expect(hop.handshakes.resumed).toBe(0);
  });

  it('fall back to the clear with one report, not one a message', async () => {
    const hop = await ScriptedHop.start({
      keywords: ['8BITMIME', 'STARTTLS'],
      starttls: { do: 'reply-and-close', text: '220 go' },
    });
    const gateway = await openRelaying(hop.name, {}, { tls: 'opportunistic', maxMessages: 1 });
    const client = await gateway.greeted();
    for (let n = 0; n < 3; n++) expect(await sendTo(client)).toMatch(/^250/);
    expect(gateway.events.hopTroubles).toMatchObject([
      { stage: 'starttls', cleartext: true, address: hop.name },
    ]);
  });
});

describe('who the client is', () => {
  const client = { address: '192.0.2.1', port: 4711, name: null, helo: 'a=b+c ü.example', esmtp: true };

  it('is said in xtext, as far as the next hop asks', () => {
    expect(
      forwardCommand('xforward', ['NAME', 'ADDR', 'PORT', 'PROTO', 'HELO', 'IDENT', 'SOURCE'], client),
    ).toBe(
      'XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.1 PORT=4711 PROTO=ESMTP HELO=a+3Db+2Bc+20+C3+BC.example SOURCE=REMOTE',
    );
    expect(forwardCommand('xclient', ['addr', 'LOGIN'], { ...client, address: '2001:db8::1' })).toBe(
      'XCLIENT ADDR=IPV6:2001:db8::1',
    );
    expect(forwardCommand('xclient', [], client)).toBeNull();
    const cutting = { ...client, helo: 'x\r\nDATA' };
    expect(forwardCommand('xforward', ['HELO'], cutting)).toBe('XFORWARD HELO=x+0D+0ADATA');
  });

  it('XFORWARD goes with every MAIL, in one packet with it', async () => {
    const hop = await ScriptedHop.start({ keywords: [...KEYWORDS, 'XFORWARD NAME ADDR HELO'] });
    const client = await (await openRelaying(hop.name, {}, { forwardClient: 'xforward' })).greeted();
    expect(await sendTo(client)).toMatch(/^250/);
    expect(await sendTo(client)).toMatch(/^250/);
    expect(hop.commands.filter((line) => line.startsWith('XFORWARD'))).toHaveLength(2);
    expect(hop.flights[1]).toMatch(
      /^XFORWARD NAME=\[UNAVAILABLE\] ADDR=127\.0\.0\.1 HELO=client\.example\r\nMAIL FROM:/,
    );
  });

  it('XCLIENT begins the session anew, once for each client of a connection', async () => {
    const hop = await ScriptedHop.start({ keywords: [...KEYWORDS, 'XCLIENT ADDR HELO'] });
    const gateway = await openRelaying(hop.name, {}, { forwardClient: 'xclient' });
    const one = await gateway.greeted();
    await sendTo(one);
    await sendTo(one);
    const two = await gateway.dialog();
    await two.ask('EHLO other.example');
    expect(await sendTo(two)).toMatch(/^250/);
    expect(hop.connections).toBe(1);
    const verbs = hop.commands
      .filter((line) => /^(EHLO|XCLIENT|MAIL)/.test(line))
      .map((line) => line.split(' ')[0]);
    expect(verbs.join(' ')).toBe('EHLO XCLIENT EHLO MAIL MAIL XCLIENT EHLO MAIL');
    expect(hop.delivered).toHaveLength(3);
  });

  it('is not said to a next hop that does not ask', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name, {}, { forwardClient: 'xclient' })).greeted();
    expect(await sendTo(client)).toMatch(/^250/);
    expect(hop.commands.some((line) => line.startsWith('X'))).toBe(false);
  });

  it('a refusal of XCLIENT is our trouble', async () => {
    const hop = await ScriptedHop.start({ keywords: [...KEYWORDS, 'XCLIENT ADDR'] });
    const gateway = await openRelaying(hop.name, {}, { forwardClient: 'xclient' });
    const client = await gateway.greeted();
    const rude = hop.until(() => hop.open.size === 1);
    void rude.then(() => {
      for (const session of hop.open)
        session.rude = () => (hop.commands.at(-1)?.startsWith('X') ? '550 5.7.0 no' : null);
    });
    expect((await client.askAll('MAIL FROM:<>', 'RCPT TO:<known1@b.example>'))[1]).toMatch(/^451 4\.4\.0/);
    expect(gateway.events.hopTroubles).toMatchObject([{ stage: 'forward', failure: 'session' }]);
  });
});
