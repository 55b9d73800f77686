/**
 * The directory at scale, with the real daemon between a practice tenant and this script, all on loopback: initial sync,
 * a delta round of 1 % changes, restart to the first answer, memory, look-ups beside a JS Set and SQLite, and the
 * latency of RCPT TO with and without a full sync going on.
 *
 *   npm run build && node scripts/bench-directory.mjs [users …]      (default: 10000 100000 1000000)
 *
 * A user brings 1.9 addresses, groups included: 5400000 users are ten million addresses. Everything is made in a
 * temporary folder and removed at the end. The practice tenant runs at a low priority, because the real one would run
 * on another machine; its pages take longer than ours, so the sync rate is a lower bound.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from './measured/process.mjs';

const TENANT = fileURLToPath(new URL('./bench-directory-tenant.mjs', import.meta.url));
const LOOKUPS = fileURLToPath(new URL('./bench-directory-lookups.mjs', import.meta.url));
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** Ms between two RCPT commands of a latency run: the server is asked, not flooded. */
const PACE = 2;
const IDLE_SAMPLES = 4000;

await main(process.argv.slice(2).map(Number));

async function main(given) {
  const sizes = given.length > 0 ? given : [10_000, 100_000, 1_000_000];
  const work = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-directory-'));
  const closers = [() => rmSync(work, { recursive: true, force: true })];
  const end = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  process.once('SIGINT', () => void end().then(() => process.exit(130)));
  try {
    const base = await emptyRss(path.join(work, 'empty'), closers);
    const results = [];
    for (const users of sizes) results.push(await measure(users, path.join(work, `${users}`), base, closers));
    print(results, base);
  } finally {
    await end();
  }
}

/** RSS of a daemon that knows next to nobody, bytes. */
async function emptyRss(folder, closers) {
  const tenant = await startTenant(0, closers);
  const daemon = await startDaemon(folder, tenant, closers);
  await daemon.event('sync.round');
  const rss = memory(daemon.pid).now;
  await daemon.stop();
  await tenant.stop();
  return rss;
}

async function measure(users, folder, base, closers) {
  note(`${users} users: initial sync`);
  const tenant = await startTenant(users, closers);
  const first = await startDaemon(folder, tenant, closers);
  const initial = await first.event('sync.round');
  requireRound(initial);
  const peak = memory(first.pid).peak;
  const known = await tenant.ask({ want: 'addresses' });
  note('delta round of 1 %');
  await tenant.ask({ want: 'changes', count: Math.ceil(users / 100) });
  const delta = await first.round();
  const quiet = await first.round();
  note('RCPT latency, idle and during a full sync');
  const idle = await latencies(first.port, known, IDLE_SAMPLES);
  await tenant.ask({ want: 'expiry' });
  const syncing = new AbortController();
  const full = first.round().finally(() => syncing.abort());
  const busy = await latencies(first.port, known, Number.POSITIVE_INFINITY, syncing.signal);
  const read = await full;
  await first.stop();

  note('restart');
  const image = path.join(folder, `directory-${tenant.tenantId}.image`);
  const buffer = statSync(image).size;
  const restart = await restarted(folder, tenant, known[0], closers);
  const rss = restart.rss;
  rmSync(image);
  const rebuilt = await restarted(folder, tenant, known[0], closers);
  await tenant.stop();
  note('look-ups');
  const lookups = await runLookups(folder, image);
  const addresses = lookups.addresses;
  rmSync(folder, { recursive: true, force: true });
  return {
    users,
    addresses,
    syncMs: initial.ms,
    usersPerSecond: Math.round(users / (initial.ms / 1000)),
    peakRssMb: Math.round(peak / 1e6),
    deltaMs: delta.ms,
    quietMs: quiet.ms,
    fullAgainMs: read.ms,
    readyMs: restart.ready,
    firstAnswerMs: restart.answer,
    rebuiltFirstAnswerMs: rebuilt.answer,
    bytesPerAddress: round(buffer / addresses),
    rssBytesPerAddress: round((rss - base) / addresses),
    lookups: lookups.ns,
    rcptIdle: idle,
    rcptSyncing: busy,
    p99Ratio: round(busy.p99 / idle.p99),
  };
}

function requireRound(round) {
  if (round.outcome !== 'ok') throw new Error(`the round went wrong: ${JSON.stringify(round)}`);
}

