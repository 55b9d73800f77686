/** Exim with the recipe of the README, an appliance's call-ahead, and a script that asks over HTTP. */
import { mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { startEximWith } from './exim.ts';
import { EXIM_ROOT, interop } from './programs.ts';
import { recipe } from './recipe.ts';
import { mustRun } from './run-program.ts';
import { synced } from './synced.ts';

interop(import.meta.url, ['Exim'], 'the Exim recipe of the README', () => {
  test('listed recipients without a question, others by a callout; the listed ones also while the daemon is down', async () => {
    await using tenant = await startPracticeTenant();
    const folder = mkdtempSync(path.join(EXIM_ROOT, 'run', 'export-'));
    await mustRun('chmod', ['755', folder]);
    const more = `[[export]]\npath = "${folder}/recipients.exim"\nformat = "exim"`;
    await using daemon = await synced(
      startDaemon({ tenant, mode: 'verify', top: 'log_level = "debug"', more }),
    );
    await daemon.logged(({ event }) => event === 'export.write');
    await using exim = await startEximWith({
      acl: recipe('exim', { '/var/lib/rcptgate/export': path.join('/run', path.basename(folder)) }),
      routers: `${recipe('exim-router', { '127.0.0.1::2525': `127.0.0.1::${daemon.port}` })}
others:
  driver = accept
  domains = contoso.example
  transport = remote_smtp
`,
    });
    await using client = await dialog(exim.port);
    await client.ask('EHLO client.example');
    const rcpt = async (to: string): Promise<string> => {
      await client.ask('RSET');
      await client.ask('MAIL FROM:<me@sender.example>');
      return client.ask(`RCPT TO:<${to}>`);
    };
    expect(await rcpt('alice@contoso.example')).toMatch(/^250 /);
    expect(await rcpt('alice+news@contoso.example')).toMatch(/^250 /);
    const first = await daemon.logged(({ event }) => String(event).startsWith('rcpt.'));
    expect(first).toMatchObject({ rcpt: 'alice+news@contoso.example' });
    expect(await rcpt('nobody@contoso.example')).toMatch(/^550[ -]/);
    let accepted = 0;
    for (let batch = 0; batch < 20; batch++) {
      // Exim ends a connection of too many commands that are no mail.
      await using sender = await dialog(exim.port);
      await sender.ask('EHLO client.example');
      await sender.ask('MAIL FROM:<me@sender.example>');
      sender.send('RCPT TO:<alice@contoso.example>\r\n'.repeat(500));
      for (let n = 0; n < 500; n++) accepted += (await sender.reply()).startsWith('250') ? 1 : 0;
    }
    expect(accepted).toBe(10_000);
    tenant.directory.createUser({ userPrincipalName: 'new@contoso.example' });
    expect(await rcpt('new@contoso.example')).toMatch(/^250 /);
    await daemon.end('SIGKILL');
    expect(await rcpt('A.Smith@Contoso.example')).toMatch(/^250 /);
    expect(await rcpt('guess@contoso.example')).toMatch(/^451[ -]/);
    await mustRun('rm', ['-rf', folder]);
  });
});

describe('an appliance that calls ahead', () => {
  test('with a null and a real sender, many recipients and transactions on a connection, QUIT without DATA', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(
      startDaemon({ tenant, mode: 'verify', more: '[lookup]\nenabled = false' }),
    );
    await using client = await dialog(daemon.port);
    await client.ask('EHLO appliance.example');
    for (let probe = 0; probe < 300; probe++) {
      const sender = probe % 2 === 0 ? '' : 'verify@appliance.example';
      expect(await client.ask(`MAIL FROM:<${sender}>`)).toMatch(/^250 /);
      expect(await client.ask('RCPT TO:<alice@contoso.example>')).toMatch(/^250 2\.1\.5 /);
      expect(await client.ask(`RCPT TO:<guess${probe}@contoso.example>`)).toMatch(/^550 5\.1\.1 /);
      expect(await client.ask('RSET')).toMatch(/^250 /);
    }
    expect(await client.ask('QUIT')).toMatch(/^221 /);
    await daemon.end('SIGTERM');
    expect(daemon.log.filter(({ event }) => String(event).startsWith('message.'))).toEqual([]);
  });
});

describe('a script', () => {
  test('asks as the README says', async () => {
    await using tenant = await startPracticeTenant();
    await using daemon = await synced(startDaemon({ tenant, mode: 'verify' }));
    const command = recipe('http', { '/var/lib/rcptgate': daemon.stateDir });
    const told = JSON.parse(await mustRun('sh', ['-c', command])) as Record<string, unknown>;
    expect(told).toMatchObject({ verdict: 'accept', reason: 'known', reply: expect.stringMatching(/^250 /) });
    const documented = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    for (const field of Object.keys(told).filter((name) => name !== 'now')) {
      expect(documented, field).toContain(`\`${field}\``);
    }
  });
});
