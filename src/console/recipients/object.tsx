/** One recipient: what Microsoft Graph shows of it, and what becomes of each of its addresses. */
import type { RecipientFacts } from '../../core/recipient.ts';
import type { RecipientEntry, RecipientPicture } from '../../core/recipient-search.ts';
import { Time } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import { TenantName } from '../site/tenant-name.tsx';
import type { Language } from '../site/visit.ts';
import { STATE_LOOK } from './search.tsx';
import { RECIPIENT_WORDS } from './words.ts';

interface Props {
  readonly picture: RecipientPicture;
  readonly language: Language;
}

/** The page below its heading. */
export function ObjectBody({ picture, domains, language }: Props & { readonly domains: readonly string[] }) {
  const words = RECIPIENT_WORDS[language];
  const { kind, state, since, object, tenant } = picture;
  return (
    <>
      <section class="card" aria-labelledby="what">
        <h2 id="what">{words.object.title}</h2>
        <dl>
          <dt>{words.kind}</dt>
          <dd>{words.kinds[kind] ?? kind}</dd>
          <dt>{words.state}</dt>
          <dd>
            <span class={`state ${STATE_LOOK[state] ?? 'bad'}`}>{words.states[state] ?? state}</span>
          </dd>
          <dt>{words.since}</dt>
          <dd>
            <Time at={since} />
          </dd>
          <dt>{words.object.id}</dt>
          <dd>
            <code>{object.id}</code>
          </dd>
          <dt>{words.tenant}</dt>
          <dd>
            <TenantName tenant={tenant} domains={domains} />
          </dd>
        </dl>
      </section>
      <section class="card" aria-labelledby="entries">
        <h2 id="entries">{words.object.entries}</h2>
        <Entries picture={picture} language={language} />
      </section>
      <Facts facts={picture.facts} language={language} />
      <p>
        <a href="/recipients">{words.back}</a>
      </p>
    </>
  );
}

function Entries({ picture, language }: Props) {
  const words = RECIPIENT_WORDS[language].object;
  if (picture.entries.length === 0) return <p>{words.noEntries}</p>;
  return (
    <Scroll label={words.entries}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.entry}</th>
            <th scope="col">{words.standing}</th>
            <th scope="col">{words.lastMail}</th>
            <th scope="col">{RECIPIENT_WORDS[language].explain.title}</th>
          </tr>
        </thead>
        <tbody>
          {picture.entries.map((entry) => (
            <EntryRow entry={entry} language={language} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function EntryRow({ entry, language }: { readonly entry: RecipientEntry; readonly language: Language }) {
  const words = RECIPIENT_WORDS[language].object;
  const { address, primary, standing, lastMail } = entry;
  return (
    <tr>
      <th scope="row">
        <Quoted text={entry.entry} /> {primary && <span class="badge">{words.primary}</span>}
      </th>
      <td>
        <span class={`state ${STATE_LOOK[standing] ?? ''}`}>{words.standings[standing] ?? standing}</span>
      </td>
      <td>{lastMail === null ? '–' : new Date(lastMail).toISOString().slice(0, 10)}</td>
      <td>
        {address !== null && (
          <a href={`/recipients/explain?${new URLSearchParams({ address })}`}>
            {words.explain}
            <span class="visually-hidden"> {address}</span>
          </a>
        )}
      </td>
    </tr>
  );
}

const SHOWN = [
  'mail',
  'userPrincipalName',
  'userType',
  'accountEnabled',
  'mailEnabled',
  'securityEnabled',
  'groupTypes',
] as const satisfies readonly (keyof RecipientFacts)[];

function Facts({ facts, language }: { readonly facts: RecipientFacts; readonly language: Language }) {
  const words = RECIPIENT_WORDS[language].object;
  const shown = SHOWN.filter((name) => facts[name] !== undefined && facts[name] !== null);
  if (shown.length === 0) return null;
  return (
    <section class="card" aria-labelledby="facts">
      <h2 id="facts">{words.facts}</h2>
      <dl>
        {shown.map((name) => (
          <>
            <dt>{words.factNames[name] ?? name}</dt>
            <dd>
              <Quoted text={factText(facts[name], words)} />
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}

function factText(value: unknown, { yes, no }: { readonly yes: string; readonly no: string }): string {
  if (typeof value === 'boolean') return value ? yes : no;
  return Array.isArray(value) ? value.join(', ') : String(value);
}