/** Starts the daemon on a state that is there, and measures from its start. */
async function restarted(folder, tenant, address, closers) {
  const started = performance.now();
  const daemon = await startDaemon(folder, tenant, closers, async (port) => {
    // A start that takes longer than the daemon waits for its mirror answers 451 until the directory is there.
    for (;;) {
      const reply = await firstAnswer(port, address);
      if (reply.startsWith('250')) return performance.now() - started;
      if (!reply.startsWith('451')) throw new Error(`the first answer was ${reply}`);
    }
  });
  await daemon.event('sync.round');
  const { now } = memory(daemon.pid);
  await daemon.stop();
  return { ready: Math.round(daemon.readyAt - started), answer: Math.round(daemon.answered), rss: now };
}

/* ---- the daemon ---- */

async function startDaemon(folder, tenant, closers, meanwhile = async () => null) {
  const port = await freePort();
  const config = path.join(folder, 'rcptgate.toml');
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'secret'), tenant.secret);
  writeFileSync(path.join(folder, 'ca.pem'), tenant.caPem);
  writeFileSync(
    config,
    `state_dir = "${folder}"
ca_file = "${folder}/ca.pem"
[sync]
schedule = "0 0 1 1 *"
[[smtp]]
listen = "127.0.0.1:${port}"
mode = "verify"
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = "${folder}/secret"
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
# The directory is measured here, and not what Graph says of addresses that it does not know.
[lookup]
enabled = false
`,
  );
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = () => ended(child);
  closers.push(stop);
  const seen = [];
  const waiting = [];
  readline.createInterface({ input: child.stdout }).on('line', (text) => {
    if (!/"event":"(sync\.round|process\.ready)"/.test(text)) return;
    const line = JSON.parse(text);
    const at = waiting.findIndex(({ event }) => event === line.event);
    if (at >= 0) waiting.splice(at, 1)[0].resolve(line);
    else seen.push(line);
  });
  child.once('close', () => {
    for (const { reject } of waiting) reject(new Error('the daemon ended'));
  });
  const event = (name) => {
    const at = seen.findIndex((line) => line.event === name);
    if (at >= 0) return Promise.resolve(seen.splice(at, 1)[0]);
    return new Promise((resolve, reject) => waiting.push({ event: name, resolve, reject }));
  };
  const ready = event('process.ready').then(() => performance.now());
  const [readyAt, answered] = await Promise.all([ready, meanwhile(port)]);
  return {
    port,
    pid: child.pid,
    readyAt,
    answered,
    event,
    stop,
    async round() {
      const told = event('sync.round');
      const sync = spawn(process.execPath, [MAIN, 'sync', '--config', config], { stdio: 'ignore' });
      await once(sync, 'close');
      const line = await told;
      requireRound(line);
      return line;
    },
  };
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'close');
}

/** Resident memory of a process and its highest so far, bytes. */
function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) * 1024;
  return { now: kib('VmRSS'), peak: kib('VmHWM') };
}

/* ---- RCPT TO ---- */

/** Connects until somebody listens, and returns the reply to one RCPT TO. */
async function firstAnswer(port, address) {
  for (;;) {
    const socket = net.connect({ port, host: '127.0.0.1' });
    const connected = await once(socket, 'connect').catch(() => null);
    if (connected === null) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    const say = dialog(socket);
    await say(null);
    for (const line of ['HELO bench', 'MAIL FROM:<>']) await say(line);
    const reply = await say(`RCPT TO:<${address}>`);
    socket.destroy();
    return reply;
  }
}

/** One RCPT at a time, every {@link PACE} ms, half of them unknown; ms. */
async function latencies(port, known, samples, signal) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const say = dialog(socket);
  await say(null);
  await say('HELO bench');
  const times = [];
  const wrong = {};
  for (let index = 0; index < samples && !signal?.aborted; index++) {
    if (index % 500 === 0) {
      await say('RSET');
      await say('MAIL FROM:<>');
    }
    const unknown = index % 2 === 1;
    const address = unknown ? `x${index}@contoso.example` : known[index % known.length];
    const started = performance.now();
    const reply = await say(`RCPT TO:<${address}>`);
    times.push(performance.now() - started);
    if (!reply.startsWith(unknown ? '550' : '250'))
      wrong[reply.slice(0, 9)] = (wrong[reply.slice(0, 9)] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, PACE));
  }
  socket.destroy();
  times.sort((a, b) => a - b);
  const at = (share) => round(times[Math.min(times.length - 1, Math.floor(times.length * share))]);
  return { samples: times.length, p50: at(0.5), p99: at(0.99), max: at(1), wrong };
}

