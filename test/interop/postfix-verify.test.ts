/** A real Postfix that asks a `verify` listener before it accepts a recipient (reject_unverified_recipient). */
import { expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { startDaemon } from '../daemon.ts';
import { type Dialog, dialog } from '../dialog.ts';
import { eventually } from './eventually.ts';
import { startPostfix } from './postfix.ts';
import { interop } from './programs.ts';
import { synced } from './synced.ts';

interop(import.meta.url, ['Postfix'], 'Postfix asks a verify listener', () => {
  test('known 250, unknown 550 with our answer; the probes leave no mail', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, mode: 'verify' }));
    await using postfix = await startAsking(daemon.port);
    await using client = await greeted(postfix.port);

    expect(await rcpt(client, 'alice@contoso.example')).toMatch(/^250 2\.1\.5 /);
    expect(await rcpt(client, 'A.Smith@Contoso.Example')).toMatch(/^250 2\.1\.5 /);
    expect(await rcpt(client, 'nobody@contoso.example')).toMatch(
      /^550 5\.1\.1 <nobody@contoso\.example>: Recipient address rejected: undeliverable address: .*550 5\.1\.1 No such recipient here \[ref [0-9A-Z]{6}\]/,
    );

    await postfix.emptied();
    expect(postfix.mailbox()).toEqual([]);
    await daemon.end('SIGTERM');
    expect(daemon.log.filter(({ event }) => String(event).startsWith('message.'))).toEqual([]);
    expect(await postfix.lines(2, /status=deliverable/)).toHaveLength(2);
    expect(await postfix.lines(1, /status=undeliverable/)).toHaveLength(1);
  });

  test('a stale directory: 450 for an unknown recipient, 250 for a known one', async () => {
    await using tenant = await startPracticeTenant();
    const more = '[directory]\nfreshness_limit = "1s"\n[lookup]\nenabled = false';
    await using daemon = await synced(startDaemon({ tenant, mode: 'verify', more }));
    await using postfix = await startAsking(daemon.port);
    await using client = await greeted(postfix.port);
    await tenant.close();
    await eventually('the directory is stale', async () =>
      (await daemon.run('check', 'unknown@contoso.example')).out.includes('451 4.4.3'),
    );
    expect(await rcpt(client, 'unknown@contoso.example')).toMatch(
      /^450 4\.(1\.1|4\.3) <unknown@contoso\.example>: Recipient address rejected: unverified address: .*451 4\.4\.3 /,
    );
    // An old yes is still a yes, also for an address that Postfix has not asked for yet.
    expect(await rcpt(client, 'info@contoso.example')).toMatch(/^250 2\.1\.5 /);
  });

  test('mail for a verified recipient is delivered by Postfix itself', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, mode: 'verify' }));
    await using postfix = await startAsking(daemon.port);
    await using client = await greeted(postfix.port);
    expect(await rcpt(client, 'sales@contoso.example')).toMatch(/^250 /);
    expect(await client.ask('DATA')).toMatch(/^354 /);
    expect(await client.ask('Subject: verified\r\n\r\nHello.\r\n.')).toMatch(/^250 /);
    await postfix.emptied();
    expect(postfix.mailbox().map((mail) => mail.toString())).toEqual([expect.stringContaining('Hello.')]);
  });
});

/** Delivers contoso.example into its own mailbox, but asks the gateway first. */
function startAsking(gatewayPort: number) {
  return startPostfix({
    hostname: 'mx.example',
    mailboxFor: ['contoso.example'],
    main: {
      smtpd_recipient_restrictions: 'reject_unverified_recipient, reject_unauth_destination',
      address_verify_virtual_transport: `smtp:[127.0.0.1]:${gatewayPort}`,
      address_verify_poll_delay: '1s',
      unverified_recipient_reject_code: '550',
    },
  });
}

async function greeted(port: number): Promise<Dialog> {
  const client = await dialog(port);
  await client.ask('EHLO client.example');
  return client;
}

/** The answer to one recipient in a transaction of its own. */
async function rcpt(client: Dialog, address: string): Promise<string> {
  await client.ask('RSET');
  await client.ask('MAIL FROM:<sender@sender.example>');
  return client.ask(`RCPT TO:<${address}>`);
}
