/**
 * The learning thread, where graph, mirror and sync meet: it publishes the stored directories, then keeps them current.
 * It never sees a connection, and the main thread never waits for it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { type SharedDomain, sharedDomains } from './core/shared-domains.ts';
import { openGraph } from './graph/client.ts';
import { readSecretFile } from './graph/credential.ts';
import { type Http, openHttp } from './graph/http.ts';
import { openFindOwners } from './graph/lookup.ts';
import { selectHash } from './graph/objects.ts';
import { openTokens } from './graph/tokens.ts';
import { type Mirror, openMirror } from './mirror/mirror.ts';
import { answerRequests, type Tell } from './sync/answering.ts';
import { type FindingDeps, lookUp } from './sync/finding.ts';
import { openPatiently } from './sync/opening.ts';
import { operatorHandlers, publishOperator } from './sync/operator-requests.ts';
import type {
  LearnerSettings,
  LearnerTenant,
  LookupAnswer,
  LookupAsk,
  RequestHandlers,
  TenantStatus,
} from './sync/protocol.ts';
import type { RoundReport } from './sync/report.ts';
import { type RoundDeps, runRound } from './sync/round.ts';
import { streamsFor } from './sync/rules.ts';
import { type Schedule, startSchedule } from './sync/schedule.ts';
import { type Turns, takeTurns } from './sync/turns.ts';

/** Delta is known to lose changes, so everything is read again once a day. Ms. */
const FULL_EVERY = 86_400_000;
/** Ms between attempts to open the mirror. */
const REOPEN = 15_000;
/** Rounds get this long (ms) to notice that they are aborted before the mirror is closed. */
const SETTLE = 3000;

if (parentPort) {
  const port = parentPort;
  const learner = startLearner(workerData as LearnerSettings, (message) => port.postMessage(message));
  answerRequests(port, learner);
}

/** Starts learning and returns what answers requests. Everything else is told through `tell`. */
export function startLearner(settings: LearnerSettings, tell: Tell): RequestHandlers {
  const stopping = new AbortController();
  const http = openHttp({ caFile: settings.caFile, proxy: settings.proxy, timeout: settings.requestTimeout });
  const trouble = (message: string): void => tell({ kind: 'trouble', trouble: { message } });
  let learning: Running | null = null;
  const mirror = openPatiently(
    () => openAndPublish(settings, tell),
    REOPEN,
    (opened) => {
      tell({ kind: 'ready' });
      learning = startRounds(settings, opened, http, tell, stopping.signal);
    },
    (message) => {
      trouble(message);
      tell({ kind: 'ready' });
    },
  );
  const running = (): Running => {
    if (learning && !stopping.signal.aborted) return learning;
    throw new Error(mirror.trouble() ?? 'the learning thread is stopping');
  };
  const stored = (): Mirror => {
    const opened = mirror.current();
    if (opened && !stopping.signal.aborted) return opened;
    throw new Error(mirror.trouble() ?? 'the learning thread is stopping');
  };
  return {
    ...operatorHandlers(stored, tell),
    sync: async ({ tenant }) => running().sync(tenant),
    status: async () => learning?.status() ?? settings.tenants.map(({ id }) => unread(id, mirror.trouble())),
    describe: async ({ address }) => running().describe(address),
    lookup: async (ask) => running().lookup(ask),
    async stop() {
      stopping.abort();
      mirror.stop();
      await learning?.settle();
      mirror.current()?.[Symbol.dispose]();
      await http[Symbol.asyncDispose]();
      return null;
    },
  };
}

