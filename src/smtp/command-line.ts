/**
 * A command line before it is a command: RFC 5321 sections 2.3.8 and 4.1.1. Pure.
 *
 * Closes gap 7 of `smtp-server`: bare CR is white space there, and NUL passes.
 */
import { MAX_COMMAND_LINE } from './command.ts';
import { REPLY, type Reply } from './reply.ts';

/**
 * Why a line is no command. Only CR LF ends a line (RFC 5321 section 2.3.8): one that ended in a bare LF arrives
 * here with it, and a bare CR or a NUL would let two readers see two different commands.
 */
export function lineProblem(line: Buffer): Reply | null {
  if (line.length > MAX_COMMAND_LINE) return REPLY.longLine;
  for (let at = 0; at < line.length; at += 1) {
    const byte = line[at] ?? 0;
    if (byte < 0x20 || byte === 0x7f) return REPLY.badLine;
  }
  return null;
}

/** The verb in upper case; '' for what is too long to be one. */
export function verbOf(line: Buffer): string {
  if (line.length === 4 || line[4] === 0x20) {
    const known = FOUR_LETTERS.get(fourLetters(line));
    if (known !== undefined) return known;
  }
  const space = line.indexOf(0x20);
  const end = space < 0 ? line.length : space;
  return end > 10 ? '' : line.toString('latin1', 0, end).toUpperCase();
}

/** What follows the verb, without the spaces around it. */
export function argumentOf(line: Buffer): string {
  const space = line.indexOf(0x20);
  return space < 0 ? '' : line.toString('latin1', space + 1).trim();
}

/** A web page that makes a browser post commands here: the session ends at its first line. */
export function isHttp(line: Buffer): boolean {
  return /^[A-Za-z]+ \S+ HTTP\/\d/.test(line.toString('latin1', 0, 200));
}

/** The first four letters as one number, small ones as capitals; no other character becomes a letter by it. */
function fourLetters(line: Buffer): number {
  const word = ((line[0] ?? 0) << 24) | ((line[1] ?? 0) << 16) | ((line[2] ?? 0) << 8) | (line[3] ?? 0);
  return word & 0xdfdfdfdf;
}

/** Verbs that come often, so that nobody makes a string of them. */
const FOUR_LETTERS = new Map(
  ['RCPT', 'MAIL', 'DATA', 'EHLO', 'HELO', 'RSET', 'QUIT', 'NOOP'].map((verb) => [
    fourLetters(Buffer.from(verb)),
    verb,
  ]),
);
