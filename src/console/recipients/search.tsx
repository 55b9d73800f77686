/** The search for recipients: its form, what was found, and where to go on. */
import type { FoundRecipient, SearchPage } from '../../core/recipient-search.ts';
import { numberText, Time } from '../site/format.tsx';
import { Quoted, quotedText } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import { tenantText } from '../site/tenant-name.tsx';
import type { Language } from '../site/visit.ts';
import type { SearchForm, TenantChoice } from './questions.ts';
import { RECIPIENT_WORDS } from './words.ts';

interface Props {
  readonly language: Language;
  readonly form: SearchForm;
  readonly tenants: readonly TenantChoice[];
}

const KINDS = [
  'user',
  'guest',
  'microsoft-365-group',
  'distribution-list',
  'mail-enabled-security-group',
  'security-group',
  'contact',
  'imported',
  'departed',
];

/** The form and the ways to the other pages. `page` null: nothing was searched for yet. */
export function SearchBody({ page, ...props }: Props & { readonly page: SearchPage | null }) {
  const words = RECIPIENT_WORDS[props.language];
  return (
    <>
      <section class="card" aria-labelledby="search">
        <h2 id="search">{words.searchTitle}</h2>
        {props.tenants.length === 0 ? <p>{words.noTenant}</p> : <SearchFields {...props} />}
      </section>
      {page && <Results {...props} page={page} />}
      <section class="card" aria-labelledby="elsewhere">
        <h2 id="elsewhere">{words.elsewhere}</h2>
        <ul>
          <li>
            <a href="/recipients/explain">{words.explainLink}</a>
          </li>
          <li>
            <a href="/recipients/overrides">{words.overridesLink}</a>
          </li>
          <li>
            <a href="/recipients/import">{words.importLink}</a>
          </li>
        </ul>
      </section>
    </>
  );
}

function SearchFields({ language, form, tenants }: Props) {
  const words = RECIPIENT_WORDS[language];
  return (
    <form method="get" action="/recipients">
      <p class="field">
        <label for="q">{words.searchField}</label>
        <input id="q" name="q" type="search" value={form.q} maxlength={320} aria-describedby="q-hint" />
        <span class="hint" id="q-hint">
          {words.searchHint}
        </span>
      </p>
      <p class="field">
        <label for="kind">{words.kind}</label>
        <select id="kind" name="kind">
          <option value="">{words.allKinds}</option>
          {KINDS.map((kind) => (
            <option value={kind} selected={kind === form.kind}>
              {words.kinds[kind] ?? kind}
            </option>
          ))}
        </select>
      </p>
      <TenantField language={language} tenants={tenants} chosen={form.tenant} />
      <p class="actions">
        <button type="submit" class="primary">
          {words.search}
        </button>
      </p>
    </form>
  );
}

interface TenantFieldProps {
  readonly language: Language;
  readonly tenants: readonly TenantChoice[];
  readonly chosen: string;
}

/** Which tenant; not asked where there is only one. */
export function TenantField({ language, tenants, chosen }: TenantFieldProps) {
  const [only, ...others] = tenants;
  if (only && others.length === 0) return <input type="hidden" name="tenant" value={only.tenant} />;
  return (
    <p class="field">
      <label for="tenant">{RECIPIENT_WORDS[language].tenant}</label>
      <select id="tenant" name="tenant">
        {tenants.map((each) => (
          <option value={each.tenant} selected={each.tenant === chosen}>
            {tenantText(each)}
          </option>
        ))}
      </select>
    </p>
  );
}

function Results({ language, form, page }: Props & { readonly page: SearchPage }) {
  const words = RECIPIENT_WORDS[language];
  const { items, next } = page;
  const count = numberText(language, items.length);
  const counted = next === null ? (items.length === 0 ? words.foundNone : words.found(count)) : undefined;
  const going = items.length === 0 ? words.foundNoneYet : words.foundMore(count);
  return (
    <section class="card" aria-labelledby="results">
      <h2 id="results">{words.results}</h2>
      <p role="status">{counted ?? going}</p>
      {items.length > 0 && (
        <Scroll label={words.results}>
          <table>
            <thead>
              <tr>
                <th scope="col">{words.name}</th>
                <th scope="col">{words.kind}</th>
                <th scope="col">{words.addresses}</th>
                <th scope="col">{words.state}</th>
                <th scope="col">{words.since}</th>
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <ResultRow item={item} language={language} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {next !== null && (
        <p>
          <a class="button" href={`/recipients?${new URLSearchParams({ ...form, after: next })}`}>
            {words.next}
          </a>
        </p>
      )}
    </section>
  );
}

/** Colour of a state. */
export const STATE_LOOK: Readonly<Record<string, string>> = {
  live: 'good',
  imported: 'good',
  known: 'good',
  held: 'wait',
  grace: 'wait',
  changed: 'wait',
};

function ResultRow({ item, language }: { readonly item: FoundRecipient; readonly language: Language }) {
  const words = RECIPIENT_WORDS[language];
  const { object, displayName, kind, state, since, addresses, more, tenant } = item;
  const href = object
    ? `/recipients/object?${new URLSearchParams({ tenant, stream: object.stream, id: object.id })}`
    : `/recipients/explain?${new URLSearchParams({ address: addresses[0] ?? '' })}`;
  const name = displayName || addresses[0] || object?.id || '';
  return (
    <tr>
      <th scope="row">
        <a href={href}>
          <Quoted text={name} />
        </a>
      </th>
      <td>{words.kinds[kind] ?? quotedText(kind)}</td>
      <td>
        {addresses.map((address, index) => (
          <>
            {index > 0 && <br />}
            <Quoted text={address} />
          </>
        ))}
        {more > 0 && (
          <>
            <br />
            {words.moreAddresses(numberText(language, more))}
          </>
        )}
      </td>
      <td>
        <span class={`state ${STATE_LOOK[state] ?? ''}`}>{words.states[state] ?? state}</span>
      </td>
      <td>
        <Time at={since} />
      </td>
    </tr>
  );
}
