/** Which addresses received mail lately, by day: the guard doubts their removal. */
import type { Database } from 'better-sqlite3';

const DAY = 86_400_000;

export interface RecentMail {
  /** Remembers that mail to the addresses was accepted at `at` (ms since 1970). */
  note(tenant: number, addresses: readonly string[], at: number): void;
  /** Whether mail to the address was accepted after `since` (ms since 1970), whole days. */
  since(tenant: number, address: string, since: number): boolean;
  /** Forgets what is older than `before` (ms since 1970). */
  prune(before: number): void;
}

/** Prepares the statements. */
export function openRecentMail(database: Database): RecentMail {
  const note = database.prepare(
    `INSERT INTO recent_mail (tenant, address, day) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET day = excluded.day WHERE day < excluded.day`,
  );
  const last = database
    .prepare<[number, string], number>('SELECT day FROM recent_mail WHERE tenant = ? AND address = ?')
    .pluck();
  const prune = database.prepare('DELETE FROM recent_mail WHERE day < ?');
  let pruned = Number.NEGATIVE_INFINITY;
  return {
    note: database.transaction((tenant: number, addresses: readonly string[], at: number) => {
      for (const address of addresses) note.run(tenant, address, Math.floor(at / DAY));
    }),
    since(tenant, address, since) {
      const day = last.get(tenant, address);
      return day !== undefined && day >= Math.floor(since / DAY);
    },
    prune(before) {
      const day = Math.floor(before / DAY);
      // The whole table is read for it, so once a day is enough.
      if (day === pruned) return;
      prune.run(day);
      pruned = day;
    },
  };
}
