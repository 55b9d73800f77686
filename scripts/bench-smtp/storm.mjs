/**
 * Many connections at the same moment, for bench-smtp: the time to the median and to the last greeting, and how many were
 * refused. Server and client have both cores.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { median, treeOf } from '../measured/process.mjs';
import { columns, number } from './table.mjs';

const CONNECTIONS = 1000;
/** Whoever needs longer has not greeted. */
const PATIENCE = 20;
const SERVERS = ['rcptgate', 'rcptgate two', 'c', 'node', 'haraka', 'exim', 'postfix'];

export async function measureStorm({ started, rounds, say, load }) {
  const names = SERVERS.filter((name) => started[name]);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of names) allow(started[name].pid, '0,1');
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const name of names) {
        const sample = await load({
          mode: 'storm',
          port: started[name].ports.default,
          connections: CONNECTIONS,
          seconds: PATIENCE,
          core: '0,1',
        });
        if (round > 0) samples[name].push(sample);
      }
      say(`storm round ${round} of ${rounds}`);
    }
  } finally {
    for (const name of names) if (name !== 'rcptgate two') allow(started[name].pid, '0');
  }
  return Object.fromEntries(names.map((name) => [name, summary(samples[name])]));
}

/** Gives a process, its threads and its descendants these cores. */
function allow(pid, cores) {
  for (const each of treeOf(pid)) {
    let threads = [];
    try {
      threads = readdirSync(`/proc/${each}/task`);
    } catch {
      // It ended meanwhile.
    }
    for (const thread of threads) {
      try {
        execFileSync('taskset', ['-cp', cores, thread], { stdio: 'ignore' });
      } catch {
        // So did this one.
      }
    }
  }
}

function summary(samples) {
  return {
    connections: CONNECTIONS,
    half: median(samples.map(({ p50 }) => p50)),
    last: median(samples.map(({ last }) => last)),
    slowest: Math.max(...samples.map(({ last }) => last)),
    refused: samples.reduce((sum, { refused }) => sum + refused, 0),
    silent: samples.reduce((sum, { greeted, refused }) => sum + CONNECTIONS - greeted - refused, 0),
  };
}

export function stormLines(rows) {
  const head = ['server', 'half, ms', 'last, ms', 'slowest round', 'refused', 'no greeting'];
  const body = Object.entries(rows).map(([name, row]) => [
    name,
    ...[row.half / 1000, row.last / 1000, row.slowest / 1000, row.refused, row.silent].map(number),
  ]);
  return [
    `storm (${number(CONNECTIONS)} connections at once, both cores; until half of them, and all, are greeted)`,
    ...columns([head, ...body]),
  ];
}
