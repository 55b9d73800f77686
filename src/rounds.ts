/** The rounds of every tenant inside the learning thread: schedules, live lookups, approvals, status. Joins graph, mirror and sync. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type SharedDomain, sharedDomains } from './core/shared-domains.ts';
import type { Mirror } from './mirror/mirror.ts';
import type { Tell } from './sync/answering.ts';
import { approvePlan } from './sync/approval.ts';
import type { SignInSide } from './sync/console-requests.ts';
import { lookUp } from './sync/finding.ts';
import type { Approval, LearnerTenant, LookupAnswer, LookupAsk, TenantStatus } from './sync/protocol.ts';
import type { RoundReport } from './sync/report.ts';
import { runRound } from './sync/round.ts';
import { type Schedule, startSchedule } from './sync/schedule.ts';
import { type Turns, takeTurns } from './sync/turns.ts';
import {
  type Learner,
  publish,
  statusOf,
  type TenantLearning,
  tenantLearning,
  warnOfExpiry,
} from './tenant.ts';

/** Rounds get this long (ms) to notice that they are aborted before the mirror is closed. */
const SETTLE = 3000;

/** What can be asked of running rounds. */
export interface Running {
  sync(tenant: string | null, dryRun: boolean): Promise<readonly RoundReport[]>;
  approve(hash: string, tenant: string | null): Approval;
  noteMail(tenant: string, addresses: readonly string[]): void;
  status(): readonly TenantStatus[];
  describe: Mirror['describe'];
  lookup(ask: LookupAsk): Promise<LookupAnswer>;
  /** End of the credential in use, ms since 1970; null when unknown. */
  expires(tenant: string): number | null;
  /** From now on the tenant signs in as it is set up now. A round that runs ends with what it began with. */
  reopen(tenant: string): void;
  /** How each tenant's application signs people in to the console. */
  signIn(): ReadonlyMap<string, SignInSide>;
  settle(): Promise<void>;
}

/** Starts the rounds of every tenant, each by its own schedule. */
export function startRounds(learner: Learner): Running {
  const { settings, mirror, tell, now, signal } = learner;
  const tenants = new Map(settings.tenants.map((each) => [each.id, tenantLearning(each, learner)]));
  const ids = [...tenants.keys()];
  const tenantOf = (id: string): TenantLearning => {
    const tenant = tenants.get(id);
    if (!tenant) throw new Error(`there is no tenant ${id}`);
    return tenant;
  };
  const asked = (tenant: string | null): readonly string[] => {
    if (tenant !== null) tenantOf(tenant);
    return tenant === null ? ids : [tenant];
  };
  const noteShared = watchSharedDomains(mirror, ids, tell);
  const turns = takeTurns(async (id) => {
    const report = await oneRound(learner, tenantOf(id), id);
    noteShared();
    return report;
  });
  const schedules = startSchedules(learner, turns);
  return {
    async sync(tenant, dryRun) {
      const dry = (id: string) => turns.aside(id, () => oneRound(learner, tenantOf(id), id, true));
      return Promise.all(asked(tenant).map((id) => (dryRun ? dry(id) : turns.fresh(id))));
    },
    approve: (hash, tenant) =>
      approvePlan(asked(tenant), hash, {
        plan: mirror.heldPlan,
        apply: (id) => mirror.approve(id, hash, now()),
        applied: (id) => publish(learner, id),
      }),
    noteMail: (tenant, addresses) => mirror.noteMail(tenant, addresses, now()),
    status: () => {
      const shared = sharedIn(mirror, ids);
      return ids.map((id) => {
        const nextRun = schedules.get(id)?.nextRun() ?? null;
        const { credential, setUp } = tenantOf(id);
        return statusOf(learner, id, { nextRun, shared, credential: credential(), setUp });
      });
    },
    describe(address) {
      const { owners, departures } = mirror.describe(address);
      // The mirror may still hold a tenant that is no longer configured.
      const ours = ({ tenant }: { readonly tenant: string }): boolean => tenants.has(tenant);
      return { address, owners: owners.filter(ours), departures: departures.filter(ours) };
    },
    signIn: () => new Map([...tenants].map(([id, { signIn }]) => [id, signIn])),
    lookup: async (ask) => lookUp(tenantOf(ask.tenant).finding, ask, signal),
    expires: (id) => tenantOf(id).credential().use?.expires ?? null,
    reopen(id) {
      const tenant = settings.tenants.find((each) => each.id === id);
      if (tenant) tenants.set(id, tenantLearning(tenant, learner));
    },
    settle: () => settle([...schedules.values()], turns),
  };
}

/** A schedule for each tenant, so that one whose round hangs delays no other's. */
function startSchedules(
  { settings, mirror, tell, now }: Learner,
  turns: Turns<RoundReport>,
): ReadonlyMap<string, Schedule> {
  const start = ({ id, schedule }: LearnerTenant): Schedule =>
    startSchedule(
      schedule ?? settings.schedule,
      async () => {
        mirror.prune(now(), settings.gracePeriod);
        await turns.join(id);
      },
      (message) => tell({ kind: 'trouble', trouble: { message, tenant: id } }),
    );
  return new Map(settings.tenants.map((tenant) => [tenant.id, start(tenant)]));
}

function sharedIn(mirror: Mirror, ids: readonly string[]): readonly SharedDomain[] {
  return sharedDomains(ids.map((tenant) => ({ tenant, domains: mirror.domains(tenant) })));
}

/** Tells of a domain that two tenants have verified: once, and again only after it was settled meanwhile. */
function watchSharedDomains(mirror: Mirror, ids: readonly string[], tell: Tell): () => void {
  let told: ReadonlySet<string> = new Set();
  return () => {
    const shared = sharedIn(mirror, ids);
    for (const { domain, tenants } of shared) {
      const message = `the domain ${domain} is verified in several tenants (${tenants.join(', ')}); it is answered for by the one that [[domain]] names`;
      for (const tenant of told.has(domain) ? [] : tenants.slice(0, 1)) {
        tell({ kind: 'trouble', trouble: { message, tenant } });
      }
    }
    told = new Set(shared.map(({ domain }) => domain));
  };
}

/** Rounds notice an abort at their next step; a commit is one step and has finished when this runs. */
async function settle(schedules: readonly Schedule[], turns: Turns<RoundReport>): Promise<void> {
  for (const schedule of schedules) schedule.stop();
  const settled = new AbortController();
  const late = sleep(SETTLE, undefined, { signal: settled.signal }).catch(() => {});
  await Promise.race([turns.idle(), late]);
  settled.abort();
}

async function oneRound(
  learner: Learner,
  learning: TenantLearning,
  tenant: string,
  dryRun = false,
): Promise<RoundReport> {
  const { signal, tell } = learner;
  const report = await runRound(learning.round, tenant, signal, dryRun);
  if (dryRun) return report;
  warnOfExpiry(learner, tenant, learning.credential().use);
  if (report.outcome === 'ok' || report.outcome === 'partial') publish(learner, tenant);
  if (!signal.aborted) tell({ kind: 'round', report });
  return report;
}
