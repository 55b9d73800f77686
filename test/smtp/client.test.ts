/** Who the client is, in dialogs: PROXY headers, XCLIENT, access lists, limits of connections, and who waits for the greeting. */
import { describe, expect, it } from 'vitest';
import type { HarvestGate } from '../../src/smtp/admission.ts';
import type { AccessLists } from '../../src/smtp/client.ts';
import type { ListenerOptions } from '../../src/smtp/listener.ts';
import type { Dialog } from './dialog.ts';
import { type Gateway, openGateway, openRelaying } from './gateway.ts';
import { keyPairFor } from './key-pair.ts';
import { ScriptedHop } from './scripted-hop.ts';

const LISTS: AccessLists = { proxies: [], xclient: [], trusted: [], allow: [] };

function opened(access: Partial<AccessLists>, options: Partial<ListenerOptions> = {}, harvest?: HarvestGate) {
  return openGateway({ access: { ...LISTS, ...access }, ...options }, harvest ? { harvest } : {});
}

/** A whole check on a connection; the client that the log would have. */
async function clientOf(gateway: Gateway, dialog: Dialog): Promise<object | undefined> {
  await dialog.askAll('EHLO c.example', 'MAIL FROM:<>', 'RCPT TO:<known@b.example>');
  const event = gateway.events.recipients.at(-1);
  return event && { ...event.client, peer: event.peer, name: event.name, helo: event.helo };
}

const HEADER = 'PROXY TCP4 192.0.2.7 10.0.0.1 56324 25\r\n';
const NEAR = { address: '127.0.0.1', peer: null, name: null, helo: 'c.example', port: expect.any(Number) };
const FAR = { ...NEAR, address: '192.0.2.7', port: 56_324, peer: '127.0.0.1' };
const V2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

