/**
 * Uploaded lists that wait for a yes: what is confirmed is the very same bytes that the preview was made from. Each is
 * good once, for ten minutes, in the session that uploaded it; a session has one, and all together stay below a size.
 */
import { randomBytes } from 'node:crypto';
import type { ExchangeExport } from '../../core/exchange-export.ts';
import type { ImportResult } from './questions.ts';

/** An upload and what it would do. */
export interface PendingImport {
  readonly tenant: string;
  /** Name of the file, as the browser gave it. */
  readonly file: string;
  /** As the daemon takes it. */
  readonly list: Uint8Array;
  readonly counts: Pick<
    ExchangeExport,
    'rows' | 'addressless' | 'unusable' | 'firstUnusable' | 'warnings'
  > & {
    readonly addresses: number;
  };
  readonly result: Extract<ImportResult, { readonly ok: true }>;
}

export interface PendingImports {
  /** Keeps an upload and gives it a name; the one before of the session is forgotten. */
  keep(session: string, pending: PendingImport): string;
  /** The upload of this name, if it is this session's and not too old. */
  look(session: string, name: string): PendingImport | null;
  /** The same, and forgets it. */
  take(session: string, name: string): PendingImport | null;
}

/** Ms. */
const GOOD_FOR = 10 * 60_000;
/** Bytes of all lists together; the oldest go first. */
const ROOM = 160 * 1024 * 1024;

/** None yet. `now` is in ms since 1970. */
export function openPendingImports(now: () => number, room: number = ROOM): PendingImports {
  const uploads = new Map<
    string,
    { readonly name: string; readonly until: number; readonly pending: PendingImport }
  >();
  const clear = (): void => {
    for (const [session, { until }] of uploads) if (until <= now()) uploads.delete(session);
    let size = [...uploads.values()].reduce((sum, { pending }) => sum + pending.list.length, 0);
    for (const [session, { pending }] of uploads) {
      if (size <= room) break;
      uploads.delete(session);
      size -= pending.list.length;
    }
  };
  const look = (session: string, name: string): PendingImport | null => {
    clear();
    const found = uploads.get(session);
    return found?.name === name ? found.pending : null;
  };
  return {
    keep(session, pending) {
      const name = randomBytes(16).toString('base64url');
      // Deleted first, so that the order of the map is the order of age.
      uploads.delete(session);
      uploads.set(session, { name, until: now() + GOOD_FOR, pending });
      clear();
      return name;
    },
    look,
    take(session, name) {
      const found = look(session, name);
      if (found) uploads.delete(session);
      return found;
    },
  };
}
