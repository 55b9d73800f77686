/** One object learned between rounds, by a live lookup: it enters the mirror as the next delta would bring it. */
import type { Database } from 'better-sqlite3';
import type { RecipientPatch, StreamName } from '../core/recipient.ts';
import { openDepartures } from './departures.ts';
import { openMerging } from './merging.ts';
import { openOwnership } from './ownership.ts';
import type { Staging } from './staging.ts';
import type { Tenants } from './tenants.ts';

/** An object as a listing showed it. */
export interface LearnedObject {
  readonly stream: StreamName;
  readonly patch: RecipientPatch;
}

/** Keeps objects of a tenant with these verified domains at `now` (ms since 1970), in one transaction. */
export type Learn = (
  tenant: string,
  objects: readonly LearnedObject[],
  domains: readonly string[],
  now: number,
) => void;

/** Prepares the statements. Cursors and freshness stay as they are, and so does what a running round has staged. */
export function openLearn(database: Database, tenants: Tenants, staging: Staging): Learn {
  const ownership = openOwnership(database);
  const merging = openMerging(database, staging, ownership);
  const departures = openDepartures(database);
  const advance = database.prepare(
    'UPDATE tenant SET addresses = ?, generation = random() & 0x1fffffffffffff WHERE pk = ?',
  );
  const learn = database.transaction<Learn>((tenant, objects, domains, now) => {
    const row = tenants.row(tenant);
    ownership.begin(row.pk, row.addresses);
    const target = { tenant: row.pk, verified: new Set(domains), at: now };
    for (const { stream, patch } of objects)
      merging.object(target, stream, { id: patch.id, patches: [patch] });
    departures.reclaim(row.pk);
    if (ownership.changed()) advance.run(ownership.count(), row.pk);
  });
  return (tenant, objects, domains, now) => learn.immediate(tenant, objects, domains, now);
}
