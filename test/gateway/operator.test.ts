/** What Graph does not show: overrides by command and imports from Exchange, through the real daemon. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';

const YES = '250 2.1.5';
const NO = '550 5.1.1';

/** The whole reply that an address gets now. */
async function reply(daemon: Daemon, address: string): Promise<string> {
  await using client = await dialog(daemon.port);
  await client.ask('EHLO client.example');
  await client.ask('MAIL FROM:<>');
  // Awaited here: the connection closes with this scope.
  return await client.ask(`RCPT TO:<${address}>`);
}

async function answer(daemon: Daemon, address: string): Promise<string> {
  return (await reply(daemon, address)).slice(0, 9);
}

function scratch(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-operator-'));
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

const CONFIGURED = `
[[override]]
match = "configured@contoso.example"
action = "allow"
note = "from the file"
`;

describe('an override by command', () => {
  it('answers at once, survives a restart, expires, and goes', { timeout: 120_000 }, async () => {
    await using tenant = await startPracticeTenant();
    using state = scratch();
    const options = { tenant, mode: 'verify', stateDir: state.path, more: CONFIGURED } as const;
    {
      await using daemon = await startDaemon(options);
      expect((await daemon.run('sync')).code).toBe(0);
      expect(await answer(daemon, 'folder@contoso.example')).toBe(NO);
      const added = await daemon.run(
        ...[
          'override',
          'add',
          'Folder@Contoso.example',
          'allow',
          '--note',
          'public folder',
          '--expires',
          '30d',
        ],
      );
      expect([added.code, added.out + added.err]).toEqual([0, expect.stringContaining('added; it answers')]);
      expect(await answer(daemon, 'folder@contoso.example')).toBe(YES);
      expect(await daemon.logged(({ event }) => event === 'override.add')).toMatchObject({
        who: 'control socket',
        match: 'folder@contoso.example',
        action: 'allow',
        note: 'public folder',
        replaced: false,
      });
      const denied = ['override', 'add', '@contoso.example', 'deny', '--text', 'Closed for the season'];
      expect((await daemon.run(...denied)).code).toBe(0);
      expect(await reply(daemon, 'alice@contoso.example')).toMatch(
        /^550 5\.1\.1 Closed for the season \[ref/,
      );
      expect(await answer(daemon, 'configured@contoso.example')).toBe(YES);
      await daemon.end('SIGKILL');
    }
    await using daemon = await startDaemon(options);
    expect(await answer(daemon, 'folder@contoso.example')).toBe(YES);
    expect(await answer(daemon, 'alice@contoso.example')).toBe(NO);

    const list = await daemon.run('override', 'list');
    expect(list.out).toMatch(/^configured@contoso\.example +allow +file +active +- +from the file$/m);
    expect(list.out).toMatch(/^folder@contoso\.example +allow +command +active +20\d\d-.* +public folder$/m);
    expect(list.out).toContain(
      '@contoso.example: except configured@contoso.example (file), folder@contoso.example (command)',
    );
    const checked = await daemon.run('check', 'folder@contoso.example');
    expect(checked.out).toMatch(
      /override +allow folder@contoso\.example, added by command, until .*: public folder/,
    );

    expect((await daemon.run('override', 'remove', '@CONTOSO.example')).code).toBe(0);
    expect(await answer(daemon, 'alice@contoso.example')).toBe(YES);
    // Replaced by one that ends in a moment: nothing has to happen for it to stop.
    await daemon.run('override', 'add', 'folder@contoso.example', 'allow', '--expires', '1s');
    await expect.poll(() => answer(daemon, 'folder@contoso.example'), { timeout: 30_000 }).toBe(NO);
    await daemon.run('override', 'add', 'folder@contoso.example', 'allow', '--expires', '2020-02-29');
    expect(await answer(daemon, 'folder@contoso.example')).toBe(NO);
    expect((await daemon.run('override', 'list')).out).toMatch(
      /^folder@\S+ +allow +command +expired +2020-02-29T23:59:59/m,
    );
    const file = await daemon.run('override', 'remove', 'configured@contoso.example');
    expect([file.code, file.err]).toEqual([1, expect.stringContaining('configuration file')]);
  });
});

const HEADER = '"Identity","PrimarySmtpAddress","RecipientTypeDetails","EmailAddresses"';
const EXPORT = `#TYPE Selected.System.Management.Automation.PSCustomObject
${HEADER}
"Everybody","everybody@contoso.example","DynamicDistributionGroup","SMTP:everybody@contoso.example smtp:all@contoso.example X500:/o=ExchangeLabs/ou=Exchange Administrative Group/cn=all"
"Sales, ""north""","sales-folder@contoso.example","PublicFolder","smtp:sales-folder@contoso.example SMTP:sales@elsewhere.example"
"Alice","alice@contoso.example","UserMailbox","SMTP:alice@contoso.example"
`;

describe('an import from Exchange', () => {
  it('answers for what the directory does not know, at any age', { timeout: 120_000 }, async () => {
    await using tenant = await startPracticeTenant();
    using state = scratch();
    const file = path.join(state.path, 'recipients.csv');
    writeFileSync(file, Buffer.from(`\ufeff${EXPORT.replaceAll('\n', '\r\n')}`, 'utf16le'));
    const options = { tenant, mode: 'verify', stateDir: state.path } as const;
    {
      await using daemon = await startDaemon(options);
      // Before the tenant was ever read an import already says yes.
      const dry = await daemon.run('import', file, '--dry-run');
      expect([dry.code, dry.out]).toEqual([0, expect.stringContaining('dry run: nothing was changed')]);
      expect((await daemon.run('sync')).code).toBe(0);
      expect(await answer(daemon, 'all@contoso.example')).toBe(NO);
      expect((await daemon.run('coverage')).code).toBe(1);

      const lost = await daemon.run('import', file, '--tenant', '99999999-2222-3333-4444-555555555555');
      expect([lost.code, lost.err]).toEqual([1, expect.stringContaining('there is no tenant 99999999')]);
      const done = await daemon.run('import', file);
      expect([done.code, done.err]).toEqual([0, '']);
      expect(done.out).toMatch(/^DynamicDistributionGroup +2 +0 +0$/m);
      expect(done.out).toContain(
        'left out, not in an accepted domain of the tenant: 1 (elsewhere.example 1)',
      );
      expect(await answer(daemon, 'All@contoso.example')).toBe(YES);
      expect(await answer(daemon, 'sales-folder+tag@contoso.example')).toBe(YES);
      expect(await answer(daemon, 'nobody@contoso.example')).toBe(NO);
      expect(await daemon.logged(({ event }) => event === 'import.done')).toMatchObject({
        who: 'control socket',
        tenant: tenant.tenantId,
        file: 'recipients.csv',
        addresses: 4,
        added: 4,
        removed: 0,
        foreign: 1,
      });
      await daemon.end('SIGTERM');
    }
    await using daemon = await startDaemon(options);
    expect(await answer(daemon, 'all@contoso.example')).toBe(YES);
    const checked = JSON.parse((await daemon.run('check', '--json', 'all@contoso.example')).out);
    expect(checked).toMatchObject([
      { verdict: 'accept', reason: 'imported', imported: { file: 'recipients.csv' }, objects: [] },
    ]);
    const known = JSON.parse((await daemon.run('check', '--json', 'alice@contoso.example')).out);
    expect(known).toMatchObject([{ reason: 'known', imported: { file: 'recipients.csv' } }]);
    expect((await daemon.run('status')).out).toContain('4 addresses imported from recipients.csv');

    // A list that lost most of it is held, and the word of the operator lets it through.
    writeFileSync(file, `${HEADER}\n"Everybody","everybody@contoso.example","DynamicDistributionGroup",""\n`);
    const held = await daemon.run('import', file);
    expect([held.code, held.out]).toEqual([1, expect.stringContaining('held, nothing was changed: 3 of 4')]);
    expect(await answer(daemon, 'all@contoso.example')).toBe(YES);
    expect((await daemon.run('import', file, '--force')).code).toBe(0);
    expect(await answer(daemon, 'all@contoso.example')).toBe(NO);
    expect(await answer(daemon, 'everybody@contoso.example')).toBe(YES);
    expect((await daemon.run('import', '--remove')).out).toBe('1 imported addresses are gone.\n');
    expect(await answer(daemon, 'everybody@contoso.example')).toBe(NO);
    expect((await daemon.run('status')).out).not.toContain('imported');
  });

  it('closes the gaps that coverage names', { timeout: 120_000 }, async () => {
    await using tenant = await startPracticeTenant();
    using state = scratch();
    await using daemon = await startDaemon({ tenant, mode: 'verify', stateDir: state.path });
    expect((await daemon.run('sync')).code).toBe(0);
    const before = await daemon.run('coverage');
    expect(before.code).toBe(1);
    expect(before.out).toContain('dynamic distribution groups: Microsoft Graph does not show them');
    expect(before.out).toContain('grant OrgContact.Read.All');
    expect(before.out).toMatch(/^contoso\.example +enforce +yes +\d/m);
    const file = path.join(state.path, 'recipients.csv');
    writeFileSync(file, EXPORT);
    expect((await daemon.run('import', file)).code).toBe(0);
    const after = await daemon.run('coverage');
    expect([after.code, after.out]).toEqual([
      0,
      expect.stringContaining('nothing that has a name is missing'),
    ]);
    expect(after.out).toMatch(/^DynamicDistributionGroup +- +2 +import$/m);
  });
});
