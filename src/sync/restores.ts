/**
 * Objects that come back from deletion. Their entry may carry an id and nothing else, and the address may have changed
 * since, so each is asked for once; what it says is staged behind its entry. Many at once are cheaper by a full read.
 */
import type { RecipientPatch, StreamName } from '../core/recipient.ts';
import { type AskObject, BUDGET } from './confirmation.ts';
import { errorOf, readStream, type StreamDeps, type StreamRead } from './stream.ts';

export interface RestoreDeps extends StreamDeps {
  /** Objects of the running round that were removed before and whose entries name no addresses. */
  restored(): ReadonlyArray<{ readonly stream: StreamName; readonly id: string }>;
  object: AskObject;
}

/** The reads with every restored object completed; a stream of which one could not be asked for has failed. */
export async function completeRestores(
  deps: RestoreDeps,
  reads: readonly StreamRead[],
  signal: AbortSignal,
): Promise<readonly StreamRead[]> {
  const restored = deps.restored();
  if (restored.length === 0) return reads;
  const completed: StreamRead[] = [];
  for (const read of reads) {
    const ids = restored.filter(({ stream }) => stream === read.report.stream).map(({ id }) => id);
    completed.push(read.failure === null ? await completeStream(deps, read, ids, signal) : read);
  }
  return completed;
}

async function completeStream(
  deps: RestoreDeps,
  read: StreamRead,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<StreamRead> {
  const { report } = read;
  const { stream } = report;
  if (ids.length > BUDGET && report.read === 'delta') {
    deps.unstage(stream);
    return readStream(deps, stream, null, signal);
  }
  const patches: RecipientPatch[] = [];
  for (const id of ids.slice(0, BUDGET)) {
    const outcome = await deps.object(stream, id, signal);
    if (!outcome.ok) {
      deps.unstage(stream);
      const { failure } = outcome;
      return { report: { ...report, error: errorOf(failure) }, cursor: null, failure };
    }
    // Deleted again since: the next round will say so.
    if (outcome.value !== null) patches.push(outcome.value);
  }
  if (patches.length > 0) deps.stage(stream, patches);
  return read;
}
