/**
 * What the service manager is told: the protocol of sd_notify(3), through systemd-notify(1), because Node.js has no Unix
 * datagram sockets. A message costs a process and a few milliseconds, so there is one every half watchdog interval at
 * most besides those at start, reload and stop. Without NOTIFY_SOCKET nothing is sent.
 */
import { execFile } from 'node:child_process';

export interface Notifier {
  /** The start, or a reload, is over; from the first one on the watchdog is served. `status` words the state. */
  ready(status: () => string): void;
  /** Runs a reload, and tells its begin and its end. */
  reload<T>(run: () => T): T;
  /** It cannot go on: the watchdog acts now, as if it had not been served. `status` says why. Nothing without a watchdog. */
  fail(status: string): void;
  /** The stop has begun, and takes `ms` at most. Resolves once it was told. */
  stopping(ms: number): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Ms between looks at the status when there is no watchdog to serve. */
const STATUS_INTERVAL = 30_000;
/** A message takes milliseconds; a manager that hangs must not pile up processes. */
const PATIENCE = 5_000;

/** Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
export function openNotifier(env: Environment = process.env, pid: number = process.pid): Notifier {
  const socket = env.NOTIFY_SOCKET;
  if (socket === undefined || socket === '')
    return {
      ready: () => undefined,
      reload: (run) => run(),
      fail: () => undefined,
      stopping: async () => undefined,
    };
  const send = sender({ PATH: env.PATH, NOTIFY_SOCKET: socket });
  const watchdog = watchdogInterval(env, pid);
  let serving = false;
  let failed = false;
  let told = '';
  let word: () => string = () => '';
  const look = (): void => {
    if (failed) return;
    const status = word();
    const changed = status !== told ? [statusLine(status)] : [];
    told = status;
    const lines = [...changed, ...(watchdog === null ? [] : ['WATCHDOG=1'])];
    if (lines.length > 0) void send(lines);
  };
  const sayReady = (): void => {
    told = word();
    void send(['READY=1', statusLine(told), ...(watchdog === null ? [] : ['WATCHDOG=1'])]);
  };
  return {
    ready(status) {
      word = status;
      sayReady();
      if (!serving) setInterval(look, watchdog ?? STATUS_INTERVAL).unref();
      serving = true;
    },
    reload(run) {
      // CLOCK_MONOTONIC in µs, so that the manager can tell this reload from one before it.
      void send(['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]);
      const result = run();
      sayReady();
      return result;
    },
    fail(status) {
      if (watchdog === null) return;
      failed = true;
      void send([statusLine(status), 'WATCHDOG=trigger']);
    },
    stopping: (ms) =>
      send(['STOPPING=1', 'STATUS=stopping: running transfers finish', `EXTEND_TIMEOUT_USEC=${ms * 1000}`]),
  };
}

/** Ms between pings: half of what the manager allows, as sd_watchdog_enabled(3) advises. Null without a watchdog. */
export function watchdogInterval(env: Environment, pid: number): number | null {
  const usec = Number(env.WATCHDOG_USEC ?? 0);
  const meant = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === pid;
  return meant && Number.isFinite(usec) && usec >= 2000 ? Math.floor(usec / 2000) : null;
}

/** A status is one line. */
function statusLine(status: string): string {
  return `STATUS=${status.replace(/\s+/g, ' ').slice(0, 500)}`;
}

/** Sends one message after the other, in order. A failure costs a message, never the service. */
function sender(env: Environment): (lines: readonly string[]) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (lines) => {
    last = last.then(
      () =>
        new Promise((resolve) => {
          execFile('systemd-notify', [...lines], { env: { ...env }, timeout: PATIENCE }, () => resolve());
        }),
    );
    return last;
  };
}
