/** Tables of bench-smtp: aligned columns, numbers, shares. */

/** Lines of a table whose first row is its head; the first column is text, the others are numbers. */
export function columns(table) {
  const widths = table[0].map((_head, index) => Math.max(...table.map((row) => String(row[index]).length)));
  return table.map((row) =>
    row
      .map((cell, index) =>
        index === 0 ? String(cell).padEnd(widths[index]) : String(cell).padStart(widths[index]),
      )
      .join('  '),
  );
}

export function number(value) {
  return Math.round(value).toLocaleString('en-US');
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}
