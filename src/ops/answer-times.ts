/**
 * How long recipients waited for their answer, as a Prometheus histogram. It counts in a typed array: prom-client's own
 * histogram costs more for each observation than a whole answer from memory.
 */
import type { Counter, Registry } from 'prom-client';

export const ANSWER_TIMES = 'rcptgate_rcpt_answer_seconds';
const HELP = 'Time from RCPT TO to its answer, with the next hop and the live lookup where they were asked.';
/** Upper bounds, seconds. */
const BOUNDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 2.5, 10, 30];
/** The place of the sum, behind the buckets and the one without a bound. */
const SUM = BOUNDS.length + 1;

export interface AnswerTimes {
  /** Ms. */
  observe(ms: number): void;
  /** Places that grew since the last call, for another thread to {@link add}. */
  growth(): Array<readonly [place: number, by: number]>;
  add(place: number, by: number): void;
}

/** Registers the histogram. */
export function answerTimes(registry: Registry): AnswerTimes {
  const counts = new Float64Array(SUM + 1);
  const told = new Float64Array(SUM + 1);
  const metric = { name: ANSWER_TIMES, help: HELP, type: 'histogram', aggregator: 'sum' };
  // prom-client asks a metric for nothing but this.
  const get = async () => ({ ...metric, values: samples(counts) });
  registry.registerMetric({ ...metric, get } as unknown as Counter);
  return {
    observe(ms) {
      const seconds = ms / 1000;
      let place = 0;
      while (place < BOUNDS.length && seconds > (BOUNDS[place] ?? 0)) place += 1;
      counts[place] = (counts[place] ?? 0) + 1;
      counts[SUM] = (counts[SUM] ?? 0) + seconds;
    },
    growth() {
      const grown = [...counts.keys()].flatMap((place) => {
        const by = (counts[place] ?? 0) - (told[place] ?? 0);
        return by === 0 ? [] : [[place, by] as const];
      });
      told.set(counts);
      return grown;
    },
    add(place, by) {
      if (place >= 0 && place <= SUM) counts[place] = (counts[place] ?? 0) + by;
    },
  };
}

function samples(counts: Float64Array): object[] {
  let total = 0;
  const buckets = [...BOUNDS, '+Inf'].map((le, place) => {
    total += counts[place] ?? 0;
    return { metricName: `${ANSWER_TIMES}_bucket`, labels: { le }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${ANSWER_TIMES}_sum`, labels: {}, value: counts[SUM] ?? 0 },
    { metricName: `${ANSWER_TIMES}_count`, labels: {}, value: total },
  ];
}
