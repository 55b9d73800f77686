/**
 * The rejection log's store: what was answered, kept so that people can ask about it. A file of its own with one owner, the
 * recording thread; everything in it is synchronous.
 */
import { type Asking, openAsking } from './asking.ts';
import { openLedgerFile } from './file.ts';
import { type LedgerLimits, openPruning, type Pruning } from './pruning.ts';
import { openRecording, type RecordBatch } from './recording.ts';
import { openReferences } from './references.ts';
import { openRegrets, type Regrets } from './regrets.ts';

export interface LedgerOptions extends LedgerLimits {
  /** Repeats of an answer within this time only raise the count of its row, ms. */
  readonly repeatWithin: number;
}

/** Every function throws what SQLite throws (disk full, file damaged); nothing is half done then. */
export interface Ledger extends Disposable {
  readonly record: RecordBatch;
  readonly ask: Asking;
  readonly regrets: Regrets;
  readonly pruning: Pruning;
}

/**
 * Opens (or makes) the store at `path`.
 * @throws Error naming the file when it cannot be used.
 */
export function openLedger(path: string, options: LedgerOptions): Ledger {
  const database = openLedgerFile(path);
  try {
    const references = openReferences(database);
    return {
      record: openRecording(database, references, options.repeatWithin),
      ask: openAsking(database, references, options.repeatWithin),
      regrets: openRegrets(database),
      pruning: openPruning(database, references, options),
      [Symbol.dispose]: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
