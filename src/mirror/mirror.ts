/**
 * The mirror: the SQLite copy of every tenant's recipients, the truth across restarts. It has one owner, the learning
 * thread, and everything in it is synchronous.
 */

import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import type { Holdings } from '../core/coverage.ts';
import type { StoredDirectory } from '../core/directory.ts';
import type { RecipientPatch, StreamName } from '../core/recipient.ts';
import { DEFAULT_GUARD, type FormerOwner, type GuardLimits, type HeldPlan } from '../core/reconcile.ts';
import type { StoredDiscrepancies } from '../core/reconciliation.ts';
import { type Accounts, openAccounts } from './accounts.ts';
import { type Applications, openApplications } from './applications.ts';
import { type BackupContent, backUp } from './backup.ts';
import { openCommit, type PreviewEffect } from './commit.ts';
import type { CompletedRound, RoundEffect } from './completed-round.ts';
import { type ExpiryRow, openCredentials, type SealedRow } from './credentials.ts';
import { openDatabase } from './database.ts';
import { openDepartures } from './departures.ts';
import { openHeldPlans } from './held-plans.ts';
import { openHoldings } from './holdings.ts';
import { openImages } from './image.ts';
import { type Imports, openImports } from './imports.ts';
import { type LearnedObject, openLearn } from './learning.ts';
import { type Looking, openLooking } from './looking.ts';
import { type ObservedOfTenants, openObserved } from './observations.ts';
import { type Overrides, openOverrides } from './overrides.ts';
import { type AddressDescription, type MirrorCounts, openReading } from './reading.ts';
import { openRecentMail } from './recent-mail.ts';
import { openSealedRecords, type SealedRecords } from './sealed-records.ts';
import { openStaging, type StagedRestore } from './staging.ts';
import { openTenants, type RoundRecord, type StreamState, type Tenants } from './tenants.ts';

/** What is known about a tenant's synchronisation. Times in ms since 1970. */
export interface SyncState {
  readonly syncedAt: number | null;
  /** Report of the last round, JSON. */
  readonly lastRound: string | null;
  readonly notBefore: number | null;
  /** Distinct addresses known, held ones included. */
  readonly addresses: number;
  readonly streams: readonly StreamState[];
}

/** Every function throws what SQLite throws (disk full, file damaged); nothing is half done then. */
export interface Mirror extends Looking, Disposable {
  state(tenant: string): SyncState;
  /** Keeps the entries of one page of a running round. */
  stage(tenant: string, stream: StreamName, patches: readonly RecipientPatch[]): void;
  /** Drops what is staged of a stream, or (null) of the tenant. */
  unstage(tenant: string, stream: StreamName | null): void;
  /** Makes a completed round the truth, in one transaction. */
  commitRound(tenant: string, round: CompletedRound, now: number): RoundEffect;
  /** What committing a round would do; nothing changes. */
  previewRound(tenant: string, round: CompletedRound, now: number): PreviewEffect;
  /** Objects that come back in the running round without saying which addresses they have. */
  restored(tenant: string): StagedRestore[];
  /** Whom to ask about held addresses, of those not asked since `before` (ms since 1970). */
  unconfirmed(tenant: string, before: number, now: number): FormerOwner[];
  /** What asking showed: `gone` begin their grace period, the others stay held. */
  settleHeld(tenant: string, asked: readonly string[], gone: readonly string[], now: number): void;
  heldPlan(tenant: string): HeldPlan | null;
  /** Whether the held plan has not been reported yet; from now on it has. */
  heldPlanIsNews(tenant: string): boolean;
  /** Applies the held plan with this hash, and no other: its addresses begin their grace period. Returns how many, or null. */
  approve(tenant: string, hash: string, now: number): number | null;
  /** Remembers that mail to these addresses was accepted at `at` (ms since 1970). */
  noteMail(tenant: string, addresses: readonly string[], at: number): void;
  /** Keeps what a live lookup found, under these verified domains; the next directory has it. */
  learn(tenant: string, objects: readonly LearnedObject[], domains: readonly string[], now: number): void;
  /** Verified domains of the last committed round, A-labels. */
  domains(tenant: string): readonly string[];
  /** Remembers how a round went, whatever its outcome. */
  recordRound(tenant: string, record: RoundRecord): void;
  /** The directory as of `now`, with the addresses that left within `gracePeriod` (ms). */
  readDirectory(tenant: string, now: number, gracePeriod: number): StoredDirectory;
  /** Another number after every change of what a directory says apart from its freshness; never one it had before. */
  generation(tenant: string): number;
  /** Keeps the directory that was read last for the next start. @throws Error of the file system. */
  saveImage(tenant: string): void;
  describe(address: string): AddressDescription;
  /** What is held of a tenant, by kind and domain. */
  holdings(tenant: string): Holdings;
  /** Overrides added by command. */
  readonly overrides: Overrides;
  readonly accounts: Accounts;
  /** Recipients imported from Exchange. */
  readonly imports: Imports;
  /** The sealed credential of a tenant; null when none was kept. */
  sealedCredential(tenant: string): SealedRow | null;
  keepSealedCredential(tenant: string, row: SealedRow): void;
  /** Everything that is sealed, to be sealed anew. */
  readonly sealedRecords: SealedRecords;
  /** Applications entered in the console. */
  readonly applications: Applications;
  /** Forgets the sealed credentials of all tenants but these. */
  retainCredentials(tenants: readonly string[]): void;
  /** The last warning that the tenant's credential ends; null when none was given. */
  expiryWarned(tenant: string): ExpiryRow | null;
  keepExpiryWarned(tenant: string, row: ExpiryRow): void;
  /** Adds up what next hops thought of recipients. */
  noteObserved(batch: ObservedOfTenants): void;
  /** The newest discrepancies of a tenant, and every day on which there was something to compare. */
  discrepancies(tenant: string): StoredDiscrepancies;
  /** Counts; departed are those that left after `since` (ms since 1970). */
  counts(tenant: string, since?: number): MirrorCounts;
  /** Copies the mirror to another file while it is in use; without `secrets` no credential goes along. */
  backUp(target: string, secrets: boolean): Promise<BackupContent>;
  /** Forgets departures whose grace period ended well before `now`. */
  prune(now: number, gracePeriod: number): void;
}

