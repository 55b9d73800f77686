/** The status page: every tenant as a card, next hops and listeners. */
import type { History } from '../../core/rejection.ts';
import { AnswerChart } from '../chart/chart.tsx';
import { Form } from '../site/form.tsx';
import { agoText, numberText, Time } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { TenantName, tenantText } from '../site/tenant-name.tsx';
import { mayChange, maySee, type Visit } from '../site/visit.ts';
import { CredentialText, TroubleText } from './credential.tsx';
import type { GatewayView, RoundView, TenantView } from './gateway.ts';
import { PlanCard } from './held.tsx';
import { Machine } from './machine.tsx';
import { ProgressText, RoundsTable } from './rounds.tsx';
import type { RunningRound } from './running.ts';
import { STATUS_WORDS } from './words.ts';

/** What the page shows. */
export interface Overview {
  readonly visit: Visit;
  readonly gateway: GatewayView;
  /** Answers of the last day; null when the daemon cannot tell. */
  readonly history: History | null;
  /** Those that the visitor may see. */
  readonly tenants: ReadonlyArray<{
    readonly tenant: TenantView;
    readonly rounds: readonly RoundView[];
    readonly running: RunningRound | null;
  }>;
}

/** Everything that keeps itself up to date; each part with an id is replaced by itself. */
export function OverviewParts({ visit, gateway, tenants, history }: Overview) {
  const words = STATUS_WORDS[visit.language];
  const { version, startedAt, now } = gateway;
  return (
    <>
      <p class="hint" id="part-gateway" data-part>
        {words.running(version, agoText(visit.language, startedAt, now))}
      </p>
      {tenants.length === 0 && <NoTenants visit={visit} />}
      {tenants.map((each) => (
        <TenantCard visit={visit} now={now} {...each} />
      ))}
      {tenants.length > 0 && (
        <section class="card" aria-labelledby="chart">
          <h2 id="chart">{words.chart}</h2>
          <div id="part-chart" data-part>
            {history === null ? (
              <p>{words.chartNone}</p>
            ) : (
              <AnswerChart history={history} language={visit.language} id="day" />
            )}
          </div>
        </section>
      )}
      {maySee(visit.visitor, null) && <Machine visit={visit} gateway={gateway} />}
    </>
  );
}

function NoTenants({ visit }: { readonly visit: Visit }) {
  const words = STATUS_WORDS[visit.language];
  if (visit.visitor.tenants !== null) return <p>{words.noTenantsVisible}</p>;
  return (
    <p>
      {words.noTenants} <a href="/guide">{words.guide}</a>
    </p>
  );
}

interface CardProps {
  readonly visit: Visit;
  readonly now: number;
  readonly tenant: TenantView;
  readonly rounds: readonly RoundView[];
  readonly running: RunningRound | null;
}

function TenantCard({ visit, now, tenant, rounds, running }: CardProps) {
  const { language } = visit;
  const words = STATUS_WORDS[language];
  const id = tenant.tenant;
  const base = `/status/${encodeURIComponent(id)}`;
  const busy = running !== null && running.endedAt === null;
  return (
    <section class="card" aria-labelledby={`tenant-${id}`}>
      <h2 id={`tenant-${id}`}>
        {words.tenant} <TenantName tenant={id} domains={tenant.domains} />
      </h2>
      <div id={`part-facts-${id}`} data-part>
        <TenantFacts tenant={tenant} visit={visit} now={now} />
      </div>
      <p id={`part-progress-${id}`} data-part role="status" {...(busy ? { 'data-busy': 'true' } : {})}>
        {running && <ProgressText round={running} language={language} />}
      </p>
      {tenant.setUp !== false && mayChange(visit.visitor, id) && (
        <Form visit={visit} action={`${base}/sync`} class="actions">
          <button type="submit" class="primary">
            {words.syncNow}
          </button>
        </Form>
      )}
      <div id={`part-plan-${id}`} data-part>
        {tenant.plan && <PlanCard visit={visit} plan={tenant.plan} now={now} />}
      </div>
      <h3>{words.rounds}</h3>
      <div id={`part-rounds-${id}`} data-part>
        <RoundsTable
          rounds={rounds.filter(wasPossible)}
          caption={`${words.rounds}: ${tenantText(tenant)}`}
          language={language}
        />
      </div>
      <p>
        <a href={`${base}/rounds`}>{words.allRounds}</a>
        <br />
        <a href={`${base}/coverage`}>{words.coverageLink}</a>
      </p>
    </section>
  );
}