/** What is stored answers before anything is asked of Graph. */
function openAndPublish(settings: LearnerSettings, tell: Tell): Mirror {
  const mirror = openMirror(join(settings.stateDir, 'mirror.sqlite'));
  try {
    for (const { id } of settings.tenants) publish(settings, mirror, id, tell);
    publishOperator(mirror, tell);
    return mirror;
  } catch (error) {
    mirror[Symbol.dispose]();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the mirror in ${settings.stateDir} cannot be read: ${reason}`, { cause: error });
  }
}

function publish(settings: LearnerSettings, mirror: Mirror, tenant: string, tell: Tell): void {
  tell({ kind: 'directory', snapshot: mirror.readDirectory(tenant, Date.now(), settings.gracePeriod) });
}

interface Running {
  sync(tenant: string | null): Promise<readonly RoundReport[]>;
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

function startRounds(
  settings: LearnerSettings,
  mirror: Mirror,
  http: Http,
  tell: Tell,
  signal: AbortSignal,
): Running {
  const tenants = new Map(
    settings.tenants.map((each) => [each.id, tenantLearning(each, mirror, http, tell)]),
  );
  const ids = [...tenants.keys()];
  const tenantOf = (id: string): TenantLearning => {
    const tenant = tenants.get(id);
    if (!tenant) throw new Error(`there is no tenant ${id}`);
    return tenant;
  };
  const noteShared = watchSharedDomains(mirror, ids, tell);
  const turns = takeTurns(async (id) => {
    const report = await oneRound(settings, mirror, tenantOf(id).round, id, tell, signal);
    noteShared();
    return report;
  });
  const schedules = startSchedules(settings, mirror, turns, tell);
  return {
    async sync(tenant) {
      if (tenant !== null) tenantOf(tenant);
      return Promise.all((tenant === null ? ids : [tenant]).map((id) => turns.fresh(id)));
    },
    status: () => {
      const shared = sharedIn(mirror, ids);
      return ids.map((id) => statusOf(mirror, id, schedules.get(id)?.nextRun() ?? null, shared));
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
  settings: LearnerSettings,
  mirror: Mirror,
  turns: Turns<RoundReport>,
  tell: Tell,
): ReadonlyMap<string, Schedule> {
  const start = ({ id, schedule }: LearnerTenant): Schedule =>
    startSchedule(
      schedule ?? settings.schedule,
      async () => {
        mirror.prune(Date.now(), settings.gracePeriod);
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
  settings: LearnerSettings,
  mirror: Mirror,
  deps: RoundDeps,
  tenant: string,
  tell: Tell,
  signal: AbortSignal,
): Promise<RoundReport> {
  const report = await runRound(deps, tenant, signal);
  if (report.outcome === 'ok' || report.outcome === 'partial') publish(settings, mirror, tenant, tell);
  if (!signal.aborted) tell({ kind: 'round', report });
  return report;
}

function tenantLearning(tenant: LearnerTenant, mirror: Mirror, http: Http, tell: Tell): TenantLearning {
  const { id, applicationId, login, graph: base } = tenant;
  const readCredential = () => readSecretFile(tenant.secretFile);
  const tokens = openTokens({ tenant: id, applicationId, login, graph: base, readCredential }, http);
  const graph = openGraph({ tenant: id, graph: base }, http, tokens);
  // Read once here: the mirror is too slow to be asked at every lookup.
  let notBefore = mirror.state(id).notBefore;
  const round: RoundDeps = {
    organization: graph.organization,
    pages: graph.pages,
    selectHash,
    state: () => mirror.state(id),
    stage: (stream, patches) => mirror.stage(id, stream, patches),
    unstage: (stream) => mirror.unstage(id, stream),
    commit: (completed, now) => mirror.commitRound(id, completed, now),
    record: (record) => {
      mirror.recordRound(id, record);
      notBefore = record.notBefore;
    },
    now: Date.now,
    progress: (progress) => tell({ kind: 'progress', progress }),
    fullEvery: FULL_EVERY,
  };
  const finding: FindingDeps = {
    find: openFindOwners({ graph: base }, http, tokens, streamsFor),
    domains: () => mirror.domains(id),
    organization: graph.organization,
    learn: (objects, domains, now) => mirror.learn(id, objects, domains, now),
    notBefore: () => notBefore,
    now: Date.now,
  };
  return { round, finding };
}

function statusOf(
  mirror: Mirror,
  tenant: string,
  nextRun: number | null,
  shared: readonly SharedDomain[],
): TenantStatus {
  const { syncedAt, lastRound, streams } = mirror.state(tenant);
  return {
    tenant,
    syncedAt,
    ...mirror.counts(tenant),
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

/** The status of a tenant whose mirror cannot be used. */
function unread(tenant: string, trouble: string | null): TenantStatus {
  const nothing = { syncedAt: null, addresses: 0, objects: {}, departed: 0, held: 0 };
  return { tenant, ...nothing, lastRound: null, nextRun: null, streams: [], sharedDomains: [], trouble };
}