describe('a PROXY header', () => {
  it.each([
    ['v1', HEADER, FAR],
    ['v1, in pieces', [...HEADER], FAR],
    ['v1 IPv6', 'PROXY TCP6 2001:DB8::7 ::1 5 25\r\n', { ...FAR, address: '2001:db8::7', port: 5 }],
    ['v1 mapped', 'PROXY TCP6 ::ffff:192.0.2.7 ::1 5 25\r\n', { ...FAR, port: 5 }],
    ['v1 UNKNOWN', 'PROXY UNKNOWN\r\n', NEAR],
    ['v2', Buffer.concat([V2, Buffer.from('2111000cc00002070a000001dc040019', 'hex')]), FAR],
    [
      'v2 with TLVs',
      Buffer.concat([V2, Buffer.from('21110012c00002070a000001dc040019040003010203', 'hex')]),
      FAR,
    ],
    ['v2 LOCAL', Buffer.concat([V2, Buffer.from('20000000', 'hex')]), NEAR],
  ] as Array<[string, string | string[] | Buffer, object]>)(
    'of a listed proxy names the client: %s',
    async (_what, header, expected) => {
      const gateway = await opened({ proxies: ['127.0.0.0/30'] });
      const dialog = await gateway.dialog(false);
      for (const piece of Array.isArray(header) ? header : [header]) dialog.send(piece);
      expect(await dialog.reply()).toBe('220 gw.example ESMTP');
      expect(await clientOf(gateway, dialog)).toEqual(expected);
    },
  );

  it('may come in one packet with commands, which are early unless the client is trusted', async () => {
    const gateway = await opened({ proxies: ['127.0.0.1'] }, { greetingDelay: 50 });
    const early = await gateway.dialog(false);
    early.send(`${HEADER}EHLO c.example\r\n`);
    expect(await early.reply()).toMatch(/^421 4\.7\.0 Client spoke/);
    const own = await opened({ proxies: ['127.0.0.1'], trusted: ['192.0.2.0/24'] }, { greetingDelay: 50 });
    const known = await own.dialog(false);
    known.send(`${HEADER}EHLO c.example\r\n`);
    expect(await known.reply()).toMatch(/^220/);
    expect(await known.reply()).toMatch(/^250-gw/);
  });

  it('is awaited before the greeting', async () => {
    const gateway = await opened({ proxies: ['127.0.0.1'] });
    const dialog = await gateway.dialog(false);
    dialog.send(HEADER.slice(0, 20));
    expect(gateway.listener.connections()).toBe(0);
    dialog.send(HEADER.slice(20));
    expect(await dialog.reply()).toMatch(/^220/);
  });

  it.each([
    ['no header at all', 'EHLO c.example\r\n'],
    ['a bad address', 'PROXY TCP4 192.0.2.700 10.0.0.1 1 25\r\n'],
    ['a line without end', 'PROXY '.padEnd(200, 'x')],
    ['a bad version', Buffer.concat([V2, Buffer.from('1111000cc00002070a000001dc040019', 'hex')])],
  ])('that is none ends the connection without a word: %s', async (_what, bytes) => {
    const gateway = await opened({ proxies: ['127.0.0.1'] });
    const dialog = await gateway.dialog(false);
    dialog.send(bytes);
    expect(await dialog.rest()).toBe('');
    const [trouble] = gateway.events.troubles;
    expect(String(trouble?.error)).toContain('not a PROXY header');
    expect(trouble?.client?.address).toBe('127.0.0.1');
  });

  it('that does not come in time ends it too; a look at the port is not told', async () => {
    const gateway = await opened({ proxies: ['127.0.0.1'] }, { commandTimeout: 400 });
    (await gateway.dialog(false)).finish();
    const dialog = await gateway.dialog(false);
    dialog.send('PROXY ');
    expect(await dialog.rest()).toBe('');
    expect(gateway.events.troubles.map(({ error }) => String(error))).toEqual([
      'Error: no PROXY header within 400 ms',
    ]);
  });

  it('of a stranger is an unknown command, and a stranger has no entry where proxies are listed', async () => {
    const plain = await (await opened({})).dialog();
    plain.send(HEADER);
    expect(await plain.reply()).toMatch(/^500 5\.5\.1/);
    const gateway = await opened({ proxies: ['127.0.0.2'] });
    const stranger = await gateway.dialog(false);
    stranger.send(HEADER);
    expect(await stranger.reply()).toMatch(/^421 4\.3\.5 .*\[ref 7F3K2Q\]$/);
    expect(gateway.events.refusals).toMatchObject([{ client: { address: '127.0.0.1' }, peer: null }]);
  });

  it('does not hold up the stop', async () => {
    const gateway = await opened({ proxies: ['127.0.0.1'] });
    const waiting = await gateway.dialog(false);
    waiting.send('PROXY ');
    const other = await gateway.dialog(false);
    other.send(HEADER);
    await other.reply();
    await gateway.listener.close(0);
    expect(await waiting.rest()).toBe('');
  });

  it('comes before STARTTLS, which keeps the client', async () => {
    const gateway = await opened({ proxies: ['127.0.0.1'] }, { tls: keyPairFor('127.0.0.1') });
    const dialog = await gateway.dialog(false);
    dialog.send(HEADER);
    await dialog.reply();
    await dialog.askAll('EHLO c.example', 'STARTTLS');
    await dialog.secure();
    expect(await clientOf(gateway, dialog)).toEqual(FAR);
  });
});

