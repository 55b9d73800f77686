/** The form in which an application and its credential are entered. What is secret goes in and is never shown. */
import { CLOUDS } from '../../core/cloud.ts';
import type { ApplicationView } from '../../core/connection.ts';
import { Form } from '../site/form.tsx';
import type { Visit } from '../site/visit.ts';
import { OAUTH_WORDS, type OauthWords } from './words.ts';

interface Props {
  readonly view: ApplicationView;
  readonly words: OauthWords;
}

/** The form of step 1. */
export function SaveForm({ view, visit }: { view: ApplicationView; visit: Visit }) {
  const words = OAUTH_WORDS[visit.language];
  const { applicationId = '' } = view.pending ?? view.used ?? {};
  return (
    <Form visit={visit} action={`/oauth/${view.tenant}/save`} upload>
      <div class="field">
        <label for="application_id">{words.application}</label>
        <input
          id="application_id"
          name="application_id"
          type="text"
          value={applicationId}
          required
          spellcheck={false}
          autocomplete="off"
          aria-describedby="application-hint"
        />
        <p class="hint" id="application-hint">
          {words.applicationHint}
        </p>
      </div>
      <Cloud view={view} words={words} />
      <fieldset>
        <legend>{words.credential}</legend>
        <Secret view={view} words={words} />
        <Certificate view={view} words={words} />
      </fieldset>
      <div class="actions">
        <button type="submit" class="primary">
          {words.save}
        </button>
      </div>
    </Form>
  );
}

function Cloud({ view, words }: Props) {
  if (view.cloudFixed) return <p class="hint">{words.cloudFixed}</p>;
  const chosen = (view.pending ?? view.used)?.cloud ?? 'global';
  return (
    <div class="field">
      <label for="cloud">{words.cloud}</label>
      <select id="cloud" name="cloud">
        {(Object.keys(CLOUDS) as Array<keyof typeof CLOUDS>).map((name) => (
          <option value={name} selected={name === chosen}>
            {words.clouds[name]}
          </option>
        ))}
      </select>
    </div>
  );
}

function Choice({ value, checked, text }: { value: string; checked: boolean; text: string }) {
  return (
    <p>
      <label>
        <input type="radio" name="kind" value={value} checked={checked} /> {text}
      </label>
    </p>
  );
}

function Secret({ view, words }: Props) {
  const entered = view.pending ?? view.used;
  const secret = entered?.kind === 'secret' ? entered : null;
  // The day of the one in use would be taken for that of a new one.
  const expires = secret === view.pending ? secret?.expires : null;
  const day = expires ? new Date(expires).toISOString().slice(0, 10) : '';
  return (
    <>
      <Choice value="secret" checked={entered?.kind !== 'certificate'} text={words.secretKind} />
      <div class="field">
        <label for="secret">{words.secret}</label>
        <input
          id="secret"
          name="secret"
          type="password"
          autocomplete="new-password"
          spellcheck={false}
          aria-describedby="secret-hint"
        />
        <p class="hint" id="secret-hint">
          {words.secretHint} {secret?.hint ? `${words.secretKept} ${secret.hint}` : ''}
        </p>
      </div>
      <div class="field">
        <label for="expires">{words.expiresField}</label>
        <input id="expires" name="expires" type="date" value={day} aria-describedby="expires-hint" />
        <p class="hint" id="expires-hint">
          {words.expiresHint}
        </p>
      </div>
    </>
  );
}

function Certificate({ view, words }: Props) {
  const entered = view.pending ?? view.used;
  const certificate = entered?.kind === 'certificate' ? entered : null;
  return (
    <details class="more" open={certificate !== null}>
      <summary>{words.insteadCertificate}</summary>
      <Choice value="generate" checked={false} text={words.generateKind} />
      <Choice value="certificate" checked={certificate !== null} text={words.certificateKind} />
      {certificate !== null && <p class="hint">{words.certificateKept}</p>}
      <div class="field">
        <label for="certificate">{words.certificate}</label>
        <input id="certificate" name="certificate" type="file" accept=".pem,.crt,.cer" />
      </div>
      <div class="field">
        <label for="key">{words.key}</label>
        <input id="key" name="key" type="file" accept=".pem,.key" />
      </div>
      <div class="field">
        <label for="passphrase">{words.passphrase}</label>
        <input id="passphrase" name="passphrase" type="password" autocomplete="off" />
      </div>
    </details>
  );
}
