/** The schema of the configuration file: every key, its form and its default. What crosses keys is in checks.ts. */
import { z } from 'zod';
import { normaliseDomain } from '../core/address.ts';
import { parseNetwork } from '../core/network.ts';
import { nextHopText, parseNextHop } from '../core/next-hop.ts';
import { DEFAULT_GUARD } from '../core/reconcile.ts';
import { consoleSchema } from './console.ts';
import { doorSchema, exportSchema } from './doors.ts';
import { parseListen } from './listen.ts';
import { listenerTlsKeys } from './listener-tls.ts';
import { file } from './named-file.ts';
import { logSchema, metricsSchema } from './observability.ts';
import { overrideSchema } from './override.ts';
import { rejectionsSchema } from './rejections.ts';
import { parseDuration, parseSize } from './units.ts';

const text = z.string().min(1, 'must not be empty');
const guid = z.guid('must be a GUID such as 11111111-2222-3333-4444-555555555555').toLowerCase();

const duration = z.string().transform((value, context) => {
  const parsed = parseDuration(value);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: 'must be a duration such as "30s", "5m", "24h" or "3d"' });
  return z.NEVER;
});

const size = z.string().transform((value, context) => {
  const parsed = parseSize(value);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: 'must be a size such as "512KB" or "150MB"' });
  return z.NEVER;
});

const listenAddress = z.string().transform((value, context) => {
  const parsed = parseListen(value);
  if (parsed) return parsed;
  context.addIssue({
    code: 'custom',
    message:
      'must be an address and port such as "127.0.0.1:2525" or "[::]:25", or an inherited socket such as "systemd:smtp"',
  });
  return z.NEVER;
});

const nextHop = z.union([z.string(), z.array(z.string()).min(1).max(8)]).transform((value, context) => {
  const route = parseNextHop(typeof value === 'string' ? value : value.join(','));
  if (route) return nextHopText(route);
  const problem =
    'must be a host, host:port, "mx:domain", or a list of hosts, such as "127.0.0.1:2526" or "mx:contoso.example"';
  context.addIssue({ code: 'custom', message: problem });
  return z.NEVER;
});
const hopTls = z.enum(['off', 'opportunistic', 'required', 'verified']);

const domainName = z.string().transform((value, context) => {
  const parsed = normaliseDomain(value);
  if (parsed) return parsed;
  context.addIssue({ code: 'custom', message: 'must be a domain name such as "contoso.example"' });
  return z.NEVER;
});

const httpsUrl = z.string().refine((value) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  return url?.protocol === 'https:' && url.pathname === '/' && url.search === '';
}, 'must be an https:// base URL without a path, such as "https://graph.microsoft.com"');

const proxyUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be a proxy URL such as "http://proxy.example:3128"',
  );

const networks = z.array(
  z.string().refine((value) => parseNetwork(value).ok, {
    error: ({ input }) => {
      const parsed = parseNetwork(String(input));
      return parsed.ok ? '' : `${String(input)} ${parsed.problem}`;
    },
  }),
);

/** One `[[smtp]]` table. */
export const smtpSchema = z.strictObject({
  listen: listenAddress.prefault('127.0.0.1:2525'),
  mode: z.enum(['relay', 'verify']).default('relay'),
  tls_cert: file.optional(),
  tls_key: file.optional(),
  ...listenerTlsKeys,
  max_recipients: z
    .int()
    .min(100, 'must be at least 100 (RFC 5321 section 4.5.3.1.8)')
    .max(100_000)
    .default(1000),
  max_message_size: size.prefault('150MB'),
  max_connections: z.int().min(1).max(1_000_000).default(1000),
  max_connections_per_client: z.int().min(0).max(1_000_000).default(50),
  allow: networks.default([]),
  trusted: networks.default(['127.0.0.0/8', '::1']),
  proxies: networks.default([]),
  xclient: networks.default([]),
  greeting_delay: duration.prefault('100ms'),
  command_timeout: duration.prefault('5m'),
  data_timeout: duration.prefault('10m'),
  session_timeout: duration.prefault('1h'),
  bare_newlines: z.enum(['normalise', 'reject']).default('normalise'),
});

const instant = z.union([z.date(), z.iso.datetime({ offset: true }), z.iso.date()], {
  error: 'must be a date or a date and time with zone, such as 2027-01-31 or 2027-01-31T18:00:00Z',
});

