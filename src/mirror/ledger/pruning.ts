/** Keeps the rejection log within its bounds, a few rows at a time. */
import type { Database } from 'better-sqlite3';
import type { References } from './references.ts';

export interface LedgerLimits {
  /** Rows older than this go, ms. */
  readonly keep: number;
  readonly keepRows: number;
  /** Counts and regrets older than this go, ms. */
  readonly keepHistory: number;
}

export interface Pruning {
  /** Removes what is too much; `made`: rows made since the last call. Never many more than that. */
  excess(made: number): void;
  /** Removes some of what is too old; true when there may be more. `now` is in ms since 1970. */
  aged(now: number): boolean;
}

/** Rows removed in one step, beyond those that were made. */
const STEP = 1000;
/** References kept for each row: a row stands for many answers. */
const REFERENCES = 5;

/** Prepares the statements. */
export function openPruning(database: Database, references: References, limits: LedgerLimits): Pruning {
  const { keep, keepRows, keepHistory } = limits;
  let rows = Number(database.prepare('SELECT count(*) FROM rejection').pluck().get());
  // The newest row stays, so that the number of a row is never given a second time: references go by it.
  const oldest = database.prepare(
    `DELETE FROM rejection WHERE id IN (SELECT id FROM rejection WHERE id < (SELECT max(id) FROM rejection)
       ORDER BY id LIMIT ?)`,
  );
  const old = database.prepare(
    `DELETE FROM rejection WHERE id IN (SELECT id FROM rejection
       WHERE first_at < ? AND last_at < ? AND id < (SELECT max(id) FROM rejection) ORDER BY first_at LIMIT ?)`,
  );
  const history = database.prepare(
    `DELETE FROM history WHERE (at, tenant, domain) IN
       (SELECT at, tenant, domain FROM history WHERE at < ? ORDER BY at LIMIT ?)`,
  );
  const regrets = database.prepare(
    'DELETE FROM regret WHERE id IN (SELECT id FROM regret WHERE found_at < ? ORDER BY id LIMIT ?)',
  );
  return {
    excess(made) {
      rows += made;
      if (rows <= keepRows) return;
      rows -= oldest.run(Math.min(rows - keepRows, made + STEP)).changes;
      references.keep(keepRows * REFERENCES);
    },
    aged: database.transaction((now: number): boolean => {
      const gone = old.run(now - keep, now - keep, STEP).changes;
      rows -= gone;
      const others = [
        references.prune(now - keep, STEP),
        history.run(now - keepHistory, STEP).changes,
        regrets.run(now - keepHistory, STEP).changes,
      ];
      references.keep(keepRows * REFERENCES);
      return [gone, ...others].includes(STEP);
    }),
  };
}
