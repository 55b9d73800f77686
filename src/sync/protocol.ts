/** What the main thread and the learning thread say to each other. Plain values; shared memory crosses as it is. */

import type { Holdings } from '../core/coverage.ts';
import type { CredentialFiles } from '../core/credential-files.ts';
import type { DirectorySnapshot } from '../core/directory.ts';
import type { ImportPlan } from '../core/import-plan.ts';
import type { ImportOrigin, OperatorSnapshot, StoredOverride } from '../core/operator.ts';
import type { Policy } from '../core/policy.ts';
import type { RecipientKind, StreamName } from '../core/recipient.ts';
import type { HeldPage, RecipientPicture, SearchAsk, SearchPage } from '../core/recipient-search.ts';
import type { GuardLimits, HeldPlan } from '../core/reconcile.ts';
import type { Comparison, Discrepancy, StoredDiscrepancies } from '../core/reconciliation.ts';
import type { SharedDomain } from '../core/shared-domains.ts';
import type { ApplicationRequests } from './application-protocol.ts';
import type { ConsoleRequests } from './console-requests.ts';
import type { RoundError, RoundProgress, RoundReport } from './report.ts';
import type { UpkeepRequests } from './upkeep-protocol.ts';

/** One tenant to learn from. */
export interface LearnerTenant {
  readonly id: string;
  /** null, as is the credential: both are entered in the console. */
  readonly applicationId: string | null;
  readonly credential: CredentialFiles | null;
  /** Base URL of the login service. */
  readonly login: string;
  /** Base URL of Graph. */
  readonly graph: string;
  /** login and graph are the configuration's word, and no cloud entered in the console changes them. */
  readonly cloudFixed?: boolean;
  /** Own cron expression, UTC; without it the one of all tenants. */
  readonly schedule?: string | null;
}

export interface LearnerSettings {
  readonly stateDir: string;
  /** What the last proven credentials are sealed with; `own`: it may be made; `others`: files with keys before it. */
  readonly masterKey: { readonly path: string; readonly own: boolean; readonly others?: readonly string[] };
  readonly caFile: string | null;
  readonly proxy: string | null;
  /** Cron expression, UTC. */
  readonly schedule: string;
  /** Ms. */
  readonly gracePeriod: number;
  /** Deadline of one outbound request, ms. */
  readonly requestTimeout: number;
  /** Everything is read again after this long (ms), plus each tenant's own delay below `fullJitter` (ms). */
  readonly fullEvery: number;
  readonly fullJitter: number;
  readonly guard: GuardLimits;
  readonly tenants: readonly LearnerTenant[];
}

/** Something is wrong that no round report tells. */
export interface Trouble {
  readonly message: string;
  readonly stack?: string;
  readonly tenant?: string;
}

/** `kept`: its file cannot be used, and this is the last one that worked; `console`: it was entered there. */
export type CredentialSource = 'file' | 'kept' | 'console';

/** Which credential is in use. */
export interface CredentialUse {
  /** `secret`, `certificate` or `assertion`. */
  readonly kind: string;
  readonly source: CredentialSource;
  /** Ms since 1970; null when unknown. */
  readonly expires: number | null;
}

/** Something to be told about a tenant's credential: it is in use from now on, something is wrong, it ends soon. */
export type CredentialNews =
  | ({ readonly event: 'use' } & CredentialUse)
  | ({ readonly event: 'trouble' } & RoundError)
  /** At most `days` days are left; 0: it has ended. */
  | {
      readonly event: 'expiry';
      readonly kind: string;
      readonly source: CredentialSource;
      readonly expires: number;
      readonly days: number;
    };

export interface CredentialStatus {
  /** null before one was found. */
  readonly use: CredentialUse | null;
  /** It has produced a token that Graph accepted. */
  readonly proven: boolean;
  readonly trouble: RoundError | null;
}

export interface StreamStatus {
  readonly stream: StreamName;
  /** Whether the next round can ask for changes only. */
  readonly cursor: boolean;
  /** Start of the last completed full read, ms since 1970. */
  readonly fullAt: number | null;
  readonly error: RoundError | null;
}

export interface TenantStatus {
  readonly tenant: string;
  /** Start of the last complete round, ms since 1970. */
  readonly syncedAt: number | null;
  readonly addresses: number;
  /** Live objects by kind. */
  readonly objects: Readonly<Record<string, number>>;
  /** Addresses in their grace period. */
  readonly departed: number;
  /** Addresses whose removal is held back. */
  readonly held: number;
  /** What is held, as it can be approved; null when nothing is. */
  readonly plan: HeldPlan | null;
  /** When the oldest of the streams is read in full again, ms since 1970; null when the next round does. */
  readonly nextFull: number | null;
  readonly lastRound: RoundReport | null;
  /** Ms since 1970. */
  readonly nextRun: number | null;
  readonly streams: readonly StreamStatus[];
  /** It has an application and a credential, in the configuration or proven in the console. */
  readonly setUp: boolean;
  /** null when the mirror cannot be used. */
  readonly credential: CredentialStatus | null;
  /** Verified domains that another configured tenant says it has verified too. */
  readonly sharedDomains: readonly SharedDomain[];
  /** Why the mirror cannot be used; null when it can. */
  readonly trouble: string | null;
}

/** An object that owns an address. */
export interface AddressOwner {
  readonly tenant: string;
  readonly id: string;
  readonly stream: StreamName;
  readonly kind: RecipientKind;
  readonly displayName: string | null;
  /** The entry the address comes from, as Graph wrote it. */
  readonly attribute: string;
  readonly state: 'live' | 'changed' | 'absent';
}

