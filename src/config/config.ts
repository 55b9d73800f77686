/** The configuration as the rest of the program sees it: validated, complete and frozen. It holds no secret. */

import os from 'node:os';
import path from 'node:path';
import { parse, TomlError } from 'smol-toml';
import type { DomainPolicy, Policy } from '../core/policy.ts';
import type { GuardLimits } from '../core/reconcile.ts';
import { crossChecks } from './checks.ts';
import { type ConsoleConfig, consoleFrom } from './console.ts';
import { type DoorConfig, doorFrom, type ExportConfig, exportFrom } from './doors.ts';
import type { ListenAddress } from './listen.ts';
import { type ListenerTls, listenerTlsFrom } from './listener-tls.ts';
import { type LogConfig, type MetricsConfig, observabilityFrom } from './observability.ts';
import { overrideFrom } from './override.ts';
import { type ConfigProblem, problemsOf } from './problem.ts';
import { type RejectionsConfig, rejectionsFrom } from './rejections.ts';
import { type ConfigFile, fileSchema } from './schema.ts';
import { type TenantConfig, tenantFrom } from './tenant.ts';

export interface SmtpConfig extends ListenAddress {
  readonly mode: 'relay' | 'verify';
  readonly tlsFiles: { readonly cert: string; readonly key: string } | null;
  readonly tls: ListenerTls;
  readonly maxRecipients: number;
  readonly maxMessageSize: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerClient: number;
  /** Networks, as they are written. */
  readonly access: Readonly<Record<'allow' | 'trusted' | 'proxies' | 'xclient', readonly string[]>>;
  readonly greetingDelay: number;
  readonly commandTimeout: number;
  readonly dataTimeout: number;
  readonly sessionTimeout: number;
  readonly bareNewlines: 'normalise' | 'reject';
}

export interface LookupConfig {
  readonly enabled: boolean;
  readonly deadline: number;
  /** Lookups a second and tenant. */
  readonly rate: number;
  readonly burst: number;
  readonly negative: number;
}

export interface HarvestConfig {
  readonly limit: number;
  readonly window: number;
  readonly deny: number;
}

export interface RelayConfig {
  readonly tls: 'off' | 'opportunistic' | 'required' | 'verified';
  readonly connectTimeout: number;
  readonly commandTimeout: number;
  readonly dataTimeout: number;
  readonly finalTimeout: number;
  readonly idle: number;
  readonly maxIdle: number;
  readonly maxMessages: number;
  /** Transactions at a time and next hop; one more waits for `wait`. */
  readonly maxConnections: number;
  readonly wait: number;
  /** The first pause of a host in trouble. */
  readonly backoff: number;
  readonly forwardClient: 'off' | 'xclient' | 'xforward';
  /** By next hop, where a domain has its own. */
  readonly tlsOf: Readonly<Record<string, RelayConfig['tls']>>;
}

export interface SyncConfig {
  readonly schedule: string;
  readonly requestTimeout: number;
  /** Everything is read again after this long and up to `fullJitter` more, by tenant. */
  readonly fullEvery: number;
  readonly fullJitter: number;
}

/** Times are in ms, sizes in bytes. */
export interface Config {
  readonly stateDir: string;
  readonly controlSocket: string;
  readonly hostname: string;
  readonly caFile: string | null;
  readonly proxy: string | null;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Threads that answer. */
  readonly workers: number;
  readonly stopTimeout: number;
  readonly smtp: readonly SmtpConfig[];
  readonly tenants: readonly TenantConfig[];
  readonly policy: Policy;
  readonly relay: RelayConfig;
  readonly sync: SyncConfig;
  readonly guard: GuardLimits;
  readonly lookup: LookupConfig;
  readonly rejections: RejectionsConfig;
  readonly console: ConsoleConfig;
  readonly log: LogConfig;
  readonly metrics: MetricsConfig;
  readonly doors: readonly DoorConfig[];
  readonly exports: readonly ExportConfig[];
  readonly harvest: HarvestConfig;
}

export type ParsedConfig =
  /** `file`: the same by the keys of the file, to be compared with another one. */
  | { readonly ok: true; readonly config: Config; readonly file: ConfigFile }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** What only the user of a value can judge; each says what is wrong with it, or null. */
export interface ConfigJudges {
  schedule(expression: string): string | null;
}

/** Reads the text of a configuration file. Pure but for the host's own name, which is the default of `hostname`. */
export function parseConfig(toml: string, judges: ConfigJudges): ParsedConfig {
  let raw: Record<string, unknown>;
  try {
    raw = parse(toml);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const message = error.message.split('\n')[0]?.replace('Invalid TOML document: ', '');
    return {
      ok: false,
      problems: [{ key: `line ${error.line}, column ${error.column}`, problem: `${message}` }],
    };
  }
  const parsed = fileSchema.safeParse(raw, { reportInput: true });
  const schema = parsed.success ? [] : problemsOf(parsed.error);
  const problems = [...schema, ...crossChecks(raw), ...judged(raw, judges)];
  if (!parsed.success || problems.length > 0) return { ok: false, problems };
  return { ok: true, config: deepFreeze(fromFile(parsed.data)), file: parsed.data };
}

