/** The real daemon with sockets that the test holds, as a socket unit does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { bindSocket } from '../../src/smtp/shared-socket.ts';
import type { LogLine } from '../daemon.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface Held {
  readonly process: ChildProcess;
  readonly log: readonly LogLine[];
  /** The first line, old or new, that matches; rejects at the end of the process. */
  logged(match: (line: LogLine) => boolean): Promise<LogLine>;
  /** The exit code. */
  ended(): Promise<number | null>;
}

/** Bound sockets by name, on free ports of 127.0.0.1. */
export async function holdSockets(...names: string[]) {
  const sockets = await Promise.all(names.map(() => bindSocket({ host: '127.0.0.1', port: 0 })));
  onTestFinished(() => {
    for (const socket of sockets) socket.close();
  });
  return sockets.map((socket, index) => ({ name: names[index] ?? '', fd: socket.fd, ...socket.address() }));
}

/** Starts the daemon with these sockets. It is killed at the end of the test. */
export function startHeld(
  configFile: string,
  sockets: ReadonlyArray<{ readonly name: string; readonly fd: number }>,
  env: Readonly<Record<string, string>> = {},
): Held {
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'ignore', ...sockets.map(({ fd }) => fd)],
    env: {
      ...process.env,
      LISTEN_FDS: String(sockets.length),
      LISTEN_FDNAMES: sockets.map(({ name }) => name).join(':'),
      ...env,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const log: LogLine[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  readline.createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
    log.push(JSON.parse(text) as LogLine);
    arrivals.emit('line', log.at(-1));
  });
  const end = once(child, 'close');
  void end.then(() => arrivals.emit('end'));
  return {
    process: child,
    log,
    logged: (match) =>
      new Promise((resolve, reject) => {
        const seen = log.find(match);
        if (seen) return resolve(seen);
        arrivals.on('line', (line: LogLine) => match(line) && resolve(line));
        arrivals.once('end', () => reject(new Error(`the daemon ended (${child.exitCode})`)));
      }),
    async ended() {
      await end;
      return child.exitCode;
    },
  };
}
