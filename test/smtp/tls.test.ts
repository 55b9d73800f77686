/** STARTTLS on both sides: offered only with a certificate, immune to injection, and as strict as configured. */
import { describe, expect, it } from 'vitest';
import { openGateway, openRelaying } from './gateway.ts';
import { AUTHORITY, keyPairFor } from './key-pair.ts';
import { ScriptedHop } from './scripted-hop.ts';

const pair = keyPairFor('127.0.0.1');
const other = keyPairFor('other.example');

describe('inbound STARTTLS', () => {
  it('secures the session and forgets what was said before', async () => {
    const gateway = await openGateway({ tls: pair });
    const client = await gateway.dialog();
    expect(await client.ask('EHLO clear.example')).toContain('STARTTLS');
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('STARTTLS')).toMatch(/^220 2\.0\.0/);
    await client.secure();
    expect(await client.ask('RCPT TO:<known@b.example>')).toMatch(/^503/);
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^503/);
    expect(await client.ask('EHLO safe.example')).not.toContain('STARTTLS');
    expect(await client.ask('STARTTLS')).toMatch(/^503/);
    await client.askAll('MAIL FROM:<>', 'RCPT TO:<known@b.example>');
    expect(gateway.events.recipients).toMatchObject([{ tls: 'TLSv1.3', helo: 'safe.example' }]);
  });

  it('drops what came in the clear behind STARTTLS', async () => {
    const gateway = await openGateway({ tls: pair });
    const client = await gateway.greeted();
    client.send('STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@x.example>\r\n');
    expect(await client.reply()).toMatch(/^220/);
    await client.secure().catch(() => undefined);
    expect(gateway.events.recipients).toEqual([]);
    const clean = await gateway.greeted();
    await clean.ask('STARTTLS');
    await clean.secure();
    expect(await clean.ask('MAIL FROM:<>')).toMatch(/^503/);
  });

  it('survives garbage instead of a handshake, and reports it', async () => {
    const gateway = await openGateway({ tls: pair });
    const client = await gateway.greeted();
    await client.ask('STARTTLS');
    client.send('this is no handshake\r\n');
    await client.rest();
    expect(gateway.events.troubles.length).toBeGreaterThan(0);
    expect(await (await gateway.greeted()).ask('NOOP')).toMatch(/^250/);
  });

  it('cuts a handshake that never comes', async () => {
    const gateway = await openGateway({ tls: pair, commandTimeout: 100 });
    const client = await gateway.greeted();
    await client.ask('STARTTLS');
    await gateway.events.until(() => gateway.events.refusals.length > 0);
    await expect.poll(() => gateway.listener.connections()).toBe(0);
  });

  it('counts a client only as long as it is connected', async () => {
    const gateway = await openGateway({ tls: pair, maxConnectionsPerClient: 2 });
    for (let session = 0; session < 5; session += 1) {
      const client = await gateway.greeted();
      await client.ask('STARTTLS');
      await client.secure();
      expect(await client.ask('QUIT'), `session ${session}`).toMatch(/^221/);
      await client.rest();
      await expect.poll(() => gateway.listener.connections()).toBe(0);
    }
  });

  it('stops in the middle of a handshake', async () => {
    const gateway = await openGateway({ tls: pair });
    const client = await gateway.greeted();
    await client.ask('STARTTLS');
    client.send(Buffer.from('160301', 'hex'));
    await gateway.listener.close(0);
    expect(await client.rest()).toBe('');
  });

  it('refuses a pair that does not match, at the start and at a change', async () => {
    const wrong = { key: pair.key, cert: other.cert };
    await expect(openGateway({ tls: wrong })).rejects.toThrow();
    const gateway = await openGateway({ tls: pair });
    expect(() => gateway.listener.replaceCertificate(wrong)).toThrow();
    const client = await gateway.greeted();
    await client.ask('STARTTLS');
    await client.secure();
    expect(await client.ask('NOOP')).toMatch(/^250/);
    gateway.listener.replaceCertificate(other);
    const next = await gateway.greeted();
    await next.ask('STARTTLS');
    await next.secure();
    expect(await next.ask('NOOP')).toMatch(/^250/);
  });
});

describe('outbound STARTTLS', () => {
  const message = ['MAIL FROM:<>', 'RCPT TO:<known1@b.example>'];

  it.each(['opportunistic', 'required'] as const)('%s: is used without verification', async (tls) => {
    const hop = await ScriptedHop.start({ tls: other });
    const client = await (await openRelaying(hop.name, {}, { tls })).greeted();
    expect((await client.askAll(...message))[1]).toMatch(/^250/);
    expect(hop.commands.map((line) => line.slice(0, 4))).toEqual(['EHLO', 'STAR', 'EHLO', 'MAIL', 'RCPT']);
    await client.ask('DATA');
    expect(await client.ask('x\r\n.')).toMatch(/^250/);
    expect(hop.delivered).toHaveLength(1);
  });

  it('opportunistic: goes on in the clear when not offered', async () => {
    const hop = await ScriptedHop.start();
    const client = await (await openRelaying(hop.name, {}, { tls: 'opportunistic' })).greeted();
    expect((await client.askAll(...message))[1]).toMatch(/^250/);
  });

  it('opportunistic: connects again in the clear when the handshake fails, and says so', async () => {
    const keywords = ['8BITMIME', 'STARTTLS'];
    const hop = await ScriptedHop.start({ keywords, starttls: { do: 'reply-and-close', text: '220 go' } });
    const gateway = await openRelaying(hop.name, {}, { tls: 'opportunistic' });
    const client = await gateway.greeted();
    expect((await client.askAll(...message))[1]).toMatch(/^250/);
    expect(hop.connections).toBe(2);
    expect(gateway.events.hopTroubles).toMatchObject([{ stage: 'starttls' }]);
  });

  it('required: defers when not offered or refused', async () => {
    const bare = await ScriptedHop.start();
    const one = await (await openRelaying(bare.name, {}, { tls: 'required' })).greeted();
    expect((await one.askAll(...message))[1]).toMatch(/^451 4\.7\.5/);
    const refusing = await ScriptedHop.start({ keywords: ['STARTTLS'], starttls: '454 4.7.0 not now' });
    const two = await (await openRelaying(refusing.name, {}, { tls: 'required' })).greeted();
    expect((await two.askAll(...message))[1]).toMatch(/^451 4\.7\.5/);
  });

  it('verified: wants chain and name', async () => {
    const good = await ScriptedHop.start({ tls: pair });
    const trusting = await (await openRelaying(good.name, {}, { tls: 'verified', ca: AUTHORITY })).greeted();
    expect((await trusting.askAll(...message))[1]).toMatch(/^250/);
    const doubting = await (await openRelaying(good.name, {}, { tls: 'verified' })).greeted();
    expect((await doubting.askAll(...message))[1]).toMatch(/^451 4\.7\.5/);
    const misnamed = await ScriptedHop.start({ tls: other });
    const strict = await (
      await openRelaying(misnamed.name, {}, { tls: 'verified', ca: AUTHORITY })
    ).greeted();
    expect((await strict.askAll(...message))[1]).toMatch(/^451 4\.7\.5/);
  });

  it('ignores what was said before the handshake', async () => {
    const hop = await ScriptedHop.start({ tls: pair, injected: '250-evil\r\n250 SIZE 1\r\n' });
    const gateway = await openRelaying(hop.name, {}, { tls: 'required' });
    const client = await gateway.greeted();
    expect((await client.askAll(...message))[1]).toMatch(/^250/);
    expect(gateway.relay.capabilities(hop.name)).toMatchObject({ size: 50_000_000 });
  });
});
