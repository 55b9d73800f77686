/** Text of unknown origin made safe to show, and to put into a CSV file. */

/** Control, format and unpaired characters become `?`: nothing moves a cursor, turns a line around or hides. */
export function visible(text: string): string {
  return text.replace(/[^\P{C}]/gu, '?');
}

/** What a spreadsheet program may take for a formula, full-width forms included. */
const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/;
const PARTED = /;(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])/g;

/**
 * Lines of CSV (RFC 4180) that a spreadsheet program shows and does not run: a text that looks like a formula begins
 * with an apostrophe. Numbers stay numbers.
 */
export function csvLines(rows: Iterable<readonly (string | number | null)[]>): string {
  let text = '';
  for (const row of rows) text += `${row.map(csvCell).join(',')}\r\n`;
  return text;
}

/** What a CSV file begins with, so that Excel reads it as UTF-8. */
export const CSV_MARK = '\ufeff';

function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const shown = visible(value);
  // Where commas are decimal points, spreadsheet programs part cells at semicolons.
  const parted = shown.replace(PARTED, ";'");
  const safe = FORMULA.test(parted) ? `'${parted}` : parted;
  return /[",;]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
