/**
 * One of several worker threads that answer: listeners on descriptors of its own, the directories in shared memory, a relay.
 * Lookups and guesses go to the main thread and are answered from there; log lines and counters are collected and told.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Config } from './config/config.ts';
import type { Answered } from './core/answered.ts';
import { openSnapshot, withTenant } from './core/directory.ts';
import { clientNetwork, HARVEST_CAPACITY, HarvestWatch } from './core/harvest.ts';
import type { LookupOutcome } from './core/lookup.ts';
import { operatorFrom } from './core/operator.ts';
import { edgeOf, learnNextHops, listenerOptions, nothingLearnt, openRelay } from './edge.ts';
import { watchEdge } from './edge-watch.ts';
import { createEvents } from './ops/events.ts';
import { openLineLog } from './ops/log.ts';
import { counterGrowth, createMetrics } from './ops/metrics.ts';
import { rejectionNotes } from './rejections.ts';
import type { HarvestGate } from './smtp/admission.ts';
import { openListener, type SmtpListener } from './smtp/listener.ts';
import type { LiveLookups } from './sync/lookup.ts';
import { collectObservations } from './sync/observations.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './worker-protocol.ts';

/** How often the main thread hears of what happened, ms, and of a quiet worker, in such intervals. */
const REPORT_EVERY = 100;
const SIGN_OF_LIFE = 10;
/** Answers that are told at once. */
const ANSWERS_FULL = 20_000;
/** Answers that are told in any case: of what is not much nothing is lost while the main thread says how much it can take. */
const ANSWERS_ALWAYS = 200;
/** Ms after which guesses are told: waking the main thread for each costs as much as the answer. */
const GUESSES_EVERY = 20;
/** Clients and addresses that are told at once. */
const GUESSES_FULL = 8192;
/** Log text that is told at once, characters. */
const LOG_FULL = 65_536;

const settings = workerData as WorkerSettings;
const port = parentPort;
if (!port) throw new Error('a worker is started by workers.ts');
const tell = (message: FromWorker): void => port.postMessage(message);

let lines: string[] = [];
let length = 0;
let quiet = 0;
let accepted: Array<readonly [string, string]> = [];
const seen = new Set<string>();
let refused = new Map<string, number>();
let answers: Answered[] = [];
/** Those that were not put together, because the main thread has no room for them. */
let lost = 0;
const counts = new Map<string, [string | null, string | null, number, number]>();
let live: Config = settings.config;

const log = openLineLog(live.logLevel, (line) => {
  lines.push(line);
  length += line.length;
  if (length > LOG_FULL) report();
});
const metrics = createMetrics();
const growth = counterGrowth(metrics);
const events = createEvents(log.logger, metrics, live.log.rejectionsPerSecond);

const share = new Int32Array(settings.share);
const shared = nothingLearnt(live);
shared.told = settings.told;
shared.operator = operatorFrom(live.policy, shared.told);
for (const snapshot of settings.directories) {
  shared.directory = withTenant(shared.directory, openSnapshot(snapshot));
}

const relay = openRelay(live);
const lookups = live.lookup.enabled ? remoteLookups() : null;
const harvest = sharedHarvest();
const observed = collectObservations(async (batch) => tell({ kind: 'observed', batch }));
const rejections = rejectionNotes({
  room() {
    if (answers.length >= ANSWERS_FULL) report();
    // Handing an answer over costs as much as giving it, so nothing is handed over that would be thrown away there.
    if (answers.length < ANSWERS_ALWAYS || answers.length < Atomics.load(share, 0)) return true;
    lost += 1;
    return false;
  },
  note: (answer) => void answers.push(answer),
  count(tenant, domain, code) {
    const key = `${tenant} ${domain} ${code}`;
    const counted = counts.get(key);
    if (counted) counted[3] += 1;
    else counts.set(key, [tenant, domain, code, 1]);
  },
});
const { edge, nextHops } = watchEdge(
  edgeOf(
    shared,
    relay,
    {
      lookups: lookups?.lookups ?? null,
      accepted: {
        note(tenant, address) {
          // Once a report is enough for the main thread, which tells the learning thread every half minute.
          if (seen.has(address)) return;
          seen.add(address);
          accepted.push([tenant, address]);
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      observed,
      rejections,
      harvest: harvest.gate,
    },
    events,
  ),
);

const listeners: SmtpListener[] = [];
const census = new Int32Array(settings.census);
for (const [index, { fd, material }] of settings.listeners.entries()) {
  const smtp = live.smtp[index];
  if (!smtp) continue;
  const slots = census.subarray(index * live.workers, (index + 1) * live.workers);
  const options = { ...listenerOptions(live, smtp, material), fd, census: { slots, own: settings.id } };
  listeners.push(await openListener(options, edge));
}

learnNextHops(live, edge);

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'directory':
      shared.directory = withTenant(shared.directory, openSnapshot(message.snapshot));
      break;
    case 'operator':
      shared.told = message.told;
      shared.operator = operatorFrom(live.policy, shared.told);
      break;
    case 'config':
      live = message.config;
      log.setLevel(live.logLevel);
      shared.operator = operatorFrom(live.policy, shared.told);
      break;
    case 'certificate':
      listeners[message.listener]?.replaceCertificate(message.material);
      break;
    case 'lookup':
      lookups?.answered(message.id, message.outcome);
      break;
    case 'denied':
      harvest.denied(message.client, message.ms);
      break;
    case 'stop':
      void stop(message.grace);
  }
});
for (const [client, ms] of settings.denied) harvest.denied(client, ms);
const timer = setInterval(report, REPORT_EVERY);
// A thread that dies of an error tells what it had still to tell; one that is ended from outside cannot.
process.once('exit', sayLast);
tell({ kind: 'ready' });

