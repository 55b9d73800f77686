/** TLS of a listener: which certificate it presents, whom it asks for one, and what a change does to open sessions. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAuthority, createClientCertificate } from '../../src/practice/certificate.ts';
import type { TlsMaterial } from '../../src/smtp/tls-context.ts';
import { Dialog } from './dialog.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { keyPairFor } from './key-pair.ts';

const pair = keyPairFor('mx.one.example');
const two = keyPairFor('mx.two.example');
const wild = keyPairFor('*.three.example');
const relay = createClientCertificate('relay.partner.example');
const FOREIGN_AUTHORITY = createAuthority().certPem;

/** A raw connection with TLS on it, after STARTTLS unless `implicit`. Rejects when the handshake fails. */
async function secured(
  gateway: Gateway,
  options: ConnectionOptions = {},
  implicit = false,
): Promise<TLSSocket> {
  const socket: Socket = connect(gateway.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  if (!implicit) {
    for (const line of ['', 'STARTTLS\r\n']) {
      socket.write(line);
      await once(socket, 'data');
    }
  }
  const secure = connectTls({ socket, rejectUnauthorized: false, ...options });
  await once(secure, 'secureConnect');
  return secure;
}

function nameOf(socket: TLSSocket): unknown {
  return socket.getPeerX509Certificate()?.subjectAltName;
}

/** The reply to one command over TLS. */
async function ask(socket: TLSSocket, line: string): Promise<string> {
  socket.write(`${line}\r\n`);
  const [data] = await once(socket, 'data');
  return String(data);
}

describe('the certificate', () => {
  const material: TlsMaterial = {
    ...pair,
    named: [
      { ...two, names: [] },
      { ...wild, names: ['*.three.example', 'three.example'] },
    ],
  };

  it.each([
    ['no name', '', 'DNS:mx.one.example'],
    ['a name of no certificate', 'mx.nobody.example', 'DNS:mx.one.example'],
    ['the name in a certificate', 'mx.two.example', 'DNS:mx.two.example'],
    ['a name in other letters', 'MX.Two.Example', 'DNS:mx.two.example'],
    ['a name that was configured', 'three.example', 'DNS:*.three.example'],
    ['one label for a star', 'mail.three.example', 'DNS:*.three.example'],
    ['two labels for a star', 'a.mail.three.example', 'DNS:mx.one.example'],
  ])('fits %s', async (_case, servername, expected) => {
    const gateway = await openGateway({ tls: material });
    const socket = await secured(gateway, servername === '' ? {} : { servername });
    expect(nameOf(socket)).toBe(expected);
  });

  it('is never the one that the package brings along', async () => {
    const gateway = await openGateway({ tlsMode: 'implicit', tls: null });
    await expect(secured(gateway, {}, true)).rejects.toThrow();
    await gateway.events.until(() => gateway.events.troubles.length > 0);
    expect(gateway.events.troubles[0]).toMatchObject({ stage: 'tls', client: { address: '127.0.0.1' } });
    const plain = await openGateway({ tls: null });
    const client = await plain.dialog();
    expect(await client.ask('EHLO x.example')).not.toContain('STARTTLS');
    expect(await client.ask('STARTTLS')).toMatch(/^502/);
  });

  it('can come while the listener is open', async () => {
    const gateway = await openGateway({ tls: null });
    gateway.listener.replaceCertificate(pair);
    const client = await gateway.dialog();
    expect(await client.ask('EHLO x.example')).toContain('STARTTLS');
  });

  it('changes for the next handshake, not for a session', async () => {
    const gateway = await openGateway({ tls: pair });
    const before = await secured(gateway);
    gateway.listener.replaceCertificate(two);
    expect(() => gateway.listener.replaceCertificate({ ...pair, key: two.key })).toThrow('does not belong');
    expect(() =>
      gateway.listener.replaceCertificate({ ...pair, named: [{ ...two, key: pair.key, names: [] }] }),
    ).toThrow();
    expect(nameOf(await secured(gateway))).toBe('DNS:mx.two.example');
    expect(await ask(before, 'EHLO still.example')).toMatch(/^250/);
  });
});

describe('versions', () => {
  it('TLSv1.3 as the least turns TLS 1.2 away, and says so', async () => {
    const gateway = await openGateway({ tls: pair, tlsMinVersion: 'TLSv1.3' });
    await expect(secured(gateway, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    expect((await secured(gateway)).getProtocol()).toBe('TLSv1.3');
    expect(gateway.events.troubles).toMatchObject([{ stage: 'tls' }]);
  });

  it('a client that leaves in the middle of a handshake is told of', async () => {
    const gateway = await openGateway({ tls: pair });
    const client = await gateway.greeted();
    await client.ask('STARTTLS');
    client.vanish();
    await gateway.events.until(() => gateway.events.troubles.length > 0);
    expect(gateway.events.troubles).toMatchObject([{ stage: 'tls', client: { address: '127.0.0.1' } }]);
  });
});

describe('implicit TLS', () => {
  it('greets after the handshake and does not offer STARTTLS', async () => {
    const gateway = await openGateway({ tls: pair, tlsMode: 'implicit' });
    const socket = await secured(gateway, { servername: 'mx.one.example' }, true);
    const [greeting] = await once(socket, 'data');
    expect(String(greeting)).toMatch(/^220/);
    expect(await ask(socket, 'EHLO x.example')).not.toContain('STARTTLS');
    await ask(socket, 'MAIL FROM:<>');
    expect(await ask(socket, 'RCPT TO:<known@b.example>')).toMatch(/^250/);
    expect(gateway.events.recipients).toMatchObject([{ tls: 'TLSv1.3' }]);
    expect(gateway.listener.connections()).toBe(1);
  });

  it('closes on a client that speaks SMTP at once', async () => {
    const gateway = await openGateway({ tls: pair, tlsMode: 'implicit' });
    const client = await gateway.dialog(false);
    client.send('EHLO x.example\r\n');
    expect(await client.rest()).toBe('');
    await gateway.events.until(() => gateway.events.troubles.length > 0);
  });

  it('stops although somebody hangs before the handshake', async () => {
    const gateway = await openGateway({ tls: pair, tlsMode: 'implicit' });
    const client = await Dialog.open(gateway.port, false);
    client.send(Buffer.from('160301', 'hex'));
    await gateway.listener.close(50);
    expect(await client.rest()).toBe('');
  });
});

describe('client certificates', () => {
  const asked = { tls: { ...pair, clientCa: relay.certPem }, clientCertificate: 'request' as const };
  const required = { ...asked, clientCertificate: 'require' as const };
  const card = { key: relay.keyPem, cert: relay.certPem };
  const rcpt = async (socket: TLSSocket): Promise<void> => {
    await ask(socket, 'EHLO x.example');
    await ask(socket, 'MAIL FROM:<>');
    await ask(socket, 'RCPT TO:<known@b.example>');
  };

  it('are in the log', async () => {
    const gateway = await openGateway(asked);
    await rcpt(await secured(gateway, card));
    const who = expect.stringMatching(/^relay\.partner\.example sha256:[0-9a-f]{64}$/);
    expect(gateway.events.recipients).toMatchObject([{ tlsClient: who }]);
  });

  it('are not believed unless the authority signed them', async () => {
    const gateway = await openGateway({ ...asked, tls: { ...pair, clientCa: FOREIGN_AUTHORITY } });
    await rcpt(await secured(gateway, card));
    await rcpt(await secured(gateway));
    expect(gateway.events.recipients).toMatchObject([{ tlsClient: null }, { tlsClient: null }]);
  });

  it('when required, come before any mail', async () => {
    const gateway = await openGateway(required);
    const client = await gateway.greeted();
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^530 5\.7\.0/);
    expect(await client.ask('VRFY x')).toMatch(/^252/);
    await rcpt(await secured(gateway, card));
    expect(gateway.events.recipients).toHaveLength(1);
  });

  it.each([
    ['without one', {}],
    ['with one that nobody vouches for', { key: relay.keyPem, cert: relay.certPem }],
  ])('when required, a client %s has no session', async (_case, options) => {
    const clientCa = 'cert' in options ? FOREIGN_AUTHORITY : relay.certPem;
    const gateway = await openGateway({ ...required, tls: { ...pair, clientCa } });
    const socket = await secured(gateway, { ...options, maxVersion: 'TLSv1.2' }).catch(() => null);
    if (socket) await once(socket, 'close');
    await gateway.events.until(() => gateway.events.troubles.length > 0);
    expect(gateway.events.troubles[0]).toMatchObject({ stage: 'tls' });
  });
});

describe('tickets', () => {
  const ticketKeys = Buffer.alloc(48, 7);
  const session = async (gateway: Gateway): Promise<Buffer> => {
    const socket = await secured(gateway, { maxVersion: 'TLSv1.2' });
    return socket.getSession() as Buffer;
  };
  const resumes = async (gateway: Gateway, ticket: Buffer): Promise<boolean> =>
    (await secured(gateway, { maxVersion: 'TLSv1.2', session: ticket })).isSessionReused();

  it('resume where the keys are the same, and nowhere else', async () => {
    const one = await openGateway({ tls: { ...pair, ticketKeys }, port: 0 });
    const same = await openGateway({ tls: { ...pair, ticketKeys }, port: 0 });
    const strange = await openGateway({ tls: { ...pair, ticketKeys: Buffer.alloc(48, 8) } });
    const ticket = await session(one);
    expect([await resumes(one, ticket), await resumes(same, ticket), await resumes(strange, ticket)]).toEqual(
      [true, true, false],
    );
  });

  it('do not lead from a listener without client certificates to one that requires them', async () => {
    const lax = await openGateway({ tls: { ...pair, ticketKeys } });
    const strict = await openGateway({
      tls: { ...pair, ticketKeys, clientCa: relay.certPem },
      clientCertificate: 'require',
    });
    const ticket = await session(lax);
    await expect(resumes(strict, ticket)).rejects.toThrow();
  });

  it('are void after a change of keys', async () => {
    const gateway = await openGateway({ tls: { ...pair, ticketKeys } });
    const ticket = await session(gateway);
    gateway.listener.replaceCertificate({ ...pair, ticketKeys: Buffer.alloc(48, 9) });
    expect(await resumes(gateway, ticket)).toBe(false);
  });
});
