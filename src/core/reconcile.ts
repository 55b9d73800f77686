/** Whether what a completed round says may replace what the mirror has. */

/** What the rule looks at; addresses are counted, not objects. */
export interface RoundChange {
  /** Addresses known before the round. */
  readonly before: number;
  /** Addresses known once the round's removals are applied. */
  readonly after: number;
  /** Addresses that the round takes away. */
  readonly removed: readonly string[];
}

/** Additions always apply; removals are applied (into their grace period) or held back. */
export type Plan = { readonly removals: 'apply' } | { readonly removals: 'hold'; readonly why: HoldReason };

export type HoldReason = 'empty-listing';

/**
 * Plans one round. A listing that leaves nobody is a fault somewhere between the tenant and us far more often than
 * it is the truth, so it never removes anybody.
 */
export function reconcile(change: RoundChange): Plan {
  const emptied = change.after === 0 && change.before > 0;
  return emptied ? { removals: 'hold', why: 'empty-listing' } : { removals: 'apply' };
}
