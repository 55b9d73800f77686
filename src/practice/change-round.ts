/** Change rounds of delta: what happened to which object since the round's link, as patches. */
import type { Change, ChangeLog } from './changes.ts';
import type { Entry } from './entry.ts';
import { deltaEntry } from './entry.ts';
import { parseFilter } from './filter.ts';
import type { PracticeObject } from './objects.ts';
import type { Round, RoundSlice } from './round.ts';
import { shuffled } from './shuffle.ts';

/** One entry of the round before it is written: an object as it is now, or as a change left it. */
interface ChangedObject {
  readonly id: string;
  readonly object: PracticeObject;
  /** The properties to show; null for all of them. */
  readonly changed: ReadonlySet<string> | null;
}

/** The entries of one page. */
export function changeRoundSlice(round: Round): RoundSlice {
  const { cursor, properties, size } = round;
  const changed = rememberedObjects(round);
  const end = cursor.position + size;
  const page = changed.slice(cursor.position, end);
  const entries = page.map(({ object, changed: names }): Entry => {
    return deltaEntry(object, names === null ? properties : properties.filter((name) => names.has(name)));
  });
  return { entries, position: end < changed.length ? end : null };
}

/** The last round that was computed, because its next page asks for the same until something changes. */
const remembered = new WeakMap<ChangeLog, { key: string; changed: readonly ChangedObject[] }>();

function rememberedObjects(round: Round): readonly ChangedObject[] {
  const { state, cursor, properties, sparse } = round;
  const { replayLastRound, duplicates, shuffle, sparseRestore } = state.switches;
  const { stream, since, upTo, previous, filter } = cursor;
  const range = [state.log.head, stream, since, upTo, previous, filter, properties, sparse];
  const key = JSON.stringify([...range, replayLastRound, duplicates, shuffle, sparseRestore]);
  const known = remembered.get(state.log);
  if (known?.key === key) return known.changed;
  const changed = shuffled(changedObjects(round), shuffle, upTo);
  remembered.set(state.log, { key, changed });
  return changed;
}

function changedObjects(round: Round): ChangedObject[] {
  const { state, cursor } = round;
  const { replayLastRound, duplicates } = state.switches;
  const since = replayLastRound && cursor.previous !== null ? cursor.previous : (cursor.since ?? 0);
  const all = state.log
    .between(cursor.stream, since, cursor.upTo)
    .filter((change) => isSelected(change, round));
  const latest = [...grouped(all)].map(([id, changes]) => asItIs(id, changes, round));
  if (!duplicates) return latest;
  return [...all.map((change) => asItWas(change)), ...latest];
}

function grouped(changes: readonly Change[]): Map<string, Change[]> {
  const byId = new Map<string, Change[]>();
  for (const change of changes) {
    const known = byId.get(change.id);
    if (known === undefined) byId.set(change.id, [change]);
    else known.push(change);
  }
  return byId;
}

function asItIs(id: string, changes: readonly Change[], { state, sparse }: Round): ChangedObject {
  const object = state.store.get(id) as PracticeObject;
  const restored = changes.some((change) => change.kind === 'restored');
  if (restored && state.switches.sparseRestore) return { id, object, changed: new Set() };
  const whole = !sparse || restored || changes.some((change) => change.kind === 'created');
  return {
    id,
    object,
    changed: whole ? null : new Set(changes.flatMap(({ fields }) => Object.keys(fields))),
  };
}

function asItWas({ stream, id, kind, fields }: Change): ChangedObject {
  const state = kind === 'deleted' ? 'deleted' : kind === 'purged' ? 'purged' : 'live';
  return { id, object: { id, stream, state, fields }, changed: new Set(Object.keys(fields)) };
}

/** `$select` narrows what is reported: a change of other properties is none. */
function isSelected({ id, kind, fields }: Change, { properties, cursor }: Round): boolean {
  if (cursor.filter !== null && !(parseFilter(cursor.filter).keys ?? []).includes(id)) return false;
  return kind !== 'updated' || properties.some((name) => name in fields);
}
