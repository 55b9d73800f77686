/** Which recipients of a tenant are known, and what is known to be missing. */
import type { Coverage, Gap } from '../../core/coverage.ts';
import { agoText, numberText } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import type { Language } from '../site/visit.ts';
import { STATUS_WORDS } from './words.ts';

interface Props {
  readonly coverage: Coverage;
  readonly language: Language;
}

/** Gaps first, because they are what needs somebody; then the counts. `now` and `at` are in ms since 1970. */
export function CoverageText({
  coverage,
  language,
  at,
  now,
}: Props & { readonly at: number; readonly now: number }) {
  const words = STATUS_WORDS[language];
  const enforced = coverage.gaps.filter((gap) => gap.enforced);
  const others = coverage.gaps.filter((gap) => !gap.enforced);
  return (
    <>
      <p class="hint">{words.coverageAsOf(agoText(language, at, now))}</p>
      <section class="card" aria-labelledby="gaps">
        <h2 id="gaps">{words.gaps}</h2>
        {enforced.length === 0 ? (
          <p class="done">{words.noGaps}</p>
        ) : (
          <Gaps gaps={enforced} language={language} />
        )}
        {others.length > 0 && (
          <>
            <h3>{words.otherGaps}</h3>
            <Gaps gaps={others} language={language} />
          </>
        )}
      </section>
      <Kinds coverage={coverage} language={language} />
      <Domains coverage={coverage} language={language} />
      <p>
        <a href="/status">{words.back}</a>
      </p>
    </>
  );
}

function Gaps({ gaps, language }: { readonly gaps: readonly Gap[]; readonly language: Language }) {
  const words = STATUS_WORDS[language];
  return (
    <ul>
      {gaps.map((gap) => {
        const { missing, remedy } = words.gap?.[gap.gap]?.(gap.domain ?? '') ?? gap;
        return (
          <li>
            <Quoted text={missing} />
            <br />
            <span class="hint">
              {words.remedy} <Quoted text={remedy} />
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Kinds({ coverage, language }: Props) {
  const words = STATUS_WORDS[language];
  return (
    <section class="card" aria-labelledby="kinds">
      <h2 id="kinds">{words.kind}</h2>
      <Scroll label={words.kind}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.kind}</th>
              <th scope="col" class="number">
                {words.objects}
              </th>
              <th scope="col" class="number">
                {words.addresses}
              </th>
              <th scope="col">{words.source}</th>
            </tr>
          </thead>
          <tbody>
            {coverage.kinds.map(({ kind, objects, addresses, source }) => (
              <tr>
                <th scope="row">
                  <Quoted text={words.kinds[kind] ?? kind} />
                </th>
                <td class="number">{objects === null ? '–' : numberText(language, objects)}</td>
                <td class="number">{numberText(language, addresses)}</td>
                <td>{words.sources[source] ?? source}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Domains({ coverage, language }: Props) {
  const words = STATUS_WORDS[language];
  const columns = [words.users, words.groups, words.contacts, words.importedColumn, words.overrides];
  return (
    <section class="card" aria-labelledby="domains">
      <h2 id="domains">{words.domains}</h2>
      <Scroll label={words.domains}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.domain}</th>
              <th scope="col">{words.policy}</th>
              <th scope="col">{words.verified}</th>
              {columns.map((name) => (
                <th scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {coverage.domains.map(({ name, policy, verified, ...counts }) => (
              <tr>
                <th scope="row">{name}</th>
                <td>{policy === null ? words.notConfigured : (words.policies[policy] ?? policy)}</td>
                <td>{verified ? words.yes : words.no}</td>
                {[counts.users, counts.groups, counts.contacts, counts.imported, counts.overrides].map(
                  (count) => (
                    <td class="number">{numberText(language, count)}</td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
