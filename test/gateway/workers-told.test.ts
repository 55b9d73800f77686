/** What worker threads tell the main thread: rejections, how next hops do, and a door beside them that gives the same verdict. */
import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { startPracticeNextHop } from '../../src/practice/next-hop.ts';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { type Daemon, freePort, startDaemon } from '../daemon.ts';
import { dialog } from '../dialog.ts';
import { eventually } from '../interop/eventually.ts';

async function json<T>(daemon: Daemon, ...args: string[]): Promise<T> {
  return JSON.parse((await daemon.run(...args, '--json')).out) as T;
}

async function exchange(port: number, wire: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  socket.end(wire);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

const rejected = (client: string, name: string): string =>
  `request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=${client}\nsender=\nrecipient=${name}@contoso.example\n\n`;

describe('two workers', () => {
  it('tell of rejections, counts and next hops; a door answers beside them', async () => {
    await using tenant = await startPracticeTenant();
    await using hop = await startPracticeNextHop({ port: 0, onMessage: () => undefined });
    const door = await freePort();
    await using daemon = await startDaemon({
      tenant,
      nextHop: `127.0.0.1:${hop.port}`,
      top: 'workers = 2',
      more: `[lookup]\nenabled = false\n[[door]]\nprotocol = "socketmap"\nlisten = "127.0.0.1:${door}"`,
    });
    expect((await daemon.run('sync')).code).toBe(0);
    await Promise.all(
      Array.from({ length: 8 }, async (_each, index) => {
        await using client = await dialog(daemon.port);
        await client.ask('EHLO client.example');
        await client.ask('MAIL FROM:<me@sender.example>');
        expect(await client.ask('RCPT TO:<alice@contoso.example>')).toMatch(/^250/);
        expect(await client.ask(`RCPT TO:<nobody${index}@contoso.example>`)).toMatch(/^550/);
      }),
    );
    expect(await exchange(door, '35:recipients bob.gone@contoso.example,')).toBe('9:NOTFOUND ,');
    const rows = await eventually('nine rejections are kept', async () => {
      const kept = await json<Array<{ source: string }>>(daemon, 'rejections');
      return kept.length === 9 && kept;
    });
    expect(rows.map(({ source }) => source).sort()).toEqual([...Array(8).fill('relay'), 'socketmap']);
    const { nextHops } = await json<{ nextHops: Array<{ nextHop: string; lastSuccess: number | null }> }>(
      daemon,
      'status',
    );
    expect(nextHops).toEqual([
      expect.objectContaining({ nextHop: `127.0.0.1:${hop.port}`, lastSuccess: expect.any(Number) }),
    ]);
  });
});

describe('the policy door', () => {
  it('turns a harvesting client away for a while, whoever connects, and never a trusted one', async () => {
    await using tenant = await startPracticeTenant();
    const door = await freePort();
    await using daemon = await startDaemon({
      tenant,
      mode: 'verify',
      more: `[lookup]\nenabled = false\n[harvest]\nlimit = 5\n[[door]]\nprotocol = "policy"\nlisten = "127.0.0.1:${door}"\ntrusted = ["198.51.100.0/24"]`,
    });
    expect((await daemon.run('sync')).code).toBe(0);
    const guesses = (client: string): string =>
      Array.from({ length: 6 }, (_each, n) => rejected(client, `guess${n}`)).join('');
    const harvester = await exchange(door, guesses('203.0.113.9') + rejected('203.0.113.9', 'alice'));
    expect(harvester.split('\n\n').slice(0, -1)).toEqual([
      ...Array(5).fill(expect.stringMatching(/^action=REJECT 5\.1\.1 /)),
      expect.stringMatching(/^action=DEFER_IF_PERMIT 4\.7\.0 /),
      expect.stringMatching(/^action=DEFER_IF_PERMIT 4\.7\.0 /),
    ]);
    const trusted = await exchange(door, guesses('198.51.100.7') + rejected('198.51.100.7', 'alice'));
    expect(trusted.split('\n\n').slice(-2)).toEqual(['action=DUNNO', '']);
    expect(trusted).not.toContain('DEFER');
  });
});
