/**
 * Accepts, rejects and defers over time as stacked bars: an SVG made here, so it needs no script. Each part has a pattern
 * besides its colour, and the numbers stand in a table below.
 */
import type { History, HistoryBucket } from '../../core/rejection.ts';
import { numberText } from '../site/format.tsx';
import type { Language } from '../site/visit.ts';
import { axisEnd, stack } from './scale.ts';
import { CHART_WORDS } from './words.ts';

/** Style sheet that a page with a chart names in its `styles`. */
export const CHART_STYLE = 'chart.css';

const KINDS = ['accepted', 'deferred', 'rejected'] as const;
type Kind = (typeof KINDS)[number];

const WIDTH = 960;
const HEIGHT = 260;
const LEFT = 64;
const TOP = 12;
const PLOT_WIDTH = WIDTH - LEFT - 8;
const PLOT_HEIGHT = 200;
/** Bars between two labels of the time axis. */
const LABELS = 8;

export interface ChartProps {
  readonly history: History;
  readonly language: Language;
  /** Unique on the page. */
  readonly id: string;
}

/** The chart with its legend and its table; the page gives the heading. */
export function AnswerChart({ history, language, id }: ChartProps) {
  const words = CHART_WORDS[language];
  const sums = sumsOf(history.buckets);
  const count = (kind: Kind): string => numberText(language, sums[kind]);
  const span = [history.from, history.to].map(timeText) as [string, string];
  return (
    <figure class="chart">
      <Legend language={language} id={id} sums={sums} />
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={`${id}-title ${id}-desc`}>
        <title id={`${id}-title`}>{words.title}</title>
        <desc id={`${id}-desc`}>
          {words.desc(count('accepted'), count('rejected'), count('deferred'), ...span)}
        </desc>
        <Patterns id={id} />
        <Plot history={history} language={language} id={id} />
      </svg>
      {KINDS.every((kind) => sums[kind] === 0) && <p class="hint">{words.nothing}</p>}
      <Table history={history} language={language} />
    </figure>
  );
}

function sumsOf(buckets: readonly HistoryBucket[]): Record<Kind, number> {
  const sum = (kind: Kind): number => buckets.reduce((all, bucket) => all + bucket[kind], 0);
  return { accepted: sum('accepted'), deferred: sum('deferred'), rejected: sum('rejected') };
}

function Legend(props: { language: Language; id: string; sums: Record<Kind, number> }) {
  const { language, id, sums } = props;
  return (
    <ul class="legend">
      {KINDS.map((kind) => (
        <li>
          <svg width="18" height="18" aria-hidden="true">
            <Mark id={id} kind={kind} x={1} y={1} width={16} height={16} />
          </svg>{' '}
          {CHART_WORDS[language][kind]} <span class="number">{numberText(language, sums[kind])}</span>
        </li>
      ))}
    </ul>
  );
}

/** Stripes for what was deferred, dots for what was rejected; what was accepted is plain. */
function Patterns({ id }: { id: string }) {
  return (
    <defs>
      <pattern
        id={`${id}-deferred`}
        width="6"
        height="6"
        patternUnits="userSpaceOnUse"
        patternTransform="rotate(45)"
      >
        <rect class="chart-deferred" width="6" height="6" />
        <rect class="chart-mark" width="2" height="6" />
      </pattern>
      <pattern id={`${id}-rejected`} width="6" height="6" patternUnits="userSpaceOnUse">
        <rect class="chart-rejected" width="6" height="6" />
        <circle class="chart-mark" cx="3" cy="3" r="1.3" />
      </pattern>
    </defs>
  );
}

interface MarkProps {
  readonly id: string;
  readonly kind: Kind;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function Mark({ id, kind, ...place }: MarkProps) {
  if (kind === 'accepted') return <rect class="chart-part chart-accepted" {...place} />;
  return <rect class="chart-part" fill={`url(#${id}-${kind})`} {...place} />;
}

function Plot({ history, language, id }: ChartProps) {
  const { buckets } = history;
  const end = axisEnd(Math.max(0, ...buckets.map((each) => each.accepted + each.deferred + each.rejected)));
  const width = PLOT_WIDTH / buckets.length;
  return (
    <g transform={`translate(${LEFT} ${TOP})`}>
      <ValueAxis end={end} language={language} />
      {buckets.map((bucket, index) => (
        <g>
          <title>{tip(bucket, language)}</title>
          <rect class="chart-hover" x={index * width} y={0} width={width} height={PLOT_HEIGHT} />
          {stack(
            KINDS.map((kind) => [kind, bucket[kind]] as const),
            end,
            PLOT_HEIGHT,
          ).map(({ name, y, height }) => (
            <Mark
              id={id}
              kind={name}
              x={index * width + 1}
              y={y}
              width={Math.max(1, width - 2)}
              height={height}
            />
          ))}
        </g>
      ))}
      <TimeAxis history={history} width={width} />
    </g>
  );
}

function ValueAxis({ end, language }: { end: number; language: Language }) {
  // There are no halves of an answer.
  const values = end % 2 === 0 ? [0, end / 2, end] : [0, end];
  return (
    <g class="chart-axis">
      {values.map((value) => {
        const y = PLOT_HEIGHT - (value / end) * PLOT_HEIGHT;
        return (
          <>
            <line x1={0} x2={PLOT_WIDTH} y1={y} y2={y} />
            <text x={-8} y={y + 4} text-anchor="end">
              {numberText(language, value)}
            </text>
          </>
        );
      })}
    </g>
  );
}

function TimeAxis({ history, width }: { history: History; width: number }) {
  const daily = history.step * LABELS >= 86_400_000;
  return (
    <g class="chart-axis">
      {history.buckets.map(({ at }, index) => {
        if (index % LABELS !== 0) return null;
        const text = daily ? timeText(at).slice(5, 16) : timeText(at).slice(11, 16);
        const zone = index === 0 ? ' UTC' : '';
        return (
          <text x={index * width} y={PLOT_HEIGHT + 22}>
            {text + zone}
          </text>
        );
      })}
    </g>
  );
}

function tip(bucket: HistoryBucket, language: Language): string {
  const words = CHART_WORDS[language];
  const parts = KINDS.map((kind) => `${words[kind]} ${numberText(language, bucket[kind])}`);
  return `${timeText(bucket.at)}: ${parts.join(', ')}`;
}

function Table({ history, language }: { history: History; language: Language }) {
  const words = CHART_WORDS[language];
  return (
    <details>
      <summary>{words.table}</summary>
      <section class="scroll" tabindex={0} aria-label={words.title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.time}</th>
              {KINDS.map((kind) => (
                <th scope="col" class="number">
                  {words[kind]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {history.buckets.map((bucket) => (
              <tr>
                <th scope="row">{timeText(bucket.at)}</th>
                {KINDS.map((kind) => (
                  <td class="number">{numberText(language, bucket[kind])}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

/** `2026-11-22 18:30 UTC` */
function timeText(at: number): string {
  const iso = new Date(at).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}
