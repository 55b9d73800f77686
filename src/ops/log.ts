/**
 * The log: pino writing one flat JSON object a line to standard output.
 *
 * Lines are collected and written every 100 ms (or 4 KB) by an asynchronous destination: a blocked reader of the
 * log must never hold up an answer, and a write per rejection costs as much as the SMTP work itself.
 */
import pino, { type Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The log and the means to get the last lines out before the process ends. */
export interface Log extends AsyncDisposable {
  readonly logger: Logger;
  setLevel(level: LogLevel): void;
}

const FLUSH_MS = 100;

/** Opens the log on a file descriptor (1 is standard output). */
export function openLog(level: LogLevel, fd = 1): Log {
  const destination = pino.destination({ dest: fd, sync: false, minLength: 4096 });
  // A reader that went away (EPIPE) costs log lines, not mail.
  destination.on('error', () => undefined);
  const logger = pino(
    {
      level,
      base: null,
      timestamp: timestamps(),
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const timer = setInterval(() => destination.flush(), FLUSH_MS);
  timer.unref();
  return {
    logger,
    setLevel: (next) => {
      logger.level = next;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await new Promise<void>((resolve) => {
        destination.flush(() => resolve());
        setTimeout(resolve, 1000).unref();
      });
    },
  };
}

/** The time of a line, as pino adds it to JSON; worded once a millisecond, because a flood has many lines in one. */
function timestamps(): () => string {
  let at = 0;
  let worded = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      worded = `,"time":"${new Date(now).toISOString()}"`;
    }
    return worded;
  };
}
