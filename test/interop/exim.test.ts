/** A real Exim that asks a `verify` listener before it accepts a recipient (callouts in all their variants). */
import { expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { type Dialog, dialog } from '../dialog.ts';
import { eventually } from './eventually.ts';
import { startExim } from './exim.ts';
import { interop } from './programs.ts';
import { synced } from './synced.ts';

/** A sender for each variant; only `cached` may use what Exim remembers. */
const CALLOUTS = {
  'plain@sender.example': 'callout=10s,no_cache',
  'random@sender.example': 'callout=10s,no_cache,random',
  'postmaster@sender.example': 'callout=10s,no_cache,postmaster',
  'full@sender.example': 'callout=10s,no_cache,fullpostmaster,random',
  'own@sender.example': 'callout=10s,no_cache,use_sender',
  'cached@sender.example': 'callout=10s,postmaster',
};
const SENDERS = Object.keys(CALLOUTS);

interop(import.meta.url, ['Exim'], 'Exim calls out to a verify listener', () => {
  test('known is accepted, unknown refused with our answer, in every variant of a callout', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, mode: 'verify', top: 'log_level = "debug"' }));
    await using exim = await startExim(daemon.port, CALLOUTS);
    for (const sender of SENDERS) {
      const known = await rcpt(exim.port, sender, 'alice@contoso.example');
      expect(known, sender).toBe('250 Accepted');
      const unknown = await rcpt(exim.port, sender, 'nobody@contoso.example');
      expect(unknown, sender).toMatch(/^550-Callout verification failed:\n550 /);
      // Exim quotes the last reply it got, which is not the refusal when it goes on to try the postmaster.
      if (!/postmaster|full|cached/.test(sender))
        expect(unknown, sender).toContain('550 5.1.1 No such recipient here');
    }
    // The log is written in portions, the last of them at the end.
    await daemon.end('SIGTERM');
    const asked = answeredRecipients(daemon);
    // Exim tries a local part nobody has, and believes nothing of a server that accepts it.
    expect(
      asked.filter(([rcpt]) => /^exim\.example-\d+-testing@/.test(rcpt)).map(([, code]) => code),
    ).toContain(550);
    expect(asked).toContainEqual(['postmaster@contoso.example', 250]);
    expect(daemon.log.filter(({ event }) => String(event).startsWith('message.'))).toEqual([]);
    expect(daemon.log.filter(({ event }) => event === 'session.refuse')).toEqual([]);
  });

  test('a stale directory makes Exim defer the unknown, and still accept the known', async () => {
    await using tenant = await startPracticeTenant();
    const more = '[directory]\nfreshness_limit = "1s"\n[lookup]\nenabled = false';
    await using daemon = await synced(startDaemon({ tenant, mode: 'verify', more }));
    await using exim = await startExim(daemon.port, CALLOUTS);
    await tenant.close();
    await eventually('the directory is stale', async () =>
      (await daemon.run('check', 'nobody@contoso.example')).out.includes('451 4.4.3'),
    );
    for (const sender of SENDERS) {
      expect(await rcpt(exim.port, sender, 'nobody@contoso.example'), sender).toMatch(/^451[ -]/);
      // With `random`, Exim defers everybody as soon as its invented local part is deferred.
      const answer = /random/.test(CALLOUTS[sender as keyof typeof CALLOUTS]) ? /^451[ -]/ : /^250 Accepted$/;
      expect(await rcpt(exim.port, sender, 'alice@contoso.example'), sender).toMatch(answer);
    }

    // What was deferred is not held against anybody later.
    await tenant.listen();
    tenant.directory.createUser({ userPrincipalName: 'nobody2@contoso.example' });
    expect(await rcpt(exim.port, 'cached@sender.example', 'nobody2@contoso.example')).toMatch(/^451[ -]/);
    expect(await daemon.run('sync')).toMatchObject({ code: 0 });
    expect(await rcpt(exim.port, 'cached@sender.example', 'nobody2@contoso.example')).toBe('250 Accepted');
  });
});

async function rcpt(port: number, sender: string, address: string): Promise<string> {
  await using client: Dialog = await dialog(port);
  await client.ask('EHLO client.example');
  await client.ask(`MAIL FROM:<${sender}>`);
  return await client.ask(`RCPT TO:<${address}>`);
}

/** Every recipient the gateway was asked for, with the code it answered. */
function answeredRecipients(daemon: Daemon): Array<[string, number]> {
  return daemon.log
    .filter(({ event }) => String(event).startsWith('rcpt.'))
    .map((line) => [String(line.rcpt), Number(line.code)]);
}
