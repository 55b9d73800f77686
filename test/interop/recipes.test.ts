/** A real Postfix with each recipe of the README, word for word: who is accepted, refused and deferred, and when. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type PracticeTenant, startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, type DaemonOptions, freePort, startDaemon } from '../daemon.ts';
import { type Dialog, dialog } from '../dialog.ts';
import { eventually } from './eventually.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { interop } from './programs.ts';
import { recipe, settings } from './recipe.ts';
import { mustRun, runProgram } from './run-program.ts';
import { synced } from './synced.ts';

const BASE = 'relay:[contoso-example.mail.protection.outlook.com]';
const WAYS = ['both', 'socketmap', 'policy', 'verify', 'map'] as const;
type Way = (typeof WAYS)[number];

/** What each way answers while the daemon is down: known, and unknown recipients. */
const DOWN: Readonly<Record<Way, readonly [RegExp, RegExp]>> = {
  both: [/^250 /, /^451 /],
  socketmap: [/^451 /, /^451 /],
  policy: [/^451 /, /^451 /],
  verify: [/^450 /, /^450 /],
  map: [/^250 /, /^550 /],
};

interface Site extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly postfix: Postfix;
  /** The daemon once more after it ended, with the same ports and state. */
  restart(): Promise<Daemon>;
}

/** A gateway as the README configures it, on ports of its own, and a Postfix that uses it in one way. */
async function site(way: Way, tenant: PracticeTenant, more = ''): Promise<Site> {
  const [map, policy] = [await freePort(), await freePort()];
  const first = await startDaemon({ tenant, mode: 'verify' });
  await first.end('SIGTERM');
  const { stateDir } = first;
  const listener = /\[\[smtp\]\]\n(?:[a-z].*\n)+/;
  const gateway = recipe('gateway', {
    '127.0.0.1:2527': `127.0.0.1:${map}`,
    '127.0.0.1:2528': `127.0.0.1:${policy}`,
    '/var/lib/rcptgate': stateDir,
  }).replace(listener, '');
  const options: DaemonOptions = { tenant, mode: 'verify', stateDir, more: `${gateway}\n${more}` };
  const start = () => synced(startDaemon({ ...options, smtpPort: first.port }));
  let daemon = await start();
  await daemon.logged(({ event, path: file }) => event === 'export.write' && file === exported(stateDir));
  // Postfix's own user reads the map.
  await mustRun('chmod', ['755', stateDir]);
  const places: Record<Way, Record<string, string>> = {
    both: { '/var/lib/rcptgate': stateDir, '127.0.0.1:2527': `127.0.0.1:${map}` },
    socketmap: { '127.0.0.1:2527': `127.0.0.1:${map}` },
    policy: { '127.0.0.1:2528': `127.0.0.1:${policy}` },
    verify: { '[127.0.0.1]:2525': `[127.0.0.1]:${first.port}` },
    map: { '/var/lib/rcptgate': stateDir },
  };
  const postfix = await startPostfix({
    hostname: 'mx.example',
    mailboxFor: [],
    main: {
      ...settings(recipe('postfix-base', { [BASE]: 'discard:' })),
      ...settings(recipe(`postfix-${way}`, places[way])),
      address_verify_poll_delay: '1s',
      smtpd_error_sleep_time: '0',
      smtpd_hard_error_limit: '100000',
      smtpd_soft_error_limit: '100000',
      smtpd_recipient_limit: '100000',
      smtpd_client_restrictions: '',
    },
  });
  return {
    get daemon() {
      return daemon;
    },
    postfix,
    async restart() {
      daemon = await start();
      return daemon;
    },
    async [Symbol.asyncDispose]() {
      await postfix[Symbol.asyncDispose]();
      await daemon[Symbol.asyncDispose]();
      await mustRun('rm', ['-rf', stateDir]);
    },
  };
}

function exported(stateDir: string): string {
  return path.join(stateDir, 'export', 'recipients');
}

async function greeted(port: number): Promise<Dialog> {
  const client = await dialog(port);
  await client.ask('EHLO client.example');
  return client;
}

async function rcpt(client: Dialog, to: string): Promise<string> {
  await client.ask('RSET');
  await client.ask('MAIL FROM:<me@sender.example>');
  return client.ask(`RCPT TO:<${to}>`);
}

