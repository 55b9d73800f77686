/** The learning thread's answers to what the operator says by command: stored first, then published, then answered. */
import type { Holdings } from '../core/coverage.ts';
import { decodeImport, type ImportedTypes, planImport, siftImport } from '../core/import-plan.ts';
import type { ImportOrigin, OperatorSnapshot, StoredOverride } from '../core/operator.ts';
import type { StoredDiscrepancies } from '../core/reconciliation.ts';
import type { Tell } from './answering.ts';
import type { ObservedBatch, RequestHandlers } from './protocol.ts';

/** What is kept of the operator's words. */
export interface OperatorStore {
  readonly overrides: {
    all(): readonly StoredOverride[];
    put(override: StoredOverride): StoredOverride | null;
    take(match: string): StoredOverride | null;
  };
  readonly imports: {
    types(tenant: string): ImportedTypes;
    replace(origin: ImportOrigin, types: ImportedTypes): void;
    published(): OperatorSnapshot['imports'];
  };
  holdings(tenant: string): Holdings;
  noteObserved(batch: ObservedBatch): void;
  discrepancies(tenant: string): StoredDiscrepancies;
}

type OperatorRequest =
  | 'overrideAdd'
  | 'overrideRemove'
  | 'import'
  | 'holdings'
  | 'observed'
  | 'discrepancies';

/** Everything the operator said, for the answering side. */
export function publishOperator({ overrides, imports }: OperatorStore, tell: Tell): void {
  tell({ kind: 'operator', snapshot: { overrides: overrides.all(), imports: imports.published() } });
}

/** Handlers over `store`, which throws while there is none. The answer leaves after the publication it is about. */
export function operatorHandlers(
  store: () => OperatorStore,
  tell: Tell,
): Pick<RequestHandlers, OperatorRequest> {
  return {
    async overrideAdd({ override }) {
      const replaced = store().overrides.put(override);
      publishOperator(store(), tell);
      return { replaced };
    },
    async overrideRemove({ match }) {
      const removed = store().overrides.take(match);
      if (removed) publishOperator(store(), tell);
      return { removed };
    },
    async import({ origin, list, domains, dryRun, force }) {
      const { imports } = store();
      const { accepted, foreign } = siftImport(
        decodeImport(Buffer.from(list.buffer, list.byteOffset, list.byteLength).toString('utf8')),
        origin.tenant,
        domains,
      );
      const plan = planImport(imports.types(origin.tenant), accepted);
      const applied = !dryRun && (plan.hold === null || force);
      if (applied) {
        imports.replace(origin, accepted);
        publishOperator(store(), tell);
      }
      return { plan, foreign, applied };
    },
    async observed(batch) {
      store().noteObserved(batch);
      return null;
    },
    discrepancies: async ({ tenants }) => tenants.map((tenant) => store().discrepancies(tenant)),
    holdings: async ({ tenants }) => tenants.map((tenant) => store().holdings(tenant)),
  };
}
