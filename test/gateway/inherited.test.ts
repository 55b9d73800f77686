/** Inherited sockets beside SMTP: doors and the console, which is another process. */
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { expect, it } from 'vitest';
import { startPracticeTenant } from '../../src/practice/tenant-server.ts';
import { runCommand, startDaemon } from '../daemon.ts';
import { holdSockets, startHeld } from './held.ts';

it('answers at doors and pages on sockets that it was started with, and tells of those that do not fit', async () => {
  await using tenant = await startPracticeTenant();
  await using first = await startDaemon({ tenant, mode: 'verify' });
  await first.run('sync');
  await first.end('SIGTERM');
  const doors = ['socketmap', 'policy', 'absent'].map(
    (name) =>
      `[[door]]\nprotocol = "${name === 'policy' ? name : 'socketmap'}"\nlisten = "systemd:${name}"\n`,
  );
  const text = readFileSync(first.configFile, 'utf8')
    .replace('enabled = false', 'listen = "systemd:console"')
    .replace(/listen = "127.*/, 'listen = "systemd:smtp"');
  writeFileSync(first.configFile, `${text}\n${doors.join('')}`);
  const sockets = await holdSockets('policy', 'smtp', 'console', 'socketmap', 'idle');
  const portOf = (name: string) => sockets.find((socket) => socket.name === name)?.port ?? 0;
  const daemon = startHeld(first.configFile, sockets);
  const console = await daemon.logged((line) => line.event === 'console.listen');
  expect(console.address).toBe(`127.0.0.1:${portOf('console')}`);

  const map = net.connect(portOf('socketmap'), '127.0.0.1');
  map.end('26:m postmaster@contoso.example,'.replace('26', '28'));
  let answer = '';
  for await (const chunk of map) answer += chunk;
  expect(answer).toMatch(/^\d+:OK /);

  const { code, out } = await runCommand(['console-link', '--config', first.configFile]);
  expect([code, out]).toEqual([0, expect.stringContaining(`http://localhost:${portOf('console')}/enter?`)]);
  const page = await fetch(out.trim(), { redirect: 'manual' });
  expect(page.status).toBe(200);

  const warnings = daemon.log.filter((line) => line.event === 'config.warning').map((line) => line.key);
  expect(warnings).toEqual(['door[2].listen', 'listen']);
  const reloaded = await runCommand(['reload', '--config', first.configFile]);
  expect([reloaded.code, reloaded.out]).toEqual([0, expect.stringContaining('no key changed')]);
});
