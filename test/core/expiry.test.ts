/** Warnings before a credential ends: each once, whatever the clock does. */
import { expect, test } from 'vitest';
import { type ExpiryWarning, expiryWarning } from '../../src/core/expiry.ts';

const DAY = 86_400_000;
const END = Date.UTC(2028, 10, 1);

test.each([
  [61, null, null],
  [60.01, null, null],
  [60, null, 60],
  [59, 60, null],
  [30.5, 60, null],
  [30, 60, 30],
  [10, null, 14],
  [7, 14, 7],
  [1.5, 7, null],
  [1, 7, 1],
  [0.5, 1, null],
  [0, 1, 0],
  [-5, 1, 0],
  [-5, 0, null],
  [45, 7, null],
])('%d days before the end, after the warning at %j: %j', (left, last, due) => {
  const before = last === null ? null : { expires: END, days: last };
  const warning = due === null ? null : { expires: END, days: due };
  expect(expiryWarning(END, END - left * DAY, before)).toEqual(warning);
});

test('another end starts anew', () => {
  expect(expiryWarning(END, END - 20 * DAY, { expires: END - DAY, days: 1 })?.days).toBe(30);
});

test('a whole life gives six warnings, also when the clock goes back between them', () => {
  const given: number[] = [];
  let last: ExpiryWarning | null = null;
  for (let left = 100; left > -10; left -= 0.25) {
    for (const jump of [0, 40, 0]) {
      const warning: ExpiryWarning | null = expiryWarning(END, END - (left + jump) * DAY, last);
      if (warning === null) continue;
      given.push(warning.days);
      last = warning;
    }
  }
  expect(given).toEqual([60, 30, 14, 7, 1, 0]);
});
