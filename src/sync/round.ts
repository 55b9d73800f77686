/**
 * One synchronisation round of one tenant: a transaction. Pages are staged; nothing becomes visible and no cursor moves
 * before a stream's last page, and everything that completed enters the mirror at once. A stream that fails keeps its
 * cursor and the others still commit, but the directory only counts as fresh when all of them did.
 */
import type { StreamName } from '../core/recipient.ts';
import type { FormerOwner, RoundPreview } from '../core/reconcile.ts';
import { type AskObject, confirmGone, RECHECK } from './confirmation.ts';
import type { RoundProgress, RoundReport, StreamReport } from './report.ts';
import { completeRestores } from './restores.ts';
import {
  cursorFor,
  endsRound,
  mustWait,
  notBeforeAfter,
  type RoundFailure,
  type StreamState,
  streamsFor,
  type Tally,
  withdrawnStreams,
} from './rules.ts';
import { errorOf, readStream, type StreamDeps, type StreamRead } from './stream.ts';

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: RoundFailure };

/** Who the tenant is, and what we may read of it. */
export interface Organization {
  readonly domains: readonly string[];
  readonly roles: readonly string[];
}

export interface CompletedRound {
  readonly startedAt: number;
  readonly domains: readonly string[];
  readonly streams: ReadonlyArray<{
    readonly stream: StreamName;
    readonly read: 'full' | 'delta';
    readonly cursor: string;
    readonly selectHash: string;
  }>;
  readonly complete: boolean;
}

export interface RoundEffect {
  readonly addresses: number;
  readonly added: number;
  readonly removed: number;
  readonly held: number;
}

/** What a round would do, and whom it would ask. */
export interface PreviewEffect extends RoundEffect {
  readonly preview: RoundPreview;
  readonly unconfirmed: readonly FormerOwner[];
}

export interface RoundRecord {
  readonly report: string;
  readonly errors: ReadonlyArray<readonly [stream: StreamName, error: string | null]>;
  readonly notBefore: number | null;
}

/** What a round needs, of one tenant. */
export interface RoundDeps extends Pick<StreamDeps, 'pages' | 'stage'> {
  organization(signal: AbortSignal): Promise<Outcome<Organization>>;
  selectHash(stream: StreamName): string;
  state(): {
    readonly notBefore: number | null;
    readonly streams: readonly StreamState[];
    /** Distinct addresses known. */
    readonly addresses: number;
  };
  /** Drops what is staged of a stream, or (null) of the tenant. */
  unstage(stream: StreamName | null): void;
  /** One transaction. */
  commit(round: CompletedRound, now: number): RoundEffect;
  /** What a commit would do; nothing changes. */
  preview(round: CompletedRound, now: number): PreviewEffect;
  /** One object as Graph has it now; null when it is gone. */
  object: AskObject;
  /** Objects of the running round that come back without their addresses. */
  restored(): ReadonlyArray<{ readonly stream: StreamName; readonly id: string }>;
  /** Whom to ask about held addresses, of those not asked since `before` (ms since 1970). */
  unconfirmed(before: number, now: number): readonly FormerOwner[];
  /** What asking showed: `gone` begin their grace period. */
  settleHeld(asked: readonly string[], gone: readonly string[], now: number): void;
  record(record: RoundRecord): void;
  now(): number;
  progress?(progress: RoundProgress): void;
  /** Age in ms at which a full read is due. */
  readonly fullEvery: number;
}

/**
 * Runs a round. Trouble of any kind is told in the report; never throws. A dry run reads and asks all that a round does
 * and changes nothing.
 */
export async function runRound(
  deps: RoundDeps,
  tenant: string,
  signal: AbortSignal,
  dryRun = false,
): Promise<RoundReport> {
  const startedAt = deps.now();
  const run: Run = { deps, tenant, startedAt, signal, dryRun };
  try {
    const { notBefore, streams, addresses } = deps.state();
    if (mustWait(notBefore, startedAt)) return skipped(run, notBefore ?? startedAt, addresses);
    deps.unstage(null);
    const organization = await deps.organization(signal);
    if (!organization.ok) return finish(run, [], organization.failure, null);
    const reads = await readStreams(run, organization.value, streams);
    const withdrawn = withdrawnStreams(organization.value.roles, streams);
    return finish(run, reads, null, await commitReads(run, organization.value, reads), withdrawn);
  } catch (error) {
    return broken(run, error);
  }
}

interface Run {
  readonly deps: RoundDeps;
  readonly tenant: string;
  readonly startedAt: number;
  readonly signal: AbortSignal;
  readonly dryRun: boolean;
}

interface Effect extends RoundEffect {
  /** Why confirming ended early. */
  readonly failure: RoundFailure | null;
  readonly preview?: RoundPreview;
}

async function readStreams(
  { deps, tenant, startedAt, signal }: Run,
  organization: Organization,
  states: readonly StreamState[],
): Promise<readonly StreamRead[]> {
  const reading = {
    pages: deps.pages,
    stage: deps.stage,
    unstage: deps.unstage,
    object: deps.object,
    restored: deps.restored,
    progress: (stream: StreamName, { pages, entries }: Tally) =>
      deps.progress?.({ tenant, stream, pages, entries }),
  };
  const reads: StreamRead[] = [];
  for (const stream of streamsFor(organization.roles)) {
    const state = states.find((candidate) => candidate.stream === stream);
    const cursor = cursorFor(state, deps.selectHash(stream), startedAt, deps.fullEvery);
    const last = reads.at(-1)?.failure;
    reads.push(
      last && endsRound(last)
        ? untried(stream, cursor, last)
        : await readStream(reading, stream, cursor, signal),
    );
  }
  return completeRestores(reading, reads, signal);
}

