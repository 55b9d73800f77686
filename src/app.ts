/**
 * The composition root of the answering side: opens from the inside out, closes from the outside in, and holds the
 * one shared value, the directory, which the learning thread replaces whole.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { announcements, denialsToldTo, type Follower, openAnswering } from './answering.ts';
import { keepCertificates } from './certificates.ts';
import { type Claims, claimAll, type Service } from './claims.ts';
import type { Config } from './config/config.ts';
import { effective } from './config/effective.ts';
import { unreadableFiles } from './config/file.ts';
import { claimControlSocket, openControlSocket } from './console/control.ts';
import { consoleFunctions, consoleOf } from './console-inquiry.ts';
import { openSnapshot, type TenantDirectory, withTenant } from './core/directory.ts';
import { operatorFrom } from './core/operator.ts';
import { stateText } from './core/state-text.ts';
import { openDoors, openExports } from './doors.ts';
import { edgeOf, nothingLearnt, type Shared } from './edge.ts';
import { addressText, controlFunctions, within } from './inquiry.ts';
import { createEvents, type Events } from './ops/events.ts';
import { watchFreshness } from './ops/freshness-watch.ts';
import { type Log, openLog } from './ops/log.ts';
import { createMetrics, type Metrics } from './ops/metrics.ts';
import { openNotifier } from './ops/notify.ts';
import { openRejections } from './rejections.ts';
import { type ConfigSource, type LiveConfig, liveConfig, type Reloaded } from './reload.ts';
import { masterKeyFile } from './seal/master-key.ts';
import { openHarvestGuard } from './smtp/harvest-guard.ts';
import type { SmtpListener } from './smtp/listener.ts';
import { collectAcceptedMail } from './sync/accepted-mail.ts';
import { type LiveLookups, openLookups } from './sync/lookup.ts';
import { collectObservations } from './sync/observations.ts';
import { type Learning, startLearning } from './sync/thread.ts';
import { upkeepFunctions } from './upkeep-inquiry.ts';
import { openWatching } from './watching.ts';

/** A running gateway. */
export interface Gateway {
  /** `host:port` of every listener, in the order of the configuration. */
  readonly listeners: readonly string[];
  /** Drains: new commands get 421, running transfers finish within the stop timeout. */
  stop(): Promise<void>;
  /** Reads the configuration and the certificates again; what is wrong with them is told and changes nothing. */
  reload(): Reloaded;
  /** The state in one line. */
  state(): string;
}

/** What a gateway tells and is told by. */
export interface Surroundings {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: Events;
  /** null: only certificates can be read again. */
  readonly source: ConfigSource | null;
  readonly service: Service;
}

/** How long the start waits for the mirror before it listens without one. */
const MIRROR_WAIT_MS = 10_000;
/** How long the stop waits for the learning thread to take what it should remember. */
const LAST_WORD_MS = 2_000;

/** Runs the gateway until SIGTERM or SIGINT; `started` is called once it answers. Returns the exit code. */
export async function serve(
  config: Config,
  version: string,
  err: (text: string) => void,
  started: (gateway: Gateway) => Promise<void> = async () => undefined,
  source: ConfigSource | null = null,
  service: Service = { sockets: new Map(), notifier: openNotifier(), taken: false },
): Promise<number> {
  const { notifier } = service;
  const stopped = stopSignal();
  await using log = openLog(config.logLevel, config.log.stdout ? 1 : null, config.log.file);
  const metrics = createMetrics();
  const events = createEvents(log.logger, metrics, config.log.rejectionsPerSecond);
  log.tell({ trouble: events.logTrouble, lost: events.logLost });
  process.on('SIGUSR2', () => {
    const file = log.reopen();
    if (file !== null) events.logReopen(file);
  });
  events.processStart(version, process.version);
  events.configEffective(effective(config));
  for (const { key, problem } of unreadableFiles(config)) events.configWarning(key, problem);
  try {
    const gateway = await openGateway(config, version, { log, metrics, events, source, service });
    process.on('SIGHUP', () => void gateway.reload());
    events.processReady(gateway.listeners);
    notifier.ready(gateway.state);
    await started(gateway);
    events.processStop(await stopped);
    void notifier.stopping(config.stopTimeout + LAST_WORD_MS * 2);
    await gateway.stop();
    events.recipientsFlush();
    events.processStopped();
    return 0;
  } catch (error) {
    err(`rcptgate cannot start: ${messageOf(error)}`);
    return 1;
  }
}

/**
 * Opens everything; what was opened is closed again when a later part fails.
 * @throws Error when an address cannot be listened on, or another daemon uses the state directory.
 */
