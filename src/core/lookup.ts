/** Live lookup on a miss, as a rule: which addresses are asked for, and what the outcome makes of the verdict. */
import { type Mailbox, withoutSubaddress } from './address.ts';
import { type Policy, policyFor } from './policy.ts';
import { ACTION_OF, type Reason, type Verdict } from './verdict.ts';

/**
 * `found`: the tenant has it; `absent`: the tenant was asked and does not; the others could not tell: no answer within
 * the deadline, no budget left, or an error.
 */
export type LookupOutcome =
  | { readonly kind: 'found'; readonly address: string }
  | { readonly kind: 'absent' | 'timeout' | 'over-budget' | 'failed' };

const REASON: Record<Exclude<LookupOutcome['kind'], 'found' | 'absent'>, Reason> = {
  timeout: 'lookup-timeout',
  'over-budget': 'lookup-over-budget',
  failed: 'lookup-failed',
};

/** Whether a verdict is worth a lookup: unknown, in a fresh directory and an enforced domain. */
export function wantsLookup(verdict: Verdict): verdict is Verdict & { readonly tenant: string } {
  return verdict.reason === 'unknown' && verdict.tenant !== null;
}

/** Normalised addresses to ask for: the mailbox itself, then the one without its sub-address. */
export function lookupKeys(mailbox: Mailbox, policy: Policy): readonly string[] {
  const base = policyFor(policy, mailbox.domain)?.subaddressing ? withoutSubaddress(mailbox) : null;
  return base === null ? [mailbox.key] : [mailbox.key, base];
}

/** The verdict of an unknown address after its lookup. Only a confirmed absence leaves it a reject. */
export function afterLookup(verdict: Verdict, outcome: LookupOutcome): Verdict {
  if (outcome.kind === 'absent') return verdict;
  const found = outcome.kind === 'found';
  const reason = found ? 'live-lookup' : REASON[outcome.kind];
  return { ...verdict, action: ACTION_OF[reason], reason, matched: found ? outcome.address : null };
}
