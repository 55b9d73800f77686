/** What the operator told the running gateway: overrides by command and imported recipients. Swapped whole. */
import { type AddressSet, addressSetFrom } from './address-set.ts';
import type { Override } from './override.ts';
import type { Policy } from './policy.ts';

/** An override that was added by command. */
export interface StoredOverride extends Override {
  /** Ms since 1970. */
  readonly addedAt: number;
  readonly addedBy: string;
}

/** Where the imported recipients of a tenant come from. */
export interface ImportOrigin {
  readonly tenant: string;
  /** Name of the imported file. */
  readonly file: string;
  /** Ms since 1970. */
  readonly importedAt: number;
  readonly importedBy: string;
}

/** As it travels between threads: plain values and shared memory. */
export interface OperatorSnapshot {
  readonly overrides: readonly StoredOverride[];
  readonly imports: ReadonlyArray<ImportOrigin & { readonly known: SharedArrayBuffer }>;
}

export interface TenantImport extends ImportOrigin {
  readonly known: AddressSet;
}

/** As it answers. */
export interface Operator {
  /** The policy of the configuration with everything below in it. */
  readonly policy: Policy;
  readonly overrides: readonly StoredOverride[];
  /** By tenant id. */
  readonly imports: ReadonlyMap<string, TenantImport>;
}

/** An operator who said nothing beyond the configuration. */
export const SILENT: OperatorSnapshot = { overrides: [], imports: [] };

/** The configured policy with a snapshot in it. Between equal matches the configuration file comes first. */
export function operatorFrom(policy: Policy, snapshot: OperatorSnapshot): Operator {
  const imports = new Map(
    snapshot.imports.map(({ known, ...origin }) => [
      origin.tenant,
      { ...origin, known: addressSetFrom(known) },
    ]),
  );
  return {
    policy: {
      ...policy,
      overrides: [...policy.overrides, ...snapshot.overrides],
      imported: new Map([...imports].map(([tenant, { known }]) => [tenant, known])),
    },
    overrides: snapshot.overrides,
    imports,
  };
}
