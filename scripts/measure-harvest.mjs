/**
 * Measures the harvest guard: memory and time under very many clients.
 *
 *   node scripts/setup.mjs && node --expose-gc scripts/measure-harvest.mjs
 *
 * Each row is a fresh guard with the capacities and limits of the daemon. RSS is of the whole process.
 */
import { HARVEST_CAPACITY, HarvestWatch } from '../dist/core/harvest.js';

const LIMITS = { ...HARVEST_CAPACITY, limit: 100, window: 600_000, deny: 3_600_000 };
const CASES = [
  ['nobody', 0, 0],
  ['1,000 clients, 10 guesses each', 1_000, 10],
  ['1,000,000 clients, 1 guess each', 1_000_000, 1],
  ['1,000,000 clients, 10 guesses each', 1_000_000, 10],
  ['100,000 clients, 101 guesses each', 100_000, 101],
  ['1 client, 101 guesses, and 10 million questions', 1, 101],
];

/** A client address; every other one is IPv6. */
function clientOf(index) {
  const [high, low] = [index >> 16, index & 0xffff];
  if (index % 2) return `2001:db8:${high.toString(16)}:${low.toString(16)}::1`;
  return `10.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

const mb = (bytes) => (bytes / 1_048_576).toFixed(1);
const pad = (cells) =>
  cells.map((cell, n) => (n ? String(cell).padStart(13) : String(cell).padEnd(50))).join('');

console.log(pad(['', 'guard, MB', 'RSS, MB', 'clients', 'guesses', 'denied', 'us/guess']));
for (const [name, clients, guesses] of CASES) {
  globalThis.gc?.();
  const watch = new HarvestWatch(LIMITS, 12345);
  const addresses = Array.from({ length: guesses }, (_, n) => `guess${n}@contoso.example`);
  const started = performance.now();
  for (let index = 0; index < clients; index += 1) {
    const client = clientOf(index);
    for (const address of addresses) watch.absent(client, address, index / 10_000);
  }
  const each = ((performance.now() - started) * 1000) / Math.max(1, clients * guesses);
  globalThis.gc?.();
  const { bytes, clients: known, guesses: held } = watch.size;
  const denied = watch.denied(clients / 10_000).length;
  console.log(pad([name, mb(bytes), mb(process.memoryUsage().rss), known, held, denied, each.toFixed(2)]));
  if (clients !== 1) continue;
  const asked = performance.now();
  for (let index = 0; index < 10_000_000; index += 1) watch.denial('192.0.2.1', 1);
  console.log(
    `    a question about somebody else while one is denied: ${((performance.now() - asked) / 10).toFixed(0)} ns`,
  );
}
