/** The OAuth settings of each tenant: application, credential, consent, import. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import type { Problem } from '../../core/application.ts';
import { isRunning } from '../../core/connection.ts';
import { explainProblem, problemOf } from '../../core/problems.ts';
import { actorOf } from '../site/daemon.ts';
import { formOf } from '../site/form.tsx';
import { done } from '../site/notice.ts';
import { openOneShots } from '../site/one-shot.ts';
import { page } from '../site/page.tsx';
import type { Section, SectionParts, SiteEnv } from '../site/section.ts';
import { TenantName } from '../site/tenant-name.tsx';
import { Refused } from '../site/trouble.tsx';
import { type Language, mayChange, type Visit } from '../site/visit.ts';
import { type Applications, applicationsOf } from './applications.ts';
import { consentAddress, type PendingConsent } from './consent.ts';
import { consentRoutes } from './consent-pages.tsx';
import { enteredIn } from './entered.ts';
import { connectionLines, Progress } from './progress.tsx';
import { Settings } from './settings-page.tsx';
import { OAUTH_WORDS } from './words.ts';

const TITLE = { en: OAUTH_WORDS.en.title, ja: OAUTH_WORDS.ja.title };
/** A path of one tenant. */
const TENANT = '/:tenant{[0-9a-fA-F-]{36}}';
/** Ms between two looks at a running import. */
const LOOK = 400;

/** The area of pages below `/oauth`. */
export function oauthSection(parts: SectionParts): Section {
  const applications = applicationsOf(parts.daemon);
  const states = openOneShots<PendingConsent>(parts.now);
  const consentLink = async (tenant: string, shared: boolean, visit: Visit): Promise<string | null> => {
    const made = await applications.consent(tenant, shared, visit);
    if (made.applicationId === null) return null;
    const pending = { tenant, who: visit.visitor.who, shared };
    const state = states.issue(pending, shared ? null : visit.session);
    return consentAddress(tenant, made, parts.publicUrl, state);
  };
  return {
    path: '/oauth',
    title: TITLE,
    mountOpen: (app) => consentRoutes(app, { applications, states }),
    mount(app) {
      showRoutes(app, applications, parts.now);
      changeRoutes(app, applications, consentLink, parts.now);
      progressRoutes(app, applications);
    },
  };
}

function tenantIn(context: Context<SiteEnv>): string {
  return (context.req.param('tenant') ?? '').toLowerCase();
}

/** The tenant in the path, for a change. @throws Refused unless the visitor may change it. */
function changed(context: Context<SiteEnv>): string {
  const tenant = tenantIn(context);
  if (!mayChange(context.get('visit').visitor, tenant)) throw new Refused('notAllowed', 403);
  return tenant;
}

function showRoutes(app: Hono<SiteEnv>, applications: Applications, now: () => number): void {
  app.get('/', async (context) => {
    const visit = context.get('visit');
    const views = await applications.seenBy(visit);
    const [only] = views;
    if (only && views.length === 1) return context.redirect(`/oauth/${only.tenant}`, 303);
    const words = OAUTH_WORDS[visit.language];
    const body = (
      <>
        <p>{views.length === 0 ? words.noTenants : words.choose}</p>
        <ul>
          {views.map(({ tenant, domains, used }) => (
            <li>
              <a href={`/oauth/${tenant}`}>
                <TenantName tenant={tenant} domains={domains} organization={used?.organization ?? null} />
              </a>
            </li>
          ))}
        </ul>
      </>
    );
    return page(context, { title: words.title, body });
  });
  app.get(TENANT, (context) => settings(context, applications, now(), null));
  app.get(`${TENANT}/certificate.cer`, async (context) => {
    const { pending, used } = await applications.one(context.get('visit'), tenantIn(context));
    const certificate = (pending ?? used)?.certificate ?? null;
    if (certificate === null) throw new Refused('notFound', 404);
    return context.body(certificate, 200, {
      'content-type': 'application/pkix-cert',
      'content-disposition': 'attachment; filename="rcptgate.cer"',
    });
  });
}

