/** One tenant's side of learning, put together: rounds, live lookups, status. Joins graph, mirror and sync. */

import type { ExpiryWarning } from './core/expiry.ts';
import type { SharedDomain } from './core/shared-domains.ts';
import { openGraph } from './graph/client.ts';
import type { CredentialState, CredentialUse } from './graph/credential-in-use.ts';
import type { Outcome } from './graph/failure.ts';
import type { Http } from './graph/http.ts';
import { openFindOwners } from './graph/lookup.ts';
import { selectHash } from './graph/objects.ts';
import { fetchSigningKeys, redeemCode } from './graph/sign-in.ts';
import type { Mirror } from './mirror/mirror.ts';
import { openSignIn, type SignIn } from './sign-in.ts';
import type { Tell } from './sync/answering.ts';
import type { Fetched, SignInSide } from './sync/console-requests.ts';
import { expiryNews } from './sync/expiry.ts';
import type { FindingDeps } from './sync/finding.ts';
import type { LearnerSettings, LearnerTenant, TenantStatus } from './sync/protocol.ts';
import type { Publish } from './sync/publication.ts';
import type { RoundDeps } from './sync/round.ts';
import { jitterOf, nextFullRead, streamsFor } from './sync/rules.ts';
import { errorOf } from './sync/stream.ts';

/** What everything after opening works with. */
export interface Learner {
  readonly settings: LearnerSettings;
  readonly mirror: Mirror;
  readonly http: Http;
  readonly tell: Tell;
  readonly publishDirectory: Publish;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** Tells the directory, and what the guard holds of it. */
export function publish(
  { mirror, tell, publishDirectory }: Pick<Learner, 'mirror' | 'tell' | 'publishDirectory'>,
  tenant: string,
): void {
  publishDirectory(mirror, tenant);
  const plan = mirror.heldPlan(tenant);
  tell({ kind: 'held', tenant, plan, news: plan !== null && mirror.heldPlanIsNews(tenant) });
}

/** One tenant's side of learning; nothing in it is shared with another tenant but the mirror and the way out. */
export interface TenantLearning {
  readonly round: RoundDeps;
  readonly finding: FindingDeps;
  /** It has something to sign in with. */
  readonly setUp: boolean;
  /** People's way into the console through the tenant's application. */
  readonly signIn: SignInSide;
  credential(): CredentialState;
}

/** Puts one tenant's side together. */
export function tenantLearning(tenant: LearnerTenant, learner: Learner): TenantLearning {
  const { settings, mirror, http, tell, now } = learner;
  const { id } = tenant;
  const signIn = openSignIn(tenant, learner);
  const { tokens, graph: base, setUp } = signIn;
  const graph = openGraph({ tenant: id, graph: base }, http, tokens);
  // Read once here: the mirror is too slow to be asked at every lookup.
  let notBefore = mirror.state(id).notBefore;
  const round: RoundDeps = {
    organization: graph.organization,
    pages: graph.pages,
    object: graph.object,
    selectHash,
    state: () => mirror.state(id),
    stage: (stream, patches) => mirror.stage(id, stream, patches),
    unstage: (stream) => mirror.unstage(id, stream),
    restored: () => mirror.restored(id),
    commit: (completed, at) => mirror.commitRound(id, completed, at),
    preview: (completed, at) => mirror.previewRound(id, completed, at),
    unconfirmed: (before, at) => mirror.unconfirmed(id, before, at),
    settleHeld: (asked, gone, at) => mirror.settleHeld(id, asked, gone, at),
    record: (record) => {
      mirror.recordRound(id, record);
      notBefore = record.notBefore;
    },
    now,
    progress: (progress) => tell({ kind: 'progress', progress }),
    fullEvery: settings.fullEvery + jitterOf(id, settings.fullJitter),
  };
  const finding: FindingDeps = {
    find: openFindOwners({ graph: base }, http, tokens, streamsFor),
    domains: () => mirror.domains(id),
    organization: graph.organization,
    learn: (objects, domains, at) => mirror.learn(id, objects, domains, at),
    notBefore: () => notBefore,
    now,
  };
  return { round, finding, setUp, signIn: signInSide(id, signIn, http, now), credential: tokens.credential };
}

function signInSide(
  tenant: string,
  { applicationId, login, tokens }: SignIn,
  http: Http,
  now: () => number,
): SignInSide {
  return {
    applicationId,
    login,
    ready: () => tokens.credential().use !== null,
    async redeem(asked) {
      const client = tokens.freshClient();
      return fetched(client.ok ? await redeemCode(client.value, asked, now) : client);
    },
    signingKeys: async () => fetched(await fetchSigningKeys(http, login, tenant)),
  };
}

function fetched<Value>(outcome: Outcome<Value>): Fetched<Value> {
  return outcome.ok ? outcome : { ok: false, error: errorOf(outcome.failure) };
}

/** Warns that the credential in use will end, once for each step. */
export function warnOfExpiry(
  { mirror, tell, now }: Learner,
  tenant: string,
  use: CredentialUse | null,
): void {
  const memory = {
    warned: () => mirror.expiryWarned(tenant),
    keep: (warning: ExpiryWarning) => mirror.keepExpiryWarned(tenant, warning),
  };
  try {
    const news = expiryNews(use, now(), memory);
    if (news !== null) tell({ kind: 'credential', tenant, news });
  } catch (error) {
    const message = `the warning of a credential's end: ${error instanceof Error ? error.message : error}`;
    tell({ kind: 'trouble', trouble: { message, tenant } });
  }
}

/** What only the running rounds know of a tenant. */
interface Standing {
  readonly nextRun: number | null;
  readonly shared: readonly SharedDomain[];
  readonly credential: CredentialState;
  readonly setUp: boolean;
}

/** The status of one tenant. */
export function statusOf(
  { mirror, settings, now }: Learner,
  tenant: string,
  { nextRun, shared, credential, setUp }: Standing,
): TenantStatus {
  const { syncedAt, lastRound, streams } = mirror.state(tenant);
  const period = settings.fullEvery + jitterOf(tenant, settings.fullJitter);
  return {
    tenant,
    syncedAt,
    ...mirror.counts(tenant, now() - settings.gracePeriod),
    plan: mirror.heldPlan(tenant),
    nextFull: nextFullRead(streams, period),
    lastRound: lastRound === null ? null : JSON.parse(lastRound),
    nextRun,
    streams: streams.map(({ stream, cursor, fullAt, error }) => ({
      stream,
      cursor: cursor !== null,
      fullAt,
      error: error === null ? null : JSON.parse(error),
    })),
    sharedDomains: shared.filter(({ tenants }) => tenants.includes(tenant)),
    credential,
    setUp,
    trouble: null,
  };
}
