/**
 * Asking Graph for single objects, within a budget: whether the owner of a held address really gave it up, and which
 * addresses a restored object has. Delta alone is not believed where a wrong answer bounces somebody's mail.
 */
import { addressesOf, type RecipientPatch, type StreamName } from '../core/recipient.ts';
import type { FormerOwner } from '../core/reconcile.ts';
import type { Outcome } from './round.ts';
import type { RoundFailure } from './rules.ts';

/** Most single objects asked for in one round, for each of the two purposes. */
export const BUDGET = 50;
/** An address whose owners were asked waits this long (ms) before they are asked again. */
export const RECHECK = 3_600_000;

export type AskObject = (
  stream: StreamName,
  id: string,
  signal: AbortSignal,
) => Promise<Outcome<RecipientPatch | null>>;

export interface Confirmation {
  /** Addresses whose turn it was; they are asked for again after {@link RECHECK}. */
  readonly asked: readonly string[];
  /** Those of them that no owner has any more. */
  readonly gone: readonly string[];
  /** Why asking ended early; null when it did not. */
  readonly failure: RoundFailure | null;
}

/**
 * Asks the former owners of held addresses. An address is gone when every one of them is, or is there without it;
 * `domains` are the verified ones, because an address in a domain that the tenant lost is gone as well.
 */
export async function confirmGone(
  owners: readonly FormerOwner[],
  domains: readonly string[],
  ask: AskObject,
  signal: AbortSignal,
): Promise<Confirmation> {
  const verified = new Set(domains);
  const seen = new Map<string, RecipientPatch | null>();
  const asked: string[] = [];
  const gone: string[] = [];
  for (const [address, former] of byAddress(owners)) {
    const unseen = former.filter(({ stream, id }) => !seen.has(`${stream} ${id}`));
    if (seen.size + unseen.length > BUDGET || signal.aborted) break;
    for (const { stream, id } of unseen) {
      const outcome = await ask(stream, id, signal);
      if (!outcome.ok)
        return { asked: [...asked, ...turnOver(outcome.failure, address)], gone, failure: outcome.failure };
      seen.set(`${stream} ${id}`, outcome.value);
    }
    asked.push(address);
    const owned = former.some(({ stream, id }) =>
      owns(stream, seen.get(`${stream} ${id}`) ?? null, verified, address),
    );
    if (!owned) gone.push(address);
  }
  return { asked, gone, failure: null };
}

/** Trouble with the way to Graph is nobody's turn; trouble with this object must not keep the others waiting. */
function turnOver({ kind }: RoundFailure, address: string): readonly string[] {
  return kind === 'protocol' || kind === 'server' || kind === 'forbidden' ? [address] : [];
}

function owns(
  stream: StreamName,
  object: RecipientPatch | null,
  verified: ReadonlySet<string>,
  address: string,
): boolean {
  return (
    object !== null && addressesOf(stream, object.facts, verified).some((owned) => owned.address === address)
  );
}

function byAddress(owners: readonly FormerOwner[]): Map<string, FormerOwner[]> {
  const groups = new Map<string, FormerOwner[]>();
  for (const owner of owners) groups.set(owner.address, [...(groups.get(owner.address) ?? []), owner]);
  return groups;
}
