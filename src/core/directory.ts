/** The in-memory directory that answers: one immutable value per tenant, swapped whole. */
import type { AddressSet } from './address-set.ts';
import { addressSetFrom, addressSetOf } from './address-set.ts';
import { type Departed, type DepartedSnapshot, openDeparted } from './departed.ts';

/** What one tenant's mirror said when it was last read. */
export interface TenantDirectory {
  readonly tenant: string;
  readonly known: AddressSet;
  /** Addresses no longer in the tenant, by the time (ms since 1970) they left it. */
  readonly departed: Departed;
  /** Start of the last complete round, ms since 1970; null when there never was one. */
  readonly syncedAt: number | null;
}

/** Every tenant, by tenant id. */
export type Directory = ReadonlyMap<string, TenantDirectory>;

/** A tenant directory as it is read from the mirror. */
export interface StoredDirectory {
  readonly tenant: string;
  readonly known: SharedArrayBuffer;
  readonly departed: ReadonlyArray<readonly [address: string, removedAt: number]>;
  readonly syncedAt: number | null;
}

/** A tenant directory as it travels between threads: shared memory only, so it costs the same at any size. */
export interface DirectorySnapshot {
  readonly tenant: string;
  readonly known: SharedArrayBuffer;
  readonly departed: DepartedSnapshot;
  readonly syncedAt: number | null;
}

/** Opens a snapshot that the learning side published. */
export function openSnapshot(snapshot: DirectorySnapshot): TenantDirectory {
  return {
    tenant: snapshot.tenant,
    known: addressSetFrom(snapshot.known),
    departed: openDeparted(snapshot.departed),
    syncedAt: snapshot.syncedAt,
  };
}

/** A tenant that was never loaded: it knows nobody and cannot say that anybody is absent. */
export function emptyTenantDirectory(tenant: string): TenantDirectory {
  return { tenant, known: addressSetOf([]), departed: new Map(), syncedAt: null };
}

/** The directory with one tenant replaced; the old value is left as it was. */
export function withTenant(directory: Directory, tenant: TenantDirectory): Directory {
  return new Map(directory).set(tenant.tenant, tenant);
}
