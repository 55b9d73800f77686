/** The status of the gateway and its tenants: what a visitor may see of it, rounds on request, approvals. */
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { History } from '../../core/rejection.ts';
import { CHART_STYLE } from '../chart/chart.tsx';
import { historyOf } from '../chart/history.ts';
import { actorOf } from '../site/daemon.ts';
import { formOf } from '../site/form.tsx';
import { numberText } from '../site/format.tsx';
import { done } from '../site/notice.ts';
import { page } from '../site/page.tsx';
import { quotedText } from '../site/quoted.tsx';
import type { Section, SectionParts, SiteEnv } from '../site/section.ts';
import { tenantText } from '../site/tenant-name.tsx';
import { Refused } from '../site/trouble.tsx';
import { mayChange, maySee, type Visit } from '../site/visit.ts';
import { CoverageText } from './coverage.tsx';
import { ExpiryBanner } from './credential.tsx';
import {
  type GatewayQuestions,
  type GatewayView,
  gatewayQuestions,
  type RoundView,
  visibleTenants,
} from './gateway.ts';
import { HeldAddresses } from './held.tsx';
import { latest, latestOf } from './latest.ts';
import { type Overview, OverviewParts } from './overview.tsx';
import { RoundsTable } from './rounds.tsx';
import { openRunningRounds, type RunningRounds } from './running.ts';
import { STATUS_WORDS } from './words.ts';

/** The state is asked at most once in this time, however many look at it, ms. */
const STATE_KEPT = 1000;
/** The banner is on every page, and what it tells changes slowly, ms. */
const BANNER_KEPT = 60_000;
/** Counting reads every address of the mirror, ms. */
const COVERAGE_KEPT = 60_000;
/** The bars of the chart are half an hour wide, ms. */
const DAY_KEPT = 30_000;
/** Rounds on the first page. */
const ROUNDS_SHOWN = 5;
/** Seconds after which a browser without JavaScript loads the page again; while a round runs, and otherwise. */
const REFRESH = { busy: 3, idle: 30 };

/** What the routes work with. */
interface StatusParts {
  readonly parts: SectionParts;
  readonly ask: GatewayQuestions;
  readonly state: () => Promise<GatewayView>;
  /** Of one tenant, for the first page. */
  readonly lastRounds: (tenant: string) => Promise<readonly RoundView[]>;
  /** By ids of tenants with commas between them, or {@link EVERYBODY}. */
  readonly lastDay: (tenants: string) => Promise<History>;
  readonly running: RunningRounds;
}

/** Stands for all tenants where ids are expected. */
const EVERYBODY = '*';

/** The area of pages below `/status`. */
export function statusSection(parts: SectionParts): Section {
  const ask = gatewayQuestions(parts.daemon);
  const own: StatusParts = {
    parts,
    ask,
    state: latest(ask.status, STATE_KEPT, parts.now),
    lastRounds: latestOf((tenant) => ask.rounds(tenant, ROUNDS_SHOWN), STATE_KEPT, parts.now),
    lastDay: latestOf((ids) => dayOf(ids, parts), DAY_KEPT, parts.now),
    running: openRunningRounds(parts.daemon, parts.now),
  };
  const slowState = latest(own.state, BANNER_KEPT, parts.now);
  return {
    path: '/status',
    title: { en: STATUS_WORDS.en.title, ja: STATUS_WORDS.ja.title },
    async banner(visit) {
      const tenants = visibleTenants(visit.visitor, await slowState());
      return <ExpiryBanner tenants={tenants} language={visit.language} now={parts.now()} />;
    },
    mount(app) {
      app.get('/', async (context) => overviewPage(context, own));
      app.get('/live', async (context) => {
        const overview = await overviewOf(context.get('visit'), own);
        return context.html(String(<OverviewParts {...overview} />));
      });
      app.get('/:tenant/rounds', async (context) => roundsPage(context, own));
      app.get('/:tenant/held', async (context) => heldPage(context, own));
      const counted = latest(countedCoverage(own), COVERAGE_KEPT, parts.now);
      app.get('/:tenant/coverage', async (context) => {
        const { visit, tenant, words } = seen(context);
        const { at, coverage } = await counted();
        const counts = coverage.find((each) => each.tenant === tenant);
        if (!counts) throw new Refused('notFound', 404);
        const body = <CoverageText coverage={counts} language={visit.language} at={at} now={parts.now()} />;
        return page(context, { title: words.coverageOf(await found(tenant, own.state)), body });
      });
      app.post('/:tenant/sync', async (context) => startRound(context, own));
      app.post('/:tenant/approve', async (context) => approvePlan(context, own));
    },
  };
}

function dayOf(ids: string, { daemon, now }: SectionParts): Promise<History> {
  const tenants = ids === EVERYBODY ? null : ids.split(',');
  return historyOf(daemon, { span: 'day', now: now(), tenants });
}

function countedCoverage({ ask, parts }: StatusParts) {
  return async () => ({ coverage: await ask.coverage(), at: parts.now() });
}

