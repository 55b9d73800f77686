/** An HAProxy of a test's own, in TCP mode before one server; its configuration is one temporary file. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../daemon.ts';
import { eventually } from './eventually.ts';
import { programPath } from './programs.ts';

export interface HaProxy extends AsyncDisposable {
  /** Of its frontend on 127.0.0.1 and ::1. */
  readonly port: number;
  /** Waits until its log has something. */
  seen(pattern: RegExp): Promise<unknown>;
}

/** Starts one before `127.0.0.1:server`; `options` are those of its `server` line. Disposing stops it. */
export async function startHaProxy(server: number, options: string): Promise<HaProxy> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-haproxy-'));
  const file = path.join(folder, 'haproxy.cfg');
  const port = await freePort();
  writeFileSync(
    file,
    `
global
  maxconn 100
  log stdout format raw local0
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen smtp
  bind 127.0.0.1:${port}
  bind [::1]:${port}
  log global
  option log-health-checks
  server gateway 127.0.0.1:${server} ${options}
`,
  );
  const child = spawn(programPath('haproxy'), ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  const closed = once(child, 'close');
  const stopped = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await closed;
    rmSync(folder, { recursive: true, force: true });
  };
  const seen = (pattern: RegExp) =>
    eventually(`HAProxy says ${pattern}: ${said}`, () => child.exitCode !== null || pattern.test(said));
  await eventually('HAProxy answers', async () => child.exitCode !== null || (await answers(port)));
  if (child.exitCode !== null) {
    await stopped();
    throw new Error(`HAProxy does not start: ${said}`);
  }
  return { port, seen, [Symbol.asyncDispose]: stopped };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const up = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  return up;
}
