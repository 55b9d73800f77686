/**
 * How a standing export is written: Postfix (postmap(1)), Exim (lsearch, Exim specification 9.3), one address a line, or
 * JSON. Every format carries the same entries; only quoting and the form of "everybody of this domain" differ.
 */
import type { ExportEntry } from './standing-export.ts';

export const EXPORT_FORMATS = ['postfix', 'exim', 'list', 'json'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What stands before, between and behind the entries. */
export interface ExportWriting {
  readonly head: string;
  entry(entry: ExportEntry, first: boolean): string;
  readonly tail: string;
}

/** How a format writes; `made` (ms since 1970) is when. */
export function exportWriting(format: ExportFormat, made: number): ExportWriting {
  const at = new Date(made).toISOString();
  const note = `# Recipients that rcptgate accepts, ${at}. Written by rcptgate; changes here are lost.\n`;
  switch (format) {
    case 'postfix':
      return { head: note, entry: ({ match }) => `${postfixKey(match)} OK\n`, tail: '' };
    case 'exim':
      return { head: note, entry: ({ match }) => `${eximKey(match)}: ok\n`, tail: '' };
    case 'list':
      return { head: '', entry: ({ match }) => `${match}\n`, tail: '' };
    case 'json':
      return {
        head: `{"made":${JSON.stringify(at)},"recipients":[`,
        entry: (entry, first) => `${first ? '' : ','}\n${JSON.stringify(entry)}`,
        tail: '\n]}\n',
      };
  }
}

/** Entries of a file that was written in a format, counted without parsing: one line each. */
export function countsAsEntry(format: ExportFormat, line: string): boolean {
  return format === 'json' ? line.startsWith('{"match":') : line !== '' && !line.startsWith('# ');
}

/** A key is the first word of its line; one with white space stands in double quotes (postmap(1), Postfix 3.2 and later). */
function postfixKey(match: string): string {
  return needsQuotes(match) ? quoted(match) : match;
}

/** `*@domain` is what lsearch with `*@` asks for; a key with white space, a colon or a leading `#` or `"` is quoted. */
function eximKey(match: string): string {
  const key = match.startsWith('@') ? `*${match}` : match;
  return needsQuotes(key) || key.includes(':') ? quoted(key) : key;
}

function needsQuotes(key: string): boolean {
  return /[\s"\\]|^#/.test(key);
}

function quoted(key: string): string {
  return `"${key.replace(/["\\]/g, '\\$&')}"`;
}
