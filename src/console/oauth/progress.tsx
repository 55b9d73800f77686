/** A connection while it goes on, and how it ended: a page that reloads itself, and lines for its script. */
import { raw } from 'hono/html';
import type { ApplicationView, Connection } from '../../core/connection.ts';
import { isRunning } from '../../core/connection.ts';
import { numberText } from '../site/format.tsx';
import { TenantName } from '../site/tenant-name.tsx';
import type { Language } from '../site/visit.ts';
import { ProblemText } from './trial-view.tsx';
import { OAUTH_WORDS } from './words.ts';

/** What a connection says now, a line for each thing. */
export function connectionLines(connection: Connection, language: Language): readonly string[] {
  const words = OAUTH_WORDS[language];
  const count = (value: number): string => numberText(language, value);
  if (connection.phase === 'proving') return [words.proving];
  const { organization, progress } = connection;
  return [
    ...(organization === null ? [] : [`${words.organization}: ${organization}`]),
    ...(connection.phase === 'importing' ? [words.importing] : []),
    ...progress.map(({ stream, entries, pages }) => words.read(words.streams[stream], count(entries), pages)),
  ];
}

/** `1,204 users, 88 groups, 1,410 addresses, 3 domains`; null before the end. */
export function resultText({ result }: Connection, language: Language): string | null {
  if (result === null) return null;
  const words = OAUTH_WORDS[language];
  const count = (value: number): string => numberText(language, value);
  const { users, groups, contacts, addresses, domains } = result;
  const text = words.result(count(users), count(groups), count(addresses), count(domains));
  return contacts === 0 ? text : text + words.contacts(count(contacts));
}

/** Written as it is: as an element it would be moved into the head, where it holds for browsers with scripts too. */
const RELOAD = raw('<meta http-equiv="refresh" content="2">');

/** The page below its heading. */
export function Progress({ view, language }: { view: ApplicationView; language: Language }) {
  const words = OAUTH_WORDS[language];
  const { connection } = view;
  if (connection === null) return <BackLink view={view} language={language} />;
  const running = isRunning(connection);
  return (
    <>
      <p>
        {words.tenant}:{' '}
        <TenantName
          tenant={view.tenant}
          domains={view.domains}
          organization={view.used?.organization ?? null}
        />
      </p>
      {running && <noscript>{RELOAD}</noscript>}
      {running && (
        <noscript>
          <p class="hint">{words.refresh}</p>
        </noscript>
      )}
      <section class="card" aria-labelledby="live">
        <h2 id="live">{words.live}</h2>
        {running && <progress class="bar" aria-labelledby="live" />}
        <ul
          id="lines"
          aria-live="polite"
          {...(running ? { 'data-events': `/oauth/${view.tenant}/progress/events` } : {})}
        >
          {connectionLines(connection, language).map((line) => (
            <li>{line}</li>
          ))}
        </ul>
        {!running && <Ended connection={connection} language={language} />}
      </section>
      <BackLink view={view} language={language} />
    </>
  );
}

function Ended({ connection, language }: { connection: Connection; language: Language }) {
  const words = OAUTH_WORDS[language];
  const { phase, adopted, problem } = connection;
  return (
    <>
      {phase === 'done' && (
        <p class="done" role="status">
          <strong>{words.finished}: </strong>
          {resultText(connection, language)}
        </p>
      )}
      {problem !== null && <ProblemText problem={problem} language={language} />}
      {adopted && <p>{words.adopted}</p>}
      {!adopted && phase !== 'done' && <p>{words.unchanged}</p>}
      {phase === 'done' && <Next language={language} />}
    </>
  );
}

/** The recipients are known: what to try with them. */
function Next({ language }: { language: Language }) {
  const words = OAUTH_WORDS[language];
  return (
    <>
      <h3>{words.next}</h3>
      <ul>
        <li>
          <a href="/recipients">{words.nextSearch}</a>
        </li>
        <li>
          <a href="/recipients/explain">{words.nextCheck}</a>
        </li>
        <li>
          {words.nextCommand} <code>rcptgate check ADDRESS</code>
        </li>
      </ul>
    </>
  );
}

function BackLink({ view, language }: { view: ApplicationView; language: Language }) {
  const words = OAUTH_WORDS[language];
  return (
    <p class="actions">
      <a class="button" href={`/oauth/${view.tenant}`}>
        {words.back}
      </a>
      <a href="/status">{words.status}</a>
    </p>
  );
}
