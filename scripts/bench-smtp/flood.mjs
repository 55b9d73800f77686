/**
 * What known recipients wait for while somebody guesses addresses, for bench-smtp: a client asks for 1,000 known recipients a
 * second, another from 127.0.0.2 guesses. Two listeners of one gateway, one where the harvest guard acts, one that trusts
 * 127.0.0.2 and so answers every guess; and, as the floor of this way to measure, the fixed-reply server in C.
 */
import { median, treeCpu } from '../measured/process.mjs';
import { columns, number, percent } from './table.mjs';

/** The flooded gateway: an everyday limit of the guard, and a second listener that trusts the flood. */
export const FLOODED = { trusted: ['127.0.0.2/32'], limit: 25, relayMode: 'verify' };
const KNOWN_PER_SECOND = 1000;
const CONNECTIONS = 10;
/** Attempts a second; 0: as fast as they are answered. */
const FLOODS = { none: null, '1,000/s': 1000, unlimited: 0 };

/** Medians over the rounds, by listener and flood. */
export async function measureFlood({ started, rounds, say, load }) {
  const flooded = started['rcptgate flooded'];
  const listeners = {
    'rcptgate, guard acts': flooded && { pid: flooded.pid, port: flooded.ports.default },
    'rcptgate, trusted relay': flooded && { pid: flooded.pid, port: flooded.ports.relay },
    'fixed replies in C': started.c && { pid: started.c.pid, port: started.c.ports.default },
  };
  const names = Object.keys(listeners).filter((name) => listeners[name]);
  const perFlood = (make) =>
    Object.fromEntries(Object.entries(FLOODS).map(([flood, rate]) => [flood, make(flood, rate)]));
  const samples = Object.fromEntries(names.map((name) => [name, perFlood(() => [])]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      for (const [flood, rate] of Object.entries(FLOODS)) {
        const sample = await floodRound(load, listeners[name], rate);
        // The first round is for warming up.
        if (round > 0) samples[name][flood].push(sample);
      }
    }
    say(`flood round ${round} of ${rounds}`);
  }
  return Object.fromEntries(names.map((name) => [name, perFlood((flood) => summary(samples[name][flood]))]));
}

async function floodRound(load, { pid, port }, rate) {
  const before = treeCpu(pid);
  const both = { port, connections: CONNECTIONS };
  const [known, flood] = await Promise.all([
    load({ ...both, mode: 'known', extra: KNOWN_PER_SECOND, urgent: true }),
    rate === null ? null : load({ ...both, mode: 'guess', extra: rate }),
  ]);
  return { known, flood, serverCpu: treeCpu(pid) - before };
}

function summary(samples) {
  const of = (value) => median(samples.map(value));
  return {
    p50: of(({ known }) => known.p50),
    p99: of(({ known }) => known.p99),
    lowestP99: Math.min(...samples.map(({ known }) => known.p99)),
    highestP99: Math.max(...samples.map(({ known }) => known.p99)),
    slowest: of(({ known }) => known.last),
    known: of(({ known }) => known.done / known.seconds),
    guesses: of(({ flood }) => (flood ? flood.done / flood.seconds : 0)),
    turnedAway: of(({ flood }) => (flood ? flood.denied / flood.seconds : 0)),
    serverLoad: of(({ known, serverCpu }) => serverCpu / known.seconds),
  };
}

export function floodLines(rows) {
  const head = [
    'known recipients, us',
    'flood',
    'p50',
    'p99',
    'lowest',
    'highest',
    'p99 is',
    'known/s',
    'guesses/s',
    'turned away/s',
    'server',
  ];
  const body = Object.entries(rows).flatMap(([name, floods]) =>
    Object.entries(floods).map(([flood, row]) => [
      name,
      flood,
      ...[row.p50, row.p99, row.lowestP99, row.highestP99].map(number),
      `${(row.p99 / floods.none.p99).toFixed(2)} x`,
      ...[row.known, row.guesses, row.turnedAway].map(number),
      percent(row.serverLoad),
    ]),
  );
  return ['flood (p99 of known recipients while addresses are guessed)', ...columns([head, ...body])];
}
