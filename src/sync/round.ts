/**
 * One synchronisation round of one tenant: a transaction. Pages are staged; nothing becomes visible and no cursor moves
 * before a stream's last page, and everything that completed enters the mirror at once. A stream that fails keeps its
 * cursor and the others still commit, but the directory only counts as fresh when all of them did.
 */
import type { StreamName } from '../core/recipient.ts';
import type { RoundProgress, RoundReport } from './report.ts';
import {
  cursorFor,
  endsRound,
  mustWait,
  notBeforeAfter,
  type RoundFailure,
  type StreamState,
  streamsFor,
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
  record(record: RoundRecord): void;
  now(): number;
  progress?(progress: RoundProgress): void;
  /** Age in ms at which a full read is due. */
  readonly fullEvery: number;
}

/** Runs a round. Trouble of any kind is told in the report; never throws. */
export async function runRound(deps: RoundDeps, tenant: string, signal: AbortSignal): Promise<RoundReport> {
  const startedAt = deps.now();
  const run: Run = { deps, tenant, startedAt, signal };
  try {
    const { notBefore, streams, addresses } = deps.state();
    if (mustWait(notBefore, startedAt)) return skipped(run, notBefore ?? startedAt, addresses);
    deps.unstage(null);
    const organization = await deps.organization(signal);
    if (!organization.ok) return finish(run, [], organization.failure, null);
    const reads = await readStreams(run, organization.value, streams);
    return finish(run, reads, null, commitReads(run, organization.value, reads));
  } catch (error) {
    return broken(run, error);
  }
}

interface Run {
  readonly deps: RoundDeps;
  readonly tenant: string;
  readonly startedAt: number;
  readonly signal: AbortSignal;
}

async function readStreams(
  { deps, tenant, startedAt, signal }: Run,
  organization: Organization,
  states: readonly StreamState[],
): Promise<readonly StreamRead[]> {
  const reading: StreamDeps = {
    pages: deps.pages,
    stage: deps.stage,
    unstage: deps.unstage,
    progress: (stream, { pages, entries }) => deps.progress?.({ tenant, stream, pages, entries }),
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
  return reads;
}

function untried(stream: StreamName, cursor: string | null, failure: RoundFailure): StreamRead {
  const read = cursor === null ? 'full' : 'delta';
  return { report: { stream, read, pages: 0, entries: 0, error: errorOf(failure) }, cursor: null, failure };
}

function commitReads(
  { deps, startedAt, signal }: Run,
  { domains }: Organization,
  reads: readonly StreamRead[],
): RoundEffect | null {
  const completed = reads.flatMap(({ report: { stream, read }, cursor }) =>
    cursor === null ? [] : [{ stream, read, cursor, selectHash: deps.selectHash(stream) }],
  );
  if (completed.length === 0 || signal.aborted) return null;
  const complete = completed.length === reads.length;
  return deps.commit({ startedAt, domains, streams: completed, complete }, deps.now());
}

function finish(
  run: Run,
  reads: readonly StreamRead[],
  failure: RoundFailure | null,
  effect: RoundEffect | null,
): RoundReport {
  const { deps, tenant, startedAt } = run;
  const failures = reads.flatMap((read) => read.failure ?? []).concat(failure ?? []);
  const first = failures[0];
  const now = deps.now();
  const report: RoundReport = {
    tenant,
    startedAt,
    durationMs: Math.max(0, now - startedAt),
    outcome: effect === null ? 'failed' : first ? 'partial' : 'ok',
    streams: reads.map((read) => read.report),
    addresses: effect?.addresses ?? deps.state().addresses,
    added: effect?.added ?? 0,
    removed: effect?.removed ?? 0,
    held: effect?.held ?? 0,
    ...(first ? { error: errorOf(first) } : {}),
  };
  const errors = report.streams.map(
    ({ stream, error }) => [stream, error ? JSON.stringify(error) : null] as const,
  );
  if (effect === null) deps.unstage(null);
  const notBefore = notBeforeAfter(failures, now);
  // A round that we broke off ourselves says nothing about the tenant.
  if (!run.signal.aborted) deps.record({ report: JSON.stringify(report), errors, notBefore });
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
