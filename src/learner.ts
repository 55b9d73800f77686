/**
 * The learning thread, where graph, mirror and sync meet: it publishes the stored directories, then keeps them current.
 * It never sees a connection, and the main thread never waits for it.
 */
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { applicationHandlers } from './application-requests.ts';
import { packDeparted } from './core/departed.ts';
import { countedHttp } from './graph/counted-http.ts';
import { type Http, openHttp } from './graph/http.ts';
import { lastImage } from './mirror/image.ts';
import type { Mirror } from './mirror/mirror.ts';
import { type Running, startRounds } from './rounds.ts';
import { rotateKey } from './seal/rotation.ts';
import { openSoundMirror } from './sound-mirror.ts';
import { answerRequests, type Tell } from './sync/answering.ts';
import { consoleHandlers } from './sync/console-requests.ts';
import { openPatiently } from './sync/opening.ts';
import { operatorHandlers, publishOperator } from './sync/operator-requests.ts';
import type { LearnerSettings, RequestHandlers, TenantStatus } from './sync/protocol.ts';
import { openPublication, type Publish } from './sync/publication.ts';
import { recipientHandlers } from './sync/recipient-requests.ts';
import { publish } from './tenant.ts';

/** Ms between attempts to open the mirror. */
const REOPEN = 15_000;
/** Niceness of the learning thread: when CPUs are short, answering goes first. */
const NICENESS = 5;

if (parentPort) {
  const port = parentPort;
  standBack();
  const learner = startLearner(workerData as LearnerSettings, (message) => port.postMessage(message));
  answerRequests(port, learner);
}

/** On Linux a priority belongs to a thread (setpriority(2), "C library/kernel differences"); elsewhere to the process. */
function standBack(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, NICENESS);
  } catch {
    // A sandbox may forbid it, which costs nothing but a little latency during a large round.
  }
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
  const http = openOutbound(settings, tell);
  const trouble = (message: string): void => tell({ kind: 'trouble', trouble: { message } });
  let learning: Running | null = null;
  const publishDirectory = openPublication(tell);
  const mirror = openPatiently(
    () => openAndPublish(settings, publishDirectory, tell),
    REOPEN,
    (opened) => {
      tell({ kind: 'ready' });
      learning = startRounds({
        settings,
        mirror: opened,
        http,
        tell,
        publishDirectory,
        now,
        signal: stopping.signal,
      });
    },
    (message) => {
      trouble(message);
      publishImages(settings, tell);
      tell({ kind: 'ready' });
    },
  );
  const usable = <T>(thing: T | null): T => {
    if (thing && !stopping.signal.aborted) return thing;
    throw new Error(mirror.trouble() ?? 'the learning thread is stopping');
  };
  const running = (): Running => usable(learning);
  const stored = (): Mirror => usable(mirror.current());
  return {
    ...operatorHandlers(stored, tell),
    ...recipientHandlers(
      stored,
      { tenants: settings.tenants.map(({ id }) => id), gracePeriod: settings.gracePeriod },
      now,
    ),
    ...applicationHandlers({
      settings,
      mirror: stored,
      http,
      now,
      signal: stopping.signal,
      expires: (tenant) => running().expires(tenant),
      reopen: (tenant) => running().reopen(tenant),
    }),
    ...consoleHandlers(stored, () => running().signIn()),
    ...upkeepHandlers(stored, settings),
    sync: async ({ tenant, dryRun }) => running().sync(tenant, dryRun),
    approve: async ({ hash, tenant }) => running().approve(hash, tenant),
    async accepted(mail) {
      const { noteMail } = running();
      for (const { tenant, addresses } of mail) noteMail(tenant, addresses);
      return null;
    },
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

function upkeepHandlers(stored: () => Mirror, { masterKey }: LearnerSettings) {
  return {
    backup: async ({ path, secrets }) => stored().backUp(path, secrets),
    rotateKey: async () => rotateKey(masterKey, stored().sealedRecords),
  } satisfies Partial<RequestHandlers>;
}

function openOutbound({ caFile, proxy, requestTimeout: timeout }: LearnerSettings, tell: Tell): Http {
  return countedHttp(openHttp({ caFile, proxy, timeout }), (counts) => tell({ kind: 'requests', counts }));
}

/** What is stored answers before anything is asked of Graph. */
function openAndPublish(settings: LearnerSettings, publishDirectory: Publish, tell: Tell): Mirror {
  const mirror = openSoundMirror(join(settings.stateDir, 'mirror.sqlite'), settings.guard, (message) =>
    tell({ kind: 'trouble', trouble: { message } }),
  );
  try {
    for (const { id } of settings.tenants) publish({ mirror, tell, publishDirectory }, id);
    publishOperator(mirror, tell);
    // A secret that nobody needs any more is not kept.
    const ids = settings.tenants.map(({ id }) => id);
    mirror.retainCredentials(ids);
    mirror.applications.retain(ids);
    return mirror;
  } catch (error) {
    mirror[Symbol.dispose]();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the mirror in ${settings.stateDir} cannot be read: ${reason}`, { cause: error });
  }
}

/** A mirror that cannot be opened has never told anybody: whoever was known when it still could be stays known. */
function publishImages({ stateDir, tenants }: LearnerSettings, tell: Tell): void {
  for (const { id: tenant } of tenants) {
    const known = lastImage(stateDir, tenant);
    const snapshot = { tenant, syncedAt: null, departed: packDeparted([]) };
    if (known) tell({ kind: 'directory', snapshot: { ...snapshot, known } });
  }
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
    credential: null,
    // Whether somebody set it up in the console cannot be told now.
    setUp: true,
  };
  return { tenant, ...nothing, lastRound: null, nextRun: null, streams: [], sharedDomains: [], trouble };
}
