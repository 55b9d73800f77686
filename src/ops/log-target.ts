/**
 * Where log lines go: standard output, a file that can be opened again, or both. Nobody waits for it: what a full disk or a
 * blocked reader does not take waits in memory up to a bound, and is counted beyond that.
 */
import pino from 'pino';
import { journalPrefix } from './journal.ts';
import { LogFile } from './log-file.ts';

type Destination = ReturnType<typeof pino.destination>;

/** What is told of targets. None of the functions may throw. */
export interface TargetNews {
  /** The file cannot be opened or written; told when it is new. */
  trouble(file: string, error: string): void;
  lost(lines: number): void;
}

export interface Targets {
  write(text: string): void;
  /** Opens the file again: its name may belong to another one by now. Returns the name; null without a file. */
  reopen(): string | null;
  tell(news: TargetNews): void;
  /** Gets the last lines out; nothing may be written afterwards. */
  close(): Promise<void>;
}

/** Text that waits for a target, characters. */
const MOST_WAITING = 32 * 1024 * 1024;
/** Until lost lines are told, ms. */
const WAIT_TO_TELL = 1000;
/** Longest wait for the last lines, ms. */
const LAST_LINES = 1000;

/** Opens the targets. `fd` null: only the file, as long as that can be opened. */
export function openTargets(fd: number | null, file: string | null): Targets {
  let news: TargetNews | null = null;
  let lost = 0;
  const dropped = (text: string): void => {
    // Told a moment later, so that the telling is not dropped with them.
    if (lost === 0) setTimeout(tellLost, WAIT_TO_TELL).unref();
    lost += text.split('\n').length - 1;
  };
  const tellLost = (): void => {
    const lines = lost;
    lost = 0;
    if (lines > 0) news?.lost(lines);
  };
  const output = fd === null ? null : openTarget(fd, dropped);
  const prefixed = journalPrefix(process.env.JOURNAL_STREAM, fd ?? 1);
  const written =
    file === null ? null : new LogFile(file, { trouble: (error) => news?.trouble(file, error), dropped });
  let instead: Destination | null = null;
  return {
    write(text) {
      output?.write(prefixed(text));
      written?.write(text);
      // Somebody must be able to read why there is no file.
      if (!written || output || written.usable()) return;
      instead ??= openTarget(1, dropped);
      instead.write(prefixed(text));
    },
    reopen() {
      written?.reopen();
      return file;
    },
    tell(hears) {
      news = hears;
      const error = written?.trouble() ?? null;
      if (file !== null && error !== null) hears.trouble(file, error);
    },
    async close() {
      tellLost();
      await Promise.all([flushed(output), flushed(instead), within(written?.close())]);
    },
  };
}

function openTarget(dest: number, dropped: (text: string) => void): Destination {
  const destination = pino.destination({ dest, sync: false, minLength: 1, maxLength: MOST_WAITING });
  // A reader that went away (EPIPE) costs log lines, not mail.
  destination.on('error', () => undefined);
  destination.on('drop', dropped);
  return destination;
}

async function flushed(destination: Destination | null): Promise<void> {
  if (destination) await within(new Promise<void>((resolve) => destination.flush(() => resolve())));
}

async function within(work: Promise<void> | undefined): Promise<void> {
  await Promise.race([work, new Promise<void>((resolve) => setTimeout(resolve, LAST_LINES).unref())]);
}
