/** Prometheus metrics. Labels are bounded: never an address, a client or a message text. */
import { Counter, Gauge, Registry } from 'prom-client';
import { ANSWER_TIMES, type AnswerTimes, answerTimes } from './answer-times.ts';
import { processMetrics } from './process-metrics.ts';
import { VerdictTally } from './verdict-tally.ts';

export interface Metrics extends ReturnType<typeof processMetrics> {
  readonly registry: Registry;
  readonly verdicts: VerdictTally;
  readonly answerTimes: AnswerTimes;
  readonly messages: Counter<'result'>;
  readonly nextHopTroubles: Counter<'stage'>;
  readonly rounds: Counter<'tenant' | 'outcome'>;
  readonly lookups: Counter<'tenant' | 'outcome'>;
  readonly exports: Counter<'outcome'>;
  readonly rejections: Counter<'outcome'>;
  readonly regrets: Counter<'tenant'>;
  readonly tlsFailures: Counter;
  readonly workerRestarts: Counter;
  readonly certificateExpiry: Gauge<'listener' | 'name'>;
  readonly harvestDenials: Counter;
  readonly harvestRefusals: Counter;
  readonly addresses: Gauge<'tenant'>;
  readonly syncedAt: Gauge<'tenant'>;
  readonly credentialExpiry: Gauge<'tenant'>;
  readonly directoryAge: Gauge<'tenant'>;
  readonly directoryFresh: Gauge<'tenant'>;
  readonly departed: Gauge<'tenant'>;
  readonly held: Gauge<'tenant'>;
}

/** A fresh registry with every metric at zero. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    verdicts: verdictTally(registry),
    answerTimes: answerTimes(registry),
    ...processMetrics(registry),
    messages: new Counter({
      name: 'rcptgate_relay_messages_total',
      help: 'Messages by what became of them at the next hop.',
      labelNames: ['result'],
      registers,
    }),
    nextHopTroubles: new Counter({
      name: 'rcptgate_next_hop_troubles_total',
      help: 'Connection troubles with next hops, by stage.',
      labelNames: ['stage'],
      registers,
    }),
    rounds: new Counter({
      name: 'rcptgate_sync_rounds_total',
      help: 'Sync rounds by outcome.',
      labelNames: ['tenant', 'outcome'],
      registers,
    }),
    lookups: new Counter({
      name: 'rcptgate_lookups_total',
      help: 'Unknown recipients by what their live lookup came to.',
      labelNames: ['tenant', 'outcome'],
      registers,
    }),
    ...furtherCounters(registry),
    tlsFailures: new Counter({
      name: 'rcptgate_tls_failures_total',
      help: 'TLS handshakes of clients that failed.',
      registers,
    }),
    workerRestarts: new Counter({
      name: 'rcptgate_worker_restarts_total',
      help: 'Worker threads that died and were started again.',
      registers,
    }),
    certificateExpiry: new Gauge({
      name: 'rcptgate_certificate_expiry_timestamp_seconds',
      help: 'End of the certificates that listeners present.',
      labelNames: ['listener', 'name'],
      registers,
    }),
    ...tenantGauges(registry),
  };
}

/** With every outcome at zero from the start: Prometheus sees no increase in a series that begins with 1. */
function fromZero(counter: Counter<'outcome'>, outcomes: readonly string[]): Counter<'outcome'> {
  for (const outcome of outcomes) counter.inc({ outcome }, 0);
  return counter;
}

/** What becomes of answers in the rejection log, of exports, and of clients that guess. */
function furtherCounters(registry: Registry) {
  const registers = [registry];
  return {
    exports: fromZero(
      new Counter({
        name: 'rcptgate_exports_total',
        help: 'Standing exports by what became of them.',
        labelNames: ['outcome'],
        registers,
      }),
      ['written', 'unchanged', 'refused', 'failed'],
    ),
    harvestDenials: new Counter({
      name: 'rcptgate_harvest_denials_total',
      help: 'Clients denied because they asked for too many unknown recipients.',
      registers,
    }),
    harvestRefusals: new Counter({
      name: 'rcptgate_harvest_refusals_total',
      help: 'Connections and recipients of denied clients that were turned away.',
      registers,
    }),
    rejections: fromZero(
      new Counter({
        name: 'rcptgate_rejection_log_answers_total',
        help: 'Answers of 4xx and 5xx by what the rejection log did with them: kept, aggregated or lost.',
        labelNames: ['outcome'],
        registers,
      }),
      ['kept', 'aggregated', 'lost'],
    ),
    regrets: new Counter({
      name: 'rcptgate_regretted_addresses_total',
      help: 'Addresses that were rejected as unknown and appeared in the directory later.',
      labelNames: ['tenant'],
      registers,
    }),
  };
}

