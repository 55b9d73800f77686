/** The filter of the rejections page: a form that is a link, so that a filter can be kept and passed on. */
import { ACTION_OF } from '../../core/verdict.ts';
import type { Language } from '../site/visit.ts';
import { type Asked, type FilterText, TIME_SPANS } from './asked.ts';
import { REJECTION_WORDS } from './words.ts';

interface Props {
  readonly asked: Asked;
  readonly language: Language;
}

/** The form; it asks by GET, because it changes nothing. */
export function FilterForm({ asked, language }: Props) {
  const words = REJECTION_WORDS[language];
  const reasons = [...Object.keys(ACTION_OF), ...Object.keys(words.otherReasons)];
  return (
    <form method="get" action="/rejections" class="card" aria-labelledby="filter">
      <h2 id="filter">{words.filter}</h2>
      <div class="grid">
        <Choice
          name="span"
          label={words.span}
          value={asked.span}
          options={TIME_SPANS.map((span) => [span, words.spans[span]])}
        />
        <Text name="recipient" label={words.recipient} hint={words.recipientHint} asked={asked} />
        <Text name="client" label={words.client} hint={words.clientHint} asked={asked} />
        <Text name="domain" label={words.domain} asked={asked} />
        <Choice
          name="reason"
          label={words.reason}
          value={asked.texts.reason}
          options={[['', words.any], ...reasons.map((reason) => [reason, reason] as const)]}
        />
        <Choice
          name="verdict"
          label={words.verdict}
          value={asked.texts.verdict}
          options={[
            ['', words.any],
            ['reject', words.reject],
            ['defer', words.defer],
          ]}
        />
        <Text name="text" label={words.text} hint={words.textHint} asked={asked} />
      </div>
      <p class="actions">
        <button type="submit" class="primary">
          {words.show}
        </button>
      </p>
    </form>
  );
}

function Text(props: {
  readonly name: FilterText;
  readonly label: string;
  readonly hint?: string;
  readonly asked: Asked;
}) {
  const { name, label, hint, asked } = props;
  const described = hint === undefined ? {} : { 'aria-describedby': `${name}-hint` };
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <input id={name} name={name} value={asked.texts[name]} maxlength={512} {...described} />
      {hint !== undefined && (
        <span class="hint" id={`${name}-hint`}>
          {hint}
        </span>
      )}
    </p>
  );
}

function Choice(props: {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly options: ReadonlyArray<readonly [value: string, text: string]>;
}) {
  const { name, label, value, options } = props;
  return (
    <p class="field">
      <label for={name}>{label}</label>
      <select id={name} name={name}>
        {options.map(([each, text]) => (
          <option value={each} selected={each === value}>
            {text}
          </option>
        ))}
      </select>
    </p>
  );
}
