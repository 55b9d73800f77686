/** The OAuth settings of one tenant: what is in use, and the three steps of setting up or renewing. */
import type { Child } from 'hono/jsx';
import { type ApplicationView, wantsConsent } from '../../core/connection.ts';
import { Form } from '../site/form.tsx';
import { Time } from '../site/format.tsx';
import { TenantName } from '../site/tenant-name.tsx';
import type { Visit } from '../site/visit.ts';
import { Ending, InUse } from './in-use.tsx';
import { SaveForm } from './save-form.tsx';
import { type StepState, stepsOf, trialOf } from './steps.ts';
import { ProblemText, TrialText } from './trial-view.tsx';
import { OAUTH_WORDS, type OauthWords } from './words.ts';

export interface SettingsProps {
  readonly view: ApplicationView;
  readonly visit: Visit;
  /** The visitor may change things. */
  readonly change: boolean;
  readonly now: number;
  /** A consent link for somebody else that was made just now. */
  readonly shared: string | null;
}

/** The whole page below its heading. */
export function Settings(props: SettingsProps) {
  const { view, visit } = props;
  const words = OAUTH_WORDS[visit.language];
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
      <p>
        <a href={`/guide/${view.tenant}`}>{words.guide}</a>
      </p>
      <InUse view={view} language={visit.language} now={props.now} />
      <section aria-labelledby="steps">
        <h2 id="steps">{view.used === null ? words.steps : words.renew}</h2>
        {view.file === null && <p class="hint">{words.stepsNote}</p>}
        <StepList {...props} words={words} />
      </section>
    </>
  );
}

type Props = SettingsProps & { readonly words: OauthWords };

function StepList(props: Props) {
  const { view, words, change, visit } = props;
  const steps = stepsOf(view);
  const post = (action: string): string => `/oauth/${view.tenant}/${action}`;
  return (
    <>
      {view.file === null && (
        <Step id="save" title={words.saveTitle} text={words.saveText} state={steps.save} words={words}>
          <Saved {...props} />
          {change && <Entering {...props} />}
        </Step>
      )}
      <Step
        id="authenticate"
        title={words.authenticateTitle}
        text={words.authenticateText}
        state={steps.authenticate}
        words={words}
      >
        <TrialText trial={trialOf(view)} language={visit.language} />
        {change && steps.save === 'done' && (
          <Form visit={visit} action={post('authenticate')} class="actions">
            <button type="submit" class={steps.authenticate === 'next' ? 'primary' : ''}>
              {words.authenticate}
            </button>
          </Form>
        )}
      </Step>
      <Step
        id="connect"
        title={words.connectTitle}
        text={words.connectText}
        state={steps.connect}
        words={words}
      >
        <Connecting {...props} state={steps.connect} ready={steps.save === 'done'} />
      </Step>
    </>
  );
}

/** The form; folded away while what was entered waits for the next step, so that its button is near. */
function Entering({ view, visit, words }: Props) {
  const { authenticate, connect } = stepsOf(view);
  // What was refused is to be changed.
  const refused = connect === 'failed' || (authenticate === 'failed' && connect !== 'next');
  if (view.pending === null) return <SaveForm view={view} visit={visit} />;
  return (
    <details class="more" open={refused}>
      <summary>{words.changeSaved}</summary>
      <SaveForm view={view} visit={visit} />
    </details>
  );
}

const LOOK: Readonly<Record<StepState, string>> = {
  done: 'good',
  next: 'wait',
  failed: 'bad',
  running: 'wait',
  waiting: '',
};

function Step(props: {
  id: string;
  title: string;
  text: string;
  state: StepState;
  words: OauthWords;
  children?: Child;
}) {
  const { id, title, text, state, words, children } = props;
  return (
    <section class="card" aria-labelledby={`step-${id}`}>
      <h3 id={`step-${id}`}>
        {title} <span class={`state ${LOOK[state]}`}>{words.states[state]}</span>
      </h3>
      <p>{text}</p>
      {children}
    </section>
  );
}

function Saved({ view, visit, words, change, now }: Props) {
  const { pending } = view;
  if (pending === null) return null;
  return (
    <div class="card">
      <dl>
        <dt>{words.savedAt}</dt>
        <dd>
          <Time at={pending.savedAt} /> {words.savedBy} {pending.savedBy}
        </dd>
        <dt>{words.credential}</dt>
        <dd>
          {words.kinds[pending.kind]} {pending.hint ? <code>{pending.hint}…</code> : null}
        </dd>
        <dt>{words.expires}</dt>
        <dd>
          <Ending settings={pending} now={now} language={visit.language} />
        </dd>
      </dl>
      {pending.looksLikeId && <p class="problem">{words.looksLikeId}</p>}
      {pending.certificate !== null && (
        <p>
          <a href={`/oauth/${view.tenant}/certificate.cer`} download>
            {words.download}
          </a>
        </p>
      )}
      {change && (
        <Form visit={visit} action={`/oauth/${view.tenant}/discard`} class="actions">
          <button type="submit" class="danger">
            {words.discard}
          </button>
        </Form>
      )}
    </div>
  );
}

function Connecting(props: Props & { readonly state: StepState; readonly ready: boolean }) {
  const { view, visit, words, state, ready, change, shared } = props;
  const problem = view.connection?.problem ?? null;
  const post = (action: string): string => `/oauth/${view.tenant}/${action}`;
  return (
    <>
      {problem !== null && !wantsConsent(problem) && (
        <ProblemText problem={problem} language={visit.language} />
      )}
      {problem !== null && view.connection?.phase === 'failed' && <p>{words.unchanged}</p>}
      {state === 'next' && problem !== null && <p class="hint">{words.consentNeeded}</p>}
      {view.connection !== null && view.connection.phase !== 'consent' && (
        <p>
          <a href={post('progress')}>{words.progressTitle}</a>
        </p>
      )}
      {change && ready && (
        <>
          <p class="hint">{words.whoConsents}</p>
          <Form visit={visit} action={post('connect')} class="actions">
            <button type="submit" class={state === 'next' ? 'primary' : ''}>
              {words.connect}
            </button>
          </Form>
          <details class="more" open={shared !== null}>
            <summary>{words.shareTitle}</summary>
            <p class="hint">{words.shareText}</p>
            {shared !== null && <SharedLink link={shared} words={words} />}
            <Form visit={visit} action={post('share')} class="actions">
              <button type="submit">{words.share}</button>
            </Form>
          </details>
        </>
      )}
    </>
  );
}

function SharedLink({ link, words }: { link: string; words: OauthWords }) {
  return (
    <div class="done" role="status">
      <p>{words.shareUntil}</p>
      <div class="copy">
        <label for="shared-link" class="visually-hidden">
          {words.shareLink}
        </label>
        <input id="shared-link" type="text" readonly value={link} />
        <button type="button" hidden data-copy="shared-link" data-copied={words.copied}>
          {words.copy}
        </button>
      </div>
    </div>
  );
}