/** The counter of verdicts: whoever reads it has what was tallied added first. */
function verdictTally(registry: Registry): VerdictTally {
  const tally = new VerdictTally();
  new Counter({
    name: 'rcptgate_rcpt_verdicts_total',
    help: 'Recipients answered, by verdict and reason.',
    labelNames: ['verdict', 'reason', 'tenant'],
    registers: [registry],
    collect() {
      tally.settle(this);
    },
  });
  return tally;
}

/** How much a counter grew. */
export interface CounterGrowth {
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly by: number;
}

/** Tells, at every call, what the counters of this thread have grown since the last one. */
export function counterGrowth({ registry, answerTimes }: Metrics): () => CounterGrowth[] {
  // What is measured of the whole process is the same in every thread.
  const counters = registry
    .getMetricsAsArray()
    .filter((metric) => metric instanceof Counter && !metric.name.startsWith('process_'));
  const last = new Map<string, number>();
  return () => [
    ...answerTimes.growth().map(([place, by]) => ({ name: ANSWER_TIMES, labels: { place }, by })),
    ...counters.flatMap((counter) => {
      const state = counter as unknown as CounterState;
      state.collect?.();
      const { name, hashMap } = state;
      return Object.entries(hashMap).flatMap(([key, { labels, value }]) => {
        const by = value - (last.get(`${name} ${key}`) ?? 0);
        last.set(`${name} ${key}`, value);
        return by === 0 ? [] : [{ name, labels, by }];
      });
    }),
  ];
}

/** What prom-client keeps of a counter; its public way to it is a promise. */
interface CounterState {
  readonly name: string;
  /** Brings it up to date; what is tallied elsewhere has one. */
  collect?(): void;
  readonly hashMap: Readonly<
    Record<string, { readonly labels: CounterGrowth['labels']; readonly value: number }>
  >;
}

/** Adds what other threads have counted. */
export function addGrowth({ registry, answerTimes }: Metrics, growth: readonly CounterGrowth[]): void {
  for (const { name, labels, by } of growth) {
    if (name === ANSWER_TIMES) {
      answerTimes.add(Number(labels.place), by);
      continue;
    }
    const counter = registry.getSingleMetric(name);
    if (counter instanceof Counter) counter.inc({ ...labels }, by);
  }
}

/** What is shown of each tenant. */
function tenantGauges(registry: Registry) {
  return {
    addresses: tenantGauge(
      'rcptgate_directory_addresses',
      'Addresses in the directory that answers.',
      registry,
    ),
    syncedAt: tenantGauge(
      'rcptgate_directory_synced_timestamp_seconds',
      'Start of the last complete sync round.',
      registry,
    ),
    credentialExpiry: tenantGauge(
      'rcptgate_credential_expiry_timestamp_seconds',
      'End of the credential in use, where it is known.',
      registry,
    ),
    directoryAge: tenantGauge(
      'rcptgate_directory_age_seconds',
      'Time since the start of the last complete sync round.',
      registry,
    ),
    directoryFresh: tenantGauge(
      'rcptgate_directory_fresh',
      '1 when the directory proves that somebody is absent, 0 when unknown recipients are deferred.',
      registry,
    ),
    departed: tenantGauge(
      'rcptgate_directory_grace_addresses',
      'Addresses that left the tenant and are still accepted.',
      registry,
    ),
    held: tenantGauge(
      'rcptgate_sync_held_addresses',
      'Addresses whose removal the guard holds back.',
      registry,
    ),
  };
}

function tenantGauge(name: string, help: string, registry: Registry): Gauge<'tenant'> {
  return new Gauge({ name, help, labelNames: ['tenant'], registers: [registry] });
}
