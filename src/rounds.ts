/** The rounds of every tenant inside the learning thread: schedules, live lookups, approvals, status. Joins graph, mirror and sync. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type SharedDomain, sharedDomains } from './core/shared-domains.ts';
import { openGraph } from './graph/client.ts';
import { readSecretFile } from './graph/credential.ts';
import type { Http } from './graph/http.ts';
import { openFindOwners } from './graph/lookup.ts';
import { selectHash } from './graph/objects.ts';
import { openTokens } from './graph/tokens.ts';
import type { Mirror } from './mirror/mirror.ts';
import type { Tell } from './sync/answering.ts';
import { approvePlan } from './sync/approval.ts';
import { type FindingDeps, lookUp } from './sync/finding.ts';
import type {
  Approval,
  LearnerSettings,
  LearnerTenant,
  LookupAnswer,
  LookupAsk,
  TenantStatus,
} from './sync/protocol.ts';
import type { RoundReport } from './sync/report.ts';
import { type RoundDeps, runRound } from './sync/round.ts';
import { jitterOf, nextFullRead, streamsFor } from './sync/rules.ts';
import { type Schedule, startSchedule } from './sync/schedule.ts';
import { type Turns, takeTurns } from './sync/turns.ts';

/** Rounds get this long (ms) to notice that they are aborted before the mirror is closed. */
const SETTLE = 3000;

