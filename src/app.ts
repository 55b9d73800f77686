/**
 * The composition root of the answering side: opens from the inside out, closes from the outside in, and holds the
 * one shared value, the directory, which the learning thread replaces whole.
 */
import { existsSync, mkdirSync } from 'node:fs';
import type { Config } from './config/config.ts';
import { unreadableFiles } from './config/file.ts';
import { claimControlSocket, openControlSocket } from './console/control.ts';
import { consoleFunctions, consoleOf } from './console-inquiry.ts';
import { emptyTenantDirectory, openSnapshot, type TenantDirectory, withTenant } from './core/directory.ts';
import { operatorFrom, SILENT } from './core/operator.ts';
import { edgeOf, openListeners, openRelay, type Shared } from './edge.ts';
import { watchEdge } from './edge-watch.ts';
import { addressText, controlFunctions, within } from './inquiry.ts';
import { createEvents, type Events } from './ops/events.ts';
import { watchFreshness } from './ops/freshness-watch.ts';
import { openLog } from './ops/log.ts';
import { createMetrics } from './ops/metrics.ts';
import { openRejections, type Rejections } from './rejections.ts';
import { masterKeyFile } from './seal/master-key.ts';
import { collectAcceptedMail } from './sync/accepted-mail.ts';
import { type LiveLookups, openLookups } from './sync/lookup.ts';
import { type Learning, startLearning } from './sync/thread.ts';

/** A running gateway. */
export interface Gateway {
  /** `host:port` of every listener, in the order of the configuration. */
  readonly listeners: readonly string[];
  /** Drains: new commands get 421, running transfers finish within the stop timeout. */
  stop(): Promise<void>;
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
): Promise<number> {
  const stopped = stopSignal();
  await using log = openLog(config.logLevel);
  const metrics = createMetrics();
  const events = createEvents(log.logger, metrics);
  events.processStart(version, process.version);
  events.configEffective(effective(config));
  for (const { key, problem } of unreadableFiles(config)) events.configWarning(key, problem);
  try {
    const gateway = await openGateway(config, version, events, () => metrics.registry.metrics());
    events.processReady(gateway.listeners);
    await started(gateway);
    events.processStop(await stopped);
    await gateway.stop();
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
  events: Events,
  metrics: () => Promise<string>,
): Promise<Gateway> {
  const closers: Array<() => PromiseLike<unknown>> = [];
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    mkdirSync(config.stateDir, { recursive: true, mode: 0o750 });
    await claimControlSocket(config.controlSocket);
    const shared: Shared = {
      directory: new Map(config.tenants.map(({ id }) => [id, emptyTenantDirectory(id)])),
      operator: operatorFrom(config.policy, SILENT),
    };
    const rejections = openRejections(config, events);
    closers.push(() => rejections.stop());
    const learning = openLearning(config, shared, events, rejections, (directory) =>
      lookups?.published(directory),
    );
    const lookups = config.lookup.enabled ? openLiveLookups(config, learning, events) : null;
    closers.push(() => learning.stop());
    await within(MIRROR_WAIT_MS, learning.ready);
    const watch = watchFreshness(() => shared.directory, config.policy.freshnessLimit, events);
    watch.look();
    const accepted = collectAcceptedMail(learning.accepted);
    closers.push(async () => {
      watch[Symbol.dispose]();
      await within(LAST_WORD_MS, accepted[Symbol.asyncDispose]());
    });
    const relay = openRelay(config);
    closers.push(() => relay.close());
    const looked = () => {
      watch.look();
      return metrics();
    };
    const answered = { lookups, accepted, rejections };
    const { edge, nextHops } = watchEdge(edgeOf(config, shared, relay, answered, events));
    const listeners = await openListeners(config, edge, events, closers);
    const parts = { config, version, answering: shared, learning, lookups, listeners, nextHops, events };
    const keeper = consoleOf(config, events);
    const control = await openControlSocket(config.controlSocket, {
      ...controlFunctions({ ...parts, metrics: looked }),
      rejections: rejections.functions,
      console: consoleFunctions(config, keeper, learning, events),
      consoleToken: keeper?.token ?? null,
    });
    closers.push(() => control[Symbol.asyncDispose]());
    if (keeper) closers.push(() => keeper[Symbol.asyncDispose]());
    keeper?.start();
    return { listeners: listeners.map(addressText), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function openLearning(
  config: Config,
  shared: Shared,
  events: Events,
  rejections: Pick<Rejections, 'directory'>,
  published: (directory: TenantDirectory) => void,
): Learning {
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
      published(tenant);
      rejections.directory(snapshot);
      events.directoryPublish(tenant.tenant, tenant.known.size, tenant.departed.size, tenant.syncedAt);
    },
    operator(snapshot) {
      shared.operator = operatorFrom(config.policy, snapshot);
    },
    round: events.syncRound,
    held: events.syncHeld,
    progress: () => undefined,
    credential: events.credential,
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

/** The configuration as it took effect, for the log. It holds no secret but a proxy's password, which goes. */
function effective(config: Config): unknown {
  const proxy = config.proxy?.replace(/\/\/[^/@]*@/, '//***@') ?? null;
  const policy = { ...config.policy, domains: [...config.policy.domains.values()] };
  return { ...config, proxy, policy };
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
