/**
 * The priority that journald and syslog read from the start of a line (sd-daemon(3)), so that `journalctl -p warning`
 * shows warnings.
 */
import { fstatSync } from 'node:fs';

/** syslog(3) priorities by the level of a line. */
const PRIORITIES: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3, fatal: 2 };

/** Puts the priority before every line; lines that do not begin as ours do stay as they are. */
export function withPriorities(lines: string): string {
  return lines.replace(/^\{"level":"(\w+)"/gm, (start, level: string) => {
    const priority = PRIORITIES[level];
    return priority === undefined ? start : `<${priority}>${start}`;
  });
}

/**
 * What becomes of lines that are written to `fd`: prefixed when it is the journal's, as JOURNAL_STREAM (`device:inode`)
 * tells, so that output which was redirected since stays plain JSON.
 */
export function journalPrefix(stream: string | undefined, fd: number): (lines: string) => string {
  return isJournal(stream, fd) ? withPriorities : (lines) => lines;
}

function isJournal(stream: string | undefined, fd: number): boolean {
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
