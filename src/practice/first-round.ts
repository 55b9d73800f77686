/** First rounds of delta: every object of the stream, read lazily from one position to the next. */
import { deltaEntry } from './entry.ts';
import { parseFilter } from './filter.ts';
import type { PracticeObject } from './objects.ts';
import type { Round, RoundSlice } from './round.ts';
import { shuffled } from './shuffle.ts';

/** The entries of one page. */
export function firstRoundSlice(round: Round): RoundSlice {
  const { state, cursor, properties, size } = round;
  const { store, switches } = state;
  if (cursor.filter !== null) return filteredSlice(round, cursor.filter);
  const objects: PracticeObject[] = [];
  const again = switches.duplicates && size > 1 ? store.at(cursor.stream, cursor.position - 1) : undefined;
  if (again?.state === 'live') objects.push(again);
  const length = store.length(cursor.stream);
  let next = cursor.position;
  while (next < length && objects.length < size) {
    const object = store.at(cursor.stream, next++);
    if (object !== undefined && (object.state === 'live' || switches.removedInFirstRound))
      objects.push(object);
  }
  const entries = shuffled(objects, switches.shuffle, cursor.position).map((object) =>
    deltaEntry(object, properties),
  );
  return { entries, position: next < length ? next : null };
}

function filteredSlice({ state, properties, cursor }: Round, filter: string): RoundSlice {
  const objects = (parseFilter(filter).keys ?? []).map((id) => state.store.get(id));
  const own = objects.filter((object) => object !== undefined && object.stream === cursor.stream);
  return {
    entries: own.flatMap((object) => (object ? [deltaEntry(object, properties)] : [])),
    position: null,
  };
}
