/** The pages of the entrance: the one-time link's, the sign-in's. */
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { isOurPost, ownPath, type SiteAddress } from '../site/address.ts';
import { openPage } from '../site/page.tsx';
import type { OpenEnv } from '../site/section.ts';
import { calledText } from '../site/tenant-name.tsx';
import { Refused } from '../site/trouble.tsx';
import type { Language } from '../site/visit.ts';
import type { Application, DaemonSide } from './daemon-side.ts';
import { CALLBACK_PATH, type Entrance } from './entrance.ts';
import type { Arrivals, Problem } from './problem.ts';
import { ENTRANCE_WORDS } from './words.ts';

export interface EntrancePagesParts {
  readonly address: SiteAddress;
  readonly entrance: Entrance;
  readonly arrivals: Arrivals;
  readonly side: DaemonSide;
}

/** Bodies of these forms are tiny; anybody may send them. Bytes. */
const BODY = 4096;

/** Adds the routes. */
export function entrancePages(app: Hono<OpenEnv>, parts: EntrancePagesParts): void {
  const { entrance } = parts;
  const tooLarge = () => {
    throw new Refused('tooLarge', 413);
  };
  const form = async (context: Context<OpenEnv>): Promise<FormData> => {
    const header = (name: string) => context.req.header(name);
    const sent = { host: header('host'), origin: header('origin'), fetchSite: header('sec-fetch-site') };
    // There is no session yet whose token could prove it; the browser's own word does.
    if (!isOurPost(parts.address, sent)) throw new Refused('badForm', 403);
    return context.req.formData().catch(() => new FormData());
  };
  // Opening the link changes nothing, so that a preview in a chat or a mail scanner does not use it up; the button does.
  app.get('/enter', (context) => linkPage(context, context.req.query('link') ?? ''));
  app.post('/enter', bodyLimit({ maxSize: BODY, onError: tooLarge }), async (context) =>
    entrance.useLink(context, String((await form(context)).get('link') ?? '')),
  );
  app.get('/sign-in', (context) => signInPage(context, parts));
  app.post('/sign-in', bodyLimit({ maxSize: BODY, onError: tooLarge }), async (context) => {
    const fields = await form(context);
    const text = (name: string) => String(fields.get(name) ?? '');
    const ask = {
      tenant: text('tenant'),
      to: ownPath(text('to')),
      choose: text('choose') !== '',
      remember: null,
    };
    return entrance.begin(context, ask);
  });
  app.get(CALLBACK_PATH, (context) => entrance.finish(context));
}

function linkPage(context: Context<OpenEnv>, link: string): Response {
  const words = ENTRANCE_WORDS[context.get('arrival').language];
  const body =
    link === '' ? (
      <p class="problem">{words.linkMissing}</p>
    ) : (
      <form method="post" action="/enter" class="card">
        <p>{words.linkText}</p>
        <input type="hidden" name="link" value={link} />
        <p class="actions">
          <button type="submit" class="primary">
            {words.linkButton}
          </button>
        </p>
      </form>
    );
  return openPage(context, { title: words.linkTitle, body, status: link === '' ? 400 : 200 });
}

async function signInPage(context: Context<OpenEnv>, parts: EntrancePagesParts): Promise<Response> {
  const { language, visit } = context.get('arrival');
  const problem = parts.arrivals.problem(context);
  if (visit !== null && problem === null) return context.redirect('/', 303);
  const words = ENTRANCE_WORDS[language];
  // The way in by link has to be shown even when the daemon is busy.
  const found = await parts.side.applications().catch(() => []);
  const body = (
    <>
      {problem && <ProblemCard problem={problem} language={language} />}
      <section class="card" aria-labelledby="microsoft">
        <h2 id="microsoft">{words.withMicrosoft}</h2>
        <MicrosoftForms
          applications={found.filter(({ ready }) => ready)}
          language={language}
          to={ownPath(context.req.query('to'))}
          choose={problem !== null}
        />
      </section>
      <section class="card" aria-labelledby="link">
        <h2 id="link">{words.withLink}</h2>
        <p>{words.withLinkText}</p>
        <pre>rcptgate console-link</pre>
      </section>
    </>
  );
  return openPage(context, { title: words.signIn, body });
}

function MicrosoftForms(props: {
  applications: readonly Application[];
  language: Language;
  to: string;
  choose: boolean;
}) {
  const { applications, language, to, choose } = props;
  const words = ENTRANCE_WORDS[language];
  if (applications.length === 0) return <p>{words.notReady}</p>;
  return (
    <>
      <p>{words.withMicrosoftText}</p>
      {applications.map(({ tenant, domains }) => (
        <form method="post" action="/sign-in" class="actions">
          <input type="hidden" name="tenant" value={tenant} />
          <input type="hidden" name="to" value={to} />
          {choose && <input type="hidden" name="choose" value="yes" />}
          <button type="submit" class="primary">
            {choose ? words.anotherAccount : words.withMicrosoft}
            {applications.length > 1 && ` – ${calledText({ domains }) || tenant}`}
          </button>
        </form>
      ))}
    </>
  );
}

function ProblemCard({ problem, language }: { problem: Problem; language: Language }) {
  const words = ENTRANCE_WORDS[language];
  const text = words.problem[problem.kind === 'link' ? problem.why : problem.kind];
  return (
    <div class="problem" role="alert">
      <p>{text}</p>
      {problem.kind === 'microsoft' && (
        <p>
          {problem.text} {problem.hint}
        </p>
      )}
      {problem.kind === 'identity' && <p lang="en">{problem.why}</p>}
      {problem.kind === 'account' && (
        <>
          <p>{words.accountText}</p>
          <pre>{`admins = ["${problem.account.tenant}/${problem.account.object}"]   # ${problem.name}`}</pre>
        </>
      )}
    </div>
  );
}
