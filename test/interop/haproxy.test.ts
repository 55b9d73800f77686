/** HAProxy in front of a listener: both versions of its header, TLVs, health checks, STARTTLS passed through; swaks's XCLIENT. */
import { describe, expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import type { AccessLists } from '../../src/smtp/client.ts';
import { startDaemon } from '../daemon.ts';
import { Dialog } from '../smtp/dialog.ts';
import { openGateway } from '../smtp/gateway.ts';
import { keyPairFor } from '../smtp/key-pair.ts';
import { startHaProxy } from './haproxy.ts';
import { interop } from './programs.ts';
import { runProgram } from './run-program.ts';
import { synced } from './synced.ts';

const PROXIED: AccessLists = { proxies: ['127.0.0.1'], xclient: [], trusted: [], allow: [] };

interop(import.meta.url, ['haproxy'], 'HAProxy', () => {
  describe.each([
    ['version 1', 'send-proxy'],
    ['version 2', 'send-proxy-v2'],
    ['version 2 with TLVs', 'send-proxy-v2 proxy-v2-options crc32c,unique-id'],
  ])('with a header of %s', (_what, options) => {
    test.each([
      ['an IPv4 client', '127.0.0.9', '127.0.0.1'],
      ['an IPv6 client', '::1', '::1'],
    ])('names %s', async (_who, from, host) => {
      const gateway = await openGateway({ access: PROXIED });
      await using proxy = await startHaProxy(gateway.port, options);
      const client = await Dialog.open(proxy.port, true, from, host);
      await client.askAll('EHLO c.example', 'MAIL FROM:<>', 'RCPT TO:<known@b.example>');
      expect(gateway.events.recipients).toMatchObject([{ client: { address: from }, peer: '127.0.0.1' }]);
      client.close();
    });
  });

  test('passes STARTTLS through, and the client keeps its name', async () => {
    const gateway = await openGateway({ access: PROXIED, tls: keyPairFor('127.0.0.1') });
    await using proxy = await startHaProxy(gateway.port, 'send-proxy-v2');
    const client = await Dialog.open(proxy.port, true, '127.0.0.9');
    await client.askAll('EHLO c.example', 'STARTTLS');
    await client.secure();
    await client.askAll('EHLO c.example', 'MAIL FROM:<>', 'RCPT TO:<known@b.example>');
    expect(gateway.events.recipients).toMatchObject([{ client: { address: '127.0.0.9' }, tls: 'TLSv1.3' }]);
    client.close();
  });

  test('checks the health of the listener with LOCAL headers, which name nobody and trouble nobody', async () => {
    const gateway = await openGateway({ access: PROXIED, commandTimeout: 500 });
    await using proxy = await startHaProxy(gateway.port, 'send-proxy-v2 check check-send-proxy inter 50ms');
    await proxy.seen(/Health check for server smtp\/gateway succeeded/);
    const client = await Dialog.open(proxy.port, true, '127.0.0.9');
    expect(await client.ask('NOOP')).toMatch(/^250/);
    expect(gateway.events.troubles).toEqual([]);
    client.close();
  });

  test('without a header is turned away, and so is who comes past it', async () => {
    const gateway = await openGateway({ access: PROXIED, commandTimeout: 300 });
    await using proxy = await startHaProxy(gateway.port, '');
    const client = await Dialog.open(proxy.port, false);
    client.send('EHLO c.example\r\n');
    expect(await client.rest()).toBe('');
    expect(String(gateway.events.troubles[0]?.error)).toContain('not a PROXY header');
    const past = await gateway.dialog(false, '127.0.0.3');
    expect(await past.reply()).toMatch(/^421 4\.3\.5/);
  });
});

interop(import.meta.url, ['swaks'], 'swaks with XCLIENT', () => {
  test('is taken from a listed relay', async () => {
    await using tenant = await startPracticeTenant();
    const smtp = 'xclient = ["127.0.0.1"]';
    await using daemon = await synced(startDaemon({ tenant, mode: 'verify', smtp }));
    const where = ['--server', '127.0.0.1', '--port', String(daemon.port), '--helo', 'relay.example'];
    const claim = [
      '--xclient-addr',
      '192.0.2.7',
      '--xclient-name',
      'mx.client.example',
      '--xclient-helo',
      'real.example',
    ];
    const run = await runProgram('swaks', [
      ...where,
      ...claim,
      '--to',
      'nobody@contoso.example',
      '--quit-after',
      'RCPT',
    ]);
    expect(run.text).toMatch(/-> XCLIENT .*ADDR=192\.0\.2\.7.*\n<- {2}220 gateway\.example ESMTP/);
    expect(run.text).toMatch(/RCPT TO:<nobody@contoso\.example>\n<\*\* 550 5\.1\.1/);
    expect(await daemon.logged((line) => line.event === 'rcpt.reject')).toMatchObject({
      client: '127.0.0.1',
      real_client: '192.0.2.7',
      helo: 'real.example',
    });
  });
});
