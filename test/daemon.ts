/** The real daemon as a child process, between a practice tenant and a next hop of the test's choice. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PracticeTenant } from '../src/practice/tenant-server.ts';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** Daemons that still run; a test that ran out of time has disposed of nothing. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One parsed log line. */
export type LogLine = Readonly<Record<string, unknown>>;

export interface DaemonOptions {
  readonly tenant: PracticeTenant;
  /** `host:port`; required for a relay listener. */
  readonly nextHop?: string;
  readonly mode?: 'relay' | 'verify';
  /** TOML lines for the top of the file, for `[[smtp]]` and for the `[[domain]]` of contoso.example. */
  readonly top?: string;
  readonly smtp?: string;
  readonly domain?: string;
  /** TOML lines of [console]; without them there is none. */
  readonly console?: string;
  /** Instead of a free port of 127.0.0.1. */
  readonly listen?: string;
  /** TOML that follows everything else. */
  readonly more?: string;
  /** TOML lines of the [[tenant]] instead of its secret_file; `file` quotes the path of a file of the state directory. */
  readonly credential?: (file: (name: string) => string) => string;
  /** The tenant has neither application nor credential in the file: it is set up in the console. */
  readonly setUpInConsole?: boolean;
  /** The file of the state directory that `ca_file` names, instead of the practice tenant's authority. */
  readonly caFile?: string;
  /** Contents of files in the state directory, over the right ones: `secret`, `ca.pem` and others. */
  readonly files?: Readonly<Record<string, string>>;
  /** Keep using the state directory of an earlier daemon. */
  readonly stateDir?: string;
  /** Port of the first listener; unless given, a free one. */
  readonly smtpPort?: number;
  /** Environment on top of the test's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Daemon extends AsyncDisposable {
  /** Port of the first listener on 127.0.0.1. */
  readonly port: number;
  readonly stateDir: string;
  readonly configFile: string;
  readonly process: ChildProcess;
  readonly log: readonly LogLine[];
  /** The first line, old or new, that matches. Rejects when the daemon ends before it comes. */
  logged(match: (line: LogLine) => boolean): Promise<LogLine>;
  /** Runs `rcptgate …` with this daemon's configuration. */
  run(...args: string[]): Promise<{ code: number | null; out: string; err: string }>;
  /** Sends a signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a daemon and waits until it is ready. Disposing ends it and removes its state. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const stateDir = options.stateDir ?? mkdtempSync(path.join(os.tmpdir(), 'rcptgate-'));
  const port = options.smtpPort ?? (await freePort());
  const configFile = path.join(stateDir, 'rcptgate.toml');
  writeFileSync(path.join(stateDir, 'ca.pem'), options.tenant.caPem);
  writeFileSync(path.join(stateDir, 'secret'), options.tenant.secret);
  for (const [name, content] of Object.entries(options.files ?? {})) {
    writeFileSync(path.join(stateDir, name), content);
  }
  writeFileSync(configFile, configuration(options, stateDir, port));
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  const log: LogLine[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  readline.createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as LogLine;
    log.push(line);
    arrivals.emit('line', line);
  });
  const ended = once(child, 'close');
  void ended.then(() => arrivals.emit('end'));
  const logged = (match: (line: LogLine) => boolean): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const seen = log.find(match);
      if (seen) return resolve(seen);
      const onLine = (line: LogLine) => match(line) && resolve(line);
      arrivals.on('line', onLine);
      arrivals.once('end', () => reject(new Error(`the daemon ended (${child.exitCode}): ${stderr}`)));
    });
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
  };
  await logged((line) => line.event === 'process.ready');
  return {
    port,
    stateDir,
    configFile,
    process: child,
    log,
    logged,
    end,
    run: (...args) => runCommand([...args, '--config', configFile]),
    async [Symbol.asyncDispose]() {
      await end('SIGKILL');
      if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** Runs one command to its end. */
export async function runCommand(
  args: readonly string[],
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  await once(child, 'close');
  return { code: child.exitCode, out, err };
}

/**
 * A port of 127.0.0.1 that nobody listened on a moment ago. It is not one of those that the kernel gives to connections
 * and to other tests' servers (32768 and above on Linux), so that it is free a moment later too.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const server = net.createServer().listen(20_000 + randomInt(12_000), '127.0.0.1');
    const listening = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    const address = server.address() as net.AddressInfo | null;
    if (!listening || address === null) continue;
    server.close();
    await once(server, 'close');
    return address.port;
  }
}

function configuration(options: DaemonOptions, stateDir: string, port: number): string {
  const { tenant } = options;
  const file = (name: string): string => JSON.stringify(path.join(stateDir, name));
  const credential = options.credential?.(file) ?? `secret_file = ${file('secret')}`;
  const application = `application_id = "${tenant.applicationId}"\n${credential}`;
  // A round is there when a test asks for one, and not whenever the clock shows a multiple of five minutes.
  const schedule = options.more?.includes('[sync]') ? '' : '[sync]\nschedule = "0 0 1 1 *"';
  return `
state_dir = ${JSON.stringify(stateDir)}
ca_file = ${JSON.stringify(path.join(stateDir, options.caFile ?? 'ca.pem'))}
hostname = "gateway.example"
${options.top ?? ''}
[console]
${options.console ?? 'enabled = false'}
${schedule}
[[smtp]]
listen = "${options.listen ?? `127.0.0.1:${port}`}"
mode = "${options.mode ?? 'relay'}"
${options.smtp ?? ''}
[[tenant]]
id = "${tenant.tenantId}"
${options.setUpInConsole ? '' : application}
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
${options.nextHop === undefined ? '' : `next_hop = "${options.nextHop}"`}
${options.domain ?? ''}
${options.more ?? ''}
`;
}
