/** msmtp, an SMTP client with a TLS library of its own (GnuTLS), against the real daemon: STARTTLS with verification, DSN, refusals. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { startDaemon } from '../daemon.ts';
import { AUTHORITY, keyPairFor } from '../smtp/key-pair.ts';
import { hardMessage, traceOf, withCrLf } from './messages.ts';
import { interop } from './programs.ts';
import { runProgram } from './run-program.ts';
import { startScriptedHop } from './scripted-hop.ts';
import { synced } from './synced.ts';

interop(import.meta.url, ['msmtp'], 'msmtp', () => {
  test('verifies our certificate, sends byte for byte, and tells of a refusal', async () => {
    await using hop = await startScriptedHop();
    await using tenant = await startPracticeTenant();
    const { cert, key } = keyPairFor('127.0.0.1');
    const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-msmtp-'));
    const file = (name: string, content: string): string => {
      writeFileSync(path.join(folder, name), content);
      return path.join(folder, name);
    };
    const smtp = `tls_cert = "${file('cert.pem', cert)}"\ntls_key = "${file('key.pem', key)}"`;
    const trusted = file('authority.pem', AUTHORITY);
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}`, smtp }));
    const send = (to: string, message: Buffer) =>
      runProgram(
        'msmtp',
        [
          ...['--host=127.0.0.1', `--port=${daemon.port}`, '--tls=on', '--tls-starttls=on', '--auth=off'],
          ...[`--tls-trust-file=${trusted}`, '--from=me@sender.example'],
          ...['--domain=client.example', '--', to],
        ],
        message,
      );
    const sent = withCrLf(hardMessage('msmtp'));
    const good = await send('alice@contoso.example', sent);
    expect([good.code, good.text]).toEqual([0, '']);
    const trace = traceOf(hop.messages[0]?.bytes ?? Buffer.alloc(0), sent);
    expect(trace[0]).toMatch(/with ESMTPS \(TLSv1\.3\) id /);

    const bad = await send('nobody@contoso.example', sent);
    expect(bad.code).not.toBe(0);
    expect(bad.text).toMatch(/550 5\.1\.1 No such recipient here \[ref [0-9A-Z]{6}\]/);
    file('authority.pem', tenant.caPem);
    expect((await send('alice@contoso.example', sent)).text).toMatch(/certificate/i);
    expect(hop.messages).toHaveLength(1);
  });
});
