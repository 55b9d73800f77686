/** The answer to one recipient, with everything that explaining it needs. */
import type { Freshness } from './freshness.ts';

/** Yes, no, or could not tell. */
export type Action = 'accept' | 'reject' | 'defer';

/** Every reason with its one action; a test holds the documentation to this list. */
export const ACTION_OF = {
  known: 'accept',
  subaddress: 'accept',
  grace: 'accept',
  imported: 'accept',
  'override-allow': 'accept',
  'override-deny': 'reject',
  postmaster: 'accept',
  'domain-open': 'accept',
  'observed-unknown': 'accept',
  'live-lookup': 'accept',
  unknown: 'reject',
  'lookup-timeout': 'defer',
  'lookup-over-budget': 'defer',
  'lookup-failed': 'defer',
  'harvest-limit': 'defer',
  'directory-stale': 'defer',
  'directory-empty': 'defer',
  'not-our-domain': 'reject',
  malformed: 'reject',
  'too-many-recipients': 'defer',
  'other-next-hop': 'defer',
  'internal-error': 'defer',
} as const satisfies Record<string, Action>;

export type Reason = keyof typeof ACTION_OF;

export interface Verdict {
  readonly action: Action;
  readonly reason: Reason;
  /** Normalised address; null when it could not be parsed. */
  readonly key: string | null;
  /** The address in the directory or the override entry that decided; null when none did. */
  readonly matched: string | null;
  /** Accepted domain, or null when the address is not under one. */
  readonly domain: string | null;
  readonly tenant: string | null;
  readonly nextHop: string | null;
  readonly freshness: Freshness | null;
  /** Age of the tenant's directory in ms; null when it was never loaded or does not matter. */
  readonly directoryAge: number | null;
  /** The operator's own reply text (deny override). */
  readonly text: string | null;
}

/** A verdict that names no domain: nothing was looked up. */
export function bareVerdict(reason: Reason, key: string | null = null): Verdict {
  return {
    action: ACTION_OF[reason],
    reason,
    key,
    matched: null,
    domain: null,
    tenant: null,
    nextHop: null,
    freshness: null,
    directoryAge: null,
    text: null,
  };
}
