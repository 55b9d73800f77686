/** The last rounds of each tenant: all of the most recent ones, and those before them in which something happened. */
import type { Database } from 'better-sqlite3';

export interface RoundHistory {
  /** Adds a report (JSON) of a round. */
  add(tenant: number, report: string): void;
  /** Reports (JSON) of the last rounds, the latest first. */
  last(tenant: number): string[];
}

/** Rounds kept, whatever they did; and rounds kept because they changed something or went wrong. */
const RECENT = 50;
const EVENTFUL = 50;

/** Prepares the statements. */
export function openRoundHistory(database: Database): RoundHistory {
  const insert = database.prepare('INSERT INTO round_report (tenant, eventful, report) VALUES (?, ?, ?)');
  const forget = database.prepare(
    `DELETE FROM round_report WHERE tenant = @tenant
     AND seq NOT IN (SELECT seq FROM round_report WHERE tenant = @tenant ORDER BY seq DESC LIMIT ${RECENT})
     AND seq NOT IN (SELECT seq FROM round_report WHERE tenant = @tenant AND eventful = 1
       ORDER BY seq DESC LIMIT ${EVENTFUL})`,
  );
  const last = database
    .prepare<[number], string>('SELECT report FROM round_report WHERE tenant = ? ORDER BY seq DESC')
    .pluck();
  return {
    add(tenant, report) {
      insert.run(tenant, isEventful(report) ? 1 : 0, report);
      forget.run({ tenant });
    },
    last: (tenant) => last.all(tenant),
  };
}

/** Whether a round did more than find that nothing has changed. */
function isEventful(report: string): boolean {
  const { outcome, added, removed, held, error } = Object(JSON.parse(report)) as Record<string, unknown>;
  const changes = [added, removed, held].some((count) => typeof count === 'number' && count > 0);
  return outcome !== 'ok' || changes || error !== undefined;
}
