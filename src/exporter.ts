/** The thread that writes one export: it reads the directory's shared memory, so that listing it costs the answers nothing. */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { addressesIn } from './core/address-set.ts';
import { type DirectorySnapshot, openSnapshot } from './core/directory.ts';
import { type OperatorSnapshot, operatorFrom } from './core/operator.ts';
import type { Policy } from './core/policy.ts';
import { type Exported, exportEntries, unloadedDomains } from './core/standing-export.ts';
import { type ExportOutcome, type ExportTarget, writeExport } from './lookup/export-file.ts';

/** What one export is made of; all of it travels between threads at no cost. */
export interface ExportTask {
  readonly snapshots: readonly DirectorySnapshot[];
  readonly operator: OperatorSnapshot;
  /** Of the configuration. */
  readonly policy: Policy;
  readonly target: ExportTarget;
  readonly force: boolean;
  /** Ms since 1970. */
  readonly now: number;
}

interface Done {
  readonly outcome: ExportOutcome | null;
  readonly error: string | null;
}

if (parentPort) {
  const port = parentPort;
  runTask(workerData as ExportTask).then(
    (outcome) => port.postMessage({ outcome, error: null } satisfies Done),
    (error: unknown) =>
      port.postMessage({
        outcome: null,
        error: error instanceof Error ? error.message : String(error),
      } satisfies Done),
  );
}

/** Writes an export in a thread of its own. Rejects when the file cannot be written. */
export function exportInThread(task: ExportTask): Promise<ExportOutcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: task, name: 'exporter' });
    worker.once('message', ({ outcome, error }: Done) =>
      outcome === null ? reject(new Error(error ?? 'the export failed')) : resolve(outcome),
    );
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the export thread ended before it had written the file')));
  });
}

/** Writes an export in this thread. @throws Error of the file system or of postmap. */
export async function runTask({ target, force, ...task }: ExportTask): Promise<ExportOutcome> {
  const exported = exportedOf(task);
  const unloaded = unloadedDomains(exported);
  if (unloaded.length > 0) {
    const problem = `nothing was ever read of the tenant of ${unloaded.join(', ')}: every recipient would be refused`;
    return { kind: 'refused', path: target.path, problem };
  }
  return writeExport(target, exportEntries(exported), task.now, force);
}

/** The answering side as it is in a task. */
export function exportedOf({
  snapshots,
  operator,
  policy,
  now,
}: Omit<ExportTask, 'target' | 'force'>): Exported {
  return {
    directory: new Map(snapshots.map((snapshot) => [snapshot.tenant, openSnapshot(snapshot)])),
    departed: new Map(
      snapshots.map(({ tenant, departed }) => [tenant, [...addressesIn(departed.addresses)]]),
    ),
    policy: operatorFrom(policy, operator).policy,
    now,
  };
}
