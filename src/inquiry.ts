/** What the control socket answers: joins the directory, the learning thread and the listeners for the commands. */
import { type ApplicationParts, applicationFunctions } from './application-inquiry.ts';
import type { CheckedAddress } from './commands/check.ts';
import type { GatewayStatus } from './commands/status.ts';
import type { Config } from './config/config.ts';
import { readOverride } from './config/override.ts';
import type { Acting } from './console/acting.ts';
import type { ControlFunctions } from './console/control.ts';
import type { DoorFunctions } from './console/door-routes.ts';
import type { HarvestFunctions } from './console/harvest-routes.ts';
import type { ImportRequest, OperatorFunctions } from './console/operator-routes.ts';
import { domainOf, parseMailbox } from './core/address.ts';
import { coverageOf } from './core/coverage.ts';
import { decideText } from './core/decide.ts';
import type { Directory } from './core/directory.ts';
import { freshness } from './core/freshness.ts';
import { afterLookup, type LookupOutcome, lookupKeys, wantsLookup } from './core/lookup.ts';
import { addressWords } from './core/network.ts';
import type { NextHopStatus } from './core/next-hop-status.ts';
import type { Operator, TenantImport } from './core/operator.ts';
import { holds, normaliseMatch, overrideFor } from './core/override.ts';
import { type ReviewedOverride, reviewOverrides } from './core/override-review.ts';
import { domainsOf, policyFor } from './core/policy.ts';
import type { Verdict } from './core/verdict.ts';
import type { ImportEvent, OverrideEvent } from './ops/operator-events.ts';
import { discrepancies, recipientFunctions } from './recipient-inquiry.ts';
import type { HarvestGuard } from './smtp/harvest-guard.ts';
import type { SmtpListener } from './smtp/listener.ts';
import { replyFor, replyLines } from './smtp/reply.ts';
import type { LiveLookups } from './sync/lookup.ts';
import type { Learning } from './sync/thread.ts';

/** A door as the status shows it. */
interface OpenDoor {
  readonly protocol: string;
  address(): string;
  connections(): number;
}

/** What can be asked about. */
export interface Inquired {
  readonly config: Config;
  readonly version: string;
  /** The values that answer now. */
  readonly answering: { readonly directory: Directory; readonly operator: Operator };
  readonly learning: Learning;
  /** null when live lookups are switched off. */
  readonly lookups: LiveLookups | null;
  readonly harvest: HarvestGuard;
  readonly listeners: readonly SmtpListener[];
  nextHops(): readonly NextHopStatus[];
  readonly doors: readonly OpenDoor[];
  readonly exports: DoorFunctions;
  /** Empty when the main thread answers. */
  workers(): NonNullable<GatewayStatus['workers']>;
  metrics(): Promise<string>;
  readonly events: ApplicationParts['events'] & {
    overrideAdd(by: Acting, override: OverrideEvent, replaced: boolean): void;
    overrideRemove(by: Acting, override: OverrideEvent): void;
    importDone(by: Acting, done: ImportEvent): void;
    syncRequest(by: Acting, tenant: string | null, dryRun: boolean): void;
    syncApprove(by: Acting, plan: string, tenant: string, addresses: number): void;
  };
}

/** How long an explanation waits for the mirror, which may be in the middle of a large commit. */
const EXPLAIN_WAIT_MS = 2_000;

/** The functions behind the control socket. */
export function controlFunctions(parts: Inquired): ControlFunctions {
  const { version, answering, listeners, learning, metrics, events } = parts;
  const startedAt = Date.now();
  return {
    metrics,
    operator: operatorFunctions(parts),
    recipients: recipientFunctions({
      config: () => parts.config,
      answering,
      learning,
      explain: (address) => explain(address, parts),
    }),
    applications: applicationFunctions(parts, Date.now),
    sync(tenant, progress, dryRun, by) {
      events.syncRequest(by, tenant, dryRun);
      return learning.sync(tenant, progress, dryRun);
    },
    async approve(hash, tenant, by) {
      const approval = await learning.approve(hash, tenant);
      if (approval.ok) events.syncApprove(by, hash, approval.tenant, approval.addresses);
      return approval;
    },
    doors: parts.exports,
    harvest: harvestFunctions(parts.harvest),
    discrepancies: () => discrepancies(parts),
    check: (addresses) => Promise.all(addresses.map((address) => explain(address, parts))),
    async status(): Promise<GatewayStatus> {
      const now = Date.now();
      const { config } = parts;
      const tenants = await learning.status();
      return {
        version,
        startedAt,
        now,
        harvest: parts.harvest.state(),
        listeners: [
          ...listeners.map((listener, index) => ({
            address: addressText(listener),
            mode: config.smtp[index]?.mode ?? '',
            connections: listener.connections(),
          })),
          ...parts.doors.map((door) => ({
            address: door.address(),
            mode: door.protocol,
            connections: door.connections(),
          })),
        ],
        nextHops: parts.nextHops(),
        workers: parts.workers(),
        tenants: tenants.map((tenant) => ({
          ...tenant,
          freshness: freshness(tenant.syncedAt, now, config.policy.freshnessLimit),
          domains: domainsOf(config.policy, tenant.tenant),
          imported: importedText(answering.operator.imports.get(tenant.tenant)),
        })),
      };
    },
  };
}

