/** The `[rejections]` table: how much of what was answered is kept, and for how long. */
import { z } from 'zod';
import { parseDuration } from './units.ts';

const DAY = 86_400_000;

const period = z.string().transform((value, context) => {
  const parsed = parseDuration(value);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: 'must be a duration such as "1h"' });
  return z.NEVER;
});

export const rejectionsSchema = z.strictObject({
  keep_days: z.int().min(1).max(3660).default(30),
  keep_rows: z.int().min(1000, 'must be at least 1000').max(10_000_000).default(200_000),
  history_days: z.int().min(1).max(3660).default(400),
  repeat_within: period.prefault('1h'),
});

/** Times are in ms. */
export interface RejectionsConfig {
  readonly keep: number;
  readonly keepRows: number;
  readonly keepHistory: number;
  readonly repeatWithin: number;
}

/** The table as the program uses it. */
export function rejectionsFrom(table: z.output<typeof rejectionsSchema>): RejectionsConfig {
  return {
    keep: table.keep_days * DAY,
    keepRows: table.keep_rows,
    keepHistory: table.history_days * DAY,
    repeatWithin: table.repeat_within,
  };
}
