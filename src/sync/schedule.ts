/**
 * When rounds run: at once, and then by a cron expression in UTC (local time would pause sub-hourly schedules when
 * summer time ends). Overlap and back-off are not decided here.
 */
import { createTask, type Logger, schedule } from 'node-cron';

export interface Schedule {
  /** Ms since 1970; null after stop(). */
  nextRun(): number | null;
  stop(): void;
}

/** node-cron skips a run that is later than its tolerance, 1 s by default; the commit of a large round takes longer. Ms. */
const TOLERANCE = 240_000;

/**
 * Calls `run` now and at every match of `expression`. `trouble` hears what node-cron has to say, and what `run` throws.
 * @throws Error when the expression is not one.
 */
export function startSchedule(
  expression: string,
  run: () => Promise<unknown>,
  trouble: (message: string) => void,
): Schedule {
  const guarded = async (): Promise<void> => {
    try {
      await run();
    } catch (error) {
      trouble(error instanceof Error ? error.message : String(error));
    }
  };
  const task = schedule(expression, guarded, {
    timezone: 'UTC',
    noOverlap: true,
    missedExecutionTolerance: Math.min(TOLERANCE, periodOf(expression) * 0.8),
    suppressMissedWarning: true,
    logger: quietLogger(trouble),
  });
  void guarded();
  return {
    nextRun: () => task.getNextRun()?.getTime() ?? null,
    stop: () => void task.destroy(),
  };
}

/** What is wrong with a cron expression, in words; null when nothing is. */
export function scheduleProblem(expression: string): string | null {
  try {
    periodOf(expression);
    return null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `must be a cron expression such as "*/5 * * * *": ${reason}`;
  }
}

/** Ms between the next two runs; a tolerance has to stay below it. */
function periodOf(expression: string): number {
  const probe = createTask(expression, () => {}, { timezone: 'UTC' });
  const [first, second] = probe.getNextRuns(2);
  void probe.destroy();
  return first && second ? second.getTime() - first.getTime() : TOLERANCE;
}

/** Only errors are worth passing on: an overlapping or late run is dealt with by the round itself. */
function quietLogger(trouble: (message: string) => void): Logger {
  const ignore = (): void => {};
  return { info: ignore, warn: ignore, debug: ignore, error: (message) => trouble(String(message)) };
}