describe('XCLIENT', () => {
  const CLAIM = 'XCLIENT NAME=mx.client.example ADDR=192.0.2.7 PORT=56324 HELO=real.example LOGIN=bob';

  it('of a listed relay names the client, and the session starts again', async () => {
    const gateway = await opened({ xclient: ['127.0.0.1'] });
    const dialog = await gateway.dialog();
    expect(await dialog.ask('EHLO relay.example')).toContain(
      '\n250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT',
    );
    expect(await dialog.ask(CLAIM)).toBe('220 gw.example ESMTP');
    expect(await dialog.ask('MAIL FROM:<>')).toMatch(/^503 5\.5\.1/);
    const expected = { ...FAR, name: 'mx.client.example', helo: 'real.example' };
    expect(await clientOf(gateway, dialog)).toEqual(expected);
    await dialog.ask('RSET');
    expect(await dialog.ask('XCLIENT ADDR=IPV6:2001:db8::8')).toMatch(/^220/);
    expect(await clientOf(gateway, dialog)).toEqual({ ...expected, address: '2001:db8::8' });
    await dialog.ask('RSET');
    expect(await dialog.ask('XCLIENT ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE] HELO=[UNAVAILABLE]')).toMatch(
      /^220/,
    );
    expect(await clientOf(gateway, dialog)).toEqual({ ...NEAR, port: 56_324 });
  });

  it.each([
    ['', /^501 5\.5\.4/],
    [' ADDR=nonsense', /^501 5\.5\.4/],
    [' FOO=1', /^501 5\.5\.4/],
    [' NAME=ab+0D+0Acd', /^501 5\.5\.4/],
  ])('%j is refused', async (argument, reply) => {
    const gateway = await opened({ xclient: ['127.0.0.1'] });
    const dialog = await gateway.greeted();
    expect(await dialog.ask(`XCLIENT${argument}`)).toMatch(reply);
    expect(await clientOf(gateway, dialog)).toEqual(NEAR);
  });

  it('is not offered to strangers, nor taken from them, nor within a transaction', async () => {
    const strange = await opened({ xclient: ['127.0.0.2'] });
    const stranger = await strange.dialog();
    expect(await stranger.ask('EHLO c.example')).not.toContain('XCLIENT');
    expect(await stranger.ask(CLAIM)).toBe('550 5.7.0 XCLIENT is not permitted [ref 7F3K2Q]');
    expect(await clientOf(strange, stranger)).toEqual(NEAR);
    const relay = await (await opened({ xclient: ['127.0.0.1'] })).greeted();
    await relay.ask('MAIL FROM:<>');
    expect(await relay.ask(CLAIM)).toMatch(/^503 5\.5\.1/);
  });

  it('counts by who the PROXY header named, not by who is connected', async () => {
    const gateway = await opened({ proxies: ['127.0.0.1'], xclient: ['192.0.2.7'] });
    const dialog = await gateway.dialog(false);
    dialog.send(HEADER);
    await dialog.reply();
    expect(await dialog.ask('XCLIENT ADDR=198.51.100.1')).toMatch(/^220/);
    expect(await clientOf(gateway, dialog)).toMatchObject({ address: '198.51.100.1', peer: '192.0.2.7' });
    const other = await gateway.dialog(false);
    other.send('PROXY TCP4 192.0.2.8 10.0.0.1 1 25\r\n');
    await other.reply();
    expect(await other.ask('XCLIENT ADDR=198.51.100.1')).toMatch(/^550/);
  });

  it('leads to the access lists and the guard of the client that it names', async () => {
    const harvest = { refuses: (client: string) => client === '192.0.2.66', absent: () => false };
    const gateway = await opened(
      { xclient: ['127.0.0.1'], allow: ['127.0.0.1', '192.0.2.0/24'] },
      {},
      harvest,
    );
    const one = await gateway.greeted();
    expect(await one.ask('XCLIENT ADDR=198.51.100.1')).toMatch(/^554 5\.7\.1 .*\[ref/);
    expect(await one.rest()).toBe('');
    const two = await gateway.greeted();
    expect(await two.ask('XCLIENT ADDR=192.0.2.66')).toMatch(/^421 4\.7\.0/);
    const three = await gateway.greeted();
    expect(await three.ask('XCLIENT ADDR=192.0.2.7 PROTO=SMTP')).toMatch(/^220/);
  });

  it('puts the real client and its protocol into Received', async () => {
    const hop = await ScriptedHop.start();
    const access = { ...LISTS, xclient: ['127.0.0.1'] };
    const dialog = await (await openRelaying(hop.name, { access })).greeted();
    await dialog.ask(`${CLAIM} PROTO=SMTP`);
    await dialog.askAll('EHLO relay.example', 'MAIL FROM:<>', 'RCPT TO:<known@b.example>', 'DATA');
    expect(await dialog.ask('hello\r\n.')).toMatch(/^250/);
    expect(hop.delivered[0]?.wire.toString()).toMatch(
      /^Received: from real\.example \(\[192\.0\.2\.7\]\)\r\n\tby gw\.example with SMTP id/,
    );
  });
});

describe('access', () => {
  it.each([
    [['127.0.0.1'], /^220/],
    [['127.0.0.0/8'], /^220/],
    [[], /^220/],
    [['10.0.0.0/8', '::1'], /^554 5\.7\.1 Access denied \[ref 7F3K2Q\]$/],
  ])('with allow = %j', async (allow, reply) => {
    const dialog = await (await opened({ allow })).dialog(false);
    expect(await dialog.reply()).toMatch(reply);
  });

  it('is that of the client behind the proxy', async () => {
    const gateway = await opened({ proxies: ['127.0.0.1'], allow: ['192.0.2.0/24'] });
    for (const [address, reply] of [
      ['192.0.2.7', /^220/],
      ['198.51.100.7', /^554/],
    ] as const) {
      const dialog = await gateway.dialog(false);
      dialog.send(`PROXY TCP4 ${address} 10.0.0.1 1 25\r\n`);
      expect(await dialog.reply()).toMatch(reply);
    }
  });

  it('knows an IPv4 client at a dual-stack listener', async () => {
    const gateway = await opened({ allow: ['127.0.0.1'] }, { host: '::' });
    const dialog = await gateway.dialog();
    expect(await clientOf(gateway, dialog)).toEqual(NEAR);
  });
});

describe('connections of one client', () => {
  it('are limited, each client for itself, and freed when they end', async () => {
    const gateway = await opened({}, { maxConnectionsPerClient: 2 });
    const first = await gateway.dialog();
    await gateway.dialog();
    const third = await gateway.dialog(false);
    expect(await third.reply()).toMatch(/^421 4\.7\.0 Too many connections from your address/);
    expect(await (await gateway.dialog(false, '127.0.0.2')).reply()).toMatch(/^220/);
    third.close();
    await first.ask('QUIT');
    first.close();
    await expect.poll(async () => (await gateway.dialog(false)).reply()).toMatch(/^220/);
  });

  it('are not counted for trusted ones', async () => {
    const gateway = await opened({ trusted: ['127.0.0.1'] }, { maxConnectionsPerClient: 1 });
    for (let index = 0; index < 5; index += 1) {
      expect(await (await gateway.dialog(false)).reply()).toMatch(/^220/);
    }
  });
});

describe('the greeting', () => {
  it.each([
    ['a stranger', {}, true],
    ['a trusted client', { trusted: ['127.0.0.1'] }, false],
    ['a relay that may name clients', { xclient: ['127.0.0.1'] }, false],
  ])('of %s', async (_who, access, waits) => {
    const gateway = await opened(access, { greetingDelay: 800 });
    const started = performance.now();
    await gateway.dialog();
    expect(performance.now() - started > 790).toBe(waits);
  });

  it('asks no name server', async () => {
    const dns = await import('node:dns');
    const { reverse } = dns.default;
    let asked = 0;
    dns.default.reverse = ((...args: Parameters<typeof reverse>) => {
      asked += 1;
      return reverse(...args);
    }) as typeof reverse;
    try {
      const gateway = await opened({});
      await clientOf(gateway, await gateway.dialog());
      expect(asked).toBe(0);
    } finally {
      dns.default.reverse = reverse;
    }
  });
});
