/**
 * The learning thread, where graph, mirror and sync meet: it publishes the stored directories, then keeps them current.
 * It never sees a connection, and the main thread never waits for it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { openGraph } from './graph/client.ts';
import { readSecretFile } from './graph/credential.ts';
import { type Http, openHttp } from './graph/http.ts';
import { selectHash } from './graph/objects.ts';
import { openTokens } from './graph/tokens.ts';
import { type Mirror, openMirror } from './mirror/mirror.ts';
import { answerRequests, type Tell } from './sync/answering.ts';
import { approvePlan } from './sync/approval.ts';
import { openPatiently } from './sync/opening.ts';
import { operatorHandlers, publishOperator } from './sync/operator-requests.ts';
import type {
  Approval,
  LearnerSettings,
  LearnerTenant,
  RequestHandlers,
  TenantStatus,
} from './sync/protocol.ts';
import type { RoundReport } from './sync/report.ts';
import { type RoundDeps, runRound } from './sync/round.ts';
import { jitterOf, nextFullRead } from './sync/rules.ts';
import { type Schedule, startSchedule } from './sync/schedule.ts';
import { type Turns, takeTurns } from './sync/turns.ts';

/** Ms between attempts to open the mirror. */
const REOPEN = 15_000;
/** Rounds get this long (ms) to notice that they are aborted before the mirror is closed. */
const SETTLE = 3000;

if (parentPort) {
  const port = parentPort;
  const learner = startLearner(workerData as LearnerSettings, (message) => port.postMessage(message));
  answerRequests(port, learner);
}

/**
 * Starts learning and returns what answers requests. Everything else is told through `tell`. `now` is the clock of
 * rounds, grace and the guard, ms since 1970.
 */