async function settings(
  context: Context<SiteEnv>,
  applications: Applications,
  now: number,
  shared: string | null,
): Promise<Response> {
  const visit = context.get('visit');
  const view = await applications.one(visit, tenantIn(context));
  const change = mayChange(visit.visitor, view.tenant);
  const body = <Settings view={view} visit={visit} change={change} now={now} shared={shared} />;
  return page(context, { title: TITLE[visit.language], body, styles: ['oauth.css'] });
}

function changeRoutes(
  app: Hono<SiteEnv>,
  applications: Applications,
  consentLink: (tenant: string, shared: boolean, visit: Visit) => Promise<string | null>,
  now: () => number,
): void {
  app.post(`${TENANT}/save`, async (context) => {
    const [tenant, visit] = [changed(context), context.get('visit')];
    const entered = await enteredIn(await formOf(context));
    const answer = entered.ok
      ? await applications.save(tenant, entered.body, visit)
      : { ok: false as const, problem: problemOf(entered.code) };
    const { saved } = OAUTH_WORDS[visit.language];
    const notice = answer.ok
      ? { kind: 'done' as const, text: saved }
      : { kind: 'problem' as const, text: problemText(answer.problem, visit.language) };
    return done(context, `/oauth/${tenant}`, notice);
  });
  app.post(`${TENANT}/authenticate`, async (context) => {
    const tenant = changed(context);
    await applications.authenticate(tenant, context.get('visit'));
    return context.redirect(`/oauth/${tenant}#step-authenticate`, 303);
  });
  app.post(`${TENANT}/discard`, async (context) => {
    const [tenant, visit] = [changed(context), context.get('visit')];
    await applications.discard(tenant, visit);
    return done(context, `/oauth/${tenant}`, { kind: 'done', text: OAUTH_WORDS[visit.language].discarded });
  });
  app.post(`${TENANT}/connect`, async (context) => {
    const [tenant, visit] = [changed(context), context.get('visit')];
    const connection = await applications.connect(tenant, false, actorOf(visit));
    const link = connection?.phase === 'consent' ? await consentLink(tenant, false, visit) : null;
    if (link !== null) return context.redirect(link, 303);
    const failed = connection === null || connection.phase === 'failed';
    return context.redirect(failed ? `/oauth/${tenant}#step-connect` : `/oauth/${tenant}/progress`, 303);
  });
  app.post(`${TENANT}/share`, async (context) => {
    const [tenant, visit] = [changed(context), context.get('visit')];
    return settings(context, applications, now(), await consentLink(tenant, true, visit));
  });
}

function progressRoutes(app: Hono<SiteEnv>, applications: Applications): void {
  app.get(`${TENANT}/progress`, async (context) => {
    const visit = context.get('visit');
    const view = await applications.one(visit, tenantIn(context));
    const title = OAUTH_WORDS[visit.language].progressTitle;
    const body = <Progress view={view} language={visit.language} />;
    return page(context, { title, body, styles: ['oauth.css'], scripts: ['progress.js'] });
  });
  app.get(`${TENANT}/progress/events`, async (context) => {
    const visit = context.get('visit');
    const tenant = (await applications.one(visit, tenantIn(context))).tenant;
    return streamSSE(context, async (stream) => {
      let told = '';
      while (!stream.aborted) {
        const connection = (await applications.find(tenant))?.connection ?? null;
        if (connection === null || !isRunning(connection)) break;
        const data = JSON.stringify(connectionLines(connection, visit.language));
        if (data !== told) await stream.writeSSE({ event: 'lines', data });
        told = data;
        await sleep(LOOK);
      }
      await stream.writeSSE({ event: 'end', data: '' });
    });
  });
}

/** A problem in one line, for a notice. */
function problemText(problem: Problem, language: Language): string {
  const known = explainProblem(problem);
  if (known === null) return `${problem.message} ${problem.hint} (${problem.code})`;
  return `${known.means[language]}. ${known.fix[language]} (${problem.code})`;
}
