/** What the control socket answers: joins the directory, the learning thread and the listeners for the commands. */
import type { CheckedAddress } from './commands/check.ts';
import type { GatewayStatus } from './commands/status.ts';
import type { Config } from './config/config.ts';
import type { ControlFunctions } from './console/control.ts';
import { parseMailbox } from './core/address.ts';
import { decideText } from './core/decide.ts';
import type { Directory } from './core/directory.ts';
import { freshness } from './core/freshness.ts';
import { afterLookup, type LookupOutcome, lookupKeys, wantsLookup } from './core/lookup.ts';
import type { Verdict } from './core/verdict.ts';
import type { SmtpListener } from './smtp/listener.ts';
import { replyFor, replyLines } from './smtp/reply.ts';
import type { LiveLookups } from './sync/lookup.ts';
import type { Learning } from './sync/thread.ts';

/** What can be asked about. */
export interface Inquired {
  readonly config: Config;
  readonly version: string;
  /** The value that answers now. */
  readonly answering: { readonly directory: Directory };
  readonly learning: Learning;
  /** null when live lookups are switched off. */
  readonly lookups: LiveLookups | null;
  readonly listeners: readonly SmtpListener[];
  metrics(): Promise<string>;
}

/** How long an explanation waits for the mirror, which may be in the middle of a large commit. */
const EXPLAIN_WAIT_MS = 2_000;

/** The functions behind the control socket. */
export function controlFunctions(parts: Inquired): ControlFunctions {
  const { config, version, listeners, learning, metrics } = parts;
  const startedAt = Date.now();
  return {
    metrics,
    sync: (tenant, progress) => learning.sync(tenant, progress),
    check: (addresses) => Promise.all(addresses.map((address) => explain(address, parts))),
    async status(): Promise<GatewayStatus> {
      const now = Date.now();
      const tenants = await learning.status();
      return {
        version,
        startedAt,
        now,
        listeners: listeners.map((listener, index) => ({
          address: addressText(listener),
          mode: config.smtp[index]?.mode ?? '',
          connections: listener.connections(),
        })),
        tenants: tenants.map((tenant) => ({
          ...tenant,
          freshness: freshness(tenant.syncedAt, now, config.policy.freshnessLimit),
          domains: [...config.policy.domains.values()]
            .filter((domain) => domain.tenant === tenant.tenant)
            .map(({ name }) => name),
        })),
      };
    },
  };
}

/**
 * The answer to one address now, with what the mirror knows of its owners if it can say so in time. Where RCPT TO would
 * make a live lookup, it is made.
 */
async function explain(address: string, parts: Inquired): Promise<CheckedAddress> {
  const { config, answering, learning } = parts;
  const first = decideText(address, answering.directory, config.policy, Date.now());
  const lookup = await lookUp(address, first, parts);
  const verdict = lookup ? afterLookup(first, lookup.outcome) : first;
  const key = verdict.matched ?? verdict.key;
  const asked =
    key === null ? null : await within(EXPLAIN_WAIT_MS, learning.describe(key)).catch(() => undefined);
  const reply = replyFor(verdict, '......');
  return {
    address,
    normalised: verdict.key,
    verdict: verdict.action,
    reason: verdict.reason,
    reply: `${reply.code} ${replyLines(reply).join(' ')}`,
    domain: verdict.domain,
    tenant: verdict.tenant,
    nextHop: verdict.nextHop,
    matched: verdict.matched,
    freshness: verdict.freshness,
    directoryAge: verdict.directoryAge,
    lookup: lookup && { outcome: lookup.outcome.kind, ms: lookup.ms },
    objects: key === null ? [] : (asked?.owners ?? null),
  };
}

async function lookUp(
  address: string,
  verdict: Verdict,
  { config, lookups }: Inquired,
): Promise<{ readonly outcome: LookupOutcome; readonly ms: number } | null> {
  const parsed = parseMailbox(address);
  if (!lookups || !parsed.ok || !wantsLookup(verdict)) return null;
  const started = performance.now();
  const addresses = lookupKeys(parsed.mailbox, config.policy);
  const outcome = await lookups.ask({ tenant: verdict.tenant, addresses, client: null });
  return { outcome, ms: performance.now() - started };
}

/** `host:port` of a listener, an IPv6 address in brackets. */
export function addressText(listener: SmtpListener): string {
  const { host, port } = listener.address();
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The value, or undefined when it takes longer than `ms`. */
export async function within<T>(ms: number, value: PromiseLike<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}
