/** The set-up guide: registering the application in Microsoft Entra, step by step or by one paste. */
import type { Context } from 'hono';
import { CLOUDS, type CloudName } from '../../core/cloud.ts';
import { type ApplicationView, isNotSetUp } from '../../core/connection.ts';
import { type Applications, applicationsOf } from '../oauth/applications.ts';
import { isRecord } from '../oauth/record.ts';
import type { Daemon } from '../site/daemon.ts';
import { page } from '../site/page.tsx';
import type { Section, SectionParts, SiteEnv } from '../site/section.ts';
import { TenantName } from '../site/tenant-name.tsx';
import { mayChange, type Visit } from '../site/visit.ts';
import { cliScript } from './cli-script.ts';
import { Finder, type FinderAnswer } from './finder.tsx';
import { Guide } from './guide-page.tsx';
import { manifestOf } from './registration.ts';
import { GUIDE_WORDS } from './words.ts';

const TITLE = { en: GUIDE_WORDS.en.title, ja: GUIDE_WORDS.ja.title };
/** A path of one tenant. */
const TENANT = '/:tenant{[0-9a-fA-F-]{36}}';
/** Longest domain that is asked for (RFC 1035 section 2.3.4), with room for U-labels. */
const LONGEST_DOMAIN = 255;

/** The area of pages below `/guide`. */
export function guideSection(parts: SectionParts): Section {
  const { daemon, publicUrl } = parts;
  const applications = applicationsOf(daemon);
  const viewOf = (context: Context<SiteEnv>): Promise<ApplicationView> =>
    applications.one(context.get('visit'), (context.req.param('tenant') ?? '').toLowerCase());
  return {
    path: '/guide',
    title: TITLE,
    start: (visit) => nextStep(visit, applications),
    mount(app) {
      app.get('/', async (context) => {
        const views = await applications.seenBy(context.get('visit'));
        const [only] = views;
        return only && views.length === 1 ? guide(context, only, parts) : overview(context, views, daemon);
      });
      app.get(TENANT, async (context) => guide(context, await viewOf(context), parts));
      app.get(`${TENANT}/rcptgate-manifest.json`, async (context) => {
        await viewOf(context);
        const manifest = `${JSON.stringify(manifestOf(publicUrl), null, 2)}\n`;
        return download(context, manifest, 'rcptgate-manifest.json', 'application/json');
      });
      app.get(`${TENANT}/rcptgate-setup.sh`, async (context) => {
        const view = await viewOf(context);
        const cloud = cloudOf(view);
        const script = cliScript({ tenant: view.tenant, publicUrl, cloud, graph: CLOUDS[cloud].graph });
        return download(context, script, 'rcptgate-setup.sh', 'text/x-shellscript');
      });
    },
  };
}

/** Where an administrator goes on while a tenant of theirs is not set up; null once all are. */
async function nextStep(visit: Visit, applications: Applications): Promise<string | null> {
  const waiting = (await applications.seenBy(visit)).find(
    (view) => isNotSetUp(view) && mayChange(visit.visitor, view.tenant),
  );
  if (!waiting) return null;
  return waiting.pending === null ? `/guide/${waiting.tenant}` : `/oauth/${waiting.tenant}`;
}

async function guide(
  context: Context<SiteEnv>,
  view: ApplicationView,
  { daemon, publicUrl }: SectionParts,
): Promise<Response> {
  const { language } = context.get('visit');
  const { tenant, domains, used } = view;
  const { applicationId = null } = view.file ?? view.pending ?? view.used ?? {};
  const cloud = cloudOf(view);
  const script = cliScript({ tenant, publicUrl, cloud, graph: CLOUDS[cloud].graph });
  const organization = used?.organization ?? null;
  const finder = await finderOf(context, [tenant], daemon);
  const body = (
    <Guide
      {...{ tenant, domains, organization, cloud, applicationId, publicUrl, script, language, finder }}
    />
  );
  return page(context, { title: TITLE[language], body, styles: ['guide.css'] });
}

async function finderOf(context: Context<SiteEnv>, tenants: readonly string[], daemon: Daemon) {
  const words = GUIDE_WORDS[context.get('visit').language];
  const domain = (context.req.query('domain') ?? '').trim().slice(0, LONGEST_DOMAIN);
  const answer = domain === '' ? null : await find(domain, daemon);
  return <Finder domain={domain} answer={answer} tenants={tenants} action={context.req.path} words={words} />;
}

function download(context: Context<SiteEnv>, text: string, name: string, type: string): Response {
  return context.body(text, 200, {
    'content-type': `${type}; charset=utf-8`,
    'content-disposition': `attachment; filename="${name}"`,
  });
}

/** The cloud of a tenant, by where it signs in; a login service of nobody's knowledge (a practice tenant) counts as global. */
function cloudOf({ graph, pending, used }: ApplicationView): CloudName {
  const entered = (pending ?? used)?.cloud;
  if (entered) return entered;
  const found = Object.entries(CLOUDS).find(([, each]) => each.graph === graph);
  return (found?.[0] as CloudName | undefined) ?? 'global';
}

async function overview(
  context: Context<SiteEnv>,
  views: readonly ApplicationView[],
  daemon: Daemon,
): Promise<Response> {
  const { language } = context.get('visit');
  const words = GUIDE_WORDS[language];
  const tenants = views.map(({ tenant }) => tenant);
  const body = (
    <>
      <p>{words.intro}</p>
      <section class="card" aria-labelledby="tenants">
        <h2 id="tenants">{words.choose}</h2>
        {views.length === 0 && <p>{words.noTenants}</p>}
        <ul>
          {views.map(({ tenant, domains, used }) => (
            <li>
              <a href={`/guide/${tenant}`}>
                <TenantName tenant={tenant} domains={domains} organization={used?.organization ?? null} />
              </a>
            </li>
          ))}
        </ul>
      </section>
      {await finderOf(context, tenants, daemon)}
    </>
  );
  return page(context, { title: words.title, body });
}

async function find(domain: string, daemon: Daemon): Promise<FinderAnswer> {
  const answer = await daemon.get(`/v1/tenant-of?domain=${encodeURIComponent(domain)}`);
  if (isRecord(answer) && answer.ok === true) {
    return { ok: true, tenant: typeof answer.tenant === 'string' ? answer.tenant : null };
  }
  const problem = isRecord(answer) && isRecord(answer.problem) ? answer.problem : {};
  return { ok: false, message: `${problem.message ?? ''} ${problem.hint ?? ''}`.trim() };
}
