/** Priorities before the lines of the journal, and of the journal only. */
import { closeSync, fstatSync, mkdtempSync, openSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { journalPrefix, withPriorities } from '../../src/ops/journal.ts';

it.each([
  ['{"level":"info","event":"a"}\n', '<6>{"level":"info","event":"a"}\n'],
  [
    '{"level":"warn","x":1}\n{"level":"error"}\n{"level":"debug"}\n',
    '<4>{"level":"warn","x":1}\n<3>{"level":"error"}\n<7>{"level":"debug"}\n',
  ],
  // What a client chose is a value within a line, and a line break in it is two characters.
  [
    '{"level":"warn","rcpt":"\\n{\\"level\\":\\"info\\""}\n',
    '<4>{"level":"warn","rcpt":"\\n{\\"level\\":\\"info\\""}\n',
  ],
  ['{"level":"odd"}\nplain\n', '{"level":"odd"}\nplain\n'],
])('prefixes %j', (lines, expected) => {
  expect(withPriorities(lines)).toBe(expected);
});

it('knows the journal by device and inode of the descriptor', () => {
  const fd = openSync(path.join(mkdtempSync(path.join(os.tmpdir(), 'rcptgate-')), 'log'), 'w');
  const { dev, ino } = fstatSync(fd);
  const line = '{"level":"info"}\n';
  expect(journalPrefix(`${dev}:${ino}`, fd)(line)).toBe(`<6>${line}`);
  expect(journalPrefix(`${dev}:${ino + 1}`, fd)(line)).toBe(line);
  expect(journalPrefix(undefined, fd)(line)).toBe(line);
  closeSync(fd);
  expect(journalPrefix(`${dev}:${ino}`, 9999)(line)).toBe(line);
});
