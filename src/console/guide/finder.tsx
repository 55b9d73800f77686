/** Which tenant a domain belongs to, for a person who wonders whether the id in the configuration is the right one. */
import type { GuideWords } from './words.ts';

/** `tenant` null: none of this cloud. */
export type FinderAnswer =
  | { readonly ok: true; readonly tenant: string | null }
  | { readonly ok: false; readonly message: string };

/** The form and, once something was asked, the answer. `tenants` are those that the visitor sees. */
export function Finder(props: {
  domain: string;
  answer: FinderAnswer | null;
  tenants: readonly string[];
  /** Path of the page that it stands on. */
  action: string;
  words: GuideWords;
}) {
  const { domain, answer, tenants, action, words } = props;
  return (
    <section class="card" aria-labelledby="finder">
      <h2 id="finder">{words.finder}</h2>
      <p>{words.finderText}</p>
      <form method="get" action={`${action}#finder`}>
        <div class="field">
          <label for="domain">{words.domain}</label>
          <input id="domain" name="domain" type="text" value={domain} autocomplete="off" spellcheck={false} />
        </div>
        <button type="submit">{words.find}</button>
      </form>
      {answer !== null && <Answer domain={domain} answer={answer} tenants={tenants} words={words} />}
    </section>
  );
}

function Answer(props: {
  domain: string;
  answer: FinderAnswer;
  tenants: readonly string[];
  words: GuideWords;
}) {
  const { domain, answer, tenants, words } = props;
  if (!answer.ok) return <p class="problem">{answer.message}</p>;
  if (answer.tenant === null) return <p class="problem">{words.notFound(domain)}</p>;
  const ours = tenants.includes(answer.tenant);
  return (
    <p class={ours ? 'done' : 'problem'} role="status">
      {words.found(domain, answer.tenant)}. {ours ? words.here : words.notHere}
    </p>
  );
}
