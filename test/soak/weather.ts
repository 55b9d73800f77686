/** Random trouble between the gateway and its tenant: what Graph, Entra ID and the network do on bad days. */
import type { Fault } from '../../src/practice/faults.ts';
import type { PracticeSwitches } from '../../src/practice/switches.ts';
import type { Random } from '../random.ts';

const GRAPH_FAULTS: readonly Fault[] = [
  { kind: 'error', status: 500 },
  { kind: 'error', status: 503, retryAfter: '1' },
  { kind: 'expired-token' },
  { kind: 'forbidden' },
  { kind: 'throttled', retryAfter: '1' },
  { kind: 'html', status: 200 },
  { kind: 'html', status: 502 },
  { kind: 'no-content' },
  { kind: 'empty-object' },
  { kind: 'truncated' },
  { kind: 'cut' },
  { kind: 'reset' },
  { kind: 'redirect', location: 'https://elsewhere.example/' },
  { kind: 'foreign-link' },
  { kind: 'both-links' },
  { kind: 'neither-link' },
  { kind: 'missing-value' },
  { kind: 'link-loop' },
  { kind: 'page-token' },
  { kind: 'status-over-data', status: 400 },
];

const TOKEN_FAULTS: readonly Fault[] = [
  { kind: 'aadsts', code: 7000222 },
  { kind: 'aadsts', code: 90033 },
  { kind: 'html', status: 503 },
  { kind: 'empty-object' },
  { kind: 'reset' },
];

const SHAPES = ['gone', 'sync-state-not-found', 'unsupported-query'] as const;

/** Brings up some trouble, or none, and says which. It lasts until {@link clearUp}. */
export function changeWeather(switches: PracticeSwitches, random: Random): string {
  switches.pageSize = random.pick([200, 'random', 7, 50] as const);
  switches.emptyPageEvery = random.pick([0, 0, 2, 3]);
  switches.sparse = random.below(2) === 0;
  switches.replayLastRound = random.below(3) === 0;
  switches.unknownRemovals = random.pick([0, 0, 3]);
  switches.duplicates = random.below(3) === 0;
  switches.shuffle = random.pick(['off', 'by-object'] as const);
  switches.removedInFirstRound = random.below(2) === 0;
  switches.expiredTokenShape = random.pick(SHAPES);
  const dice = random.below(10);
  if (dice < 4) return 'fair';
  if (dice < 5) {
    switches.expireDeltaTokens();
    return `delta tokens expired (${switches.expiredTokenShape})`;
  }
  if (dice < 6) {
    const fault = random.pick(TOKEN_FAULTS);
    switches.failToken(fault, 1 + random.below(4));
    return `token: ${JSON.stringify(fault)}`;
  }
  const fault = random.pick(GRAPH_FAULTS);
  const match = random.pick([/^users\/delta$/, /^groups\/delta$/, /^contacts\/delta$/, /^organization$/]);
  switches.fail({ match, fault, times: 1 + random.below(6), skip: random.below(3) });
  return `${match.source}: ${JSON.stringify(fault)}`;
}

/** The sun again: everything as a well-behaved Graph. */
export function clearUp(switches: PracticeSwitches): void {
  const roles = switches.rolesGranted;
  switches.reset();
  switches.rolesGranted = roles;
}
