/** A domain in `observe`, from the first unknown recipient to the word that it can be enforced. */
import { describe, expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { ScriptedHop } from '../smtp/scripted-hop.ts';

describe('observe', () => {
  it('accepts the unknown, and tells where the next hop differs', async () => {
    await using tenant = await startPracticeTenant();
    const refused = ['nobody@contoso.example', 'bob@contoso.example'];
    const hop = await ScriptedHop.start({
      rcpt: (path) => (refused.includes(path) ? '550 5.1.10 unknown' : null),
    });
    await using daemon = await startDaemon({ tenant, nextHop: hop.name, domain: 'policy = "observe"' });
    expect((await daemon.run('sync')).code).toBe(0);
    await using client = await dialog(daemon.port);
    await client.ask('EHLO client.example');
    await client.ask('MAIL FROM:<sender@x.example>');
    const codes = [];
    for (const name of ['alice', 'bob', 'folder', 'folder', 'nobody']) {
      codes.push((await client.ask(`RCPT TO:<${name}@contoso.example>`)).slice(0, 3));
    }
    expect(codes).toEqual(['250', '550', '250', '250', '550']);
    await client.ask('DATA');
    expect(await client.ask('Subject: x\r\n\r\nx\r\n.')).toMatch(/^250/);
    // What was not told yet is told at the stop.
    await daemon.end('SIGTERM');
    const { stateDir } = daemon;
    await using again = await startDaemon({
      ...{ tenant, stateDir, nextHop: hop.name },
      domain: 'policy = "observe"',
    });
    const shown = await again.run('discrepancies');
    expect(shown.code, shown.err).toBe(1);
    expect(shown.out).toMatch(/^contoso\.example \(observe\): not ready, 0 days and \d answers/);
    expect(shown.out).toMatch(/folder@contoso\.example +2 .*<sender@x\.example> +250 2\.1\.5 recipient fine/);
    expect(shown.out).toMatch(
      /we accept, the next hop rejected:\n.*\n +bob@contoso\.example +1 .*550 5\.1\.10 unknown/,
    );
    expect(shown.out).not.toContain('nobody@');
    // Once the operator has said so, it is no discrepancy any more.
    expect((await again.run('override', 'add', 'folder@contoso.example', 'allow')).code).toBe(0);
    const settled = await again.run('discrepancies', '--json', '--domain', 'contoso.example');
    expect(settled.code).toBe(0);
    expect(JSON.parse(settled.out)).toMatchObject([
      { domain: 'contoso.example', policy: 'observe', readiness: { ready: false } },
    ]);
    expect((await again.run('discrepancies', '--domain', 'other.example')).code).toBe(2);
  });
});