function dialog(socket) {
  let [text, take] = ['', null];
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
    const end = /^\d{3} .*\r\n/m.exec(text);
    if (!end || !take) return;
    const reply = text;
    text = '';
    take(reply);
  });
  return (line) =>
    new Promise((resolve) => {
      take = resolve;
      if (line !== null) socket.write(`${line}\r\n`);
    });
}

/* ---- look-ups, in a process of their own so that the heaps of before do not count ---- */

async function runLookups(folder, image) {
  if (existsSync(image) === false) throw new Error('the daemon kept no image');
  const child = fork(LOOKUPS, [folder], { execArgv: ['--max-old-space-size=8192'] });
  const [answer] = await once(child, 'message');
  return answer;
}

/* ---- the tenant, in a process of its own ---- */

async function startTenant(users, closers) {
  const child = fork(TENANT, [String(users)], { execArgv: ['--max-old-space-size=8192'] });
  const stop = () => ended(child);
  closers.push(stop);
  const [tenant] = await once(child, 'message');
  const ask = async (question) => {
    child.send(question);
    return (await once(child, 'message'))[0];
  };
  return { ...tenant, ask, stop };
}

/* ---- the table ---- */

function print(results, base) {
  const rows = [
    ['addresses', ({ addresses }) => addresses.toLocaleString('en-US')],
    ['initial sync, users/s', ({ usersPerSecond }) => usersPerSecond.toLocaleString('en-US')],
    ['initial sync, s', ({ syncMs }) => seconds(syncMs)],
    ['highest RSS of it, MB', ({ peakRssMb }) => peakRssMb],
    ['delta round, 1 % changed, s', ({ deltaMs }) => seconds(deltaMs)],
    ['quiet round, s', ({ quietMs }) => seconds(quietMs)],
    ['restart to first answer, s', ({ firstAnswerMs }) => seconds(firstAnswerMs)],
    ['… without the image, s', ({ rebuiltFirstAnswerMs }) => seconds(rebuiltFirstAnswerMs)],
    ['bytes an address, buffer', ({ bytesPerAddress }) => bytesPerAddress],
    ['bytes an address, RSS', ({ rssBytesPerAddress }) => rssBytesPerAddress],
    ['look-up hit / miss, ns', ({ lookups }) => pair(lookups.compact)],
    ['… JS Set', ({ lookups }) => pair(lookups.set)],
    ['… SQLite SELECT', ({ lookups }) => pair(lookups.sqlite)],
    ['RCPT p50 / p99 idle, ms', ({ rcptIdle }) => `${rcptIdle.p50} / ${rcptIdle.p99}`],
    ['… during a full sync, ms', ({ rcptSyncing }) => `${rcptSyncing.p50} / ${rcptSyncing.p99}`],
    ['p99 ratio', ({ p99Ratio }) => p99Ratio],
    [
      'wrong answers',
      ({ rcptIdle, rcptSyncing }) => JSON.stringify({ ...rcptIdle.wrong, ...rcptSyncing.wrong }),
    ],
  ];
  console.log(`| users | ${results.map(({ users }) => users.toLocaleString('en-US')).join(' | ')} |`);
  console.log(`|---|${results.map(() => '---').join('|')}|`);
  for (const [name, cell] of rows) console.log(`| ${name} | ${results.map(cell).join(' | ')} |`);
  const [one, five] = os.loadavg();
  const machine = { cpus: os.cpus().length, node: process.version, load: [round(one), round(five)] };
  console.log(JSON.stringify({ machine, emptyRssMb: Math.round(base / 1e6), results }));
}

function pair({ hit, miss }) {
  return `${hit} / ${miss}`;
}

function seconds(ms) {
  return (ms / 1000).toFixed(ms < 10_000 ? 2 : 0);
}

function round(value) {
  return Math.round(value * 100) / 100;
}

function note(text) {
  process.stderr.write(`${text}\n`);
}
