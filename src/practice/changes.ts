/** The change log: what happened to which object, in order. Delta rounds are read from it. */
import type { StreamName } from '../core/recipient.ts';
import type { ObjectFields } from './objects.ts';

export type ChangeKind = 'created' | 'updated' | 'deleted' | 'purged' | 'restored';

/** One change as it is asked for, and as the journal keeps it. */
export interface ChangeDraft {
  readonly stream: StreamName;
  readonly id: string;
  readonly kind: ChangeKind;
  /** The changed properties with their new values. */
  readonly fields: ObjectFields;
}

export interface Change extends ChangeDraft {
  readonly seq: number;
  /** Lists show it, delta never does: what replication is known to lose. */
  readonly lost: boolean;
  /** Delta shows it to rounds of its stream from this number on. */
  readonly visibleFromRound: number;
}

export interface ChangeLog {
  /** Number of the last change of any stream; 0 when nothing happened yet. */
  readonly head: number;
  append(change: ChangeDraft, visibility: Pick<Change, 'lost' | 'visibleFromRound'>): Change;
  /** Changes of a stream after `since` up to `upTo`, oldest first, without the lost ones. */
  between(stream: StreamName, since: number, upTo: number): readonly Change[];
  /** The last change that a round of this number may see; nothing after a hidden change is shown before it. */
  visibleHead(stream: StreamName, round: number): number;
}

/** An empty log. */
export function changeLog(): ChangeLog {
  const streams: Record<StreamName, Change[]> = { users: [], groups: [], contacts: [] };
  let head = 0;
  return {
    get head() {
      return head;
    },
    append(draft, visibility) {
      const change: Change = { ...draft, ...visibility, seq: ++head };
      streams[draft.stream].push(change);
      return change;
    },
    between(stream, since, upTo) {
      const changes = streams[stream];
      return changes.slice(after(changes, since), after(changes, upTo)).filter((change) => !change.lost);
    },
    visibleHead(stream, round) {
      const hidden = streams[stream].find((change) => change.visibleFromRound > round);
      return hidden === undefined ? head : hidden.seq - 1;
    },
  };
}

/** Index of the first change with a number above `seq`: the log is sorted, so it is halved. */
function after(changes: readonly Change[], seq: number): number {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((changes[middle]?.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
