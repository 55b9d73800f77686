/** Rounds as a table, and the one that runs now. */
import { durationText, numberText, Time } from '../site/format.tsx';
import { Quoted } from '../site/quoted.tsx';
import { Scroll } from '../site/scroll.tsx';
import type { Language } from '../site/visit.ts';
import { TroubleText } from './credential.tsx';
import type { RoundView } from './gateway.ts';
import type { RunningRound } from './running.ts';
import { STATUS_WORDS } from './words.ts';

const LOOK: Readonly<Record<string, string>> = {
  ok: 'good',
  partial: 'wait',
  skipped: 'wait',
  failed: 'bad',
};

/** A word for an outcome with its colour. */
export function Outcome({ outcome, language }: { readonly outcome: string; readonly language: Language }) {
  return (
    <span class={`state ${LOOK[outcome] ?? ''}`}>{STATUS_WORDS[language].outcomes[outcome] ?? outcome}</span>
  );
}

interface TableProps {
  readonly rounds: readonly RoundView[];
  readonly caption: string;
  readonly language: Language;
}

/** One row a round; what went wrong stands below it. */
export function RoundsTable({ rounds, caption, language }: TableProps) {
  const words = STATUS_WORDS[language];
  if (rounds.length === 0) return <p>{words.noRounds}</p>;
  const amounts = [words.addresses, words.added, words.removed, words.heldColumn];
  return (
    <Scroll label={caption}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{words.started}</th>
            <th scope="col">{words.took}</th>
            <th scope="col">{words.outcome}</th>
            <th scope="col">{words.read}</th>
            {amounts.map((name) => (
              <th scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rounds.map((round) => (
            <RoundRows round={round} language={language} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function RoundRows({ round, language }: { readonly round: RoundView; readonly language: Language }) {
  const { startedAt, durationMs, outcome, addresses, added, removed, held } = round;
  const amounts = [addresses, added, removed, held];
  const troubles = [round.error, ...(round.streams ?? []).map(({ error }) => error)].filter(
    (error, index, all) => error && all.findIndex((other) => other?.message === error.message) === index,
  );
  return (
    <>
      <tr>
        <td>
          <Time at={startedAt} />
        </td>
        <td>{durationMs < 1000 ? `${Math.round(durationMs)} ms` : durationText(language, durationMs)}</td>
        <td>
          <Outcome outcome={outcome} language={language} />
        </td>
        <td>{readText(round, language)}</td>
        {amounts.map((amount) => (
          <td class="number">{amount === null ? '–' : numberText(language, amount)}</td>
        ))}
      </tr>
      {troubles.map(
        (trouble) =>
          trouble && (
            <tr>
              <td colspan={8}>
                <TroubleText trouble={trouble} language={language} />
              </td>
            </tr>
          ),
      )}
    </>
  );
}

function readText({ streams = [] }: RoundView, language: Language): string {
  const words = STATUS_WORDS[language];
  return streams
    .map(({ stream, read, entries }) => {
      const name = words.streams[stream] ?? stream;
      return `${name}: ${numberText(language, entries)} (${words.reads[read] ?? read})`;
    })
    .join(language === 'ja' ? '、' : ', ');
}

/** How far a round is that was asked for here, or how it ended. */
export function ProgressText({
  round,
  language,
}: {
  readonly round: RunningRound;
  readonly language: Language;
}) {
  const words = STATUS_WORDS[language];
  const number = (value: number): string => numberText(language, value);
  if (round.error !== null) return <Quoted text={words.endedError(round.error)} />;
  const { report, entries } = round;
  if (report) {
    const outcome = words.outcomes[report.outcome] ?? report.outcome;
    if (report.addresses === null) return <>{words.endedEmpty(outcome)}</>;
    const [addresses, added, removed] = [report.addresses, report.added, report.removed].map(number);
    return <>{words.ended(outcome, addresses ?? '', added ?? '', removed ?? '')}</>;
  }
  const parts = [...entries].map(([stream, count]) => `${words.streams[stream] ?? stream} ${number(count)}`);
  return <>{parts.length === 0 ? words.progressNone : words.progress(parts.join(', '))}</>;
}
