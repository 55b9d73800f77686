/** The decisions of a round, pure: which streams, full or delta, what cannot be true, and when to come again. */
import type { RecipientPatch, StreamName } from '../core/recipient.ts';
import type { RoundError, StreamReport } from './report.ts';

/** A failure as the Graph side words it. `retryAfter` is in ms. */
export interface RoundFailure extends RoundError {
  readonly kind: string;
  readonly retryAfter: number | null;
}

/** What is remembered of a stream. */
export interface StreamState {
  readonly stream: StreamName;
  readonly cursor: string | null;
  readonly selectHash: string | null;
  /** Start of the last completed full read, ms since 1970. */
  readonly fullAt: number | null;
  readonly error: string | null;
}

/** Users and groups always; contacts when the token may read them. */
export function streamsFor(roles: readonly string[]): readonly StreamName[] {
  return roles.includes('OrgContact.Read.All') ? ['users', 'groups', 'contacts'] : ['users', 'groups'];
}

/**
 * Streams that were read before and may not be any more. Their objects stay known: an old yes is still a yes. The
 * directory is not stale for it, because a tenant that never granted the permission is not either.
 */
export function withdrawnStreams(
  roles: readonly string[],
  states: readonly StreamState[],
): readonly StreamReport[] {
  const readable = streamsFor(roles);
  const lost = states.filter(({ stream, fullAt }) => fullAt !== null && !readable.includes(stream));
  const hint = 'Grant OrgContact.Read.All again. Until then contacts stay as they were last read.';
  return lost.map(({ stream }) => {
    const message = `the permission to read ${stream} was withdrawn; what is known of them stays known`;
    const error = { code: 'permission-withdrawn', message, hint };
    return { stream, read: 'delta', pages: 0, entries: 0, error };
  });
}

/**
 * A tenant's own delay of its daily full read, ms below `spread`: the same at every start, another for every tenant, so
 * that many tenants do not read everything at the same time.
 */
export function jitterOf(tenant: string, spread: number): number {
  let hash = 0x811c9dc5;
  for (const character of tenant) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return Math.floor((hash / 0x1_0000_0000) * spread);
}

/**
 * The cursor to read from, or null for a full read: when there is none, when it was made for other properties, and
 * when the last full read is `fullEvery` ms away (in the future, too: the clock was set back), because delta is known to
 * lose changes. After a failed round the third reason waits, so that full reads that keep failing do not stop deltas.
 */
export function cursorFor(
  state: StreamState | undefined,
  selectHash: string,
  now: number,
  fullEvery: number,
): string | null {
  if (!state?.cursor || state.selectHash !== selectHash) return null;
  const due = state.fullAt === null || Math.abs(now - state.fullAt) >= fullEvery;
  return due && state.error === null ? null : state.cursor;
}

/** When the first stream is due to be read in full, ms since 1970; null when the next round reads one in full anyway. */
export function nextFullRead(
  streams: ReadonlyArray<Pick<StreamState, 'cursor' | 'fullAt'>>,
  fullEvery: number,
): number | null {
  const due = streams.map(({ cursor, fullAt }) =>
    cursor === null || fullAt === null ? Number.NEGATIVE_INFINITY : fullAt + fullEvery,
  );
  const first = Math.min(...due);
  return Number.isFinite(first) ? first : null;
}

/** What was seen while a stream was read. */
export interface Tally {
  readonly pages: number;
  readonly entries: number;
  /** Entries that are not removals. */
  readonly present: number;
  /** Entries that could own addresses: users and contacts, and groups that are mail-enabled. */
  readonly eligible: number;
  /** Entries that name proxyAddresses. */
  readonly addressed: number;
}

export const NOTHING_READ: Tally = { pages: 0, entries: 0, present: 0, eligible: 0, addressed: 0 };

/** The tally with one more page. */
export function tallyPage(tally: Tally, patches: readonly RecipientPatch[]): Tally {
  const present = patches.filter((patch) => patch.removed === undefined);
  return {
    pages: tally.pages + 1,
    entries: tally.entries + patches.length,
    present: tally.present + present.length,
    eligible: tally.eligible + present.filter(({ facts }) => facts.mailEnabled !== false).length,
    addressed: tally.addressed + present.filter(({ facts }) => facts.proxyAddresses !== undefined).length,
  };
}

/**
 * Why a completed full read cannot be the whole truth; null when it may be. A tenant has at least one user, and a
 * permission that is too small makes proxyAddresses vanish without any error.
 */
export function implausible(stream: StreamName, tally: Tally): RoundFailure | null {
  if (stream === 'users' && tally.present === 0) {
    return { ...FAULT, code: 'no-users', message: 'Graph listed no user at all, which cannot be', hint: '' };
  }
  if (stream === 'contacts' || tally.eligible === 0 || tally.addressed > 0) return null;
  const message = `none of ${tally.entries} ${stream} came with proxyAddresses`;
  const hint =
    'Grant User.Read.All and Group.Read.All (application) with admin consent; lesser ones hide addresses.';
  return { ...FAULT, code: 'no-addresses', message, hint };
}

const FAULT = { kind: 'protocol', retryAfter: null };

/** Waits that the other side may impose, ms: when it does not say, and at most. */
const DEFAULT_WAIT = 60_000;
const LONGEST_WAIT = 3_600_000;

/**
 * The moment before which no round should start (ms since 1970), after the failures of one; null when the next
 * scheduled round may go ahead.
 */
export function notBeforeAfter(failures: readonly RoundFailure[], now: number): number | null {
  const waits = failures
    .filter(({ kind, retryAfter }) => kind === 'throttled' || retryAfter !== null)
    .map(({ retryAfter }) => Math.min(retryAfter ?? DEFAULT_WAIT, LONGEST_WAIT));
  return waits.length === 0 ? null : now + Math.max(...waits);
}

/** Whether a round must still wait at `now`. A moment too far ahead means that the clock was set back: no wait. */
export function mustWait(notBefore: number | null, now: number): boolean {
  return notBefore !== null && now < notBefore && notBefore - now <= LONGEST_WAIT;
}

/** Whether the other streams are worth a try after one failed this way. */
export function endsRound({ kind }: RoundFailure): boolean {
  return kind === 'throttled' || kind === 'aborted' || kind === 'credential' || kind === 'token-refused';
}
