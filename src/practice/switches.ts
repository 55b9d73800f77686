/** The switches of the practice tenant: how it behaves, changed at any time by a test or a rehearsal. */
import type { StreamName } from '../core/recipient.ts';
import type { FaultOrder, FaultQueue } from './faults.ts';
import { faultQueue } from './faults.ts';
import type { PageGate } from './page-gate.ts';
import { pageGates } from './page-gate.ts';
import type { IdTokenFault } from './sign-in/id-token.ts';

/** Settings with plain values. */
export interface SwitchValues {
  /** Objects in a delta page, at most 200; `random` varies from page to page. */
  pageSize: number | 'random';
  /** Every n-th page of a round or list is empty and has a nextLink; 0 for never, 2 at the least. */
  emptyPageEvery: number;
  /** Objects come twice: in a change round as it was then and as it is now, in a first round on the next page too. */
  duplicates: boolean;
  /** `by-object` mixes the entries and keeps those of one object in order, `any` keeps no order at all. */
  shuffle: 'off' | 'by-object' | 'any';
  /** Change rounds carry only the changed properties, as `Prefer: return=minimal` asks for. */
  sparse: boolean;
  /** A restored object comes with its id alone. */
  sparseRestore: boolean;
  /** Every change round begins with the changes of the round before. */
  replayLastRound: boolean;
  /** So many `@removed` entries with ids nobody ever saw, in the first page of every round. */
  unknownRemovals: number;
  /** First rounds list deleted objects too, as `@removed`. */
  removedInFirstRound: boolean;
  /** A change is seen by delta only so many rounds of its stream later; lists show it at once. */
  visibilityDelayRounds: number;
  /** So many of the next changes are never seen by delta. */
  dropChanges: number;
  /** How old a delta token may be, in seconds. */
  deltaTokenLifetime: number;
  /** How a token past its lifetime is refused. */
  expiredTokenShape: 'gone' | 'sync-state-not-found' | 'unsupported-query';
  /** The application roles that were consented to; they appear in the next access token. */
  rolesGranted: Set<string>;
  /** GroupMember.Read.All and Group.ReadBasic.All show groups without their addresses. */
  basicGroupsHideAddresses: boolean;
  /** `expires_in` of access tokens, in seconds. */
  tokenLifetime: number;
  /** `refresh_in` of access tokens, in seconds; null for none. */
  tokenRefreshIn: number | null;
  /** Value of `x-ms-throttle-limit-percentage`; null for none. */
  throttlePercentage: number | null;
  /** Every secret counts as past its end (AADSTS7000222). */
  secretExpired: boolean;
  /** The application is disabled (AADSTS7000112). */
  applicationDisabled: boolean;
  /** The service principal is an owner of its own registration, which addPassword asks for. */
  ownsItself: boolean;
  /** Nobody ever consented, so the tenant has no service principal (AADSTS7000229). */
  servicePrincipalMissing: boolean;
  /** In which way id tokens are wrong; null for good ones. */
  idTokenFault: IdTokenFault | null;
  /** The AADSTS code that sign-in and consent end with once an account was picked; null for none. */
  refuseSignIn: number | null;
  /** Whether a person who signs in is asked for consent to `openid profile`. */
  userConsent: 'granted' | 'asked';
  /** What an administrator's Cancel sends back; null for `cancel` in version 1 and `consent-required` in version 2. */
  declineShape: 'permission-denied' | 'cancel' | 'access-denied' | 'consent-required' | null;
  /** So many token requests after a consent still get the old roles. */
  consentDelay: number;
  /** How long an authorization code is good, in seconds. */
  codeLifetime: number;
}

export interface PracticeSwitches extends SwitchValues {
  /** Replies that go wrong; see {@link PracticeSwitches.fail}. */
  readonly faults: FaultQueue;
  /** Adds a fault. */
  fail(order: FaultOrder): void;
  /** The next `times` token requests fail like this; unless given, all until {@link PracticeSwitches.reset}. */
  failToken(fault: FaultOrder['fault'], times?: number): void;
  /** Holds the response of page `page` of the stream's next round until the gate is released. */
  pauseAtPage(stream: StreamName, page: number): PageGate;
  /** Waits for the gates of a page; the server calls it before it answers. */
  passGates(stream: StreamName, page: number): Promise<void>;
  /** Rejects every delta token issued so far, in the shape of `expiredTokenShape`. */
  expireDeltaTokens(): void;
  /** How often {@link PracticeSwitches.expireDeltaTokens} was called; every token carries the count of its day. */
  readonly deltaGeneration: number;
  /** Everything as it was at the start: values, faults and gates. */
  reset(): void;
}

const WEEK = 7 * 24 * 60 * 60;

/** The values a tenant starts with: a well-behaved Graph with the two recommended roles. */
export function defaultSwitches(): SwitchValues {
  return {
    pageSize: 200,
    emptyPageEvery: 0,
    duplicates: false,
    shuffle: 'off',
    sparse: false,
    sparseRestore: false,
    replayLastRound: false,
    unknownRemovals: 0,
    removedInFirstRound: false,
    visibilityDelayRounds: 0,
    dropChanges: 0,
    deltaTokenLifetime: WEEK,
    expiredTokenShape: 'sync-state-not-found',
    rolesGranted: new Set(['User.Read.All', 'Group.Read.All']),
    basicGroupsHideAddresses: true,
    tokenLifetime: 3599,
    tokenRefreshIn: null,
    throttlePercentage: null,
    secretExpired: false,
    applicationDisabled: false,
    ownsItself: false,
    servicePrincipalMissing: false,
    idTokenFault: null,
    refuseSignIn: null,
    userConsent: 'granted',
    declineShape: null,
    consentDelay: 0,
    codeLifetime: 600,
  };
}

/** The switches of one tenant; `start` replaces values that it starts with. */
export function practiceSwitches(start: Partial<SwitchValues> = {}): PracticeSwitches {
  const faults = faultQueue();
  const gates = pageGates();
  let generation = 0;
  const switches: PracticeSwitches = {
    ...startValues(start),
    faults,
    fail: (order) => faults.add(order),
    failToken: (fault, times = Number.POSITIVE_INFINITY) => faults.add({ match: /^token$/, fault, times }),
    pauseAtPage: (stream, page) => gates.add(stream, page),
    passGates: (stream, page) => gates.pass(stream, page),
    expireDeltaTokens() {
      generation++;
    },
    get deltaGeneration() {
      return generation;
    },
    reset() {
      Object.assign(switches, startValues(start));
      faults.clear();
      gates.clear();
    },
  };
  return switches;
}

/** A set is copied, so that what a tenant grants later is no part of its start. */
function startValues(start: Partial<SwitchValues>): SwitchValues {
  const values = { ...defaultSwitches(), ...start };
  return { ...values, rolesGranted: new Set(values.rolesGranted) };
}
