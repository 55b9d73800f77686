/**
 * The guard: whether what a completed round takes away may leave the directory. Additions always apply. Removals that
 * are more likely a fault than the truth are held back: the addresses stay known until they reappear, are confirmed
 * gone, or an operator approves the plan.
 */

/** From when on removals are doubted. */
export interface GuardLimits {
  /** Most addresses that may go in one round. */
  readonly maxRemovals: number;
  /** Largest share of the directory that may go in one round, percent. */
  readonly maxShare: number;
  /** Up to so many removals the share does not matter: in a small tenant one leaver is a large one. */
  readonly minRemovals: number;
  /** An address that was accepted within this time before is not removed without a confirmation, ms; 0 for never. */
  readonly recentMail: number;
}

/** The limits unless the operator says otherwise. */
export const DEFAULT_GUARD: GuardLimits = {
  maxRemovals: 500,
  maxShare: 10,
  minRemovals: 10,
  recentMail: 30 * 86_400_000,
};

/** What the rule looks at; addresses are counted, not objects. */
export interface RoundChange {
  /** Addresses known before the round. */
  readonly before: number;
  /** Addresses known once the round's removals are applied. */
  readonly after: number;
  /** Addresses that the round takes away. */
  readonly removed: readonly string[];
  /** Whether mail to the address was accepted lately. */
  recent(address: string): boolean;
}

/** Why removals are held; the first three hold every removal of a round. */
export type HoldReason = 'empty-listing' | 'count' | 'share' | 'recent-mail';

/** What becomes of the removals: `apply` go into their grace period, `hold` stay known. */
export interface Plan {
  readonly apply: readonly string[];
  readonly hold: readonly string[];
  /** Null when nothing is held. */
  readonly why: HoldReason | null;
}

/**
 * Plans one round. A listing that leaves nobody, or takes many at once, is a fault somewhere between the tenant and us
 * more often than it is the truth. Somebody who got mail lately may be an ordinary leaver, so that removal only waits
 * for a confirmation.
 */
export function reconcile(change: RoundChange, limits: GuardLimits): Plan {
  const { removed } = change;
  const mass = massReason(change, limits);
  if (mass !== null) return { apply: [], hold: removed, why: mass };
  const hold = removed.filter((address) => change.recent(address));
  if (hold.length === 0) return { apply: removed, hold, why: null };
  const held = new Set(hold);
  return { apply: removed.filter((address) => !held.has(address)), hold, why: 'recent-mail' };
}

function massReason({ before, after, removed }: RoundChange, limits: GuardLimits): HoldReason | null {
  if (removed.length === 0) return null;
  if (after === 0 && before > 0) return 'empty-listing';
  if (removed.length > limits.maxRemovals) return 'count';
  const share = before === 0 ? 0 : (100 * removed.length) / before;
  return removed.length > limits.minRemovals && share > limits.maxShare ? 'share' : null;
}

/** What is held of one tenant, as an operator approves it: the hash names these addresses with these reasons. */
export interface HeldPlan {
  readonly tenant: string;
  readonly hash: string;
  /** When the plan took this form, ms since 1970. */
  readonly since: number;
  readonly addresses: number;
  /** Addresses by reason. */
  readonly why: Readonly<Partial<Record<HoldReason, number>>>;
  /** Some of the addresses, those that received mail last first. */
  readonly top: readonly string[];
}

/** An object that owned an address that is gone. */
export interface FormerOwner {
  readonly address: string;
  readonly stream: 'users' | 'groups' | 'contacts';
  /** Graph's id. */
  readonly id: string;
}

/** What a round would do; addresses are samples, the counts are whole. */
export interface RoundPreview {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly held: readonly string[];
  readonly why: HoldReason | null;
}