async function stop(grace: number): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close(grace)));
  await relay.close();
  clearInterval(timer);
  await observed[Symbol.asyncDispose]();
  sayLast();
  tell({ kind: 'stopped' });
  port?.close();
}

function sayLast(): void {
  harvest.flush();
  events.recipientsFlush();
  report();
}

function report(): void {
  const counters = growth();
  quiet += 1;
  const told = lines.length + counters.length + accepted.length + refused.size;
  const news = told + answers.length + lost + counts.size;
  if (news === 0 && quiet < SIGN_OF_LIFE) return;
  tell({
    kind: 'report',
    log: lines.join(''),
    counters,
    accepted,
    refused: [...refused],
    counts: [...counts.values()],
    answers,
    lost,
    nextHops: nextHops(),
  });
  answers = [];
  lost = 0;
  counts.clear();
  lines = [];
  length = 0;
  quiet = 0;
  accepted = [];
  seen.clear();
  refused = new Map();
}

/** Lookups that the main thread makes, because their budget and their memory are for all. */
function remoteLookups(): { lookups: LiveLookups; answered(id: number, outcome: LookupOutcome): void } {
  const waiting = new Map<number, (outcome: LookupOutcome) => void>();
  let next = 0;
  return {
    lookups: {
      ask(question) {
        next += 1;
        const id = next;
        tell({ kind: 'lookup', id, question });
        return new Promise((resolve) => waiting.set(id, resolve));
      },
      published: () => undefined,
    },
    answered(id, outcome) {
      waiting.get(id)?.(outcome);
      waiting.delete(id);
    },
  };
}

/**
 * The harvest guard of all workers. The main thread counts every guess and says whom to deny; what one client asks of one
 * worker is counted here too, so that a pipelined batch does not outrun the word from there.
 */
function sharedHarvest(): { gate: HarvestGate; denied(client: string, ms: number): void; flush(): void } {
  const own = new HarvestWatch({ ...HARVEST_CAPACITY, ...live.harvest }, settings.id);
  const denials = new Map<string, number>();
  let guesses: string[] = [];
  const flush = (): void => {
    if (guesses.length > 0) tell({ kind: 'absent', guesses: guesses.join('\n') });
    guesses = [];
  };
  const isDenied = (network: string): boolean => (denials.get(network) ?? 0) > performance.now();
  return {
    gate: {
      refuses(client) {
        if (denials.size === 0) return false;
        const network = clientNetwork(client);
        if (!isDenied(network)) return false;
        refused.set(client, (refused.get(client) ?? 0) + 1);
        return true;
      },
      absent(client, address) {
        if (live.harvest.limit === 0) return false;
        if (guesses.length === 0) setTimeout(flush, GUESSES_EVERY);
        guesses.push(client, address);
        if (guesses.length >= GUESSES_FULL) flush();
        const now = performance.now();
        const denial = own.absent(client, address, now);
        if (denial) denials.set(denial.client, denial.until);
        return denial !== null || isDenied(clientNetwork(client));
      },
    },
    denied(client, ms) {
      if (ms > 0) denials.set(client, performance.now() + ms);
      else {
        denials.delete(client);
        own.reset(client.replace('::/64', '::'));
      }
      const [oldest = ''] = denials.keys();
      if (denials.size > HARVEST_CAPACITY.denied) denials.delete(oldest);
    },
    flush,
  };
}
