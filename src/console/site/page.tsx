/** The layout of every page: skip link, navigation, language switch, notice, content. */
import type { Context } from 'hono';
import type { Child } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { Form } from './form.tsx';
import type { Notice } from './notice.ts';
import type { OpenEnv, Section, SiteEnv } from './section.ts';
import type { Language, Visit } from './visit.ts';
import { FRAME_WORDS } from './words.ts';

export interface PageOptions {
  /** The heading (h1) and the first part of the window's title. Sections in `body` begin with h2. */
  readonly title: string;
  readonly body: Child;
  readonly status?: ContentfulStatusCode;
  /** Names of files in assets/, such as `status.css` and `progress.js`. */
  readonly styles?: readonly string[];
  readonly scripts?: readonly string[];
  /** Without JavaScript the page is loaded again after so many seconds. */
  readonly refresh?: number;
}

/** A page for somebody who is signed in. Components are synchronous: ask the daemon before. */
export function page(context: Context<SiteEnv>, options: PageOptions): Response {
  return layout(context as unknown as Context<OpenEnv>, context.get('visit'), options);
}

/** A page for anybody; it shows neither navigation nor name, so that it tells strangers nothing. */
export function openPage(context: Context<OpenEnv>, options: PageOptions): Response {
  return layout(context, null, options);
}

function layout(context: Context<OpenEnv>, visit: Visit | null, options: PageOptions): Response {
  const { language } = context.get('arrival');
  const { path, here, sections, banners, takeNotice } = context.get('frame');
  const words = FRAME_WORDS[language];
  const html = (
    <html lang={language}>
      <Head {...options} />
      <body>
        <a class="skip" href="#content">
          {words.skip}
        </a>
        <header class="top">
          <p class="brand">rcptgate</p>
          {visit && <Navigation visit={visit} sections={sections} path={path} />}
          <LanguageSwitch language={language} here={here} />
          {visit && <Person visit={visit} />}
        </header>
        <main id="content" tabindex={-1}>
          <h1>{options.title}</h1>
          {visit && banners}
          {visit && <NoticeLine notice={takeNotice()} />}
          {options.body}
        </main>
      </body>
    </html>
  );
  return context.html(`<!doctype html>${String(html)}`, options.status ?? 200);
}

function Head({ title, styles = [], scripts = [], refresh }: PageOptions) {
  return (
    <head>
      <meta charset="utf-8" />
      <title>{`${title} – rcptgate`}</title>
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      {refresh !== undefined && (
        <noscript>
          <meta http-equiv="refresh" content={String(refresh)} />
        </noscript>
      )}
      <link rel="icon" href="/assets/icon.svg" />
      {['site.css', ...styles].map((file) => (
        <link rel="stylesheet" href={`/assets/${file}`} />
      ))}
      {['site.js', ...scripts].map((file) => (
        <script src={`/assets/${file}`} defer />
      ))}
    </head>
  );
}

function Navigation(props: { visit: Visit; sections: readonly Section[]; path: string }) {
  const { visit, sections, path } = props;
  const open = sections.filter(({ adminOnly }) => !adminOnly || visit.visitor.role === 'admin');
  return (
    <nav aria-label={FRAME_WORDS[visit.language].navigation}>
      <ul>
        {open.map((section) => {
          const here = path === section.path || path.startsWith(`${section.path}/`);
          return (
            <li>
              <a href={section.path} {...(here ? { 'aria-current': 'page' } : {})}>
                {section.title[visit.language]}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function LanguageSwitch({ language, here }: { language: Language; here: string }) {
  const other = language === 'en' ? 'ja' : 'en';
  return (
    <a
      class="language"
      href={`/language/${other}?to=${encodeURIComponent(here)}`}
      lang={other}
      hreflang={other}
    >
      {FRAME_WORDS[language].otherLanguage}
    </a>
  );
}

function Person({ visit }: { visit: Visit }) {
  const words = FRAME_WORDS[visit.language];
  const { name, role } = visit.visitor;
  return (
    <Form visit={visit} action="/sign-out" class="person">
      <span>
        {words.signedInAs} <strong>{name}</strong>
        {role === 'reader' && ` (${words.reader})`}
      </span>
      <button type="submit">{words.signOut}</button>
    </Form>
  );
}

function NoticeLine({ notice }: { notice: Notice | null }) {
  if (notice === null) return null;
  return (
    <p class={notice.kind} role={notice.kind === 'problem' ? 'alert' : 'status'}>
      {notice.text}
    </p>
  );
}