export interface AddressDescription {
  readonly address: string;
  readonly owners: readonly AddressOwner[];
  readonly departures: ReadonlyArray<{
    readonly tenant: string;
    readonly removedAt: number;
    /** Why the removal is held back; null in the grace period. */
    readonly held: string | null;
  }>;
}

/** One live lookup: normalised addresses of one mailbox. */
export interface LookupAsk {
  readonly tenant: string;
  readonly addresses: readonly string[];
  /** After this moment (ms since 1970) nobody wants the answer any more. */
  readonly until: number;
}

/** `pause`: ms during which asking again would be pointless or harmful. */
export type LookupAnswer =
  | { readonly kind: 'found'; readonly addresses: readonly string[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly error: RoundError; readonly pause: number };
/** A new import of recipients for a tenant. */
export interface ImportAsk {
  readonly origin: ImportOrigin;
  /** Lines of `encodeImport` in core/import-plan.ts, UTF-8. */
  readonly list: Uint8Array;
  readonly domains: Pick<Policy, 'domains'>;
  /** Only say what would happen. */
  readonly dryRun: boolean;
  /** Replace the import before it even if that one is much larger. */
  readonly force: boolean;
}

export interface ImportAnswer {
  readonly plan: ImportPlan;
  /** Addresses left out, by domain. */
  readonly foreign: Readonly<Record<string, number>>;
  readonly applied: boolean;
}

/** The held plan that was approved, or why not. */
export type Approval =
  | { readonly ok: true; readonly tenant: string; readonly addresses: number }
  | { readonly ok: false; readonly message: string };

/** Addresses of a tenant to which mail was accepted. */
export interface AcceptedMail {
  readonly tenant: string;
  readonly addresses: readonly string[];
}

/** A discrepancy of one tenant, while it is added up. */
export type ObservedDiscrepancy = { -readonly [Key in keyof Discrepancy]: Discrepancy[Key] } & {
  readonly tenant: string;
};

/** What next hops thought of recipients since the last telling. */
export interface ObservedBatch {
  readonly discrepancies: readonly ObservedDiscrepancy[];
  readonly days: ReadonlyArray<
    { readonly tenant: string; readonly domain: string; readonly day: number } & Readonly<
      Record<Comparison, number>
    >
  >;
}

/** What can be asked, with what it is answered by. */
export interface Requests extends ApplicationRequests, ConsoleRequests, UpkeepRequests {
  readonly sync: {
    readonly ask: { readonly tenant: string | null; readonly dryRun: boolean };
    readonly answer: readonly RoundReport[];
  };
  readonly status: { readonly ask: null; readonly answer: readonly TenantStatus[] };
  readonly describe: { readonly ask: { readonly address: string }; readonly answer: AddressDescription };
  readonly lookup: { readonly ask: LookupAsk; readonly answer: LookupAnswer };
  readonly overrideAdd: {
    readonly ask: { readonly override: StoredOverride };
    readonly answer: { readonly replaced: StoredOverride | null };
  };
  readonly overrideRemove: {
    readonly ask: { readonly match: string };
    readonly answer: { readonly removed: StoredOverride | null };
  };
  readonly import: { readonly ask: ImportAsk; readonly answer: ImportAnswer };
  readonly holdings: {
    readonly ask: { readonly tenants: readonly string[] };
    readonly answer: readonly Holdings[];
  };
  readonly approve: {
    readonly ask: { readonly hash: string; readonly tenant: string | null };
    readonly answer: Approval;
  };
  readonly observed: { readonly ask: ObservedBatch; readonly answer: null };
  readonly discrepancies: {
    readonly ask: { readonly tenants: readonly string[] };
    readonly answer: readonly StoredDiscrepancies[];
  };
  readonly accepted: { readonly ask: readonly AcceptedMail[]; readonly answer: null };
  readonly search: { readonly ask: SearchAsk; readonly answer: SearchPage };
  readonly recipient: {
    readonly ask: { readonly tenant: string; readonly stream: StreamName; readonly id: string };
    readonly answer: RecipientPicture | null;
  };
  /** `after`: the last address of the page before; empty for the first. */
  readonly held: {
    readonly ask: { readonly tenant: string; readonly after: string };
    readonly answer: HeldPage;
  };
  /** The last rounds of a tenant, the latest first; `limit` null: all that are kept. */
  readonly rounds: {
    readonly ask: { readonly tenant: string; readonly limit: number | null };
    readonly answer: readonly RoundReport[];
  };
  readonly stop: { readonly ask: null; readonly answer: null };
}

export type RequestName = keyof Requests;

export interface RequestMessage {
  readonly id: number;
  readonly name: RequestName;
  readonly ask: Requests[RequestName]['ask'];
}

export type LearnerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'directory'; readonly snapshot: DirectorySnapshot }
  | { readonly kind: 'operator'; readonly snapshot: OperatorSnapshot }
  /** The directory of this tenant is still what was published last, as of `syncedAt` (ms since 1970). */
  | { readonly kind: 'unchanged'; readonly tenant: string; readonly syncedAt: number | null }
  | { readonly kind: 'round'; readonly report: RoundReport }
  /** What the guard holds of a tenant; `news`: it was not told before. */
  | {
      readonly kind: 'held';
      readonly tenant: string;
      readonly plan: HeldPlan | null;
      readonly news: boolean;
    }
  | { readonly kind: 'progress'; readonly progress: RoundProgress }
  | { readonly kind: 'credential'; readonly tenant: string; readonly news: CredentialNews }
  | { readonly kind: 'trouble'; readonly trouble: Trouble }
  | { readonly kind: 'requests'; readonly counts: ReadonlyArray<readonly [string, string, number]> }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly message: string };

/** The answering side: one function per request. */
export type RequestHandlers = {
  readonly [Name in RequestName]: (ask: Requests[Name]['ask']) => Promise<Requests[Name]['answer']>;
};
