/**
 * References, kept beside the rows because a row stands for many answers. Each is three 32-bit words appended to the newest
 * of a few large rows; finding one reads them all, which takes milliseconds for a million.
 */
import type { Database } from 'better-sqlite3';

export interface References {
  /** Adds (number, ms since 1970, row) triples to what is written by `flush`. */
  add(reference: number, at: number, row: number): void;
  /** Writes what was added, within the caller's transaction. */
  flush(): void;
  /** Forgets what was added and not written: the transaction was rolled back. */
  reset(): void;
  /** Every answer with this reference, newest first: 30 bits are not always unique. */
  find(reference: number): Array<{ readonly at: number; readonly row: number }>;
  /** Forgets references older than `before` (ms since 1970), at most `most` rows of them. */
  prune(before: number, most: number): number;
  /** Forgets the oldest when there are many more than `most` references. */
  keep(most: number): void;
}

const WORDS = 3;
/** References in a full row. */
const FULL = 1024;

/** Prepares the statements. */
export function openReferences(database: Database): References {
  const insert = database.prepare('INSERT INTO reference (last_at, entries) VALUES (?, ?)');
  const update = database.prepare('UPDATE reference SET last_at = ?, entries = ? WHERE id = ?');
  const newest = database.prepare<[], { id: number; entries: Buffer }>(
    'SELECT id, entries FROM reference ORDER BY id DESC LIMIT 1',
  );
  const all = database.prepare<[], Buffer>('SELECT entries FROM reference ORDER BY id DESC').pluck();
  const prune = database.prepare(
    'DELETE FROM reference WHERE id IN (SELECT id FROM reference WHERE last_at < ? ORDER BY id LIMIT ?)',
  );
  const keep = database.prepare('DELETE FROM reference WHERE id <= (SELECT max(id) FROM reference) - ?');
  const words = new Uint32Array(FULL * WORDS);
  let used = 0;
  let row: number | null = null;
  let lastAt = 0;
  let changed = false;

  const load = (): void => {
    const last = newest.get();
    const held = last ? wordsOf(last.entries) : new Uint32Array(0);
    row = last && held.length < words.length ? last.id : null;
    used = row === null ? 0 : held.length;
    words.set(held.subarray(0, used));
    changed = false;
  };
  const write = (): void => {
    if (!changed) return;
    const entries = Buffer.from(words.buffer, 0, used * 4);
    if (row === null) row = Number(insert.run(lastAt, entries).lastInsertRowid);
    else update.run(lastAt, entries, row);
    changed = false;
  };
  load();

  return {
    add(reference, at, rejection) {
      if (used === words.length) {
        write();
        row = null;
        used = 0;
      }
      words[used] = reference;
      words[used + 1] = Math.floor(at / 1000);
      words[used + 2] = rejection;
      used += WORDS;
      lastAt = at;
      changed = true;
    },
    flush: write,
    reset: load,
    find(reference) {
      const found: Array<{ at: number; row: number }> = [];
      for (const entries of all.iterate()) {
        const held = wordsOf(entries);
        for (let at = held.length - WORDS; at >= 0; at -= WORDS) {
          if (held[at] === reference) found.push({ at: (held[at + 1] ?? 0) * 1000, row: held[at + 2] ?? 0 });
        }
      }
      return found;
    },
    prune(before, most) {
      const { changes } = prune.run(before, most);
      // The row that is being filled may have been the last one.
      if (changes > 0) load();
      return changes;
    },
    keep: (most) => void keep.run(Math.ceil(most / FULL) + 1),
  };
}

function wordsOf(entries: Buffer): Uint32Array {
  return new Uint32Array(entries.buffer.slice(entries.byteOffset, entries.byteOffset + entries.length));
}
