/**
 * Look-ups in the compact set, a JS Set and SQLite, in turns: `node bench-directory-lookups.mjs FOLDER`, forked by
 * bench-directory after the daemon has left FOLDER. A process of its own, so that other heaps do not count.
 */
import path from 'node:path';
import SQLite from 'better-sqlite3';
import { addressSetBuilder } from '../dist/core/address-set.js';
import { median } from './measured/process.mjs';

const LOOKUPS = 100_000;
const SELECTS = 10_000;
const ROUNDS = 9;

const database = new SQLite(path.join(process.argv[2], 'mirror.sqlite'), { readonly: true });
const set = new Set();
const builder = addressSetBuilder();
for (const address of database.prepare('SELECT DISTINCT address FROM address').pluck().iterate()) {
  set.add(address);
  builder.add(address);
}
const compact = builder.build();
const select = database.prepare('SELECT 1 FROM address WHERE tenant = 1 AND address = ? LIMIT 1').pluck();
const ways = {
  compact: { has: (key) => compact.has(key), count: LOOKUPS },
  set: { has: (key) => set.has(key), count: LOOKUPS },
  sqlite: { has: (key) => select.get(key) !== undefined, count: SELECTS },
};
const every = Math.max(1, Math.floor(set.size / LOOKUPS));
const stored = [...set].filter((_, index) => index % every === 0);

const times = Object.fromEntries(Object.keys(ways).map((name) => [name, { hit: [], miss: [] }]));
for (let turn = 0; turn < ROUNDS; turn++) {
  for (const [name, { has, count }] of Object.entries(ways)) {
    times[name].hit.push(measured(has, questions(count, turn, ''), count));
    times[name].miss.push(measured(has, questions(count, turn, '.nobody'), 0));
  }
}
const medians = Object.entries(times).map(([name, { hit, miss }]) => [
  name,
  { hit: median(hit), miss: median(miss) },
]);
process.send({ addresses: set.size, ns: Object.fromEntries(medians) });
process.disconnect();

/** Fresh strings, as they come from a connection: a Set's own keys would bring their hash along. */
function questions(count, turn, suffix) {
  return Array.from({ length: count }, (_, index) =>
    Buffer.from(`${stored[(index * 7919 + turn) % stored.length]}${suffix}`).toString(),
  );
}

/** Nanoseconds of one look-up. */
function measured(has, keys, expected) {
  const started = performance.now();
  let found = 0;
  for (const key of keys) if (has(key)) found++;
  const ns = ((performance.now() - started) * 1e6) / keys.length;
  if (found !== expected) throw new Error(`${found} of ${keys.length} were found`);
  return ns;
}
