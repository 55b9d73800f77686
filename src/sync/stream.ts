/**
 * Reading one stream into the staging area, to its last page or not at all. A spent cursor is answered with a full
 * read, an expired page token with a fresh start; anything else leaves the stream as it was.
 */
import type { RecipientPatch, StreamName } from '../core/recipient.ts';
import type { StreamReport } from './report.ts';
import { implausible, NOTHING_READ, type RoundFailure, type Tally, tallyPage } from './rules.ts';

/** One step of a read; the last page carries the cursor for the next read. */
export type PageEvent =
  | { readonly kind: 'page'; readonly patches: readonly RecipientPatch[]; readonly cursor: string | null }
  | { readonly kind: 'failure'; readonly failure: RoundFailure };

/** What reading a stream needs. */
export interface StreamDeps {
  pages(stream: StreamName, cursor: string | null, signal: AbortSignal): AsyncIterable<PageEvent>;
  stage(stream: StreamName, patches: readonly RecipientPatch[]): void;
  unstage(stream: StreamName): void;
  progress(stream: StreamName, tally: Tally): void;
}

/** A stream read to its end (`cursor`), or why not (`failure`). */
export type StreamRead = { readonly report: StreamReport } & (
  | { readonly cursor: string; readonly failure: null }
  | { readonly cursor: null; readonly failure: RoundFailure }
);

/** Page tokens expire when a request was retried; each fresh start has the same chance again. */
const RESTARTS = 4;

/** Reads a stream from `cursor`, or from the beginning when it is null. */
export async function readStream(
  deps: StreamDeps,
  stream: StreamName,
  cursor: string | null,
  signal: AbortSignal,
): Promise<StreamRead> {
  let from = cursor;
  for (let restarts = 0; ; restarts++) {
    const attempt = await readOnce(deps, stream, from, signal);
    if (attempt.failure === null) return attempt;
    deps.unstage(stream);
    const { kind } = attempt.failure;
    const again = (kind === 'cursor-spent' && from !== null) || kind === 'page-expired';
    if (!again || restarts >= RESTARTS) return attempt;
    if (kind === 'cursor-spent') from = null;
  }
}

async function readOnce(
  deps: StreamDeps,
  stream: StreamName,
  from: string | null,
  signal: AbortSignal,
): Promise<StreamRead> {
  const read = from === null ? 'full' : 'delta';
  let tally = NOTHING_READ;
  const end = (failure: RoundFailure): StreamRead => ({
    report: { stream, read, pages: tally.pages, entries: tally.entries, error: errorOf(failure) },
    cursor: null,
    failure,
  });
  for await (const event of deps.pages(stream, from, signal)) {
    if (event.kind === 'failure') return end(event.failure);
    deps.stage(stream, event.patches);
    tally = tallyPage(tally, event.patches);
    deps.progress(stream, tally);
    if (event.cursor === null) continue;
    const doubt = read === 'full' ? implausible(stream, tally) : null;
    if (doubt) return end(doubt);
    const report = { stream, read, pages: tally.pages, entries: tally.entries } as const;
    return { report, cursor: event.cursor, failure: null };
  }
  const message = `${stream}: the pages ended without a cursor`;
  return end({ kind: 'protocol', code: 'no-cursor', message, hint: '', retryAfter: null });
}

/** The part of a failure that is reported. */
export function errorOf({ code, message, hint }: RoundFailure): {
  code: string;
  message: string;
  hint: string;
} {
  return { code, message, hint };
}
