/** What came of a trial: the permissions in the token, or a problem with what to do about it, in the visitor's words. */
import type { Problem, Trial } from '../../core/application.ts';
import { reviewRoles } from '../../core/permissions.ts';
import { explainProblem } from '../../core/problems.ts';
import { Time } from '../site/format.tsx';
import type { Language } from '../site/visit.ts';
import { OAUTH_WORDS, type OauthWords } from './words.ts';

/** A problem: what it is, its code, and what to do. One without words of ours keeps those it came with. */
export function ProblemText({ problem, language }: { problem: Problem; language: Language }) {
  const words = OAUTH_WORDS[language];
  const known = explainProblem(problem);
  const fix = known?.fix[language] ?? problem.hint;
  const [, detail = ''] = /^[^:]*: (missing: .*)$/.exec(problem.message) ?? [];
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{words.problem}: </strong>
        {known?.means[language] ?? problem.message} {detail !== '' && `(${detail.replace('missing: ', '')}) `}
        <code>{problem.code}</code>
      </p>
      {fix !== '' && (
        <p>
          <strong>{words.whatToDo}: </strong>
          {fix}
        </p>
      )}
    </div>
  );
}

/** The last trial of what would be connected. */
export function TrialText({ trial, language }: { trial: Trial | null; language: Language }) {
  const words = OAUTH_WORDS[language];
  if (trial === null) return null;
  if (!trial.ok) return <ProblemText problem={trial.problem} language={language} />;
  return (
    <div>
      <p>
        {words.authenticated} (<Time at={trial.at} />)
      </p>
      <Roles roles={trial.roles} words={words} />
    </div>
  );
}

/** What the permissions in a token mean: missing, optional, and those that should not be there. */
function Roles({ roles, words }: { roles: readonly string[]; words: OauthWords }) {
  const { missing, absent, unneeded, writing } = reviewRoles(roles);
  return (
    <>
      <dl>
        <Names term={words.granted} names={roles} />
        <Names term={words.missing} names={missing} />
        <Names term={words.absent} names={absent} />
      </dl>
      <Warning text={words.unneeded} names={unneeded} />
      <Warning text={words.writing} names={writing} />
    </>
  );
}

function Names({ term, names }: { term: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <>
      <dt>{term}</dt>
      <dd>
        <code>{names.join(', ')}</code>
      </dd>
    </>
  );
}

function Warning({ text, names }: { text: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <p class="problem">
      {text}: <code>{names.join(', ')}</code>
    </p>
  );
}
