/**
 * The composition root of the answering side: opens from the inside out, closes from the outside in, and holds the
 * one shared value, the directory, which the learning thread replaces whole.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import type { Config, SmtpConfig } from './config/config.ts';
import { readAuthorities, unreadableFiles } from './config/file.ts';
import { claimControlSocket, openControlSocket } from './console/control.ts';
import { decide } from './core/decide.ts';
import {
  type Directory,
  emptyTenantDirectory,
  openSnapshot,
  type TenantDirectory,
  withTenant,
} from './core/directory.ts';
import { afterLookup, lookupKeys, wantsLookup } from './core/lookup.ts';
import { type Operator, operatorFrom, SILENT } from './core/operator.ts';
import { referenceSource } from './core/reference.ts';
import { addressText, controlFunctions, within } from './inquiry.ts';
import { createEvents, type Events } from './ops/events.ts';
import { watchFreshness } from './ops/freshness-watch.ts';
import { openLog } from './ops/log.ts';
import { createMetrics } from './ops/metrics.ts';
import { masterKeyFile } from './seal/master-key.ts';
import { type ListenerOptions, openListener, type SmtpEdge, type SmtpListener } from './smtp/listener.ts';
import { DEFAULT_TIMEOUTS } from './smtp/next-hop.ts';
import { createRelay, type Relay } from './smtp/relay.ts';
import { type AcceptedMailLog, collectAcceptedMail } from './sync/accepted-mail.ts';
import { type LiveLookups, openLookups } from './sync/lookup.ts';
import { type Learning, startLearning } from './sync/thread.ts';

/** A running gateway. */
export interface Gateway {
  /** `host:port` of every listener, in the order of the configuration. */
  readonly listeners: readonly string[];
  /** Drains: new commands get 421, running transfers finish within the stop timeout. */
  stop(): Promise<void>;
}

/** What both sides touch; only what the learning thread publishes is assigned to it, each value whole. */
interface Shared {
  directory: Directory;
  operator: Operator;
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
    const learning = openLearning(config, shared, events, (directory) => lookups?.published(directory));
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
    const listeners = await openListeners(
      config,
      edgeOf(config, shared, relay, { lookups, accepted }, events),
      events,
      closers,
    );
    const parts = { config, version, answering: shared, learning, lookups, listeners, events };
    const control = await openControlSocket(
      config.controlSocket,
      controlFunctions({ ...parts, metrics: looked }),
    );
    closers.push(() => control[Symbol.asyncDispose]());
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

function openRelay({ hostname, caFile, relay }: Config): Relay {
  const command = relay.commandTimeout;
  // A ca_file that cannot be used was told at the start; mail that does not need it goes on.
  const authorities = readAuthorities(caFile);
  const ca = authorities.ok ? authorities.pem : null;
  return createRelay({
    hostname,
    tls: relay.tls,
    ...(ca === null ? {} : { ca }),
    maxIdle: relay.maxIdle,
    idleMs: relay.idle,
    timeouts: {
      ...DEFAULT_TIMEOUTS,
      connect: relay.connectTimeout,
      greeting: command,
      ehlo: command,
      mail: command,
      rcpt: command,
      data: command,
      body: relay.dataTimeout,
      message: relay.finalTimeout,
    },
  });
}

function openLiveLookups(config: Config, learning: Learning, events: Events): LiveLookups {
  return openLookups(config.lookup, (ask) => learning.lookup(ask), {
    answered: events.lookupAnswered,
    found: events.lookupFound,
    trouble: events.lookupTrouble,
  });
}

function edgeOf(
  { policy }: Config,
  shared: Shared,
  relay: Relay,
  { lookups, accepted }: { readonly lookups: LiveLookups | null; readonly accepted: AcceptedMailLog },
  events: Events,
): SmtpEdge {
  const nextHops = [...new Set([...policy.domains.values()].flatMap(({ nextHop }) => nextHop ?? []))];
  return {
    check: (mailbox) => decide(mailbox, shared.directory, shared.operator.policy, Date.now()),
    lookup:
      lookups &&
      ((mailbox, verdict, client) => {
        if (!wantsLookup(verdict)) return verdict;
        const question = { tenant: verdict.tenant, addresses: lookupKeys(mailbox, policy), client };
        const outcome = lookups.ask(question);
        return outcome instanceof Promise
          ? outcome.then((told) => afterLookup(verdict, told))
          : afterLookup(verdict, outcome);
      }),
    relay,
    nextHops: () => nextHops,
    reference: referenceSource(randomBytes),
    events: {
      recipientAnswered(answer) {
        const { tenant, matched, reason } = answer.verdict;
        // What an override or a policy accepted is not the directory's to lose.
        const known = reason === 'known' || reason === 'subaddress' || reason === 'grace';
        if (known && answer.reply.code < 300 && tenant !== null && matched !== null)
          accepted.note(tenant, matched);
        events.recipient(answer);
      },
      messageRelayed: events.message,
      messageFailed: events.message,
      nextHopTrouble: events.nextHopTrouble,
      sessionRefused: events.sessionRefuse,
      listenerTrouble: events.listenerTrouble,
    },
  };
}

async function openListeners(
  config: Config,
  edge: SmtpEdge,
  events: Events,
  closers: Array<() => PromiseLike<unknown>>,
): Promise<SmtpListener[]> {
  const listeners: SmtpListener[] = [];
  // All listeners drain at the same time, so they are one thing to close.
  closers.push(() => Promise.all(listeners.map((listener) => listener.close(config.stopTimeout))));
  for (const smtp of config.smtp) {
    const listener = await openListener(listenerOptions(config, smtp), edge);
    listeners.push(listener);
    events.listenerOpen(addressText(listener), smtp.mode, smtp.tlsFiles !== null);
  }
  return listeners;
}

function listenerOptions(config: Config, { tlsFiles, ...smtp }: SmtpConfig): ListenerOptions {
  const tls = tlsFiles && {
    cert: readFileSync(tlsFiles.cert, 'utf8'),
    key: readFileSync(tlsFiles.key, 'utf8'),
  };
  return { ...smtp, hostname: config.hostname, tls, closeTimeout: config.stopTimeout };
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
