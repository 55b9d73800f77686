/**
 * A live lookup on the learning side: Graph is asked who owns the address, the rules of a round decide what the answer
 * means, and what was found enters the mirror. Runs beside rounds and never waits for one.
 */
import { addressesOf, type RecipientPatch, type StreamName } from '../core/recipient.ts';
import type { LookupAnswer, LookupAsk } from './protocol.ts';
import type { Outcome } from './round.ts';
import { mustWait, type RoundFailure } from './rules.ts';
import { errorOf } from './stream.ts';

/** An object as a listing shows it. */
export interface FoundObject {
  readonly stream: StreamName;
  readonly patch: RecipientPatch;
}

/** What a lookup needs, of one tenant. */
export interface FindingDeps {
  find(addresses: readonly string[], signal: AbortSignal): Promise<Outcome<readonly FoundObject[]>>;
  /** Verified domains as the last round saw them. */
  domains(): readonly string[];
  /** Verified domains as they are now. */
  organization(signal: AbortSignal): Promise<Outcome<{ readonly domains: readonly string[] }>>;
  learn(objects: readonly FoundObject[], domains: readonly string[], now: number): void;
  /** The moment before which Microsoft wants no requests, ms since 1970. */
  notBefore(): number | null;
  now(): number;
}

/** Longest flight of a lookup, ms; a clock that jumped must not make it longer. */
const LONGEST = 60_000;

/** Looks up one address until `ask.until`. Trouble with Microsoft is told in the answer; throws what the mirror throws. */
export async function lookUp(
  deps: FindingDeps,
  ask: LookupAsk,
  stopping: AbortSignal,
): Promise<LookupAnswer> {
  const now = deps.now();
  const notBefore = deps.notBefore();
  if (notBefore !== null && mustWait(notBefore, now)) return waiting(notBefore - now);
  const left = Math.min(ask.until - now, LONGEST);
  if (left <= 0) return { kind: 'late' };
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  stopping.addEventListener('abort', stop);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<LookupAnswer>((resolve) => {
    timer = setTimeout(() => {
      resolve({ kind: 'late' });
      stop();
    }, left);
  });
  try {
    // Signing in does not listen to the signal, so the time limit is kept here as well.
    return await Promise.race([find(deps, ask.addresses, controller.signal), late]);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', stop);
  }
}

async function find(
  deps: FindingDeps,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<LookupAnswer> {
  const outcome = await deps.find(addresses, signal);
  if (!outcome.ok) return refused(outcome.failure);
  const objects = outcome.value;
  if (objects.length === 0) return { kind: 'absent' };
  let domains = deps.domains();
  let owned = ownedOf(objects, addresses, domains);
  if (owned.length === 0) {
    // Somebody has it in a domain that the last round did not see: a guest's, or one verified since.
    const organization = await deps.organization(signal);
    if (!organization.ok) return refused(organization.failure);
    domains = organization.value.domains;
    owned = ownedOf(objects, addresses, domains);
  }
  if (owned.length === 0 || signal.aborted) return { kind: signal.aborted ? 'late' : 'absent' };
  deps.learn(objects, domains, deps.now());
  return { kind: 'found', addresses: owned };
}

/** Those of `addresses` at which the objects receive mail, by the same rule as in a round. */
function ownedOf(
  objects: readonly FoundObject[],
  addresses: readonly string[],
  domains: readonly string[],
): readonly string[] {
  const verified = new Set(domains);
  const owned = new Set(
    objects.flatMap(({ stream, patch }) =>
      addressesOf(stream, patch.facts, verified).map(({ address }) => address),
    ),
  );
  return addresses.filter((address) => owned.has(address));
}

function refused(failure: RoundFailure): LookupAnswer {
  return { kind: 'failed', error: errorOf(failure), pause: pauseAfter(failure) };
}

function waiting(pause: number): LookupAnswer {
  const error = { code: 'waiting', message: 'Microsoft asked us to wait', hint: 'Nothing to do.' };
  return { kind: 'failed', error, pause };
}

/** Pauses, ms: when Microsoft asked for fewer requests without a time, when it does not know us, after any other fault. */
const THROTTLED = 10_000;
const REFUSED = 60_000;
const STUMBLED = 1000;
const LONGEST_PAUSE = 3_600_000;

/**
 * How long no lookup should be tried after one failed, in ms. A sign-in that is refused again and again is locked out,
 * and a request while throttled prolongs the throttling (Microsoft Graph throttling guidance).
 */
export function pauseAfter({ kind, retryAfter }: RoundFailure): number {
  if (retryAfter !== null) return Math.min(retryAfter, LONGEST_PAUSE);
  if (kind === 'throttled') return THROTTLED;
  return ['credential', 'token-refused', 'forbidden'].includes(kind) ? REFUSED : STUMBLED;
}
