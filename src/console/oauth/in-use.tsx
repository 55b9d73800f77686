/** The credential that is in use, with how long it still lives. */
import type { ApplicationSettings } from '../../core/application.ts';
import type { ApplicationView } from '../../core/connection.ts';
import { numberText, Time } from '../site/format.tsx';
import type { Language } from '../site/visit.ts';
import { lifeOf } from './steps.ts';
import { OAUTH_WORDS, type OauthWords } from './words.ts';

/** What is in use, from the console or from the file. */
export function InUse(props: { view: ApplicationView; language: Language; now: number }) {
  const { view, language, now } = props;
  const words = OAUTH_WORDS[language];
  const { used, file } = view;
  return (
    <section class="card" aria-labelledby="in-use">
      <h2 id="in-use">{words.inUse}</h2>
      {file !== null && <p>{words.inFile}</p>}
      {file !== null && (
        <dl>
          <dt>{words.application}</dt>
          <dd>
            <code>{file.applicationId}</code>
          </dd>
          <dt>{words.files}</dt>
          <dd>
            <code>{file.files.join(', ')}</code>
          </dd>
          <dt>{words.expires}</dt>
          <dd>
            <Ending settings={{ expires: file.expires, expiresFrom: null }} now={now} language={language} />
          </dd>
        </dl>
      )}
      {used !== null && <UsedCredential used={used} language={language} now={now} words={words} />}
      {used === null && file === null && <p>{words.nothingInUse}</p>}
    </section>
  );
}

function UsedCredential(props: {
  used: ApplicationSettings;
  language: Language;
  now: number;
  words: OauthWords;
}) {
  const { used, now, language, words } = props;
  const life = lifeOf(used, now);
  return (
    <>
      <dl>
        <dt>{words.organization}</dt>
        <dd>{used.organization ?? '–'}</dd>
        <dt>{words.application}</dt>
        <dd>
          <code>{used.applicationId}</code>
        </dd>
        <dt>{words.credential}</dt>
        <dd>
          {words.kinds[used.kind]}
          {used.hint ? (
            <>
              {` (${words.beginsWith} `}
              <code>{used.hint}</code>)
            </>
          ) : null}
        </dd>
        <dt>{words.proven}</dt>
        <dd>
          <Time at={used.provenAt} />
        </dd>
        <dt>{words.expires}</dt>
        <dd>
          <Ending settings={used} now={now} language={language} />
        </dd>
      </dl>
      {life !== null && life.urgency !== 'good' && (
        <p class="problem" role="alert">
          {words.renewSoon}
        </p>
      )}
    </>
  );
}

/** When a credential ends, with a countdown. */
export function Ending(props: {
  settings: Pick<ApplicationSettings, 'expires' | 'expiresFrom'>;
  now: number;
  language: Language;
}) {
  const { settings, now, language } = props;
  const words = OAUTH_WORDS[language];
  const life = lifeOf(settings, now);
  if (life === null) return <>{words.expiresUnknown}</>;
  const left = life.urgency === 'bad' ? words.ended : words.daysLeft(numberText(language, life.days));
  return (
    <>
      <Time at={settings.expires} />
      {settings.expiresFrom !== null && ` (${words.expiresFrom[settings.expiresFrom]}) `}
      <span class={`state ${life.urgency}`}>{left}</span>
    </>
  );
}