/** Whether a round could do anything: one before the set-up says nothing that the card does not say better. */
function wasPossible({ error }: RoundView): boolean {
  return error?.code !== 'not-set-up';
}

/** What comes first, in place of an error of every round. */
function SetUpFirst({ tenant, visit }: { readonly tenant: string; readonly visit: Visit }) {
  const words = STATUS_WORDS[visit.language].setUp;
  return (
    <div class="next" role="status">
      <p>
        <strong>{words.title}</strong> {words.text}
      </p>
      {mayChange(visit.visitor, tenant) && (
        <p class="actions">
          <a class="button primary" href={`/guide/${tenant}`}>
            {words.guide}
          </a>
          <a class="button" href={`/oauth/${tenant}`}>
            {words.settings}
          </a>
        </p>
      )}
    </div>
  );
}

const LOOK: Readonly<Record<string, string>> = { fresh: 'good', stale: 'bad', empty: 'wait' };

function TenantFacts({ tenant, visit, now }: Pick<CardProps, 'tenant' | 'visit' | 'now'>) {
  const { language } = visit;
  const words = STATUS_WORDS[language];
  const { freshness, syncedAt, nextRun, nextFull, credential, trouble, imported } = tenant;
  const ago = (at: number): string => agoText(language, at, now);
  const number = (value: number): string => numberText(language, value);
  return (
    <>
      {trouble !== null && (
        <p class="problem">
          <Quoted text={trouble} />
        </p>
      )}
      {tenant.setUp === false && <SetUpFirst tenant={tenant.tenant} visit={visit} />}
      {tenant.setUp !== false && credential?.trouble && (
        <TroubleText trouble={credential.trouble} language={language} />
      )}
      {(tenant.sharedDomains ?? []).map(({ domain, tenants }) => (
        <p class="problem">{words.sharedDomain(domain, otherTenants(tenants, tenant.tenant, visit))}</p>
      ))}
      <dl>
        <dt>{words.directory}</dt>
        <dd>
          <span class={`state ${LOOK[freshness] ?? ''}`}>{words.freshness[freshness] ?? freshness}</span>{' '}
          {words.freshnessMeans[freshness]}
        </dd>
        <dt>{words.lastRead}</dt>
        <dd>{syncedAt === null ? words.never : <When at={syncedAt} text={ago(syncedAt)} />}</dd>
        <dt>{words.nextRun}</dt>
        <dd>{nextRun === null ? '–' : <When at={nextRun} text={ago(nextRun)} />}</dd>
        {nextFull !== undefined && (
          <>
            <dt>{words.nextFull}</dt>
            <dd>{nextFull === null ? words.nextRoundFull : <When at={nextFull} text={ago(nextFull)} />}</dd>
          </>
        )}
        <dt>{words.addresses}</dt>
        <dd>{number(tenant.addresses)}</dd>
        <dt>{words.inGrace}</dt>
        <dd>{number(tenant.departed)}</dd>
        <dt>{words.held}</dt>
        <dd>{number(tenant.held)}</dd>
        <dt>{words.domains}</dt>
        <dd>{tenant.domains.length === 0 ? '–' : tenant.domains.join(', ')}</dd>
        <dt>{words.credential}</dt>
        <dd>
          <CredentialText credential={credential} language={language} now={now} />
        </dd>
        {imported && (
          <>
            <dt>{words.imported}</dt>
            <dd>
              <Quoted
                text={words.importedText(number(imported.addresses), imported.file, ago(imported.importedAt))}
              />
            </dd>
          </>
        )}
      </dl>
    </>
  );
}

function When({ at, text }: { readonly at: number; readonly text: string }) {
  return (
    <>
      {text} (<Time at={at} />)
    </>
  );
}

/** A visitor of one tenant is not told which others there are. */
function otherTenants(tenants: readonly string[], own: string, { visitor }: Visit): string {
  const others = tenants.filter((other) => other !== own);
  return others.map((other) => (maySee(visitor, other) ? other : '…')).join(', ');
}