/** What everything after opening works with. */
export interface Learner {
  readonly settings: LearnerSettings;
  readonly mirror: Mirror;
  readonly http: Http;
  readonly tell: Tell;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Tells the directory, and what the guard holds of it. */
export function publish(
  { settings, mirror, tell, now }: Omit<Learner, 'http' | 'signal'>,
  tenant: string,
): void {
  tell({ kind: 'directory', snapshot: mirror.readDirectory(tenant, now(), settings.gracePeriod) });
  const plan = mirror.heldPlan(tenant);
  tell({ kind: 'held', tenant, plan, news: plan !== null && mirror.heldPlanIsNews(tenant) });
}

/** What can be asked of running rounds. */
export interface Running {
  sync(tenant: string | null, dryRun: boolean): Promise<readonly RoundReport[]>;
  approve(hash: string, tenant: string | null): Approval;
  noteMail(tenant: string, addresses: readonly string[]): void;
  status(): readonly TenantStatus[];
  describe: Mirror['describe'];
  lookup(ask: LookupAsk): Promise<LookupAnswer>;
  settle(): Promise<void>;
}

/** One tenant's side of learning; nothing in it is shared with another tenant but the mirror and the way out. */
interface TenantLearning {
  readonly round: RoundDeps;
  readonly finding: FindingDeps;
}

/** Starts the rounds of every tenant, each by its own schedule. */
export function startRounds(learner: Learner): Running {
  const { settings, mirror, tell, now, signal } = learner;
  const tenants = new Map(settings.tenants.map((each) => [each.id, tenantLearning(each, learner)]));
  const ids = [...tenants.keys()];
  const tenantOf = (id: string): TenantLearning => {
    const tenant = tenants.get(id);
    if (!tenant) throw new Error(`there is no tenant ${id}`);
    return tenant;
  };
  const asked = (tenant: string | null): readonly string[] => {
    if (tenant !== null) tenantOf(tenant);
    return tenant === null ? ids : [tenant];
  };
  const noteShared = watchSharedDomains(mirror, ids, tell);
  const turns = takeTurns(async (id) => {
    const report = await oneRound(learner, tenantOf(id).round, id);
    noteShared();
    return report;
  });
  const schedules = startSchedules(learner, turns);
  return {
    async sync(tenant, dryRun) {
      const dry = (id: string) => turns.aside(id, () => oneRound(learner, tenantOf(id).round, id, true));
      return Promise.all(asked(tenant).map((id) => (dryRun ? dry(id) : turns.fresh(id))));
    },
    approve: (hash, tenant) =>
      approvePlan(asked(tenant), hash, {
        plan: mirror.heldPlan,
        apply: (id) => mirror.approve(id, hash, now()),
        applied: (id) => publish(learner, id),
      }),
    noteMail: (tenant, addresses) => mirror.noteMail(tenant, addresses, now()),
    status: () => {
      const shared = sharedIn(mirror, ids);
      return ids.map((id) => statusOf(learner, id, schedules.get(id)?.nextRun() ?? null, shared));
    },
    describe(address) {
      const { owners, departures } = mirror.describe(address);
      // The mirror may still hold a tenant that is no longer configured.
      const ours = ({ tenant }: { readonly tenant: string }): boolean => tenants.has(tenant);
      return { address, owners: owners.filter(ours), departures: departures.filter(ours) };
    },
    lookup: async (ask) => lookUp(tenantOf(ask.tenant).finding, ask, signal),
    settle: () => settle([...schedules.values()], turns),
  };
}

/** A schedule for each tenant, so that one whose round hangs delays no other's. */
function startSchedules(
  { settings, mirror, tell, now }: Learner,
  turns: Turns<RoundReport>,
): ReadonlyMap<string, Schedule> {
  const start = ({ id, schedule }: LearnerTenant): Schedule =>
    startSchedule(
      schedule ?? settings.schedule,
      async () => {
        mirror.prune(now(), settings.gracePeriod);
        await turns.join(id);
      },
      (message) => tell({ kind: 'trouble', trouble: { message, tenant: id } }),
    );
  return new Map(settings.tenants.map((tenant) => [tenant.id, start(tenant)]));
}

function sharedIn(mirror: Mirror, ids: readonly string[]): readonly SharedDomain[] {
  return sharedDomains(ids.map((tenant) => ({ tenant, domains: mirror.domains(tenant) })));
}

/** Tells of a domain that two tenants have verified: once, and again only after it was settled meanwhile. */
function watchSharedDomains(mirror: Mirror, ids: readonly string[], tell: Tell): () => void {
  let told: ReadonlySet<string> = new Set();
  return () => {
    const shared = sharedIn(mirror, ids);
    for (const { domain, tenants } of shared) {
      const message = `the domain ${domain} is verified in several tenants (${tenants.join(', ')}); it is answered for by the one that [[domain]] names`;
      for (const tenant of told.has(domain) ? [] : tenants.slice(0, 1)) {
        tell({ kind: 'trouble', trouble: { message, tenant } });
      }
    }
    told = new Set(shared.map(({ domain }) => domain));
  };
}

/** Rounds notice an abort at their next step; a commit is one step and has finished when this runs. */
async function settle(schedules: readonly Schedule[], turns: Turns<RoundReport>): Promise<void> {
  for (const schedule of schedules) schedule.stop();
  const settled = new AbortController();
  const late = sleep(SETTLE, undefined, { signal: settled.signal }).catch(() => {});
  await Promise.race([turns.idle(), late]);
  settled.abort();
}

async function oneRound(
  learner: Learner,
  deps: RoundDeps,
  tenant: string,
  dryRun = false,
): Promise<RoundReport> {
  const { signal, tell } = learner;
  const report = await runRound(deps, tenant, signal, dryRun);
  if (dryRun) return report;
  if (report.outcome === 'ok' || report.outcome === 'partial') publish(learner, tenant);
  if (!signal.aborted) tell({ kind: 'round', report });
  return report;
}

function tenantLearning(tenant: LearnerTenant, learner: Learner): TenantLearning {
  const { settings, mirror, http, tell, now } = learner;
  const { id, applicationId, login, graph: base } = tenant;
  const readCredential = () => readSecretFile(tenant.secretFile);
  const tokens = openTokens({ tenant: id, applicationId, login, graph: base, readCredential }, http);
  const graph = openGraph({ tenant: id, graph: base }, http, tokens);
  // Read once here: the mirror is too slow to be asked at every lookup.
  let notBefore = mirror.state(id).notBefore;
  const round: RoundDeps = {
    organization: graph.organization,
    pages: graph.pages,
    object: graph.object,
    selectHash,
    state: () => mirror.state(id),
    stage: (stream, patches) => mirror.stage(id, stream, patches),
    unstage: (stream) => mirror.unstage(id, stream),
    restored: () => mirror.restored(id),
    commit: (completed, at) => mirror.commitRound(id, completed, at),
    preview: (completed, at) => mirror.previewRound(id, completed, at),
    unconfirmed: (before, at) => mirror.unconfirmed(id, before, at),
    settleHeld: (asked, gone, at) => mirror.settleHeld(id, asked, gone, at),
    record: (record) => {
      mirror.recordRound(id, record);
      notBefore = record.notBefore;
    },
    now,
    progress: (progress) => tell({ kind: 'progress', progress }),
    fullEvery: settings.fullEvery + jitterOf(id, settings.fullJitter),
  };
  const finding: FindingDeps = {
    find: openFindOwners({ graph: base }, http, tokens, streamsFor),
    domains: () => mirror.domains(id),
    organization: graph.organization,
    learn: (objects, domains, at) => mirror.learn(id, objects, domains, at),
    notBefore: () => notBefore,
    now,
  };
  return { round, finding };
}

function statusOf(
  { mirror, settings, now }: Learner,
  tenant: string,
  nextRun: number | null,
  shared: readonly SharedDomain[],
): TenantStatus {
  const { syncedAt, lastRound, streams } = mirror.state(tenant);
  const period = settings.fullEvery + jitterOf(tenant, settings.fullJitter);
  return {
    tenant,
    syncedAt,
    ...mirror.counts(tenant, now() - settings.gracePeriod),
    plan: mirror.heldPlan(tenant),
    nextFull: nextFullRead(streams, period),
    lastRound: lastRound === null ? null : JSON.parse(lastRound),
    nextRun,
    streams: streams.map(({ stream, cursor, fullAt, error }) => ({
      stream,
      cursor: cursor !== null,
      fullAt,
      error: error === null ? null : JSON.parse(error),
    })),
    sharedDomains: shared.filter(({ tenants }) => tenants.includes(tenant)),
    trouble: null,
  };
}