interop(import.meta.url, ['Postfix'], 'the Postfix recipes of the README', () => {
  test.each(WAYS)('%s: known, unknown, alias, sub-address, role, and a mailbox in grace', async (way) => {
    await using tenant = await startPracticeTenant();
    const leaver = tenant.directory.createUser({ userPrincipalName: 'leaver@contoso.example' });
    await using at = await site(way, tenant, '[guard]\nrecent_mail = "0s"');
    tenant.directory.purge(leaver);
    await at.daemon.run('sync');
    await using client = await greeted(at.postfix.port);
    for (const known of ['alice', 'A.Smith', 'info', 'sales', 'postmaster', 'abuse', 'leaver']) {
      expect(await rcpt(client, `${known}@Contoso.Example`), known).toMatch(/^250 2\.1\.5 /);
    }
    expect(await rcpt(client, 'nobody@contoso.example')).toMatch(/^550 5\.1\.1 /);
    // A map has no sub-addresses: Postfix takes them off by itself, with recipient_delimiter.
    const tagged = await rcpt(client, 'alice+news@contoso.example');
    expect(tagged).toMatch(way === 'map' ? /^550 5\.1\.1 / : /^250 2\.1\.5 /);
  });

  test.each(WAYS)('%s: while the daemon is down, and after it came back', async (way) => {
    await using tenant = await startPracticeTenant();
    await using at = await site(way, tenant);
    await at.daemon.end('SIGKILL');
    await using client = await greeted(at.postfix.port);
    const [known, unknown] = DOWN[way];
    expect(await rcpt(client, 'alice@contoso.example')).toMatch(known);
    expect(await rcpt(client, 'nobody@contoso.example')).toMatch(unknown);
    await at.restart();
    await eventually('an unknown recipient is refused again', async () =>
      (await rcpt(client, 'nobody2@contoso.example')).startsWith('550 5.1.1'),
    );
    expect(await rcpt(client, 'bob@contoso.example')).toMatch(/^250 /);
  });

  test.each(['both', 'socketmap', 'policy'] as const)(
    '%s: a stale directory defers the unknown',
    async (way) => {
      await using tenant = await startPracticeTenant();
      const more = '[directory]\nfreshness_limit = "1s"\n[lookup]\nenabled = false';
      await using at = await site(way, tenant, more);
      await tenant.close();
      await eventually('the directory is stale', async () =>
        (await at.daemon.run('check', 'nobody@contoso.example')).out.includes('451 4.4.3'),
      );
      await using client = await greeted(at.postfix.port);
      expect(await rcpt(client, 'nobody@contoso.example')).toMatch(/^45[01] 4\.[34]\./);
      expect(await rcpt(client, 'alice@contoso.example')).toMatch(/^250 /);
    },
  );

  test.each(['both', 'socketmap', 'policy'] as const)(
    '%s: no wrong 5xx while the daemon restarts under load',
    async (way) => {
      await using tenant = await startPracticeTenant();
      await using at = await site(way, tenant);
      const stopping = new AbortController();
      const said: string[] = [];
      const accepted = () => said.filter((reply) => /^250/.test(reply)).length;
      const load = Array.from({ length: 4 }, async () => {
        await using client = await greeted(at.postfix.port);
        while (!stopping.signal.aborted) {
          const reply = await rcpt(client, 'alice@contoso.example');
          if (reply === 'closed') throw new Error('Postfix closed the connection');
          said.push(reply);
        }
      });
      // However slow the machine is, each restart has answers before and after it.
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const before = accepted();
        await eventually('recipients are accepted', () => accepted() > before + 10);
        await at.daemon.end(signal);
        await at.restart();
      }
      const before = accepted();
      await eventually('recipients are accepted again', () => accepted() > before + 10);
      stopping.abort();
      await Promise.all(load);
      expect(said.filter((reply) => /^5/.test(reply))).toEqual([]);
    },
  );

  test.each(['both', 'socketmap', 'policy'] as const)(
    '%s: ten thousand RCPT, each with the right answer',
    async (way) => {
      await using tenant = await startPracticeTenant();
      await using at = await site(way, tenant, '[lookup]\nenabled = false');
      await using client = await greeted(at.postfix.port);
      const told: Record<string, number> = {};
      for (let batch = 0; batch < 20; batch++) {
        await client.ask('RSET');
        await client.ask('MAIL FROM:<me@sender.example>');
        const recipients = Array.from({ length: 500 }, (_, n) =>
          n % 2 === 0 ? 'alice' : `guess${batch}.${n}`,
        );
        client.send(recipients.map((local) => `RCPT TO:<${local}@contoso.example>\r\n`).join(''));
        for (const local of recipients) {
          const answer = `${local === 'alice' ? 'known' : 'unknown'} ${(await client.reply()).slice(0, 9)}`;
          told[answer] = (told[answer] ?? 0) + 1;
        }
      }
      expect(told).toEqual({ 'known 250 2.1.5': 5000, 'unknown 550 5.1.1': 5000 });
    },
  );

  test("ten thousand lookups with postmap's client, each with the right answer", async () => {
    await using tenant = await startPracticeTenant();
    await using at = await site('socketmap', tenant, '[lookup]\nenabled = false');
    const keys = Array.from({ length: 10_000 }, (_, n) => (n % 2 === 0 ? 'alice' : `guess${n}`)).map(
      (local) => `${local}@contoso.example`,
    );
    const { relay_recipient_maps: map = '' } = settings(
      recipe('postfix-socketmap', { '127.0.0.1:2527': doorOf(at.daemon, 'socketmap') }),
    );
    const { text } = await runProgram('postmap', ['-q', '-', map], `${keys.join('\n')}\n`);
    expect(text).toBe('alice@contoso.example\tknown\n'.repeat(5000));
  });

  test('an export is what Postfix reads, entry by entry', async () => {
    await using tenant = await startPracticeTenant();
    await using at = await site('map', tenant);
    const file = exported(at.daemon.stateDir);
    const keys = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith(' OK'))
      .map((line) => line.slice(0, -3));
    const { text } = await runProgram('postmap', ['-q', '-', `cdb:${file}`], `${keys.join('\n')}\n`);
    expect(text.trim().split('\n')).toEqual(keys.map((key) => `${key}\tOK`));
    expect(keys).toContain('alice@contoso.example');
  });
});

/** `host:port` of a door, from the log. */
function doorOf(daemon: Daemon, protocol: string): string {
  const line = daemon.log.find(({ event, mode }) => event === 'listener.open' && mode === protocol);
  return String(line?.address);
}