const tenantSchema = z.strictObject({
  id: guid,
  application_id: guid.optional(),
  secret_file: file.optional(),
  secret_expires: instant.optional(),
  certificate_file: file.optional(),
  key_file: file.optional(),
  key_passphrase_file: file.optional(),
  assertion_file: file.optional(),
  cloud: z.enum(['global', 'usgov', 'usgov-dod', 'china']).optional(),
  login: httpsUrl.optional(),
  graph: httpsUrl.optional(),
  schedule: text.optional(),
});

const domainSchema = z.strictObject({
  name: domainName,
  tenant: guid.optional(),
  policy: z.enum(['enforce', 'observe', 'open']).default('enforce'),
  next_hop: nextHop.optional(),
  next_hop_tls: hopTls.optional(),
  subaddressing: z.boolean().default(true),
  subdomains: z.boolean().default(false),
});

const relaySchema = z.strictObject({
  tls: hopTls.default('opportunistic'),
  connect_timeout: duration.prefault('30s'),
  command_timeout: duration.prefault('5m'),
  data_timeout: duration.prefault('3m'),
  final_timeout: duration.prefault('10m'),
  idle: duration.prefault('30s'),
  max_idle: z.int().min(0).max(1000).default(10),
  max_messages: z.int().min(1).max(100_000).default(100),
  max_connections: z.int().min(1).max(100_000).default(100),
  wait: duration.prefault('5s'),
  backoff: duration.prefault('1s'),
  forward_client: z.enum(['off', 'xclient', 'xforward']).default('off'),
});

const syncSchema = z.strictObject({
  schedule: text.default('*/5 * * * *'),
  request_timeout: duration.prefault('60s'),
  full_every: duration.prefault('24h'),
  full_jitter: duration.prefault('2h'),
});

const guardSchema = z.strictObject({
  max_removals: z.int().min(0).default(DEFAULT_GUARD.maxRemovals),
  max_removal_share: z.number().min(0).max(100).default(DEFAULT_GUARD.maxShare),
  min_removals: z.int().min(0).default(DEFAULT_GUARD.minRemovals),
  recent_mail: duration.prefault('30d'),
});

const lookupSchema = z.strictObject({
  enabled: z.boolean().default(true),
  deadline: duration.prefault('1500ms'),
  rate: z.number().min(0.01, 'must be at least 0.01').max(1000).default(10),
  burst: z.int().min(1).max(10_000).default(50),
  negative: duration.prefault('30s'),
});

const harvestSchema = z.strictObject({
  limit: z.int().min(0).max(10_000).default(100),
  window: duration.prefault('10m'),
  deny: duration.prefault('1h'),
});

const directorySchema = z.strictObject({
  freshness_limit: duration.prefault('1h'),
  grace_period: duration.prefault('3d'),
});

/** The whole file. Only tenants and domains have no default: nobody can guess them. */
export const fileSchema = z.strictObject({
  state_dir: text.default('/var/lib/rcptgate'),
  control_socket: text.optional(),
  hostname: domainName.optional(),
  ca_file: file.optional(),
  proxy: proxyUrl.optional(),
  log_level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  workers: z.int().min(1).max(64).default(1),
  stop_timeout: duration.prefault('40s'),
  relay: relaySchema.prefault({}),
  sync: syncSchema.prefault({}),
  guard: guardSchema.prefault({}),
  directory: directorySchema.prefault({}),
  lookup: lookupSchema.prefault({}),
  rejections: rejectionsSchema.prefault({}),
  console: consoleSchema.prefault({}),
  log: logSchema.prefault({}),
  metrics: metricsSchema.prefault({}),
  harvest: harvestSchema.prefault({}),
  smtp: z.array(smtpSchema).min(1, 'at least one listener is needed').prefault([{}]),
  tenant: z.array(tenantSchema).min(1, 'at least one [[tenant]] is needed'),
  domain: z.array(domainSchema).min(1, 'at least one [[domain]] is needed'),
  override: z.array(overrideSchema).default([]),
  door: z.array(doorSchema).default([]),
  export: z.array(exportSchema).default([]),
});

export type ConfigFile = z.output<typeof fileSchema>;
