/** The set-up guide: registering the application in Microsoft Entra, step by step or by one paste. */
import type { Context } from 'hono';
import { CLOUDS, type CloudName } from '../../core/cloud.ts';
import type { ApplicationView } from '../../core/connection.ts';
import { type Applications, applicationsOf } from '../oauth/applications.ts';
import { isRecord } from '../oauth/record.ts';
import type { Daemon } from '../site/daemon.ts';
import { page } from '../site/page.tsx';
import type { Section, SectionParts, SiteEnv } from '../site/section.ts';
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
export function guideSection({ daemon, publicUrl }: SectionParts): Section {
  const applications = applicationsOf(daemon);
  const viewOf = (context: Context<SiteEnv>): Promise<ApplicationView> =>
    applications.one(context.get('visit'), (context.req.param('tenant') ?? '').toLowerCase());
  return {
    path: '/guide',
    title: TITLE,
    mount(app) {
      app.get('/', (context) => overview(context, applications, daemon));
      app.get(TENANT, async (context) => {
        const { language } = context.get('visit');
        const view = await viewOf(context);
        const { applicationId = null } = view.file ?? view.pending ?? view.used ?? {};
        const cloud = cloudOf(view);
        const script = cliScript({ tenant: view.tenant, publicUrl, cloud, graph: CLOUDS[cloud].graph });
        const parts = { tenant: view.tenant, cloud, applicationId, publicUrl, script, language };
        return page(context, { title: TITLE[language], body: <Guide {...parts} />, styles: ['guide.css'] });
      });
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
  applications: Applications,
  daemon: Daemon,
): Promise<Response> {
  const { language } = context.get('visit');
  const words = GUIDE_WORDS[language];
  const views = await applications.seenBy(context.get('visit'));
  const domain = (context.req.query('domain') ?? '').trim().slice(0, LONGEST_DOMAIN);
  const answer = domain === '' ? null : await find(domain, daemon);
  const tenants = views.map(({ tenant }) => tenant);
  const body = (
    <>
      <p>{words.intro}</p>
      <section class="card" aria-labelledby="tenants">
        <h2 id="tenants">{words.choose}</h2>
        {views.length === 0 && <p>{words.noTenants}</p>}
        <ul>
          {views.map(({ tenant, used }) => (
            <li>
              <a href={`/guide/${tenant}`}>
                {used?.organization ? `${used.organization} (${tenant})` : tenant}
              </a>
            </li>
          ))}
        </ul>
      </section>
      <Finder domain={domain} answer={answer} tenants={tenants} words={words} />
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
