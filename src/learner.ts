/**
 * The learning thread, where graph, mirror and sync meet: it publishes the stored directories, then keeps them current.
 * It never sees a connection, and the main thread never waits for it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { ExpiryWarning } from './core/expiry.ts';
import { openGraph } from './graph/client.ts';
import { readCredential } from './graph/credential-file.ts';
import type { CredentialState, CredentialUse } from './graph/credential-in-use.ts';
import { type Http, openHttp } from './graph/http.ts';
import { keptIn } from './graph/kept-credential.ts';
import { selectHash } from './graph/objects.ts';
import { openTokens, type TokenSettings, type Tokens } from './graph/tokens.ts';
import { type Mirror, openMirror } from './mirror/mirror.ts';
import { openVault } from './seal/vault.ts';
import { answerRequests, type Tell } from './sync/answering.ts';
import { expiryNews } from './sync/expiry.ts';
import { openPatiently } from './sync/opening.ts';
import { operatorHandlers, publishOperator } from './sync/operator-requests.ts';
import type { LearnerSettings, LearnerTenant, RequestHandlers, TenantStatus } from './sync/protocol.ts';
import type { RoundReport } from './sync/report.ts';
import { type RoundDeps, runRound } from './sync/round.ts';
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
    // A secret that nobody needs any more is not kept.
    mirror.retainCredentials(settings.tenants.map(({ id }) => id));
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
  settle(): Promise<void>;
}

function startRounds(
  settings: LearnerSettings,
  mirror: Mirror,
  http: Http,
  tell: Tell,
  signal: AbortSignal,
): Running {
  const tenants = new Map(
    settings.tenants.map((tenant) => [tenant.id, learnFrom(settings, tenant, mirror, http, tell)]),
  );
  const turns = takeTurns((tenant) => oneRound(settings, mirror, tenants.get(tenant), tenant, tell, signal));
  const ids = settings.tenants.map(({ id }) => id);
  const schedule = startSchedule(
    settings.schedule,
    async () => {
      mirror.prune(Date.now(), settings.gracePeriod);
      await Promise.all(ids.map((id) => turns.join(id)));
    },
    (message) => tell({ kind: 'trouble', trouble: { message } }),
  );
  return {
    async sync(tenant) {
      if (tenant !== null && !tenants.has(tenant)) throw new Error(`there is no tenant ${tenant}`);
      return Promise.all((tenant === null ? ids : [tenant]).map((id) => turns.fresh(id)));
    },
    status: () => ids.map((id) => statusOf(mirror, id, schedule, tenants.get(id)?.credential() ?? null)),
    describe(address) {
      const { owners, departures } = mirror.describe(address);
      // The mirror may still hold a tenant that is no longer configured.
      const ours = ({ tenant }: { readonly tenant: string }): boolean => tenants.has(tenant);
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
  settings: LearnerSettings,
  mirror: Mirror,
  learned: LearnedTenant | undefined,
  tenant: string,
  tell: Tell,
  signal: AbortSignal,
): Promise<RoundReport> {
  if (!learned) throw new Error(`there is no tenant ${tenant}`);
  const report = await runRound(learned.deps, tenant, signal);
  warnOfExpiry(mirror, tenant, learned.credential().use, tell);
  if (report.outcome === 'ok' || report.outcome === 'partial') publish(settings, mirror, tenant, tell);
  if (!signal.aborted) tell({ kind: 'round', report });
  return report;
}

interface LearnedTenant {
  readonly deps: RoundDeps;
  credential(): CredentialState;
}

function learnFrom(
  settings: LearnerSettings,
  tenant: LearnerTenant,
  mirror: Mirror,
  http: Http,
  tell: Tell,
): LearnedTenant {
  const { id, applicationId, login, graph } = tenant;
  const vault = openVault(settings.masterKey, {
    read: mirror.sealedCredential,
    write: mirror.keepSealedCredential,
  });
  const signIn: TokenSettings = {
    tenant: id,
    applicationId,
    login,
    graph,
    readCredential: () => readCredential(tenant.credential, Date.now()),
    kept: keptIn(vault, id, applicationId),
    tell: (news) => tell({ kind: 'credential', tenant: id, news }),
  };
  const tokens = openTokens(signIn, http);
  return { deps: roundDeps(tenant, mirror, http, tokens, tell), credential: tokens.credential };
}

function warnOfExpiry(mirror: Mirror, tenant: string, use: CredentialUse | null, tell: Tell): void {
  const memory = {
    warned: () => mirror.expiryWarned(tenant),
    keep: (warning: ExpiryWarning) => mirror.keepExpiryWarned(tenant, warning),
  };
  try {
    const news = expiryNews(use, Date.now(), memory);
    if (news !== null) tell({ kind: 'credential', tenant, news });
  } catch (error) {
    const message = `the warning of a credential's end: ${error instanceof Error ? error.message : error}`;
    tell({ kind: 'trouble', trouble: { message, tenant } });
  }
}

function roundDeps(tenant: LearnerTenant, mirror: Mirror, http: Http, tokens: Tokens, tell: Tell): RoundDeps {
  const { id, graph: base } = tenant;
  const graph = openGraph({ tenant: id, graph: base }, http, tokens);
  return {
    organization: graph.organization,
    pages: graph.pages,
    selectHash,
    state: () => mirror.state(id),
    stage: (stream, patches) => mirror.stage(id, stream, patches),
    unstage: (stream) => mirror.unstage(id, stream),
    commit: (round, now) => mirror.commitRound(id, round, now),
    record: (record) => mirror.recordRound(id, record),
    now: Date.now,
    progress: (progress) => tell({ kind: 'progress', progress }),
    fullEvery: FULL_EVERY,
  };
}

function statusOf(
  mirror: Mirror,
  tenant: string,
  schedule: Schedule,
  credential: CredentialState | null,
): TenantStatus {
  const { syncedAt, lastRound, streams } = mirror.state(tenant);
  return {
    tenant,
    syncedAt,
    ...mirror.counts(tenant),
    lastRound: lastRound === null ? null : JSON.parse(lastRound),
    nextRun: schedule.nextRun(),
    streams: streams.map(({ stream, cursor, fullAt, error }) => ({
      stream,
      cursor: cursor !== null,
      fullAt,
      error: error === null ? null : JSON.parse(error),
    })),
    credential,
    trouble: null,
  };
}

/** The status of a tenant whose mirror cannot be used. */
function unread(tenant: string, trouble: string | null): TenantStatus {
  const nothing = { syncedAt: null, addresses: 0, objects: {}, departed: 0, held: 0 };
  return { tenant, ...nothing, lastRound: null, nextRun: null, streams: [], credential: null, trouble };
}
