/** How the entries of a round change one stored object. Pure; the rules are those of Graph's delta queries. */
import { mergeFacts, type RecipientFacts, type RecipientPatch } from '../core/recipient.ts';

/**
 * `live`; `changed`: soft-deleted, can be restored; `absent`: missing from a completed full read. Of the last two the
 * facts are kept, because the entry of a restore may carry changed properties only.
 */
export type ObjectState = 'live' | 'changed' | 'absent';

export interface StoredObject {
  readonly state: ObjectState;
  readonly facts: RecipientFacts;
}

/** A full read lists everything, so absent means empty; in a delta absent means unchanged. */
export type ReadMode = 'full' | 'delta';

/**
 * Folds the entries of one object, in order of arrival (the last one wins), over what is stored. Null when there is
 * nothing to keep: gone for good, or the removal of an object never seen.
 */
export function foldPatches(
  old: StoredObject | null,
  patches: readonly RecipientPatch[],
  mode: ReadMode,
): StoredObject | null {
  const start = mode === 'delta' ? old : null;
  let facts: RecipientFacts | null = start?.facts ?? null;
  let state: ObjectState | 'gone' = start?.state ?? 'gone';
  let removalSeen = false;
  for (const patch of patches) {
    if (patch.removed !== undefined) {
      removalSeen = true;
      state = patch.removed === 'changed' ? 'changed' : 'gone';
      continue;
    }
    // After a removal in the same round this is a restore, which may be sparse even in a full read.
    if (removalSeen) facts ??= old?.facts ?? null;
    facts = mergeFacts(facts ?? {}, patch.facts);
    state = 'live';
  }
  return state === 'gone' ? null : keep(state, facts ?? old?.facts);
}

function keep(state: ObjectState, facts: RecipientFacts | undefined): StoredObject | null {
  return facts === undefined ? null : { state, facts };
}

const FACT_NAMES = [
  'displayName',
  'mail',
  'userPrincipalName',
  'userType',
  'accountEnabled',
  'mailEnabled',
  'securityEnabled',
  'groupTypes',
  'proxyAddresses',
] as const satisfies readonly (keyof RecipientFacts)[];

/** Facts as they are stored: always the same text for the same facts, so that a row is written only when they differ. */
export function encodeFacts(facts: RecipientFacts): string {
  const ordered: Record<string, unknown> = {};
  for (const name of FACT_NAMES) if (facts[name] !== undefined) ordered[name] = facts[name];
  return JSON.stringify(ordered);
}

/** Stored facts. */
export function decodeFacts(text: string): RecipientFacts {
  return JSON.parse(text) as RecipientFacts;
}
