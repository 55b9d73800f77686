/** What a changed configuration file means for a running gateway: which keys take effect at once, and which need a restart. */
import type { Config } from './config.ts';
import type { ConfigFile } from './schema.ts';

/** Both lists are in the order of the file. */
export interface ConfigChanges {
  /** Keys that changed since the file was last read, and take effect now. */
  readonly applied: readonly string[];
  /** Keys that changed since the start, and take effect at the next one. */
  readonly restart: readonly string[];
  /** Domains stay as they are until the restart. */
  readonly domainsWait: boolean;
}

/** Tables that are replaced whole, so one key stands for all of it. */
const WHOLE = new Set(['domain', 'override']);
const APPLIED = [
  /^(?:log_level|stop_timeout|domain|override|directory\.freshness_limit)$/,
  /^smtp\[\d+\]\.(?:tls_cert|tls_key|client_ca|certificate)$/,
];
const CERTIFICATE = /^smtp\[\d+\]\.tls_(?:cert|key)$/;

/**
 * Compares a valid file with what was `last` read, and with what the gateway was `started` with. Domains wait for the
 * restart when something that they rely on does: a tenant that is not running would know nobody, and a listener in
 * another mode would not know where to.
 */
export function configChanges(started: ConfigFile, last: ConfigFile, next: ConfigFile): ConfigChanges {
  const sinceStart = differences('', started, next);
  const running = new Set(started.tenant.map(({ id }) => id));
  const orphaned = next.domain.some((domain) => !running.has(domain.tenant ?? next.tenant[0]?.id ?? ''));
  const domainsWait = orphaned || sinceStart.some((key) => key === 'smtp' || /^smtp\[\d+\]\.mode$/.test(key));
  const applies = (key: string): boolean => {
    if (key === 'domain' && domainsWait) return false;
    // A listener can get a certificate while it runs; without one it would go on presenting the old.
    if (CERTIFICATE.test(key) && valueAt(next, key) === undefined) return false;
    return APPLIED.some((pattern) => pattern.test(key));
  };
  return {
    applied: differences('', last, next).filter(applies),
    restart: sinceStart.filter((key) => !applies(key)),
    domainsWait,
  };
}

/** The running configuration with everything taken from the new one that can change while it runs. */
export function applyChanges(
  running: Config,
  next: Config,
  { domainsWait }: Pick<ConfigChanges, 'domainsWait'>,
): Config {
  const { domains, overrides, freshnessLimit } = next.policy;
  const same = running.smtp.length === next.smtp.length;
  return {
    ...running,
    logLevel: next.logLevel,
    stopTimeout: next.stopTimeout,
    policy: { ...running.policy, ...(domainsWait ? {} : { domains }), overrides, freshnessLimit },
    smtp: running.smtp.map((smtp, index) => {
      const other = same ? next.smtp[index] : undefined;
      if (!other) return smtp;
      const { clientCa, certificates } = other.tls;
      return {
        ...smtp,
        tlsFiles: other.tlsFiles ?? smtp.tlsFiles,
        tls: { ...smtp.tls, clientCa, certificates },
      };
    }),
  };
}

/** The keys at which two values differ, as they are written in problems: `smtp[0].listen`. */
function differences(at: string, before: unknown, after: unknown): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) {
    const tables = before.every((item) => typeof item === 'object') && before.length === after.length;
    if (!tables || WHOLE.has(at) || /\.certificate$/.test(at)) return [at];
    return before.flatMap((item, index) => differences(`${at}[${index}]`, item, after[index]));
  }
  if (!isTable(before) || !isTable(after)) return [at];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => differences(at === '' ? key : `${at}.${key}`, before[key], after[key]));
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function valueAt(file: ConfigFile, key: string): unknown {
  const [, index, name] = /^smtp\[(\d+)\]\.(\w+)$/.exec(key) ?? [];
  return Object(file.smtp[Number(index)])[name ?? ''];
}
