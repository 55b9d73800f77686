/**
 * What a second worker thread brings, for bench-smtp. On two cores the client takes part of what the server could have, so the
 * rates of one thread with a core for its client and of two threads beside theirs say nothing. Here every server thread shares its
 * core with a load client of its own:
 *
 *   pair   two gateways of one thread, each on one core with its client: what one thread does, twice
 *   two    one gateway of two worker threads on both cores, with the same two clients
 *
 * Two workers are worth `2 x two / pair` threads. Both have the same cores, both busy, and the same clients, so neither a
 * client nor a processor that slows down with its neighbour counts. The columns prove it: the cores have no time left, and
 * a client takes the same time for each thing done in both.
 */
import { median, treeCpu } from '../measured/process.mjs';
import { columns, number, percent } from './table.mjs';

const LOADS = ['pipe', 'lock', 'session', 'tls'];
/** Connections of each of the two clients. */
const CONNECTIONS = 25;

export async function measureScale({ started, rounds, say, load }) {
  const [first, second, two] = ['first', 'second', 'two'].map((name) => started[`rcptgate ${name}`]);
  const out = {};
  for (const mode of LOADS) {
    const samples = { pair: [], two: [] };
    for (let round = 0; round <= rounds; round++) {
      const pair = await together(load, mode, [first, second]);
      const shared = await together(load, mode, [two, two]);
      if (round === 0) continue;
      samples.pair.push(pair);
      samples.two.push(shared);
    }
    const [pair, shared] = [summary(samples.pair), summary(samples.two)];
    out[mode] = { pair, two: shared, threads: (2 * shared.rate) / pair.rate };
    say(`scale ${mode}`);
  }
  return out;
}

/** Two clients at the same time, one on each core. */
async function together(load, mode, servers) {
  const pids = [...new Set(servers.map(({ pid }) => pid))];
  const cpu = () => pids.reduce((sum, pid) => sum + treeCpu(pid), 0);
  const before = cpu();
  const clients = await Promise.all(
    servers.map(({ ports }, core) =>
      load({ mode, port: ports.default, connections: CONNECTIONS, core: String(core) }),
    ),
  );
  const serverCpu = cpu() - before;
  const sum = (value) => clients.reduce((total, client) => total + value(client), 0);
  const seconds = Math.max(...clients.map((client) => client.seconds));
  return { rate: sum(({ done }) => done) / seconds, clientCpu: sum(({ cpu }) => cpu), serverCpu, seconds };
}

function summary(samples) {
  const of = (value) => median(samples.map(value));
  return {
    rate: of(({ rate }) => rate),
    serverUs: of(({ rate, serverCpu, seconds }) => (1e6 * serverCpu) / (rate * seconds)),
    clientUs: of(({ rate, clientCpu, seconds }) => (1e6 * clientCpu) / (rate * seconds)),
    /** Of both cores. */
    busy: of(({ serverCpu, clientCpu, seconds }) => (serverCpu + clientCpu) / (2 * seconds)),
    serverShare: of(({ serverCpu, seconds }) => serverCpu / (2 * seconds)),
  };
}

export function scaleLines(rows) {
  const head = [
    'load',
    'pair/s',
    'two/s',
    'two are',
    'server us',
    'two',
    'client us',
    'two',
    'cores busy',
    'two',
    'by the server',
    'two',
  ];
  const body = Object.entries(rows).map(([load, { pair, two, threads }]) => [
    load,
    number(pair.rate),
    number(two.rate),
    `${threads.toFixed(2)} x`,
    ...[pair.serverUs, two.serverUs, pair.clientUs, two.clientUs].map((us) => us.toFixed(1)),
    ...[pair.busy, two.busy, pair.serverShare, two.serverShare].map(percent),
  ]);
  return [
    'scale (two worker threads beside two gateways of one thread; each core has a server thread and a client)',
    ...columns([head, ...body]),
  ];
}