function untried(stream: StreamName, cursor: string | null, failure: RoundFailure): StreamRead {
  const read = cursor === null ? 'full' : 'delta';
  return { report: { stream, read, pages: 0, entries: 0, error: errorOf(failure) }, cursor: null, failure };
}

async function commitReads(
  run: Run,
  { domains }: Organization,
  reads: readonly StreamRead[],
): Promise<Effect | null> {
  const { deps, startedAt, signal } = run;
  const completed = reads.flatMap(({ report: { stream, read }, cursor }) =>
    cursor === null ? [] : [{ stream, read, cursor, selectHash: deps.selectHash(stream) }],
  );
  if (completed.length === 0 || signal.aborted) return null;
  const complete = completed.length === reads.length;
  const round = { startedAt, domains, streams: completed, complete };
  return run.dryRun ? previewRound(run, round) : commitRound(run, round);
}

/** What is held only for recent mail is asked for at once; until the answer the addresses are known. */
async function commitRound({ deps, signal }: Run, round: CompletedRound): Promise<Effect> {
  const effect = deps.commit(round, deps.now());
  const now = deps.now();
  const owners = deps.unconfirmed(now - RECHECK, now);
  if (owners.length === 0) return { ...effect, failure: null };
  const { asked, gone, failure } = await confirmGone(owners, round.domains, deps.object, signal);
  // As with any removal: what a complete round misses is gone as of its start.
  deps.settleHeld(asked, gone, round.complete ? round.startedAt : deps.now());
  return { ...afterConfirming(effect, gone.length), failure };
}

async function previewRound({ deps, signal }: Run, round: CompletedRound): Promise<Effect> {
  const { preview, unconfirmed, ...effect } = deps.preview(round, deps.now());
  const { gone, failure } = await confirmGone(unconfirmed, round.domains, deps.object, signal);
  const held = preview.held.filter((address) => !gone.includes(address));
  const removed = [...preview.removed, ...gone];
  return { ...afterConfirming(effect, gone.length), failure, preview: { ...preview, removed, held } };
}

function afterConfirming(effect: RoundEffect, gone: number): RoundEffect {
  const { addresses, removed, held } = effect;
  return { ...effect, addresses: addresses - gone, removed: removed + gone, held: Math.max(0, held - gone) };
}

function finish(
  run: Run,
  reads: readonly StreamRead[],
  failure: RoundFailure | null,
  effect: Effect | null,
  withdrawn: readonly StreamReport[] = [],
): RoundReport {
  const { deps, tenant, startedAt } = run;
  const failures = reads.flatMap((read) => read.failure ?? []).concat(failure ?? []);
  const first = failures[0];
  const streams = [...reads.map((read) => read.report), ...withdrawn];
  const error = first ? errorOf(first) : withdrawn[0]?.error;
  const now = deps.now();
  const changes = effect ?? { addresses: deps.state().addresses, added: 0, removed: 0, held: 0 };
  const report: RoundReport = {
    tenant,
    startedAt,
    durationMs: Math.max(0, now - startedAt),
    outcome: effect === null ? 'failed' : first ? 'partial' : 'ok',
    streams,
    addresses: changes.addresses,
    added: changes.added,
    removed: changes.removed,
    held: changes.held,
    ...(error ? { error } : {}),
    ...(run.dryRun ? { preview: effect?.preview ?? null } : {}),
  };
  const errors = streams.map(
    (each) => [each.stream, each.error ? JSON.stringify(each.error) : null] as const,
  );
  if (effect === null) deps.unstage(null);
  const notBefore = notBeforeAfter(failures.concat(effect?.failure ?? []), now);
  // A round that we broke off ourselves says nothing about the tenant.
  if (!run.signal.aborted && !run.dryRun) deps.record({ report: JSON.stringify(report), errors, notBefore });
  return report;
}

function skipped({ tenant, startedAt }: Run, until: number, addresses: number): RoundReport {
  const wait = Math.ceil((until - startedAt) / 1000);
  const message = `Microsoft asked us to wait; ${wait} s are left`;
  const error = { code: 'waiting', message, hint: 'Nothing to do: the next round after that goes ahead.' };
  return { ...EMPTY, addresses, tenant, startedAt, durationMs: 0, outcome: 'skipped', error };
}

/** A fault of our own, most likely the mirror's (disk full, file damaged), which rolled back by itself and cannot count. */
function broken({ deps, tenant, startedAt }: Run, cause: unknown): RoundReport {
  const message = cause instanceof Error ? cause.message : String(cause);
  const own =
    cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'internal';
  const error = { code: own, message, hint: own.startsWith('SQLITE') ? MIRROR_HINT : '' };
  return {
    ...EMPTY,
    tenant,
    startedAt,
    durationMs: Math.max(0, deps.now() - startedAt),
    outcome: 'failed',
    error,
  };
}

const MIRROR_HINT = 'The mirror could not be read or written: check free space and permissions in state_dir.';
const EMPTY = { streams: [], addresses: 0, added: 0, removed: 0, held: 0 } as const;