export async function openGateway(
  config: Config,
  version: string,
  surroundings: Surroundings,
): Promise<Gateway> {
  const closers: Closers = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const claims = claimAll(config, surroundings.service.sockets);
    for (const { key, problem } of claims.problems) surroundings.events.configWarning(key, problem);
    mkdirSync(config.stateDir, { recursive: true, mode: 0o750 });
    await claimControlSocket(config.controlSocket);
    const inside = await openInside(config, surroundings, closers);
    surroundings.service.taken = true;
    const listeners = await openOutside(config, version, inside, surroundings, closers, claims);
    const { live, shared, reload } = inside;
    const state = () =>
      stateText(listeners.length, shared.directory, live.config.policy.freshnessLimit, Date.now());
    return { listeners: listeners.map(addressText), stop, reload, state };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Closers = Array<() => PromiseLike<unknown>>;
type Inside = Awaited<ReturnType<typeof openInside>>;

/** What knows and remembers, before anybody can ask: configuration, directories, learning, the logs. */
async function openInside(config: Config, { log, events, source, service }: Surroundings, closers: Closers) {
  const shared = nothingLearnt(config);
  const { tell, follow } = announcements();
  const certificates = keepCertificates(events);
  closers.push(async () => certificates[Symbol.dispose]());
  const exports = openExports(config, shared, events.exportDone);
  closers.push(async () => exports[Symbol.dispose]());
  const rejections = openRejections(config, events);
  closers.push(() => rejections.stop());
  const live = liveConfig(config, source, certificates, events, (next) => {
    log.setLevel(next.logLevel);
    shared.operator = operatorFrom(next.policy, shared.told);
    tell({ kind: 'config', config: next });
  });
  follow(exports.follow);
  follow(rejections.follow);
  const learning = openLearning(live, shared, events, tell, (directory) => lookups?.published(directory));
  const lookups = config.lookup.enabled ? openLiveLookups(config, learning, events) : null;
  closers.push(() => learning.stop());
  await within(MIRROR_WAIT_MS, learning.ready);
  const watch = watchFreshness(
    () => shared.directory,
    () => live.config.policy.freshnessLimit,
    events,
  );
  watch.look();
  const accepted = collectAcceptedMail(learning.accepted);
  const observed = collectObservations((batch) => learning.operator('observed', batch));
  closers.push(async () => {
    watch[Symbol.dispose]();
    await within(LAST_WORD_MS, accepted[Symbol.asyncDispose]());
    await within(LAST_WORD_MS, observed[Symbol.asyncDispose]());
  });
  const harvest = openHarvestGuard(config.harvest, denialsToldTo(tell, events.harvest));
  closers.push(async () => harvest[Symbol.dispose]());
  const answering = { live, shared, lookups, accepted, observed, rejections, harvest, certificates, follow };
  const reload = () => service.notifier.reload(live.reload);
  return { ...answering, learning, exports, reload, look: () => watch.look() };
}

/** What is asked from outside: listeners, doors, the control socket and the console behind it. */
async function openOutside(
  config: Config,
  version: string,
  inside: Inside,
  { log, metrics, events, service }: Surroundings,
  closers: Closers,
  fds: Claims,
): Promise<readonly SmtpListener[]> {
  const { live, shared, learning, lookups, harvest, rejections, exports, certificates } = inside;
  const parts = { ...inside, fds: fds.smtp, noted: rejections.log, events, metrics, log, service };
  const answering = await openAnswering(parts, closers);
  const { listeners, workers, nextHops } = answering;
  const watching = openWatching({ ...inside, events, metrics, listeners, nextHops }, closers);
  closers.push(async () => watching.drain());
  certificates.presentedBy(() => live.config.smtp, listeners);
  const doors = await openDoors(live, edgeOf(shared, null, inside, events), fds.doors, events, closers);
  const keeper = consoleOf(config, fds.console, events);
  const inquired = {
    get config() {
      return live.config;
    },
    ...{
      version,
      answering: shared,
      learning,
      lookups,
      harvest,
      listeners,
      workers,
      nextHops,
      doors,
      events,
    },
    exports: exports.functions,
    metrics: watching.metrics,
  };
  const control = await openControlSocket(config.controlSocket, {
    ...controlFunctions(inquired),
    rejections: rejections.functions,
    reload: inside.reload,
    console: consoleFunctions(config, keeper, learning, events),
    consoleToken: keeper?.token ?? null,
    readiness: watching.readiness,
    upkeep: upkeepFunctions({ live, shared, learning, events }),
  });
  closers.push(() => control[Symbol.asyncDispose]());
  if (keeper) closers.push(() => keeper[Symbol.asyncDispose]());
  keeper?.start();
  return listeners;
}

function openLearning(
  live: LiveConfig,
  shared: Shared,
  events: Events,
  tell: Follower,
  published: (directory: TenantDirectory) => void,
): Learning {
  const { config } = live;
  const settings = {
    stateDir: config.stateDir,
    masterKey: masterKeyFile(config.stateDir, process.env.CREDENTIALS_DIRECTORY, existsSync),
    caFile: config.caFile,
    proxy: config.proxy,
    schedule: config.sync.schedule,
    requestTimeout: config.sync.requestTimeout,
    fullEvery: config.sync.fullEvery,
    fullJitter: config.sync.fullJitter,
    guard: config.guard,
    gracePeriod: config.policy.gracePeriod,
    tenants: config.tenants,
  };
  return startLearning(new URL('./learner.js', import.meta.url), settings, {
    directory(snapshot) {
      const tenant = openSnapshot(snapshot);
      shared.directory = withTenant(shared.directory, tenant);
      shared.snapshots.set(snapshot.tenant, snapshot);
      tell({ kind: 'directory', snapshot });
      published(tenant);
      events.directoryPublish(tenant.tenant, tenant.known.size, tenant.departed.size, tenant.syncedAt);
    },
    operator(snapshot) {
      shared.told = snapshot;
      tell({ kind: 'operator', told: snapshot });
      shared.operator = operatorFrom(live.config.policy, snapshot);
    },
    round: events.syncRound,
    held: events.syncHeld,
    progress: () => undefined,
    credential: events.credential,
    requests: events.requestsSent,
    trouble: ({ message, ...detail }) => events.syncTrouble(message, detail),
  });
}

function openLiveLookups(config: Config, learning: Learning, events: Events): LiveLookups {
  return openLookups(config.lookup, (ask) => learning.lookup(ask), {
    answered: events.lookupAnswered,
    found: events.lookupFound,
    trouble: events.lookupTrouble,
  });
}

/** The first SIGTERM or SIGINT. A second one finds no handler and ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    const stop = (signal: string) => {
      process.removeListener('SIGTERM', stop).removeListener('SIGINT', stop);
      resolve(signal);
    };
    process.on('SIGTERM', stop).on('SIGINT', stop);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
