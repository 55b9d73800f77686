/** The real daemon between two real Postfixes: what one sends is what the other gets. */
import { expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { startDaemon } from '../daemon.ts';
import { eventually } from './eventually.ts';
import { bigMessage, hardMessage, traceOf, withCrLf } from './messages.ts';
import { startPostfix } from './postfix.ts';
import { interop } from './programs.ts';
import { startScriptedHop } from './scripted-hop.ts';
import { synced } from './synced.ts';
import { startUpstream } from './upstream.ts';

const ALICE = 'alice@contoso.example';
const SENDER = 'sender@sender.example';
const TEN_MEGABYTES = 10_000_000;

interop(import.meta.url, ['Postfix'], 'Postfix to Postfix', () => {
  test('dot lines, 8-bit text, 998-octet lines and 10 MB arrive as they were sent, once', {
    timeout: 60_000,
  }, async () => {
    await using hop = await startPostfix({ hostname: 'hop.example', mailboxFor: ['contoso.example'] });
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` }));
    await using upstream = await startUpstream(daemon.port);
    const messages = [hardMessage('postfix-hard'), bigMessage('postfix-big', TEN_MEGABYTES)];
    for (const message of messages) await upstream.submit(SENDER, [ALICE], message);
    await upstream.emptied();
    await hop.emptied();
    const arrived = hop.mailbox().sort((one, other) => one.length - other.length);
    expect(arrived).toHaveLength(messages.length);
    for (const [index, message] of messages.entries()) {
      const trace = traceOf(arrived[index] as Buffer, message);
      // Newest first: put on by the mailbox and the next hop, by the gateway, by the sender.
      expect(trace).toEqual([
        `Return-Path: <${SENDER}>`,
        `X-Original-To: ${ALICE}`,
        `Delivered-To: ${ALICE}`,
        expect.stringMatching(/^Received: from gateway\.example .*by hop\.example /),
        expect.stringMatching(/^Received: from upstream\.example .*by gateway\.example with ESMTP id /),
        expect.stringMatching(/^Received: by upstream\.example /),
      ]);
    }
    expect(upstream.logged(/status=(deferred|bounced)/)).toEqual([]);
  });

  test('on the wire to the next hop too, every byte and line end is as it was sent', async () => {
    await using hop = await startScriptedHop();
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` }));
    await using upstream = await startUpstream(daemon.port);
    const message = hardMessage('postfix-wire');
    await upstream.submit(SENDER, [ALICE, 'bob@contoso.example'], message);
    await upstream.emptied();
    expect(hop.messages.map(({ from, to }) => ({ from, to }))).toEqual([
      { from: SENDER, to: [ALICE, 'bob@contoso.example'] },
    ]);
    expect(traceOf((hop.messages[0] as { bytes: Buffer }).bytes, withCrLf(message))).toHaveLength(2);
  });

  test('an unknown recipient among known ones is bounced, alone, with our text and reference', async () => {
    await using hop = await startPostfix({ hostname: 'hop.example', mailboxFor: ['contoso.example'] });
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}` }));
    await using upstream = await startUpstream(daemon.port);
    const message = hardMessage('postfix-one-unknown');
    await upstream.submit(SENDER, [ALICE, 'nobody@contoso.example', 'sales@contoso.example'], message);
    await upstream.emptied();
    await hop.emptied();

    const [bounced, ...others] = await upstream.lines(1, /status=bounced/);
    expect(others).toEqual([]);
    expect(bounced).toMatch(/to=<nobody@contoso\.example>.*dsn=5\.1\.1.*in reply to RCPT TO command/);
    const sent = await upstream.lines(2, /relay=127\.0\.0\.1.*status=sent/);
    expect(sent.map(recipientOf).sort()).toEqual([ALICE, 'sales@contoso.example']);
    const delivered = hop.mailbox().map((mail) => /^Delivered-To: (.*)$/m.exec(mail.toString('latin1'))?.[1]);
    expect(delivered.sort()).toEqual([ALICE, 'sales@contoso.example']);

    const refusal = await daemon.logged((line) => line.event === 'rcpt.reject');
    const report = (await eventually('the report is delivered', () => upstream.mailbox()[0])).toString();
    expect(upstream.mailbox()).toHaveLength(1);
    expect(report).toMatch(/^Final-Recipient: rfc822; nobody@contoso\.example$/m);
    expect(report).toMatch(/^Status: 5\.1\.1$/m);
    expect(report.replaceAll(/\n +/g, ' ')).toContain(
      `550 5.1.1 No such recipient here [ref ${refusal.ref}]`,
    );
    expect(report).not.toContain(`rfc822; ${ALICE}`);
    expect(refusal).toMatchObject({ rcpt: 'nobody@contoso.example', mail_from: SENDER, client: '127.0.0.1' });
  });

  test('a stale directory defers the unknown and bounces nobody; once synced, the mail is delivered', async () => {
    await using hop = await startPostfix({ hostname: 'hop.example', mailboxFor: ['contoso.example'] });
    await using tenant = await startPracticeTenant();
    const more = '[directory]\nfreshness_limit = "1s"\n[lookup]\nenabled = false';
    await using daemon = await synced(startDaemon({ tenant, nextHop: `127.0.0.1:${hop.port}`, more }));
    await using upstream = await startUpstream(daemon.port);
    await tenant.close();
    tenant.directory.createUser({ userPrincipalName: 'newcomer@contoso.example' });
    await eventually('the directory is stale', async () =>
      (await daemon.run('check', 'newcomer@contoso.example')).out.includes('451 4.4.3'),
    );

    const message = hardMessage('postfix-stale');
    await upstream.submit(SENDER, ['newcomer@contoso.example', ALICE], message);
    await upstream.log(/to=<newcomer@contoso\.example>.*dsn=4\.4\.3.*status=deferred.*451 4\.4\.3/);
    await upstream.log(/to=<alice@contoso\.example>.*status=sent/);
    expect((await upstream.queue()).flatMap((each) => each.recipients.map(({ address }) => address))).toEqual(
      ['newcomer@contoso.example'],
    );

    // As long as the tenant is away, nothing but waiting happens.
    await upstream.flush();
    await eventually(
      'it was tried again',
      () => upstream.logged(/to=<newcomer@.*status=deferred/).length === 2,
    );
    await tenant.listen();
    expect(await daemon.run('sync')).toMatchObject({ code: 0 });
    await upstream.flush();
    await upstream.emptied();
    await hop.emptied();
    expect(upstream.logged(/status=bounced/)).toEqual([]);
    expect(upstream.mailbox()).toEqual([]);
    const arrived = hop.mailbox();
    expect(arrived).toHaveLength(2);
    for (const mail of arrived) traceOf(mail, message);
  });
});

function recipientOf(line: string): string | undefined {
  return /to=<([^>]*)>/.exec(line)?.[1];
}
