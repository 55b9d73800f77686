/** The set-up guide of one tenant: the values to copy, one paste, the manifest, and the steps in the portal. */
import type { Child } from 'hono/jsx';
import { CLOUDS, type CloudName } from '../../core/cloud.ts';
import { PERMISSIONS } from '../../core/permissions.ts';
import { TenantName } from '../site/tenant-name.tsx';
import type { Language } from '../site/visit.ts';
import { applicationLink, type PortalPage, registerLink } from './portal-links.ts';
import { APP_ROLES, APPLICATION_NAME, isRegistrable, redirectUris } from './registration.ts';
import { GUIDE_WORDS, type GuideWords } from './words.ts';

export interface GuideProps {
  readonly tenant: string;
  readonly domains: readonly string[];
  readonly organization: string | null;
  readonly cloud: CloudName;
  /** Of what was saved; null before. */
  readonly applicationId: string | null;
  readonly publicUrl: string;
  /** The script of this tenant. */
  readonly script: string;
  readonly language: Language;
  /** Which tenant a domain belongs to: stands at the end. */
  readonly finder: Child;
}

type Props = GuideProps & { readonly words: GuideWords };

/** The page below its heading. */
export function Guide(props: GuideProps) {
  const words = GUIDE_WORDS[props.language];
  const whole = { ...props, words };
  return (
    <>
      <p>{words.intro}</p>
      <p>
        {words.tenant}: <TenantName {...props} />
      </p>
      <p>
        <a href={`/oauth/${props.tenant}`}>{words.settings}</a>
      </p>
      {!isRegistrable(props.publicUrl) && (
        <p class="problem" role="alert">
          {words.notRegistrable}
        </p>
      )}
      <Values {...whole} />
      <Script {...whole} />
      <PortalSteps {...whole} />
      <Manifest {...whole} />
      <Card id="not-needed" title={words.notNeededTitle}>
        <ul>
          {words.notNeeded.map((text) => (
            <li>{text}</li>
          ))}
        </ul>
      </Card>
      {props.finder}
    </>
  );
}

function Card({ id, title, children }: { id: string; title: string; children?: Child }) {
  return (
    <section class="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

/** A value with a button that copies it. */
function Copy({ id, value, words }: { id: string; value: string; words: GuideWords }) {
  return (
    <div class="copy">
      <code id={id}>{value}</code>
      <button type="button" hidden data-copy={id} data-copied={words.copied} aria-describedby={id}>
        {words.copy}
      </button>
    </div>
  );
}

function Values({ publicUrl, words }: Props) {
  const [signIn, consent] = redirectUris(publicUrl);
  return (
    <Card id="values" title={words.values}>
      <dl>
        <dt>{words.name}</dt>
        <dd>
          <Copy id="value-name" value={APPLICATION_NAME} words={words} />
        </dd>
        <dt>{words.signInUri}</dt>
        <dd>
          <Copy id="value-sign-in" value={signIn} words={words} />
        </dd>
        <dt>{words.consentUri}</dt>
        <dd>
          <Copy id="value-consent" value={consent} words={words} />
        </dd>
      </dl>
    </Card>
  );
}

function Script({ tenant, script, words }: Props) {
  return (
    <Card id="script-title" title={words.scriptTitle}>
      <p>{words.scriptText}</p>
      <p class="actions">
        <button type="button" class="primary" hidden data-copy="script" data-copied={words.copied}>
          {words.copy}
        </button>
        <a href={`/guide/${tenant}/rcptgate-setup.sh`} download>
          {words.scriptDownload}
        </a>
      </p>
      <pre id="script" class="script">
        {script}
      </pre>
    </Card>
  );
}

function Manifest({ tenant, cloud, words }: Props) {
  const uri = `${CLOUDS[cloud].graph}/v1.0/applications`;
  return (
    <Card id="manifest" title={words.manifestTitle}>
      <p>{words.manifestText}</p>
      <Copy
        id="manifest-command"
        value={`az rest --method POST --uri ${uri} --headers Content-Type=application/json --body @rcptgate-manifest.json`}
        words={words}
      />
      <p class="actions">
        <a class="button" href={`/guide/${tenant}/rcptgate-manifest.json`} download>
          {words.manifestDownload}
        </a>
      </p>
    </Card>
  );
}

function PortalSteps(props: Props) {
  const { tenant, cloud, applicationId, words, publicUrl } = props;
  const [signIn, consent] = redirectUris(publicUrl);
  const link = (page: PortalPage): string => applicationLink(cloud, page, applicationId);
  return (
    <Card id="steps" title={words.stepsTitle}>
      <ol class="steps">
        <Step title={words.register} text={words.registerText} link={registerLink(cloud)} words={words}>
          <Copy id="step-name" value={APPLICATION_NAME} words={words} />
          <Copy id="step-sign-in" value={signIn} words={words} />
        </Step>
        <Step title={words.secondUri} text={words.secondUriText} link={link('Authentication')} words={words}>
          <Copy id="step-consent" value={consent} words={words} />
        </Step>
        <Step title={words.permissions} text={words.permissionsText} link={link('CallAnAPI')} words={words}>
          <Permissions {...props} />
        </Step>
        <Step title={words.roles} text={words.rolesText} link={link('AppRoles')} words={words}>
          <Roles {...props} />
        </Step>
        <Step title={words.secret} text={words.secretText} link={link('Credentials')} words={words} />
        <Step title={words.enter} text={words.enterText} link={link('Overview')} words={words}>
          <p>
            <a class="button primary" href={`/oauth/${tenant}`}>
              {words.settings}
            </a>
          </p>
        </Step>
      </ol>
    </Card>
  );
}

function Step(props: { title: string; text: string; link: string; words: GuideWords; children?: Child }) {
  const { title, text, link, words, children } = props;
  return (
    <li>
      <h3>{title}</h3>
      <p>{text}</p>
      {children}
      <p>
        <a href={link} target="_blank" rel="noreferrer" aria-label={`${words.open}: ${title}`}>
          {words.open}
        </a>
      </p>
    </li>
  );
}

function Permissions({ words, language }: Props) {
  return (
    <div class="scroll">
      <table class="permissions">
        <thead>
          <tr>
            {[words.permission, words.type, words.need, words.why, words.id].map((heading) => (
              <th scope="col">{heading}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {PERMISSIONS.map(({ name, type, need, why, id }) => (
            <tr>
              <th scope="row">
                <Copy id={`permission-${id}`} value={name} words={words} />
              </th>
              <td>{words.types[type]}</td>
              <td>{words.needs[need]}</td>
              <td>{why[language]}</td>
              <td>
                <code>{id}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Roles({ words }: Props) {
  return (
    <div class="scroll">
      <table class="permissions">
        <thead>
          <tr>
            {[words.role, words.value, words.id].map((heading) => (
              <th scope="col">{heading}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {APP_ROLES.map(({ id, value, displayName }) => (
            <tr>
              <th scope="row">{displayName}</th>
              <td>
                <Copy id={`role-${id}`} value={value} words={words} />
              </td>
              <td>
                <code>{id}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
