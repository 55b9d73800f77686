/** Plain-text tables and amounts for the terminal. */
import { visible } from '../core/visible.ts';

/** Columns padded to their widest cell, two spaces apart; the first row is the heading. */
export function table(rows: ReadonlyArray<readonly string[]>): string {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, index) => Math.max(all[index] ?? 0, cell.length)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A time span in ms as a person says it: `40 s`, `12 min`, `3 h`, `5 d`; `never` for null. */
export function span(ms: number | null): string {
  if (ms === null) return 'never';
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** A count with thousands separated, the same in every locale. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/**
 * Text of unknown origin made safe for a terminal: control characters become `?`, so that an address cannot move
 * the cursor or set a title.
 */
export function printable(text: string): string {
  return visible(text);
}