/** Departures are kept this much longer than their grace period, in case the setting is raised. Ms. */
const PRUNE_MARGIN = 30 * 86_400_000;
const DAY = 86_400_000;

/**
 * Opens the mirror in `path`, making or migrating it.
 * @throws Error naming the file and what to do about it.
 */
export function openMirror(path: string, guard: GuardLimits = DEFAULT_GUARD): Mirror {
  const database = openDatabase(path);
  const tenants = openTenants(database);
  const staging = openStaging(database);
  const departures = openDepartures(database);
  const reading = openReading(database, tenants, openImages(dirname(path)));
  const rounds = openCommit(database, tenants, staging, reading.stepped, guard);
  const plans = openHeldPlans(database);
  const recent = openRecentMail(database);
  const observed = openObserved(database, (tenant) => tenants.row(tenant).pk);
  const release = (tenant: string, addresses: readonly string[], now: number): void => {
    const row = tenants.row(tenant);
    departures.depart(row.pk, addresses, now);
    plans.refresh(row, now);
    tenants.touch(row.pk);
  };
  return {
    state(tenant) {
      const row = tenants.row(tenant);
      const { synced_at: syncedAt, last_round: lastRound, not_before: notBefore } = row;
      const addresses = row.addresses + departures.heldCount(row.pk);
      return { syncedAt, lastRound, notBefore, addresses, streams: tenants.streams(row.pk) };
    },
    stage: (tenant, stream, patches) => staging.add(tenants.row(tenant).pk, stream, patches),
    unstage: (tenant, stream) => staging.clear(tenants.row(tenant).pk, stream),
    commitRound: rounds.commit,
    previewRound: rounds.preview,
    restored: (tenant) => staging.restored(tenants.row(tenant).pk),
    unconfirmed: (tenant, before, now) => plans.unconfirmed(tenants.row(tenant).pk, before, now),
    settleHeld: database.transaction((tenant, asked, gone, now) => {
      for (const address of asked) plans.checked(tenants.row(tenant).pk, address, now);
      if (gone.length > 0) release(tenant, gone, now);
    }),
    heldPlan: (tenant) => plans.current(tenants.row(tenant)),
    heldPlanIsNews: (tenant) => plans.isNews(tenants.row(tenant)),
    approve: database.transaction((tenant, hash, now) => {
      if (plans.current(tenants.row(tenant))?.hash !== hash) return null;
      const addresses = plans.addresses(tenants.row(tenant).pk);
      release(tenant, addresses, now);
      return addresses.length;
    }),
    noteMail: (tenant, addresses, at) => recent.note(tenants.row(tenant).pk, addresses, at),
    ...observed.asked,
    learn: openLearn(database, tenants, staging),
    domains: (tenant) => JSON.parse(tenants.row(tenant).domains) as string[],
    ...openLooking(database, tenants, plans),
    recordRound: tenants.record,
    readDirectory: (tenant, now, gracePeriod) => reading.directory(tenant, now - gracePeriod),
    generation: (tenant) => tenants.row(tenant).generation,
    saveImage: reading.saveImage,
    describe: reading.describe,
    counts: reading.counts,
    holdings: openHoldings(database, tenants),
    overrides: openOverrides(database),
    accounts: openAccounts(database),
    imports: openImports(database, tenants),
    ...credentialParts(database, tenants),
    backUp: (target, secrets) => backUp(database, target, secrets),
    prune(now, gracePeriod) {
      departures.prune(now - gracePeriod - PRUNE_MARGIN);
      recent.prune(now - guard.recentMail - DAY);
      observed.prune(now);
    },
    [Symbol.dispose]: () => void database.close(),
  };
}

/** What is kept of credentials and of the end of each. */
function credentialParts(database: Database, tenants: Tenants) {
  const credentials = openCredentials(database);
  const pk = (tenant: string): number => tenants.row(tenant).pk;
  return {
    sealedCredential: (tenant) => credentials.sealed(pk(tenant)),
    keepSealedCredential: (tenant, row) => credentials.keepSealed(pk(tenant), row),
    applications: openApplications(database, tenants),
    sealedRecords: openSealedRecords(database),
    retainCredentials: credentials.retain,
    expiryWarned: (tenant) => credentials.warned(pk(tenant)),
    keepExpiryWarned: (tenant, row) => credentials.keepWarned(pk(tenant), row),
  } satisfies Partial<Mirror>;
}
