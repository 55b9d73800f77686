/** The console's process: settings come over the IPC channel, and it ends when that closes, with the daemon. */
import { setPriority } from 'node:os';
import type { ConsoleMessage, ConsoleSettings } from './console/ipc.ts';
import { serveConsole } from './console/serve.ts';

/** Niceness: when CPUs are short, answering SMTP goes first. */
const NICENESS = 19;

try {
  setPriority(NICENESS);
} catch {
  // A sandbox may forbid it.
}
// Ctrl-C and systemd signal the whole group; the daemon says when to end.
process
  .on('SIGINT', () => undefined)
  .on('SIGTERM', () => undefined)
  .on('SIGHUP', () => undefined);
process.once('disconnect', () => process.exit(0));
process.once('message', (settings) => {
  const tell = (message: ConsoleMessage): void => {
    if (process.connected) process.send?.(message);
  };
  serveConsole(settings as ConsoleSettings, tell);
});