function harvestFunctions(guard: HarvestGuard): HarvestFunctions {
  return {
    state: () => ({ now: Date.now(), ...guard.state() }),
    reset(client) {
      const address = client?.replace(/\/64$/, '') ?? null;
      if (address !== null && addressWords(address) === null) {
        return { problem: `${address} is not an IP address` };
      }
      return { reset: guard.reset(address) };
    },
  };
}

/**
 * The answer to one address now, with what the mirror knows of its owners if it can say so in time. Where RCPT TO would
 * make a live lookup, it is made.
 */
async function explain(address: string, parts: Inquired): Promise<CheckedAddress> {
  const { learning } = parts;
  const { directory, operator } = parts.answering;
  const now = Date.now();
  const first = decideText(address, directory, operator.policy, now);
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
    now,
    override: overrideOf(verdict.key, operator, now),
    imported: importOf(key, verdict.tenant, operator),
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
  const outcome = await lookups.ask({ tenant: verdict.tenant, addresses });
  return { outcome, ms: performance.now() - started };
}

/** The override in force for an address, with where it stands. `postmaster` comes before it all the same. */
function overrideOf(key: string | null, { policy, overrides }: Operator, now: number) {
  const entry = key === null ? null : overrideFor(policy.overrides, key, now);
  if (!entry) return null;
  const { match, action, note, expires } = entry;
  const stored = (overrides as readonly unknown[]).includes(entry);
  return { match, action, note, expires, source: stored ? ('command' as const) : ('file' as const) };
}

function importOf(key: string | null, tenant: string | null, { imports }: Operator) {
  const found = tenant === null ? undefined : imports.get(tenant);
  return key !== null && found?.known.has(key) ? importedText(found) : null;
}

function importedText(found: TenantImport | undefined) {
  return found ? { file: found.file, importedAt: found.importedAt, addresses: found.known.size } : null;
}

/** What the operator can tell the gateway; what is wrong with it is part of the answer. */
function operatorFunctions(parts: Inquired): OperatorFunctions {
  const { learning, events, answering } = parts;
  const reviewed = (): readonly ReviewedOverride[] => {
    const { policy } = parts.config;
    return reviewOverrides(policy.overrides, answering.operator.overrides, policy, Date.now());
  };
  return {
    overrides: async () => reviewed(),
    async addOverride(given, by) {
      const now = Date.now();
      const read = readOverride(given, now);
      if (!read.ok) return read;
      const override = { ...read.override, addedAt: now, addedBy: by.who };
      const { replaced } = await learning.operator('overrideAdd', { override });
      events.overrideAdd(by, override, replaced !== null);
      const added = reviewed().find(({ match, source }) => match === override.match && source === 'command');
      return { ok: true, override: added, replaced };
    },
    async removeOverride(text, by) {
      const match = normaliseMatch(text) ?? text;
      const { removed } = await learning.operator('overrideRemove', { match });
      if (removed) events.overrideRemove(by, removed);
      const inFile = parts.config.policy.overrides.some((override) => override.match === match);
      return { match, removed, inFile };
    },
    importList: (request, by) => importList(request, by, parts),
    async coverage() {
      const { config } = parts;
      const tenants = config.tenants.map(({ id }) => id);
      const domains = [...config.policy.domains.values()];
      const overrideDomains = domainsOfOverrides(answering.operator, Date.now());
      return (await learning.operator('holdings', { tenants })).map((holdings) => {
        const origin = importedText(answering.operator.imports.get(holdings.tenant));
        return coverageOf({ holdings, domains, origin, overrideDomains });
      });
    },
  };
}

async function importList(
  request: ImportRequest,
  by: Acting,
  { config, learning, events }: Inquired,
): Promise<unknown> {
  const { file, list, dryRun, force } = request;
  const ids = config.tenants.map(({ id }) => id);
  const tenant = request.tenant?.toLowerCase() ?? (ids.length === 1 ? ids[0] : undefined);
  if (tenant === undefined)
    return { ok: false, problem: 'there are several tenants: say which with --tenant' };
  if (!ids.includes(tenant)) return { ok: false, problem: `there is no tenant ${tenant}` };
  const origin = { tenant, file, importedAt: Date.now(), importedBy: by.who };
  const domains = { domains: config.policy.domains };
  const done = await learning.operator('import', { origin, list, domains, dryRun, force });
  const { plan, foreign, applied } = done;
  if (applied) {
    const outside = Object.values(foreign).reduce((sum, count) => sum + count, 0);
    const added = plan.after - (plan.before - plan.gone);
    const event = { tenant, file, addresses: plan.after, added, removed: plan.gone, foreign: outside };
    events.importDone(by, { ...event, forced: plan.hold !== null });
  }
  return { ok: true, tenant, dryRun, ...done };
}

/** The domain of each override in force, by its accepted domain when there is one. */
function domainsOfOverrides({ policy }: Operator, now: number): string[] {
  return policy.overrides
    .filter((override) => holds(override, now))
    .map(({ match }) => policyFor(policy, domainOf(match))?.name ?? domainOf(match));
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
