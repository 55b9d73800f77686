/** A real Postfix as next hop: who the client is (XCLIENT, XFORWARD), DSN, a pipelined envelope, resumed TLS sessions. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { AUTHORITY, keyPairFor } from '../smtp/key-pair.ts';
import { startPostfix } from './postfix.ts';
import { interop } from './programs.ts';
import { synced } from './synced.ts';

const CLIENT = '127.0.0.77';

/** One message from an address that is neither the gateway's nor the next hop's; every reply, in order. */
async function sendFrom(port: number, mail = 'MAIL FROM:<s@sender.example>', rcpt = ''): Promise<string[]> {
  await using client = await dialog(port, '127.0.0.1', CLIENT);
  await client.ask('EHLO real-client.example');
  client.send(
    `${mail}\r\nRCPT TO:<alice@contoso.example>${rcpt}\r\nRCPT TO:<info@contoso.example>\r\nDATA\r\n`,
  );
  const replies = [];
  for (let n = 0; n < 4; n++) replies.push(await client.reply());
  replies.push(await client.ask('Subject: x\r\n\r\nhello\r\n.'));
  return replies;
}

const TAKEN = [/^250/, /^250/, /^250/, /^354/, /^250/].map((pattern) => expect.stringMatching(pattern));

interop(import.meta.url, ['Postfix'], 'Postfix is told who the client is', () => {
  test.each([
    [
      'xforward',
      { smtpd_authorized_xforward_hosts: '127.0.0.1' },
      /client=.*127\.0\.0\.1\].*orig_client=\S*\[127\.0\.0\.77\]/,
    ],
    ['xclient', { smtpd_authorized_xclient_hosts: '127.0.0.1' }, /client=\S*\[127\.0\.0\.77\]/],
    ['off', { smtpd_authorized_xclient_hosts: '127.0.0.1' }, /client=\S*\[127\.0\.0\.1\]/],
  ])('by %s', { timeout: 60_000 }, async (how, main, line) => {
    await using hop = await startPostfix({ hostname: 'hop.example', mailboxFor: ['contoso.example'], main });
    await using tenant = await startPracticeTenant();
    const top = `[relay]\nforward_client = "${how}"`;
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}`, top }));
    for (let n = 0; n < 3; n++) expect(await sendFrom(daemon.port)).toEqual(TAKEN);
    expect(await hop.lines(3, line)).toHaveLength(3);
    // After XCLIENT Postfix offers no other, so that each client has a connection of its own; otherwise one is reused.
    const connections = hop.logged(/smtpd.*: connect from \S*\[127\.0\.0\.1\]/).length;
    expect(connections).toBeLessThanOrEqual(how === 'xclient' ? 4 : 2);
    expect(hop.logged(/lost connection/)).toEqual([]);
  });
});

interop(import.meta.url, ['Postfix'], 'Postfix over TLS', () => {
  test('verified, and every connection after the first is resumed', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-tls-'));
    const { key, cert } = keyPairFor('127.0.0.1');
    const file = path.join(folder, 'pair.pem');
    writeFileSync(file, key + cert);
    const main = {
      ...{ smtpd_tls_security_level: 'may', smtpd_tls_chain_files: file, smtpd_tls_loglevel: '2' },
    };
    await using hop = await startPostfix({ hostname: 'hop.example', mailboxFor: ['contoso.example'], main });
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(
      startDaemon({
        tenant,
        nextHop: `127.0.0.1:${hop.port}`,
        files: { 'both.pem': tenant.caPem + AUTHORITY },
        top: '[relay]\nmax_messages = 1',
        domain: 'next_hop_tls = "verified"',
        caFile: 'both.pem',
      }),
    );
    for (let n = 0; n < 4; n++) expect(await sendFrom(daemon.port)).toEqual(TAKEN);
    await hop.emptied();
    // A resumed handshake shows no certificate. One more connection asked at the start what the next hop can do.
    expect(await hop.lines(5, /TLS connection (established|reused)/)).toHaveLength(5);
    expect(await hop.lines(1, /SSL_accept:.*write certificate$/)).toHaveLength(1);
  });
});
