/** The `[log]` and `[metrics]` tables: where the log goes, how much of a flood it says line by line, who may scrape. */
import { z } from 'zod';
import { parseHostPort } from './units.ts';

export const logSchema = z.strictObject({
  file: z.string().regex(/^\//, 'must be an absolute path').optional(),
  stdout: z.boolean().default(true),
  rejections_per_second: z.int().min(0).max(1_000_000).default(1000),
});

export const metricsSchema = z.strictObject({
  listen: z
    .string()
    .transform((value, context) => {
      const parsed = parseHostPort(value);
      if (parsed) return parsed;
      context.addIssue({ code: 'custom', message: 'must be an address and port such as "127.0.0.1:9125"' });
      return z.NEVER;
    })
    .optional(),
});

export interface LogConfig {
  /** null: no file. */
  readonly file: string | null;
  readonly stdout: boolean;
  /** Lines of refused recipients a second and thread; the rest is told in sums. 0: each has its line. */
  readonly rejectionsPerSecond: number;
}

export interface MetricsConfig {
  /** null: only on the control socket. */
  readonly listen: { readonly host: string; readonly port: number } | null;
}

/** Both tables as the program uses them. A log that goes nowhere goes to standard output. */
export function observabilityFrom(
  log: z.output<typeof logSchema>,
  metrics: z.output<typeof metricsSchema>,
): { readonly log: LogConfig; readonly metrics: MetricsConfig } {
  const file = log.file ?? null;
  return {
    log: { file, stdout: log.stdout || file === null, rejectionsPerSecond: log.rejections_per_second },
    metrics: { listen: metrics.listen ?? null },
  };
}
