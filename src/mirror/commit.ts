/**
 * A completed round enters the mirror: one transaction, so that a crash leaves either the old directory or the new one.
 * Memory stays bounded by batches; only changed rows are written.
 */
import type { Database } from 'better-sqlite3';
import { type Plan, reconcile } from '../core/reconcile.ts';
import type { CompletedRound, RoundEffect } from './completed-round.ts';
import { type Departures, openDepartures } from './departures.ts';
import { openMerging } from './merging.ts';
import { openOwnership } from './ownership.ts';
import type { Staging } from './staging.ts';
import type { TenantRow, Tenants } from './tenants.ts';
import { openTouched, type Step } from './touched.ts';

/** Commits a round at `now` (ms since 1970). What was staged of the tenant is gone afterwards. */
export type Commit = (tenant: string, round: CompletedRound, now: number) => RoundEffect;

/** Removed objects are kept this long for a sparse restore: Entra keeps them for 30 days. Ms. */
const RESTORABLE = 45 * 86_400_000;

/** Prepares the statements. */
export function openCommit(
  database: Database,
  tenants: Tenants,
  staging: Staging,
  stepped: (tenant: string, step: Step) => void,
): Commit {
  const ownership = openOwnership(database);
  const merging = openMerging(database, staging, ownership);
  const departures = openDepartures(database);
  const touched = openTouched(database);

  const merge = (row: TenantRow, round: CompletedRound, at: number): void => {
    const domains = JSON.stringify(round.domains);
    const target = { tenant: row.pk, verified: new Set(round.domains), at };
    ownership.begin(row.pk, row.addresses);
    for (const { stream, read } of round.streams) merging.stream(target, stream, read);
    // Of a tenant that had no domain yet, nothing is stored but what was just merged.
    if (domains !== row.domains && row.domains !== '[]') merging.recompute(target);
    merging.prune(at - RESTORABLE);
  };
  const commit = database.transaction((tenant: string, round: CompletedRound, now: number): RoundEffect => {
    const row = tenants.row(tenant);
    merge(row, round, now);
    const departed = ownership.departed();
    const { plan: decision, removed } = plan(departures, row, round, departed, ownership.count());
    // What a complete round misses is gone as of its start; what a partial one misses waits for a complete one.
    // (later than the last complete round even when the clock was set back in between).
    const left = round.complete ? round.startedAt : Math.max(now, (row.synced_at ?? 0) + 1);
    if (decision.removals === 'apply') departures.depart(row.pk, removed, left);
    else departures.hold(row.pk, removed, now, decision.why);
    const reclaimed = departures.reclaim(row.pk);
    const changed = ownership.changed() || removed.length > 0 || reclaimed > 0;
    tenants.advance(row.pk, round, { addresses: ownership.count(), changed, again: rereads(decision) });
    const known = ownership.count() + departures.heldCount(row.pk);
    const applied = decision.removals === 'apply';
    return {
      addresses: known,
      added: ownership.count() - row.addresses + departed.length,
      removed: applied ? removed.length : 0,
      held: applied ? 0 : removed.length,
    };
  });
  return (tenant, round, now) => {
    staging.arrange();
    const from = tenants.row(tenant).generation;
    if (round.streams.every(({ read }) => read === 'delta')) touched.start();
    try {
      const effect = commit.immediate(tenant, round, now);
      const { pk, generation: to } = tenants.row(tenant);
      const addresses = touched.end();
      if (addresses) stepped(tenant, { from, to, addresses });
      staging.clear(pk, null);
      return effect;
    } finally {
      touched.end();
    }
  };
}

/**
 * What to do with the addresses that lost their last owner. A round that read every stream in full judges those held
 * before again: it has looked at everything, and they are not there.
 */
function plan(
  departures: Departures,
  row: TenantRow,
  round: CompletedRound,
  departed: readonly string[],
  after: number,
): { readonly plan: Plan; readonly removed: readonly string[] } {
  const everything = round.complete && round.streams.every(({ read }) => read === 'full');
  const held = everything ? departures.heldWithoutOwner(row.pk) : [];
  const removed = [...departed, ...held];
  return { plan: reconcile({ before: row.addresses + held.length, after, removed }), removed };
}

/** An empty listing is most likely a fault, so the next round reads everything again instead of waiting for changes. */
function rereads(plan: Plan): boolean {
  return plan.removals === 'hold' && plan.why === 'empty-listing';
}