export function startLearner(
  settings: LearnerSettings,
  tell: Tell,
  now: () => number = Date.now,
): RequestHandlers {
  const stopping = new AbortController();
  const http = openHttp({ caFile: settings.caFile, proxy: settings.proxy, timeout: settings.requestTimeout });
  const trouble = (message: string): void => tell({ kind: 'trouble', trouble: { message } });
  let learning: Running | null = null;
  const mirror = openPatiently(
    () => openAndPublish(settings, tell, now),
    REOPEN,
    (opened) => {
      tell({ kind: 'ready' });
      learning = startRounds({ settings, mirror: opened, http, tell, now, signal: stopping.signal });
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
    sync: async ({ tenant, dryRun }) => running().sync(tenant, dryRun),
    approve: async ({ hash, tenant }) => running().approve(hash, tenant),
    async accepted(mail) {
      const { noteMail } = running();
      for (const { tenant, addresses } of mail) noteMail(tenant, addresses);
      return null;
    },
    status: async () => learning?.status() ?? settings.tenants.map(({ id }) => unread(id, mirror.trouble())),
    describe: async ({ address }) => running().describe(address),
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
function openAndPublish(settings: LearnerSettings, tell: Tell, now: () => number): Mirror {
  const mirror = openMirror(join(settings.stateDir, 'mirror.sqlite'), settings.guard);
  try {
    for (const { id } of settings.tenants) publish({ settings, mirror, tell, now }, id);
    publishOperator(mirror, tell);
    return mirror;
  } catch (error) {
    mirror[Symbol.dispose]();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the mirror in ${settings.stateDir} cannot be read: ${reason}`, { cause: error });
  }
}

/** What everything after opening works with. */
interface Learner {
  readonly settings: LearnerSettings;
  readonly mirror: Mirror;
  readonly http: Http;
  readonly tell: Tell;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Tells the directory, and what the guard holds of it. */
function publish({ settings, mirror, tell, now }: Omit<Learner, 'http' | 'signal'>, tenant: string): void {
  tell({ kind: 'directory', snapshot: mirror.readDirectory(tenant, now(), settings.gracePeriod) });
  const plan = mirror.heldPlan(tenant);
  tell({ kind: 'held', tenant, plan, news: plan !== null && mirror.heldPlanIsNews(tenant) });
}

interface Running {
  sync(tenant: string | null, dryRun: boolean): Promise<readonly RoundReport[]>;
  approve(hash: string, tenant: string | null): Approval;
  noteMail(tenant: string, addresses: readonly string[]): void;
  status(): readonly TenantStatus[];
  describe: Mirror['describe'];
  settle(): Promise<void>;
}

function startRounds(learner: Learner): Running {
  const { settings, mirror, tell, now } = learner;
  const deps = new Map(settings.tenants.map((tenant) => [tenant.id, roundDeps(tenant, learner)]));
  const turns = takeTurns((tenant) => oneRound(learner, deps.get(tenant), tenant));
  const ids = settings.tenants.map(({ id }) => id);
  const known = (tenant: string | null): readonly string[] => {
    if (tenant !== null && !deps.has(tenant)) throw new Error(`there is no tenant ${tenant}`);
    return tenant === null ? ids : [tenant];
  };
  const schedule = startSchedule(
    settings.schedule,
    async () => {
      mirror.prune(now(), settings.gracePeriod);
      await Promise.all(ids.map((id) => turns.join(id)));
    },
    (message) => tell({ kind: 'trouble', trouble: { message } }),
  );
  return {
    async sync(tenant, dryRun) {
      const dry = (id: string) => turns.aside(id, () => oneRound(learner, deps.get(id), id, true));
      return Promise.all(known(tenant).map((id) => (dryRun ? dry(id) : turns.fresh(id))));
    },
    approve: (hash, tenant) =>
      approvePlan(known(tenant), hash, {
        plan: mirror.heldPlan,
        apply: (id) => mirror.approve(id, hash, now()),
        applied: (id) => publish(learner, id),
      }),
    noteMail: (tenant, addresses) => mirror.noteMail(tenant, addresses, now()),
    status: () => ids.map((id) => statusOf(learner, id, schedule)),
    describe(address) {
      const { owners, departures } = mirror.describe(address);
      // The mirror may still hold a tenant that is no longer configured.
      const ours = ({ tenant }: { readonly tenant: string }): boolean => deps.has(tenant);
      return { address, owners: owners.filter(ours), departures: departures.filter(ours) };
    },
    settle: () => settle(schedule, turns),
  };
}

/** Rounds notice an abort at their next step; a commit is one step and has finished when this runs. */
async function settle(schedule: Schedule, turns: Turns<RoundReport>): Promise<void> {
  schedule.stop();
  const settled = new AbortController();
  const late = sleep(SETTLE, undefined, { signal: settled.signal }).catch(() => {});
  await Promise.race([turns.idle(), late]);
  settled.abort();
}

async function oneRound(
  learner: Learner,
  deps: RoundDeps | undefined,
  tenant: string,
  dryRun = false,
): Promise<RoundReport> {
  if (!deps) throw new Error(`there is no tenant ${tenant}`);
  const { signal, tell } = learner;
  const report = await runRound(deps, tenant, signal, dryRun);
  if (dryRun) return report;
  if (report.outcome === 'ok' || report.outcome === 'partial') publish(learner, tenant);
  if (!signal.aborted) tell({ kind: 'round', report });
  return report;
}

function roundDeps(tenant: LearnerTenant, { settings, mirror, http, tell, now }: Learner): RoundDeps {
  const { id, applicationId, login, graph: base } = tenant;
  const readCredential = () => readSecretFile(tenant.secretFile);
  const tokens = openTokens({ tenant: id, applicationId, login, graph: base, readCredential }, http);
  const graph = openGraph({ tenant: id, graph: base }, http, tokens);
  return {
    organization: graph.organization,
    pages: graph.pages,
    object: graph.object,
    selectHash,
    state: () => mirror.state(id),
    stage: (stream, patches) => mirror.stage(id, stream, patches),
    unstage: (stream) => mirror.unstage(id, stream),
    restored: () => mirror.restored(id),
    commit: (round, at) => mirror.commitRound(id, round, at),
    preview: (round, at) => mirror.previewRound(id, round, at),
    unconfirmed: (before, at) => mirror.unconfirmed(id, before, at),
    settleHeld: (asked, gone, at) => mirror.settleHeld(id, asked, gone, at),
    record: (record) => mirror.recordRound(id, record),
    now,
    progress: (progress) => tell({ kind: 'progress', progress }),
    fullEvery: settings.fullEvery + jitterOf(id, settings.fullJitter),
  };
}

function statusOf({ mirror, settings, now }: Learner, tenant: string, schedule: Schedule): TenantStatus {
  const { syncedAt, lastRound, streams } = mirror.state(tenant);
  const period = settings.fullEvery + jitterOf(tenant, settings.fullJitter);
  return {
    tenant,
    syncedAt,
    ...mirror.counts(tenant, now() - settings.gracePeriod),
    plan: mirror.heldPlan(tenant),
    nextFull: nextFullRead(streams, period),
    lastRound: lastRound === null ? null : JSON.parse(lastRound),
    nextRun: schedule.nextRun(),
    streams: streams.map(({ stream, cursor, fullAt, error }) => ({
      stream,
      cursor: cursor !== null,
      fullAt,
      error: error === null ? null : JSON.parse(error),
    })),
    trouble: null,
  };
}

/** The status of a tenant whose mirror cannot be used. */
function unread(tenant: string, trouble: string | null): TenantStatus {
  const nothing = {
    syncedAt: null,
    addresses: 0,
    objects: {},
    departed: 0,
    held: 0,
    plan: null,
    nextFull: null,
  };
  return { tenant, ...nothing, lastRound: null, nextRun: null, streams: [], trouble };
}
