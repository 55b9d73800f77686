/** swaks, the tool an operator tries a mail server with, against the real daemon. */
import { expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { hardMessage, traceOf, withCrLf } from './messages.ts';
import { interop } from './programs.ts';
import { runProgram } from './run-program.ts';
import { startScriptedHop } from './scripted-hop.ts';
import { synced } from './synced.ts';

interop(import.meta.url, ['swaks'], 'swaks', () => {
  test('a known recipient gets 250 and the message is at the next hop', async () => {
    await using hop = await startScriptedHop();
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` }));
    const run = await swaks(daemon, ['--to', 'alice@contoso.example', '--header', 'Subject: from swaks']);
    expect(run.text).toMatch(/RCPT TO:<alice@contoso\.example>\n<- {2}250 2\.1\.5 /);
    expect(run.code).toBe(0);
    expect(hop.messages).toHaveLength(1);
    expect(hop.messages[0]).toMatchObject({ from: 'sender@sender.example', to: ['alice@contoso.example'] });
    expect(hop.messages[0]?.bytes.toString()).toMatch(
      /^Received: from (?:.|\r\n\t)+\r\nDate: .*\r\n(?:.*\r\n)*Subject: from swaks\r\n/,
    );
  });

  test('an unknown recipient gets 550 5.1.1 with a reference at RCPT, and nothing reaches the next hop', async () => {
    await using hop = await startScriptedHop();
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` }));
    const run = await swaks(daemon, ['--to', 'nobody@contoso.example']);
    expect(run.text).toMatch(
      /RCPT TO:<nobody@contoso\.example>\n<\*\* 550 5\.1\.1 .+\[ref [0-9A-Z]{6}\]\n -> QUIT/,
    );
    // swaks ends with 24 when no recipient was accepted.
    expect(run.code).toBe(24);
    expect(hop.transfers).toBe(0);
  });

  test('pipelined, one known and one unknown recipient: the message goes to the known one', async () => {
    await using hop = await startScriptedHop();
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` }));
    const both = ['--to', 'nobody@contoso.example,info@contoso.example', '--pipeline'];
    const run = await swaks(daemon, both);
    expect(run.text).toContain('<-  250-PIPELINING');
    // The whole group goes out before the first of its replies comes back.
    expect(run.text).toMatch(/ -> MAIL FROM.*\n -> RCPT TO.*\n -> RCPT TO.*\n -> DATA\n<- {2}250 2\.1\.0/);
    expect(run.text).toMatch(/<\*\* 550 5\.1\.1 .*\n<- {2}250 2\.1\.5 .*\n<- {2}354 /);
    expect(run.code).toBe(0);
    expect(hop.messages.map(({ to }) => to)).toEqual([['info@contoso.example']]);
  });

  test('a body of dot lines, 8-bit text and long lines arrives byte for byte', async () => {
    await using hop = await startScriptedHop();
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` }));
    const sent = withCrLf(hardMessage('swaks-dots'));
    // swaks stuffs the dots of what it reads itself, all but a lone one at the very end, which it takes for the end.
    const data = Buffer.concat([sent, Buffer.from('.\r\n')]);
    const run = await swaks(daemon, ['--to', 'alice@contoso.example', '--data', '-'], data);
    expect(run.code).toBe(0);
    const trace = traceOf(hop.messages[0]?.bytes ?? Buffer.alloc(0), sent);
    expect(trace).toHaveLength(1);
    expect(trace[0]).toMatch(
      /^Received: from client\.example \(\[127\.0\.0\.1\]\) by gateway\.example with ESMTP id /,
    );
  });
});

function swaks(daemon: Daemon, args: readonly string[], input?: Buffer) {
  const where = ['--server', '127.0.0.1', '--port', String(daemon.port), '--helo', 'client.example'];
  return runProgram('swaks', [...where, '--from', 'sender@sender.example', ...args], input);
}