/** Every schedule in the file, that of all tenants and those of single ones. */
function judged(raw: Record<string, unknown>, judges: ConfigJudges): ConfigProblem[] {
  const tables = Array.isArray(raw.tenant) ? raw.tenant : [];
  const schedules: Array<readonly [key: string, table: unknown]> = [
    ['sync', raw.sync],
    ...tables.map((table, index) => [`tenant[${index}]`, table] as const),
  ];
  return schedules.flatMap(([key, table]) => {
    const { schedule } = Object(table) as { schedule?: unknown };
    const problem = typeof schedule === 'string' && schedule !== '' ? judges.schedule(schedule) : null;
    return problem === null ? [] : [{ key: `${key}.schedule`, problem }];
  });
}

function fromFile(file: ConfigFile): Config {
  return {
    stateDir: file.state_dir,
    controlSocket: file.control_socket ?? path.join(file.state_dir, 'control.sock'),
    hostname: file.hostname ?? os.hostname(),
    caFile: file.ca_file ?? null,
    proxy: file.proxy ?? null,
    logLevel: file.log_level,
    workers: file.workers,
    stopTimeout: file.stop_timeout,
    smtp: file.smtp.map(smtpFrom),
    tenants: file.tenant.map(tenantFrom),
    policy: policyFrom(file),
    relay: relayFrom(file),
    sync: {
      schedule: file.sync.schedule,
      requestTimeout: file.sync.request_timeout,
      fullEvery: file.sync.full_every,
      fullJitter: file.sync.full_jitter,
    },
    guard: {
      maxRemovals: file.guard.max_removals,
      maxShare: file.guard.max_removal_share,
      minRemovals: file.guard.min_removals,
      recentMail: file.guard.recent_mail,
    },
    lookup: file.lookup,
    harvest: file.harvest,
    rejections: rejectionsFrom(file.rejections),
    console: consoleFrom(file.console),
    ...observabilityFrom(file.log, file.metrics),
    doors: file.door.map(doorFrom),
    exports: file.export.map(exportFrom),
  };
}

function relayFrom({ relay, domain }: ConfigFile): RelayConfig {
  const own = domain.flatMap(({ next_hop, next_hop_tls }) =>
    next_hop !== undefined && next_hop_tls !== undefined ? [[next_hop, next_hop_tls] as const] : [],
  );
  return {
    tls: relay.tls,
    connectTimeout: relay.connect_timeout,
    commandTimeout: relay.command_timeout,
    dataTimeout: relay.data_timeout,
    finalTimeout: relay.final_timeout,
    idle: relay.idle,
    maxIdle: relay.max_idle,
    maxMessages: relay.max_messages,
    maxConnections: relay.max_connections,
    wait: relay.wait,
    backoff: relay.backoff,
    forwardClient: relay.forward_client,
    tlsOf: Object.fromEntries(own),
  };
}

function smtpFrom(table: ConfigFile['smtp'][number]): SmtpConfig {
  return {
    host: table.listen.host,
    port: table.listen.port,
    inherited: table.listen.inherited,
    mode: table.mode,
    tlsFiles: table.tls_cert && table.tls_key ? { cert: table.tls_cert, key: table.tls_key } : null,
    tls: listenerTlsFrom(table),
    maxRecipients: table.max_recipients,
    maxMessageSize: table.max_message_size,
    maxConnections: table.max_connections,
    maxConnectionsPerClient: table.max_connections_per_client,
    access: {
      allow: table.allow,
      trusted: table.trusted,
      proxies: table.proxies,
      xclient: table.xclient,
    },
    greetingDelay: table.greeting_delay,
    commandTimeout: table.command_timeout,
    dataTimeout: table.data_timeout,
    sessionTimeout: table.session_timeout,
    bareNewlines: table.bare_newlines,
  };
}

function policyFrom(file: ConfigFile): Policy {
  const domains = file.domain.map(
    (table): DomainPolicy => ({
      name: table.name,
      tenant: table.tenant ?? file.tenant[0]?.id ?? '',
      policy: table.policy,
      subaddressing: table.subaddressing,
      subdomains: table.subdomains,
      nextHop: table.next_hop ?? null,
    }),
  );
  return {
    domains: new Map(domains.map((domain) => [domain.name, domain])),
    overrides: file.override.map(overrideFrom),
    freshnessLimit: file.directory.freshness_limit,
    gracePeriod: file.directory.grace_period,
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
