/** Recipients: search, one in full, explanations, overrides, import. */
import type { Context } from 'hono';
import { STREAMS } from '../../core/recipient.ts';
import type { SearchPage } from '../../core/recipient-search.ts';
import { DaemonUnreachable } from '../control-client.ts';
import { page } from '../site/page.tsx';
import { quotedText } from '../site/quoted.tsx';
import type { Section, SectionParts, SiteEnv } from '../site/section.ts';
import { Refused } from '../site/trouble.tsx';
import { maySee } from '../site/visit.ts';
import { latest } from '../status/latest.ts';
import { type ExplainAnswer, ExplainBody } from './explain.tsx';
import { importRoutes } from './import-pages.tsx';
import { ObjectBody } from './object.tsx';
import { overrideRoutes } from './override-pages.tsx';
import { openPendingImports } from './pending-imports.ts';
import { type RecipientQuestions, recipientQuestions, type SearchForm } from './questions.ts';
import { SearchBody } from './search.tsx';
import { LARGEST_UPLOAD, openUploads } from './upload.ts';
import { RECIPIENT_WORDS } from './words.ts';

/** Ms. */
const TENANTS_KEPT = 2000;

/** The area of pages below `/recipients`. */
export function recipientsSection({ daemon, now }: SectionParts): Section {
  const asked = recipientQuestions(daemon);
  // Every search asks which tenants there are; the daemon need not count its recipients each time.
  const ask = { ...asked, tenants: latest(asked.tenants, TENANTS_KEPT, now) };
  return {
    path: '/recipients',
    title: { en: RECIPIENT_WORDS.en.title, ja: RECIPIENT_WORDS.ja.title },
    // The form around the file has a little to say, too.
    uploads: { '/import/upload': LARGEST_UPLOAD + 64 * 1024 },
    mount(app) {
      app.get('/', async (context) => searchPage(context, ask));
      app.get('/object', async (context) => objectPage(context, ask));
      app.get('/explain', async (context) => explainPage(context, ask, now()));
      overrideRoutes(app, { ask, now });
      importRoutes(app, { ask: asked, now, pending: openPendingImports(now), read: openUploads() });
    },
  };
}

async function searchPage(context: Context<SiteEnv>, ask: RecipientQuestions): Promise<Response> {
  const { visitor, language } = context.get('visit');
  const { q, kind = '', after = '', tenant } = context.req.query();
  const tenants = (await ask.tenants()).filter((each) => maySee(visitor, each.tenant));
  const chosen = tenant?.toLowerCase() ?? tenants[0]?.tenant ?? '';
  const form = { tenant: chosen, q: q ?? '', kind, after };
  if (tenant !== undefined && !tenants.some((each) => each.tenant === chosen))
    throw new Refused('notFound', 404);
  const found = q === undefined || chosen === '' ? null : await searched(form, ask);
  const failed = typeof found === 'string' ? found : null;
  const body = (
    <>
      {failed !== null && (
        <p class="problem" role="alert">
          {RECIPIENT_WORDS[language].searchFailed(quotedText(failed))}
        </p>
      )}
      <SearchBody
        language={language}
        form={form}
        tenants={tenants}
        page={typeof found === 'string' ? null : found}
      />
    </>
  );
  const status = failed === null ? 200 : 503;
  return page(context, { title: RECIPIENT_WORDS[language].title, body, status });
}

/** What was found, or why the daemon would not search: too many at a time, or a page that does not exist. */
async function searched(form: SearchForm, ask: RecipientQuestions): Promise<SearchPage | string> {
  try {
    return await ask.search(form);
  } catch (error) {
    if (error instanceof DaemonUnreachable || !(error instanceof Error)) throw error;
    return error.message;
  }
}

async function objectPage(context: Context<SiteEnv>, ask: RecipientQuestions): Promise<Response> {
  const { visitor, language } = context.get('visit');
  const { stream = '', id = '' } = context.req.query();
  const tenant = (context.req.query('tenant') ?? '').toLowerCase();
  if (!maySee(visitor, tenant) || !(STREAMS as readonly string[]).includes(stream))
    throw new Refused('notFound', 404);
  const words = RECIPIENT_WORDS[language].object;
  const picture = await ask.recipient(tenant, stream, id);
  if (picture === null) {
    return page(context, {
      title: words.missing,
      status: 404,
      body: <p class="problem">{words.missingText}</p>,
    });
  }
  const tenants = await ask.tenants();
  const { domains = [] } = tenants.find((each) => each.tenant === picture.tenant) ?? {};
  const title = picture.facts.displayName || picture.object.id;
  return page(context, {
    title: quotedText(title),
    body: <ObjectBody picture={picture} domains={domains} language={language} />,
  });
}

/** What a reference looks like: six characters of Crockford's alphabet, as `core/reference.ts` makes them. */
const REFERENCE = /^[0-9A-HJKMNP-TV-Z]{6}$/;

async function explainPage(
  context: Context<SiteEnv>,
  ask: RecipientQuestions,
  now: number,
): Promise<Response> {
  const visit = context.get('visit');
  const asked = (context.req.query('address') ?? '').trim();
  const body = (
    <ExplainBody visit={visit} answer={await answerTo(asked, visit.visitor.tenants, ask)} now={now} />
  );
  return page(context, { title: RECIPIENT_WORDS[visit.language].explain.title, body });
}

async function answerTo(
  asked: string,
  tenants: readonly string[] | null,
  ask: RecipientQuestions,
): Promise<ExplainAnswer> {
  if (asked === '') return { asked };
  const ref = asked.toUpperCase();
  if (!REFERENCE.test(ref)) return { asked, explained: await ask.explain(asked, tenants) };
  const entries = await ask.reference(ref, tenants);
  const address = entries?.[0]?.row.address ?? entries?.[0]?.row.rcpt ?? null;
  const reference = { ref, entries };
  return address === null
    ? { asked, reference }
    : { asked, reference, explained: await ask.explain(address, tenants) };
}
