/**
 * A completed round enters the mirror: one transaction, so that a crash leaves either the old directory or the new one.
 * Memory stays bounded by batches; only changed rows are written.
 */
import type { Database } from 'better-sqlite3';
import {
  DEFAULT_GUARD,
  type FormerOwner,
  type GuardLimits,
  type Plan,
  type RoundPreview,
  reconcile,
} from '../core/reconcile.ts';
import type { CompletedRound, RoundEffect } from './completed-round.ts';
import { openDepartures } from './departures.ts';
import { openHeldPlans } from './held-plans.ts';
import { openMerging } from './merging.ts';
import { openOwnership, SAMPLE } from './ownership.ts';
import { openRecentMail } from './recent-mail.ts';
import type { Staging } from './staging.ts';
import type { TenantRow, Tenants } from './tenants.ts';
import { openTouched, type Step, type Touched } from './touched.ts';

export interface Commit {
  /** Commits a round at `now` (ms since 1970). What was staged of the tenant is gone afterwards. */
  commit(tenant: string, round: CompletedRound, now: number): RoundEffect;
  /** What that would do. Nothing changes, but what was staged is gone. */
  preview(tenant: string, round: CompletedRound, now: number): PreviewEffect;
}

export type PreviewEffect = RoundEffect & {
  readonly preview: RoundPreview;
  /** Whom a real round would ask about held addresses. */
  readonly unconfirmed: readonly FormerOwner[];
};

/** Removed objects are kept this long for a sparse restore: Entra keeps them for 30 days. Ms. */
const RESTORABLE = 45 * 86_400_000;

/** Prepares the statements. */
export function openCommit(
  database: Database,
  tenants: Tenants,
  staging: Staging,
  stepped: (tenant: string, step: Step) => void,
  guard: GuardLimits = DEFAULT_GUARD,
): Commit {
  const ownership = openOwnership(database);
  const merging = openMerging(database, staging, ownership);
  const departures = openDepartures(database);
  const plans = openHeldPlans(database);
  const recent = openRecentMail(database);

  const merge = (row: TenantRow, round: CompletedRound, at: number): void => {
    const domains = JSON.stringify(round.domains);
    const target = { tenant: row.pk, verified: new Set(round.domains), at };
    ownership.begin(row.pk, row.addresses);
    for (const { stream, read } of round.streams) merging.stream(target, stream, read);
    // Of a tenant that had no domain yet, nothing is stored but what was just merged.
    if (domains !== row.domains && row.domains !== '[]') merging.recompute(target);
    merging.prune(at - RESTORABLE);
  };
  /**
   * What to do with the addresses that lost their last owner. A round that read every stream in full judges those held
   * before again: it has looked at everything, and they are not there.
   */
  const plan = (row: TenantRow, round: CompletedRound, departed: readonly string[], now: number): Plan => {
    const held = readsEverything(round) ? departures.heldWithoutOwner(row.pk) : [];
    const removed = [...departed, ...held];
    return reconcile(
      {
        before: row.addresses + held.length,
        after: ownership.count(),
        removed,
        recent: (address) => guard.recentMail > 0 && recent.since(row.pk, address, now - guard.recentMail),
      },
      guard,
    );
  };
  const apply = (tenant: string, round: CompletedRound, now: number): PreviewEffect => {
    const row = tenants.row(tenant);
    merge(row, round, now);
    const departed = ownership.departed();
    const decision = plan(row, round, departed, now);
    // What a complete round misses is gone as of its start; what a partial one misses waits for a complete one.
    // (later than the last complete round even when the clock was set back in between).
    const left = round.complete ? round.startedAt : Math.max(now, (row.synced_at ?? 0) + 1);
    departures.depart(row.pk, decision.apply, left);
    const held = decision.why === null ? 0 : departures.hold(row.pk, decision.hold, now, decision.why);
    if (held > 0) plans.rememberOwners(row.pk);
    const reclaimed = departures.reclaim(row.pk);
    const moves = reclaimed > 0 || decision.apply.length > 0 || decision.hold.length > 0;
    if (moves) plans.refresh(row, now);
    const moved = { addresses: ownership.count(), changed: ownership.changed() || moves };
    tenants.advance(row.pk, round, { ...moved, again: rereads(decision, held, round) });
    return {
      addresses: ownership.count() + departures.heldCount(row.pk),
      added: ownership.count() - row.addresses + departed.length,
      removed: decision.apply.length,
      held,
      preview: {
        added: ownership.gained(),
        removed: decision.apply.slice(0, SAMPLE),
        held: decision.hold.slice(0, SAMPLE),
        why: decision.why,
      },
      unconfirmed: plans.unconfirmed(row.pk, now, now),
    };
  };
  return transactions(database, apply, {
    arrange: staging.arrange,
    clear: (tenant) => staging.clear(tenants.row(tenant).pk, null),
    noted: noting(openTouched(database), (tenant) => tenants.row(tenant).generation, stepped),
  });
}

/** Notes which addresses a commit touches, so that the directory can be corrected and need not be built again. */
function noting(
  touched: Touched,
  generation: (tenant: string) => number,
  stepped: (tenant: string, step: Step) => void,
): Around['noted'] {
  return (tenant, round, commit) => {
    const from = generation(tenant);
    if (round.streams.every(({ read }) => read === 'delta')) touched.start();
    try {
      const effect = commit();
      const addresses = touched.end();
      if (addresses) stepped(tenant, { from, to: generation(tenant), addresses });
      return effect;
    } finally {
      touched.end();
    }
  };
}

type Apply = (tenant: string, round: CompletedRound, now: number) => PreviewEffect;

interface Around {
  /** Before either. */
  arrange(): void;
  /** After either. */
  clear(tenant: string): void;
  noted(tenant: string, round: CompletedRound, commit: () => RoundEffect): RoundEffect;
}

/** `apply` for good, and `apply` taken back. */
function transactions(database: Database, apply: Apply, { arrange, clear, noted }: Around): Commit {
  const commit = database.transaction((tenant: string, round: CompletedRound, now: number): RoundEffect => {
    const { addresses, added, removed, held } = apply(tenant, round, now);
    return { addresses, added, removed, held };
  });
  const tried = database.transaction((tenant: string, round: CompletedRound, now: number): never => {
    throw new RolledBack(apply(tenant, round, now));
  });
  return {
    commit(tenant, round, now) {
      arrange();
      const effect = noted(tenant, round, () => commit.immediate(tenant, round, now));
      clear(tenant);
      return effect;
    },
    preview(tenant, round, now) {
      arrange();
      try {
        return tried.immediate(tenant, round, now);
      } catch (error) {
        if (error instanceof RolledBack) return error.effect;
        throw error;
      } finally {
        clear(tenant);
      }
    },
  };
}

/** Ends the transaction of a preview: whatever is thrown inside one rolls it back. */
class RolledBack extends Error {
  readonly effect: PreviewEffect;

  constructor(effect: PreviewEffect) {
    super('rolled back');
    this.effect = effect;
  }
}

function readsEverything({ complete, streams }: CompletedRound): boolean {
  return complete && streams.every(({ read }) => read === 'full');
}

/**
 * An empty listing is most likely a fault, so the next round reads everything again instead of waiting for changes;
 * so it does once after changes that would take many addresses away: what is still there ends the doubt by itself.
 */
function rereads(plan: Plan, held: number, round: CompletedRound): boolean {
  if (plan.why === 'empty-listing') return true;
  return held > 0 && plan.why !== 'recent-mail' && !readsEverything(round);
}
