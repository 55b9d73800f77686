/** Recipients imported from Exchange, one import a tenant. They are an own set beside what sync rounds read. */
import type { Database } from 'better-sqlite3';
import { addressSetBuilder } from '../core/address-set.ts';
import type { ImportedTypes } from '../core/import-plan.ts';
import type { ImportOrigin, OperatorSnapshot } from '../core/operator.ts';
import type { Tenants } from './tenants.ts';

export interface Imports {
  /** Types by address of the tenant's import; empty when there is none. */
  types(tenant: string): ImportedTypes;
  /** Makes `types` the tenant's import, in one transaction that writes only what differs. Without any there is none. */
  replace(origin: ImportOrigin, types: ImportedTypes): void;
  /** Every import with its addresses in shared memory. */
  published(): OperatorSnapshot['imports'];
}

interface OriginRow extends ImportOrigin {
  readonly pk: number;
}

/** Prepares the statements. */
export function openImports(database: Database, tenants: Tenants): Imports {
  const origins = database.prepare<[], OriginRow>(
    `SELECT t.pk, t.id AS tenant, i.file, i.imported_at AS importedAt, i.imported_by AS importedBy
     FROM import AS i JOIN tenant AS t ON t.pk = i.tenant ORDER BY t.pk`,
  );
  const origin = database.prepare<[number, string, number, string]>(
    'INSERT OR REPLACE INTO import (tenant, file, imported_at, imported_by) VALUES (?, ?, ?, ?)',
  );
  const forget = database.prepare<[number]>('DELETE FROM import WHERE tenant = ?');
  const rows = database
    .prepare<[number], [string, string]>('SELECT address, type FROM imported WHERE tenant = ?')
    .raw();
  const put = database.prepare<[number, string, string]>(
    `INSERT INTO imported (tenant, address, type) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET type = excluded.type`,
  );
  const remove = database.prepare<[number, string]>('DELETE FROM imported WHERE tenant = ? AND address = ?');
  const built = new Map<number, { readonly importedAt: number; readonly known: SharedArrayBuffer }>();

  const known = ({ pk, importedAt }: OriginRow): SharedArrayBuffer => {
    const last = built.get(pk);
    if (last?.importedAt === importedAt) return last.known;
    const builder = addressSetBuilder();
    for (const [address] of rows.iterate(pk)) builder.add(address);
    const buffer = builder.build().buffer;
    built.set(pk, { importedAt, known: buffer });
    return buffer;
  };
  return {
    types: (tenant) => new Map(rows.all(tenants.row(tenant).pk)),
    replace: database.transaction(
      ({ tenant, file, importedAt, importedBy }: ImportOrigin, types: ImportedTypes) => {
        const { pk } = tenants.row(tenant);
        const before = new Map(rows.all(pk));
        for (const address of before.keys()) if (!types.has(address)) remove.run(pk, address);
        for (const [address, type] of types) if (before.get(address) !== type) put.run(pk, address, type);
        if (types.size === 0) forget.run(pk);
        else origin.run(pk, file, importedAt, importedBy);
        built.delete(pk);
      },
    ),
    published: () => origins.all().map(({ pk, ...row }) => ({ ...row, known: known({ pk, ...row }) })),
  };
}
