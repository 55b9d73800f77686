/**
 * The log: pino writing one flat JSON object a line to standard output, a file, or both.
 *
 * Lines are collected and written every 100 ms (or 64 KB) by an asynchronous destination: a blocked reader of the
 * log must never hold up an answer, and a write per rejection costs as much as the SMTP work itself.
 */
import pino, { type DestinationStream, type Logger } from 'pino';
import { openTargets, type Targets } from './log-target.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** The log and the means to get the last lines out before the process ends. */
export interface Log extends AsyncDisposable, Pick<Targets, 'reopen' | 'tell'> {
  readonly logger: Logger;
  setLevel(level: LogLevel): void;
  /** Takes whole lines that another thread has worded. */
  write(lines: string): void;
}

const FLUSH_MS = 100;
/** Characters that are written at once. */
const FULL = 16_384;

/** Opens the log on a file descriptor (1 is standard output; null is none) and a file. */
export function openLog(level: LogLevel, fd: number | null = 1, file: string | null = null): Log {
  const targets = openTargets(fd, file);
  // The destination measures every text it is given, so it is given few and long ones.
  let lines: string[] = [];
  let length = 0;
  const flush = (): void => {
    if (lines.length > 0) targets.write(lines.join(''));
    lines = [];
    length = 0;
  };
  const write = (text: string): void => {
    lines.push(text);
    length += text.length;
    if (length > FULL) flush();
  };
  const logger = loggerOn(level, { write });
  const timer = setInterval(flush, FLUSH_MS);
  timer.unref();
  return {
    logger,
    setLevel: (next) => {
      logger.level = next;
    },
    write,
    reopen() {
      flush();
      return targets.reopen();
    },
    tell: targets.tell,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      flush();
      await targets.close();
    },
  };
}

/** A logger of another thread: `write` gets each line, to be handed to {@link Log.write} of the main thread. */
export function openLineLog(
  level: LogLevel,
  write: (line: string) => void,
): Pick<Log, 'logger' | 'setLevel'> {
  const logger = loggerOn(level, { write });
  return {
    logger,
    setLevel: (next) => {
      logger.level = next;
    },
  };
}

function loggerOn(level: LogLevel, destination: DestinationStream): Logger {
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, timestamp: timestamps(), formatters }, destination);
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
