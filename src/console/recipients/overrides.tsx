/** Overrides: the list of both sources, and the form that adds or replaces one. */
import type { OverrideName } from '../../core/override-review.ts';
import { Form } from '../site/form.tsx';
import { Time } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import { mayChange, type Visit } from '../site/visit.ts';
import type { OwnedOverride } from './questions.ts';
import { RECIPIENT_WORDS } from './words.ts';

const BASE = '/recipients/overrides';

interface ListProps {
  readonly visit: Visit;
  /** Those that the visitor may see. */
  readonly entries: readonly OwnedOverride[];
}

/** Every override with what it does, and what can be done with it. */
export function OverridesBody({ visit, entries }: ListProps) {
  const words = RECIPIENT_WORDS[visit.language];
  const admin = visit.visitor.role === 'admin';
  const names = new Set(entries.map(({ match }) => match));
  return (
    <>
      <p>{words.overrides.intro}</p>
      {admin && (
        <p class="actions">
          <a class="button primary" href={`${BASE}/edit`}>
            {words.overrides.add}
          </a>
        </p>
      )}
      {entries.length === 0 ? (
        <p>{words.overrides.none}</p>
      ) : (
        <Scroll label={words.overrides.caption}>
          <table>
            <caption>{words.overrides.caption}</caption>
            <thead>
              <tr>
                <th scope="col">{words.overrides.match}</th>
                <th scope="col">{words.overrides.action}</th>
                <th scope="col">{words.overrides.state}</th>
                <th scope="col">{words.overrides.expires}</th>
                <th scope="col">{words.overrides.source}</th>
                {admin && <th scope="col">{words.overrides.actionsColumn}</th>}
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <OverrideRow visit={visit} entry={entry} names={names} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      <p>
        <a href="/recipients">{words.back}</a>
      </p>
    </>
  );
}

const LOOK: Readonly<Record<string, string>> = {
  active: 'good',
  expired: '',
  shadowed: 'wait',
  foreign: 'wait',
};

interface RowProps {
  readonly visit: Visit;
  readonly entry: OwnedOverride;
  /** Matches of the entries that the visitor may see. */
  readonly names: ReadonlySet<string>;
}

function OverrideRow({ visit, entry, names }: RowProps) {
  const words = RECIPIENT_WORDS[visit.language].overrides;
  const { match, action, state, expires, source, note, text, addedAt, addedBy } = entry;
  return (
    <tr>
      <th scope="row">
        <Quoted text={match} />
        {note && (
          <p class="hint">
            <Quoted text={note} />
          </p>
        )}
      </th>
      <td>
        {words.actions[action] ?? action}
        {text && (
          <p class="hint">
            <Quoted text={text} />
          </p>
        )}
      </td>
      <td>
        <span class={`state ${LOOK[state] ?? ''}`}>{words.states[state] ?? state}</span>
        <Remarks entry={entry} names={names} visit={visit} />
      </td>
      <td>
        <Time at={expires} />
      </td>
      <td>
        {words.sources[source] ?? source}
        {addedAt !== undefined && (
          <p class="hint">
            {words.addedBy} <Time at={addedAt} /> <Quoted text={addedBy ?? ''} />
          </p>
        )}
      </td>
      {visit.visitor.role === 'admin' && (
        <td>
          {source === 'command' && mayChange(visit.visitor, entry.tenant) && (
            <Changes visit={visit} entry={entry} />
          )}
        </td>
      )}
    </tr>
  );
}

/** Exceptions named; a domain may have hundreds. */
const NAMED = 5;

function Remarks({ visit, entry, names }: RowProps) {
  const words = RECIPIENT_WORDS[visit.language].overrides;
  const nameOf = ({ match }: OverrideName): string => (names.has(match) ? match : '…');
  const { state, shadowedBy, exceptions } = entry;
  const named = exceptions.filter(({ match }) => names.has(match));
  const more = named.length > NAMED ? ` (+${named.length - NAMED})` : '';
  const text =
    state === 'foreign'
      ? words.foreignText
      : shadowedBy
        ? words.shadowedBy(nameOf(shadowedBy))
        : named.length > 0
          ? words.exceptions(`${named.slice(0, NAMED).map(nameOf).join(', ')}${more}`)
          : null;
  return text === null ? null : (
    <p class="hint">
      <Quoted text={text} />
    </p>
  );
}

function Changes({ visit, entry }: { readonly visit: Visit; readonly entry: OwnedOverride }) {
  const words = RECIPIENT_WORDS[visit.language].overrides;
  const { match, state } = entry;
  const named = (label: string) => (
    <>
      {label}
      <span class="visually-hidden"> {match}</span>
    </>
  );
  return (
    <>
      <a href={`${BASE}/edit?${new URLSearchParams({ match })}`}>{named(words.edit)}</a>
      {state !== 'expired' && (
        <Form visit={visit} action={`${BASE}/end`}>
          <input type="hidden" name="match" value={match} />
          <button type="submit">{named(words.end)}</button>
        </Form>
      )}
      <Form visit={visit} action={`${BASE}/remove`}>
        <input type="hidden" name="match" value={match} />
        <button type="submit" class="danger">
          {named(words.remove)}
        </button>
      </Form>
    </>
  );
}

/** What the form holds; as typed. */
export interface OverrideForm {
  readonly match: string;
  readonly action: string;
  readonly text: string;
  readonly note: string;
  readonly expires: string;
}

export const EMPTY_FORM: OverrideForm = { match: '', action: 'allow', text: '', note: '', expires: '' };

/** The form of an entry that is there. */
export function formFor({ match, action, text, note, expires }: OwnedOverride): OverrideForm {
  const until = expires === null ? '' : new Date(expires).toISOString();
  return { match, action, text: text ?? '', note: note ?? '', expires: until };
}

interface FormProps {
  readonly visit: Visit;
  readonly form: OverrideForm;
  /** The entry is there already: its match stays, or it would be another one. */
  readonly replaces: boolean;
  readonly problems: ReadonlyArray<{ readonly key: string; readonly problem: string }>;
}

/** The form that adds or replaces an override. */
export function OverrideFields({ visit, form, replaces, problems }: FormProps) {
  const words = RECIPIENT_WORDS[visit.language].overrides;
  return (
    <>
      {problems.length > 0 && (
        <div class="problem" role="alert">
          {words.cannot}
          <ul>
            {problems.map(({ key, problem }) => (
              <li>
                <Quoted text={`${key}: ${problem}`} />
              </li>
            ))}
          </ul>
        </div>
      )}
      <Form visit={visit} action={`${BASE}/save`} class="card">
        <Field name="match" label={words.match} hint={words.matchHint} form={form} readonly={replaces} />
        <p class="field">
          <label for="action">{words.action}</label>
          <select id="action" name="action">
            {['allow', 'deny'].map((action) => (
              <option value={action} selected={action === form.action}>
                {words.actions[action]}
              </option>
            ))}
          </select>
        </p>
        <Field name="expires" label={words.expires} hint={words.expiresHint} form={form} />
        <Field name="text" label={words.text} hint={words.textHint} form={form} />
        <Field name="note" label={words.note} hint={words.noteHint} form={form} />
        <p class="actions">
          <button type="submit" class="primary">
            {words.save}
          </button>
          <a href={BASE}>{words.back}</a>
        </p>
      </Form>
    </>
  );
}

interface FieldProps {
  readonly name: keyof OverrideForm;
  readonly label: string;
  readonly hint: string;
  readonly form: OverrideForm;
  readonly readonly?: boolean;
}

function Field({ name, label, hint, form, readonly = false }: FieldProps) {
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <input
        id={name}
        name={name}
        value={form[name]}
        maxlength={600}
        readonly={readonly}
        aria-describedby={`${name}-hint`}
      />
      <span class="hint" id={`${name}-hint`}>
        {hint}
      </span>
    </p>
  );
}
