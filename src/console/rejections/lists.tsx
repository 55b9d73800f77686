/** Rows, top lists and regrets as tables. Everything that came from outside is quoted. */
import {
  type Page,
  type RegretRow,
  type RejectionRow,
  TOP_LISTS,
  type TopList,
  type TopRow,
} from '../../core/rejection.ts';
import type { Reason } from '../../core/verdict.ts';
import { REASON_WORDS } from '../recipients/reasons.ts';
import { numberText, Time } from '../site/format.tsx';
import { Quoted, quotedText } from '../site/quoted.tsx';
import type { Language } from '../site/visit.ts';
import { REJECTION_WORDS } from './words.ts';

/** A reason in words; one that this console does not know by its name. */
function reasonText(reason: string, language: Language): string {
  const known = REASON_WORDS[language][reason as Reason] ?? REJECTION_WORDS[language].otherReasons[reason];
  return known ?? quotedText(reason);
}

/** The most frequent of each kind, a small table each. */
export function TopLists(props: {
  readonly lists: Readonly<Record<TopList, readonly TopRow[]>>;
  readonly language: Language;
}) {
  const { lists, language } = props;
  const words = REJECTION_WORDS[language];
  return (
    <section class="card" aria-labelledby="top">
      <h2 id="top">{words.top}</h2>
      <div class="grid">
        {TOP_LISTS.map((by) => (
          <table>
            <caption>{words.topNames[by]}</caption>
            <tbody>
              {lists[by].map(({ value, count }) => (
                <tr>
                  <th scope="row">
                    <Quoted text={value} />
                  </th>
                  <td class="number">{numberText(language, count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        ))}
      </div>
    </section>
  );
}

/** One page of rows. */
export function Rows({
  rows,
  language,
}: {
  readonly rows: readonly RejectionRow[];
  readonly language: Language;
}) {
  const words = REJECTION_WORDS[language];
  const { columns } = words;
  if (rows.length === 0) return <p>{words.none}</p>;
  return (
    <section class="scroll" tabindex={0} aria-labelledby="list">
      <table class="rejections">
        <thead>
          <tr>
            <th scope="col">{columns.time}</th>
            <th scope="col" class="number">
              {columns.count}
            </th>
            <th scope="col">{columns.answer}</th>
            <th scope="col">{columns.recipient}</th>
            <th scope="col">{columns.sender}</th>
            <th scope="col">{columns.client}</th>
            <th scope="col">{columns.reference}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Row row={row} language={language} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ row, language }: { readonly row: RejectionRow; readonly language: Language }) {
  const words = REJECTION_WORDS[language];
  return (
    <tr>
      <td>
        <Time at={row.lastAt} />
      </td>
      <td class="number">{numberText(language, row.count)}</td>
      <td>
        <span class={`state ${row.verdict === 'reject' ? 'bad' : 'wait'}`}>
          {row.code} {words[row.verdict]}
        </span>{' '}
        <span class="reason">{reasonText(row.reason, language)}</span>
        {row.detail !== null && (
          <span class="hint">
            {' '}
            {words.nextHop}: <Quoted text={row.detail} />
          </span>
        )}
      </td>
      <td>
        {row.rcpt === null ? words.nobody : <Quoted text={row.rcpt} />}
        {row.regretted && (
          <>
            {' '}
            <span class="state good">{words.existsNow}</span>
          </>
        )}
      </td>
      <td>{row.mailFrom === null ? '' : <Sender text={row.mailFrom} language={language} />}</td>
      <td>
        <Quoted text={row.realClient} />
        {row.helo !== null && (
          <span class="hint">
            {' '}
            <Quoted text={row.helo} />
          </span>
        )}
      </td>
      <td>
        {row.ref !== null && (
          <a href={`/recipients/explain?${new URLSearchParams({ address: row.ref })}`}>
            <code>{row.ref}</code>
          </a>
        )}
      </td>
    </tr>
  );
}

function Sender({ text, language }: { readonly text: string; readonly language: Language }) {
  return <Quoted text={text === '' ? `<> (${REJECTION_WORDS[language].bounce})` : text} />;
}

/** One page of regrets. */
export function Regrets({ page, language }: { readonly page: Page<RegretRow>; readonly language: Language }) {
  const words = REJECTION_WORDS[language];
  const { found, address, count, when, senders } = words.regretColumns;
  if (page.rows.length === 0) return <p>{words.regretsNone}</p>;
  return (
    <section class="scroll" tabindex={0} aria-label={words.regrets}>
      <table>
        <thead>
          <tr>
            <th scope="col">{found}</th>
            <th scope="col">{address}</th>
            <th scope="col" class="number">
              {count}
            </th>
            <th scope="col">{when}</th>
            <th scope="col">{senders}</th>
          </tr>
        </thead>
        <tbody>
          {page.rows.map((row) => (
            <tr>
              <td>
                <Time at={row.foundAt} />
              </td>
              <td>
                <Quoted text={row.address} />
              </td>
              <td class="number">{numberText(language, row.count)}</td>
              <td>
                <Time at={row.firstAt} />
                {row.lastAt > row.firstAt && (
                  <>
                    {' – '}
                    <Time at={row.lastAt} />
                  </>
                )}
              </td>
              <td>
                {row.senders.map((sender) => (
                  <>
                    <Sender text={sender} language={language} />{' '}
                  </>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
