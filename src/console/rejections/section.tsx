/** Rejections: filter, chart, top lists, rows, download, and who was refused and exists now. */
import type { Context } from 'hono';
import type { History, TopList, TopRow } from '../../core/rejection.ts';
import { TOP_LISTS } from '../../core/rejection.ts';
import { CSV_HEADING, csvRow } from '../../core/rejection-csv.ts';
import { CSV_MARK, csvLines } from '../../core/visible.ts';
import { AnswerChart, CHART_STYLE } from '../chart/chart.tsx';
import { historyOf } from '../chart/history.ts';
import { page } from '../site/page.tsx';
import type { Section, SectionParts, SiteEnv } from '../site/section.ts';
import type { Language } from '../site/visit.ts';
import { type Asked, askedBy, pageQuery } from './asked.ts';
import { FilterForm } from './filter-form.tsx';
import { Regrets, Rows, TopLists } from './lists.tsx';
import { type RejectionQuestions, rejectionQuestions } from './questions.ts';
import { REJECTION_WORDS } from './words.ts';

/** Rows of one page. */
const ROWS = 50;
/** Rows of one download. */
const DOWNLOAD = 100_000;

/** The area of pages below `/rejections`. */
export function rejectionsSection(parts: SectionParts): Section {
  const ask = rejectionQuestions(parts.daemon);
  return {
    path: '/rejections',
    title: { en: REJECTION_WORDS.en.title, ja: REJECTION_WORDS.ja.title },
    mount(app) {
      app.get('/', (context) => listPage(context, parts, ask));
      app.get('/download.csv', (context) => download(context, parts, ask));
      app.get('/regrets', (context) => regretsPage(context, ask));
    },
  };
}

async function listPage(
  context: Context<SiteEnv>,
  { daemon, now }: SectionParts,
  ask: RejectionQuestions,
): Promise<Response> {
  const { language, visitor } = context.get('visit');
  const words = REJECTION_WORDS[language];
  const asked = askedBy(context.req.query(), visitor, now());
  const { query, cursor } = asked;
  if (query === null) {
    const problem = (
      <p class="problem" role="alert">
        {words.badFilter}
      </p>
    );
    const body = [problem, <FilterForm asked={asked} language={language} />];
    return page(context, { title: words.title, body, status: 400 });
  }
  const span = context.req.query('chart') === 'week' ? 'week' : 'day';
  const [rows, lists, history] = await Promise.all([
    ask.list(query, ROWS, cursor),
    topLists(ask, query),
    historyOf(daemon, { span, now: now(), tenants: visitor.tenants }).catch(() => null),
  ]);
  const body = (
    <>
      <p>{words.intro}</p>
      <p>
        <a href="/rejections/regrets">{words.regrets}</a>
      </p>
      <FilterForm asked={asked} language={language} />
      <Chart history={history} asked={asked} span={span} language={language} />
      <TopLists lists={lists} language={language} />
      <section class="card" aria-labelledby="list">
        <h2 id="list">{words.list}</h2>
        <Rows rows={rows.rows} language={language} />
        <Pager asked={asked} next={rows.next} language={language} />
      </section>
    </>
  );
  return page(context, { title: words.title, body, styles: [CHART_STYLE, 'rejections.css'] });
}

async function topLists(
  ask: RejectionQuestions,
  query: NonNullable<Asked['query']>,
): Promise<Record<TopList, readonly TopRow[]>> {
  const lists = await Promise.all(TOP_LISTS.map(async (by) => [by, await ask.top(query, by)] as const));
  return Object.fromEntries(lists) as Record<TopList, readonly TopRow[]>;
}

function Chart(props: {
  readonly history: History | null;
  readonly asked: Asked;
  readonly span: 'day' | 'week';
  readonly language: Language;
}) {
  const { history, asked, span, language } = props;
  const words = REJECTION_WORDS[language];
  return (
    <section class="card" aria-labelledby="chart-heading">
      <h2 id="chart-heading">{words.chart}</h2>
      <p class="actions">
        {(['day', 'week'] as const).map((each) => (
          <a
            href={`/rejections?${pageQuery(asked, { chart: each })}`}
            {...(each === span ? { 'aria-current': 'true' } : {})}
          >
            {words[each]}
          </a>
        ))}
      </p>
      {history === null ? (
        <p class="hint">{words.chartNone}</p>
      ) : (
        <AnswerChart history={history} language={language} id="answers" />
      )}
    </section>
  );
}

function Pager(props: { readonly asked: Asked; readonly next: string | null; readonly language: Language }) {
  const { asked, next, language } = props;
  const words = REJECTION_WORDS[language];
  return (
    <>
      <p class="actions">
        {asked.cursor !== '' && <a href={`/rejections?${pageQuery(asked)}`}>{words.newest}</a>}
        {next !== null && <a href={`/rejections?${pageQuery(asked, { cursor: next })}`}>{words.older}</a>}
        <a class="button" href={`/rejections/download.csv?${pageQuery(asked)}`}>
          {words.download}
        </a>
      </p>
      <p class="hint">{words.downloadHint}</p>
    </>
  );
}

/** Every row that fits as a file, sent while it is read, so that its size is nobody's memory. */
function download(context: Context<SiteEnv>, { now }: SectionParts, ask: RejectionQuestions): Response {
  const { language, visitor } = context.get('visit');
  const { query } = askedBy(context.req.query(), visitor, now());
  if (query === null) return context.text(`${REJECTION_WORDS[language].badFilter}\n`, 400);
  const pages = ask.pages(query, DOWNLOAD);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start: (stream) => stream.enqueue(encoder.encode(CSV_MARK + csvLines([CSV_HEADING]))),
    async pull(stream) {
      const { value, done } = await pages.next();
      if (done) stream.close();
      else stream.enqueue(encoder.encode(csvLines(value.map(csvRow))));
    },
    async cancel() {
      await pages.return(undefined);
    },
  });
  const name = `rejections-${new Date(now()).toISOString().slice(0, 10)}.csv`;
  return context.body(body, 200, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': `attachment; filename="${name}"`,
  });
}

async function regretsPage(context: Context<SiteEnv>, ask: RejectionQuestions): Promise<Response> {
  const { language, visitor } = context.get('visit');
  const words = REJECTION_WORDS[language];
  const cursor = context.req.query('cursor') ?? '';
  const regrets = await ask.regrets(visitor.tenants, /^\d{1,15}$/.test(cursor) ? cursor : '');
  const body = (
    <>
      <p>{words.regretsText}</p>
      <section class="card">
        <Regrets page={regrets} language={language} />
        {regrets.next !== null && (
          <p class="actions">
            <a href={`/rejections/regrets?cursor=${regrets.next}`}>{words.older}</a>
          </p>
        )}
      </section>
      <p>
        <a href="/rejections">{words.back}</a>
      </p>
    </>
  );
  return page(context, { title: words.regrets, body });
}
