/**
 * The service when it cannot work, and its sockets are held by somebody else: a configuration with problems, or a start
 * that failed. Ending would leave clients waiting at a port that is open, or close it. So mail is deferred, the console's
 * socket says why, and the doors hang up, which their MTA takes for a temporary failure.
 */
import http from 'node:http';
import os from 'node:os';
import type { ParsedConfig } from './config/config.ts';
import type { ConfigProblem } from './config/problem.ts';
import { createEvents } from './ops/events.ts';
import type { InheritedSockets } from './ops/inherited-sockets.ts';
import { openLog } from './ops/log.ts';
import { createMetrics } from './ops/metrics.ts';
import type { Notifier } from './ops/notify.ts';
import { openOutOfService } from './smtp/out-of-service.ts';

export interface Degraded {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];
  readonly sockets: InheritedSockets;
  readonly notifier: Notifier;
  /** Ms until the whole start is tried again; null: not before the configuration changed. */
  readonly retryMs: number | null;
  /** Reads the configuration again, on SIGHUP. */
  reread(): ParsedConfig;
}

/** A stop has nothing to drain, ms. */
const STOP_TIME = 2_000;

/**
 * Answers until SIGTERM or SIGINT, until SIGHUP finds a valid configuration, or for `retryMs`. The exit code is 0 after a
 * signal and 1 otherwise; the service manager starts the process again.
 */
export async function serveDegraded(degraded: Degraded): Promise<number> {
  const { file, sockets, notifier, retryMs } = degraded;
  await using log = openLog('info');
  const events = createEvents(log.logger, createMetrics());
  const names = [...sockets.keys()];
  let problems = degraded.problems;
  const tell = (): void => {
    events.serviceDegraded(problems, names, retryMs);
    notifier.ready(() => degradedText(file, problems));
  };
  const servers = await openAll(sockets, () => degradedText(file, problems));
  tell();
  const code = await new Promise<number>((resolve) => {
    if (retryMs !== null) setTimeout(() => resolve(1), retryMs);
    process.once('SIGTERM', () => resolve(0)).once('SIGINT', () => resolve(0));
    process.on('SIGHUP', () => {
      const parsed = degraded.reread();
      if (parsed.ok) {
        events.serviceRepaired(file);
        resolve(0);
        return;
      }
      problems = parsed.problems;
      tell();
    });
  });
  await notifier.stopping(STOP_TIME);
  for (const server of servers) await server[Symbol.asyncDispose]();
  return code;
}

/** One line for a person who asks why nothing works. */
export function degradedText(file: string, problems: readonly ConfigProblem[]): string {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return `degraded, every recipient is told 451: ${file}: ${first?.key}: ${first?.problem}${more}`;
}

/** What a socket is for is known by its name only: `smtp…`, `console…`, and whatever else is a door. */
async function openAll(sockets: InheritedSockets, why: () => string): Promise<AsyncDisposable[]> {
  const servers: AsyncDisposable[] = [];
  for (const [name, fds] of sockets) {
    for (const fd of fds) {
      if (name.startsWith('smtp')) servers.push(await openOutOfService(fd, os.hostname()));
      else servers.push(await openHttp(fd, name.startsWith('console') ? why : null));
    }
  }
  return servers;
}

/** Answers HTTP with 503, or closes every connection at once. */
async function openHttp(fd: number, why: (() => string) | null): Promise<AsyncDisposable> {
  const server = http.createServer((_request, response) => {
    const headers = { 'content-type': 'text/plain; charset=utf-8', connection: 'close' };
    response.writeHead(503, headers).end(`rcptgate: ${why?.() ?? ''}\n`);
  });
  if (why === null) server.on('connection', (socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
