/** The rules of the chart: where its axis ends, and how high each part of a bar is. */

/** The end of an axis that begins at 0: 1, 2 or 5 times a power of ten, at least `highest` and at least 1. */
export function axisEnd(highest: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, highest)));
  return [1, 2, 5, 10].map((times) => times * power).find((end) => end >= highest) ?? highest;
}

/** One part of a stacked bar, from the bottom up. */
export interface Part<Name> {
  readonly name: Name;
  readonly y: number;
  readonly height: number;
}

/** The parts of a bar on an axis of `height` that stands for `end`; what happened at all can be seen. */
export function stack<Name>(
  amounts: ReadonlyArray<readonly [name: Name, amount: number]>,
  end: number,
  height: number,
): Part<Name>[] {
  let top = height;
  return amounts
    .filter(([, amount]) => amount > 0)
    .map(([name, amount]) => {
      const part = Math.max(1, Math.round((amount / end) * height * 10) / 10);
      const y = Math.max(0, top - part);
      const placed = { name, y, height: top - y };
      top = y;
      return placed;
    });
}
