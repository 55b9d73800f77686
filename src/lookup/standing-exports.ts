/**
 * Keeps the configured export files current: some time after a change, and once an hour because grace periods and
 * overrides end without one. One file is written at a time, by a thread of its own.
 */
import type { ExportOutcome, ExportTarget } from './export-file.ts';

/** Ms: changes come in bursts; one write serves them all. */
const SETTLE = 2_000;
const HOUR = 3_600_000;

export interface StandingExports extends Disposable {
  /** What answers has changed. */
  changed(): void;
  /** Writes one target (by its path) or, with null, all of them now. */
  write(path: string | null, force: boolean): Promise<readonly ExportResult[]>;
}

/** What became of a target. */
export type ExportResult =
  | ExportOutcome
  | { readonly kind: 'failed'; readonly path: string; readonly problem: string };

/** Starts keeping `targets`. `write` makes one file; `told` hears of every result. */
export function keepExports(
  targets: readonly ExportTarget[],
  write: (target: ExportTarget, force: boolean) => Promise<ExportOutcome>,
  told: (result: ExportResult) => void,
): StandingExports {
  let settling: NodeJS.Timeout | null = null;
  let last: Promise<unknown> = Promise.resolve();
  const all = (chosen: readonly ExportTarget[], force: boolean): Promise<readonly ExportResult[]> => {
    const results = last.then(async () => {
      const made: ExportResult[] = [];
      for (const target of chosen) {
        const result = await write(target, force).catch((error: unknown) => failure(target, error));
        told(result);
        made.push(result);
      }
      return made;
    });
    last = results;
    return results;
  };
  const changed = (): void => {
    if (settling !== null || targets.length === 0) return;
    settling = setTimeout(() => {
      settling = null;
      void all(targets, false);
    }, SETTLE);
  };
  const hourly = setInterval(changed, HOUR).unref();
  return {
    changed,
    write: (path, force) =>
      all(
        targets.filter((target) => path === null || target.path === path),
        force,
      ),
    [Symbol.dispose]() {
      clearInterval(hourly);
      if (settling !== null) clearTimeout(settling);
    },
  };
}

function failure({ path }: ExportTarget, error: unknown): ExportResult {
  return { kind: 'failed', path, problem: error instanceof Error ? error.message : String(error) };
}