/** The tenant of the address, which the visitor may see; another one does not exist for them. */
function seen(context: Context<SiteEnv>) {
  const visit = context.get('visit');
  const tenant = (context.req.param('tenant') ?? '').toLowerCase();
  if (!maySee(visit.visitor, tenant)) throw new Refused('notFound', 404);
  return { visit, tenant, words: STATUS_WORDS[visit.language] };
}

/** What a tenant is called. @throws Refused when it is not configured. */
async function found(tenant: string, state: StatusParts['state']): Promise<string> {
  const named = (await state()).tenants.find((each) => each.tenant === tenant);
  if (!named) throw new Refused('notFound', 404);
  return tenantText(named);
}

/** The tenant of the address, which the visitor may change. */
function changed(context: Context<SiteEnv>) {
  const asked = seen(context);
  if (!mayChange(asked.visit.visitor, asked.tenant)) throw new Refused('notAllowed', 403);
  return asked;
}

async function overviewOf(
  visit: Visit,
  { state, lastRounds, lastDay, running }: StatusParts,
): Promise<Overview> {
  const gateway = await state();
  const tenants = visibleTenants(visit.visitor, gateway).map(async (tenant) => {
    // A mirror that cannot be read is told by the state; its rounds are what the state has of them.
    const last = tenant.lastRound ? [tenant.lastRound] : [];
    const rounds = await lastRounds(tenant.tenant).catch(() => last);
    return { tenant, rounds, running: running.of(tenant.tenant) };
  });
  const { visitor } = visit;
  const day = lastDay(visitor.tenants === null ? EVERYBODY : visitor.tenants.join(',')).catch(() => null);
  return { visit, gateway, history: await day, tenants: await Promise.all(tenants) };
}

async function overviewPage(context: Context<SiteEnv>, own: StatusParts): Promise<Response> {
  const visit = context.get('visit');
  const overview = await overviewOf(visit, own);
  const words = STATUS_WORDS[visit.language];
  const busy = overview.tenants.some(({ running }) => running !== null && running.endedAt === null);
  const body = (
    <div data-live="/status/live">
      <OverviewParts {...overview} />
      <p class="hint">{words.updates}</p>
    </div>
  );
  const refresh = busy ? REFRESH.busy : REFRESH.idle;
  return page(context, { title: words.title, body, scripts: ['live.js'], styles: [CHART_STYLE], refresh });
}

async function roundsPage(context: Context<SiteEnv>, { ask, state }: StatusParts): Promise<Response> {
  const { visit, tenant, words } = seen(context);
  const title = words.roundsOf(await found(tenant, state));
  const rounds = await ask.rounds(tenant, null);
  const body = (
    <>
      <p class="hint">{words.roundsKept}</p>
      <RoundsTable rounds={rounds} caption={title} language={visit.language} />
      <p>
        <a href="/status">{words.back}</a>
      </p>
    </>
  );
  return page(context, { title, body });
}

async function heldPage(context: Context<SiteEnv>, { ask, state, parts }: StatusParts): Promise<Response> {
  const { visit, tenant, words } = seen(context);
  const called = await found(tenant, state);
  const [held, gateway] = await Promise.all([ask.held(tenant, context.req.query('after') ?? ''), state()]);
  const plan = gateway.tenants.find((each) => each.tenant === tenant)?.plan ?? null;
  // What is approved is what is shown: a plan that has changed since the state was asked is not.
  const current = plan?.hash === held.hash ? plan : null;
  const body = <HeldAddresses visit={visit} tenant={tenant} plan={current} held={held} now={parts.now()} />;
  return page(context, { title: words.planOf(called), body });
}

async function startRound(context: Context<SiteEnv>, { running, state }: StatusParts): Promise<Response> {
  const { visit, tenant, words } = changed(context);
  await found(tenant, state);
  const begun = running.start(tenant, actorOf(visit));
  const notice = begun
    ? ({ kind: 'done', text: words.syncBegun } as const)
    : ({ kind: 'problem', text: words.syncAlready } as const);
  return done(context, '/status', notice);
}

async function approvePlan(context: Context<SiteEnv>, { parts }: StatusParts): Promise<Response> {
  const { visit, tenant, words } = changed(context);
  const hash = (await formOf(context)).text('hash');
  if (!/^[0-9a-f]{1,64}$/.test(hash)) throw new HTTPException(400, { message: words.planNone });
  const answer = Object(await parts.daemon.post('/v1/sync/approve', { hash, tenant }, actorOf(visit))) as {
    readonly ok?: boolean;
    readonly addresses?: number;
    readonly message?: string;
  };
  const notice = answer.ok
    ? ({ kind: 'done', text: words.approved(numberText(visit.language, answer.addresses ?? 0)) } as const)
    : ({ kind: 'problem', text: quotedText(answer.message ?? '') } as const);
  return done(context, answer.ok ? '/status' : `/status/${encodeURIComponent(tenant)}/held`, notice);
}
