/**
 * What the SMTP side costs beside Postfix, Exim, Haraka and two fixed-reply servers, with the same 100,000 addresses and
 * the same load client (C, every reply checked), in interleaved rounds, per CPU second of the server's processes.
 *
 *   npm run build && node scripts/bench-smtp.mjs [--rounds 5] [--seconds 3] [--only LIST] [--servers LIST] [--json FILE]
 *
 * --only     of: pipe lock session tls relay10k relay1m scale flood storm idle
 * --servers  of: c node rcptgate postfix exim haraka
 *
 * --profile  a folder for CPU profiles of rcptgate
 *
 * Linux, root, two cores: the server has the first, the client the second (scale and storm say who has which). It installs what is
 * missing (Debian packages, Haraka into node_modules/.cache) and says so. rcptgate runs with its log of rejections, the
 * reference in each and the harvest guard; live lookups are off.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startLoad } from './bench-smtp/client.mjs';
import { FLOODED, floodLines, measureFlood } from './bench-smtp/flood.mjs';
import { ended, install, startExim, startHaraka, startPostfix } from './bench-smtp/peers.mjs';
import { measureScale, scaleLines } from './bench-smtp/scale.mjs';
import { measureStorm, stormLines } from './bench-smtp/storm.mjs';
import { columns, number, percent } from './bench-smtp/table.mjs';
import { freePort, listens, median, residentBytes, treeCpu } from './measured/process.mjs';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const SOURCES = fileURLToPath(new URL('./bench-smtp/', import.meta.url));
const LOADS = ['pipe', 'lock', 'session', 'tls', 'relay10k', 'relay1m', 'scale', 'flood', 'storm', 'idle'];
const SERVERS = ['c', 'node', 'rcptgate', 'postfix', 'exim', 'haraka'];
/** Who takes part in what, beside rcptgate. */
const RIVALS = {
  pipe: ['c', 'node', 'postfix', 'exim', 'haraka'],
  lock: ['c', 'node', 'postfix', 'exim', 'haraka'],
  session: ['c', 'node', 'postfix', 'exim', 'haraka'],
  tls: ['postfix', 'exim', 'haraka'],
  relay10k: ['c', 'postfix'],
  relay1m: ['c', 'postfix'],
};
const UNIT = {
  pipe: 'RCPT',
  lock: 'RCPT',
  session: 'sessions',
  tls: 'sessions',
  relay10k: 'messages',
  relay1m: 'messages',
};
/** Arguments of the load client where they are not the name. */
const MODE = { relay10k: ['relay', '10240'], relay1m: ['relay', '1048576'] };
/** How many users of the practice tenant have 100,000 addresses. */
const USERS = 34_600;
const ADDRESSES = 100_000;
const CONNECTIONS = 10;
const IDLE = 5000;
const [SERVER_CORE, CLIENT_CORE, BOTH] = ['0', '1', '0,1'];

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string', default: LOADS.join(',') },
    servers: { type: 'string', default: SERVERS.join(',') },
    json: { type: 'string' },
    profile: { type: 'string' },
    connections: { type: 'string', default: String(CONNECTIONS) },
  },
});
const loads = options.only.split(/[ ,]+/);
const servers = new Set(options.servers.split(/[ ,]+/));
const rounds = Number(options.rounds);
for (const load of loads)
  if (!LOADS.includes(load)) throw new Error(`--only: ${load} is not one of ${LOADS.join(' ')}`);
for (const server of servers)
  if (!SERVERS.includes(server)) throw new Error(`--servers: ${server} is not one of ${SERVERS.join(' ')}`);

const PROFILE = options.profile ? ['--cpu-prof', `--cpu-prof-dir=${options.profile}`] : [];
const say = (text) => process.stderr.write(`${text}\n`);
const work = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-bench-'));
execFileSync('chmod', ['755', work]);
const running = [];
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    await cleanUp();
    process.exit(1);
  });
}
try {
  install(servers, say);
  for (const name of ['load', 'server']) {
    execFileSync(
      'gcc',
      ['-O2', '-o', path.join(work, name), path.join(SOURCES, `${name}.c`), '-lssl', '-lcrypto'],
      { stdio: 'inherit' },
    );
  }
  const results = await measureAll(await prepare());
  const text = report(results);
  process.stdout.write(`${text}\n`);
  if (options.json) writeFileSync(options.json, JSON.stringify(results, null, 2));
} finally {
  await cleanUp();
}

async function cleanUp() {
  for (const each of running.splice(0).reverse()) await each.stop();
  rmSync(work, { recursive: true, force: true });
}

/** The practice tenant's addresses, the certificate, the sink, and every server. */
async function prepare() {
  const tls = { cert: path.join(work, 'cert.pem'), key: path.join(work, 'key.pem') };
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=bench.example',
      '-keyout',
      tls.key,
      '-out',
      tls.cert,
    ],
    { stdio: 'ignore' },
  );
  const { startPracticeTenant } = await import('../dist/practice/tenant-server.js');
  const tenant = await startPracticeTenant({ users: USERS });
  // Contacts are left out: their permission is not granted.
  const everybody = [...tenant.directory.recipientAddresses()];
  const addresses = everybody.filter((address) => !/^(?:ext\.)?partner/.test(address)).slice(0, ADDRESSES);
  const domains = [...new Set(addresses.map((address) => address.slice(address.indexOf('@') + 1)))];
  const addressFile = path.join(work, 'addresses');
  writeFileSync(addressFile, `${addresses.join('\n')}\n`);
  say(`${addresses.length} addresses in ${domains.join(', ')}`);
  const sink = await startPrinting('sink', [path.join(work, 'server')], BOTH);
  const setting = {
    work,
    domains,
    addresses,
    addressFile,
    tls,
    sink: sink.ports.default,
    tenant,
    pin: SERVER_CORE,
  };
  const started = await startAll(setting);
  await tenant.close();
  return { started, addressFile };
}

/** Every server that takes part, by name. */
async function startAll(setting) {
  const { addressFile } = setting;
  const started = {};
  const start = async (name, opener) => {
    if (!servers.has(name.split(' ')[0])) return;
    say(`starting ${name}`);
    started[name] = await opener();
    if (!running.includes(started[name])) running.push(started[name]);
  };
  await start('c', () => startPrinting('c', [path.join(work, 'server')], SERVER_CORE));
  await start('node', () =>
    startPrinting('node', [process.execPath, path.join(SOURCES, 'limit.mjs'), addressFile], SERVER_CORE),
  );
  await start('rcptgate', () => startRcptgate('one', setting, 1, SERVER_CORE));
  if (loads.includes('scale')) {
    await start('rcptgate first', () => startRcptgate('first', setting, 1, SERVER_CORE));
    await start('rcptgate second', () => startRcptgate('second', setting, 1, CLIENT_CORE));
  }
  if (loads.includes('scale') || loads.includes('storm'))
    await start('rcptgate two', () => startRcptgate('two', setting, 2, BOTH));
  if (loads.includes('flood'))
    await start('rcptgate flooded', () => startRcptgate('flooded', setting, 1, SERVER_CORE, FLOODED));
  await start('postfix', () => startPostfix(setting));
  await start('exim', () => startExim(setting));
  await start('haraka', () => startHaraka(setting));
  return started;
}

/** A server that prints its port. */
async function startPrinting(_name, [program, ...args], pin) {
  const child = spawn('taskset', ['-c', pin, program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = await once(child.stdout, 'data');
  const each = { pid: child.pid, ports: { default: Number(text) }, stop: () => ended(child) };
  if (program.endsWith('server') && pin === BOTH) running.push(each);
  return each;
}

/** `trusted`: networks in which the second listener trusts; `limit`: of the harvest guard. */
async function startRcptgate(
  name,
  { work: folder, domains, tenant, tls, sink },
  workers,
  pin,
  { trusted = [], limit = 10_000, relayMode = 'relay' } = {},
) {
  const state = path.join(folder, `rcptgate-${name}`);
  mkdirSync(state);
  const [port, relay] = [await freePort(), await freePort()];
  writeFileSync(path.join(state, 'secret'), tenant.secret);
  writeFileSync(path.join(state, 'ca.pem'), tenant.caPem);
  const listener = (at, mode, networks) => `[[smtp]]
listen = "127.0.0.1:${at}"
mode = "${mode}"
trusted = ${JSON.stringify(networks)}
greeting_delay = "0s"
max_connections = 100000
max_connections_per_client = 0
tls_cert = "${tls.cert}"
tls_key = "${tls.key}"
`;
  const config = path.join(state, 'rcptgate.toml');
  writeFileSync(
    config,
    `state_dir = "${state}"
ca_file = "${state}/ca.pem"
workers = ${workers}
${listener(port, 'verify', [])}${listener(relay, relayMode, trusted)}
[relay]
tls = "off"
[lookup]
enabled = false
[harvest]
limit = ${limit}
[sync]
schedule = "0 0 1 1 *"
[directory]
freshness_limit = "24h"
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = "${state}/secret"
login = "${tenant.login}"
graph = "${tenant.graph}"
${domains.map((domain) => `[[domain]]\nname = "${domain}"\nnext_hop = "127.0.0.1:${sink}"\n`).join('')}`,
  );
  const log = openSync(path.join(state, 'log'), 'w');
  const child = spawn(
    'taskset',
    ['-c', pin, process.execPath, ...PROFILE, MAIN, 'serve', '--config', config],
    {
      stdio: ['ignore', log, 'inherit'],
    },
  );
  const server = { pid: child.pid, ports: { default: port, relay }, stop: () => ended(child) };
  running.push(server);
  await listens(port);
  // Not execFileSync: the practice tenant lives in this process.
  const sync = spawn(process.execPath, [MAIN, 'sync', '--config', config], { stdio: 'ignore' });
  const [code] = await once(sync, 'close');
  if (code !== 0) throw new Error('rcptgate could not read the practice tenant');
  return server;
}

async function measureAll(setting) {
  const results = {};
  for (const load of loads) {
    if (load === 'idle') results.idle = await measureIdle(setting);
    else if (load === 'scale') results.scale = await measureScale(bench(setting));
    else if (load === 'flood') results.flood = await measureFlood(bench(setting));
    else if (load === 'storm') results.storm = await measureStorm(bench(setting));
    else results[load] = await measureLoad(load, setting);
  }
  return results;
}

/** What the measurements in files of their own work with. */
function bench({ started, addressFile }) {
  const { seconds } = options;
  const load = (what) =>
    startLoad({ program: path.join(work, 'load'), addressFile, seconds, core: CLIENT_CORE, ...what });
  return { started, rounds, say, load };
}

/** One load on everybody who takes part, in interleaved rounds. */
async function measureLoad(load, { started, addressFile }) {
  const names = ['rcptgate', ...RIVALS[load]].filter((name) => started[name]);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const sample = await oneRound(load, started[name], addressFile, CLIENT_CORE);
      // The first round is for warming up.
      if (round > 0) samples[name].push(sample);
    }
    say(`${load} round ${round} of ${rounds}`);
  }
  return Object.fromEntries(names.map((name) => [name, summary(samples[name])]));
}

/** One round: what was done, and the CPU seconds that the server and the client took for it. */
async function oneRound(load, server, addressFile) {
  const [mode, size] = MODE[load] ?? [load];
  const port = (mode === 'relay' ? server.ports.relay : undefined) ?? server.ports.default;
  const before = treeCpu(server.pid);
  const { connections } = options;
  const told = await bench({ addressFile }).load({ mode, port, connections, extra: size });
  return { ...told, serverCpu: treeCpu(server.pid) - before };
}

function summary(samples) {
  const of = (value) => median(samples.map(value));
  return {
    perCpuSecond: of(({ done, serverCpu }) => done / Math.max(serverCpu, 0.01)),
    rate: of(({ done, seconds }) => done / seconds),
    lowest: Math.min(...samples.map(({ done, serverCpu }) => done / Math.max(serverCpu, 0.01))),
    highest: Math.max(...samples.map(({ done, serverCpu }) => done / Math.max(serverCpu, 0.01))),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
    clientLoad: of(({ clientCpu, seconds }) => clientCpu / seconds),
    serverLoad: of(({ serverCpu, seconds }) => serverCpu / seconds),
    broken: samples.reduce((sum, { broken }) => sum + broken, 0),
    resumed: of(({ resumed, done }) => resumed / Math.max(done, 1)),
  };
}

/** Memory of idle connections. */
async function measureIdle({ started, addressFile }) {
  const server = started.rcptgate;
  const before = residentBytes(server.pid);
  const ending = bench({ addressFile }).load({
    mode: 'idle',
    port: server.ports.default,
    connections: IDLE,
    seconds: 5,
  });
  await new Promise((resolve) => setTimeout(resolve, 4500));
  const during = residentBytes(server.pid);
  const { open } = await ending;
  return { connections: open, bytesEach: (during - before) / open };
}

function report(results) {
  const lines = [
    `${os.cpus()[0]?.model}, ${os.cpus().length} cores, Node ${process.version}; ${rounds} rounds of ${options.seconds} s, ${options.connections} connections; medians`,
  ];
  for (const [load, rows] of Object.entries(results)) {
    if (load === 'idle')
      lines.push(
        '',
        `idle: ${rows.connections} connections, ${(rows.bytesEach / 1024).toFixed(1)} KB resident each`,
      );
    else if (load === 'scale') lines.push('', ...scaleLines(rows));
    else if (load === 'flood') lines.push('', ...floodLines(rows));
    else if (load === 'storm') lines.push('', ...stormLines(rows));
    else lines.push('', ...loadLines(load, rows));
  }
  return lines.join('\n');
}

function loadLines(load, rows) {
  const own = rows.rcptgate?.perCpuSecond;
  const head = [
    'server',
    `${UNIT[load]}/CPU s`,
    'lowest',
    'highest',
    `${UNIT[load]}/s`,
    'p50 us',
    'p99 us',
    'client',
    'server',
    ...(load === 'tls' ? ['resumed'] : []),
    'rcptgate is',
  ];
  const body = Object.entries(rows).map(([name, row]) => [
    name,
    ...[row.perCpuSecond, row.lowest, row.highest, row.rate, row.p50, row.p99].map(number),
    percent(row.clientLoad),
    percent(row.serverLoad),
    ...(load === 'tls' ? [percent(row.resumed)] : []),
    own === undefined ? '' : `${(own / row.perCpuSecond).toFixed(2)} x`,
  ]);
  return [load, ...columns([head, ...body])];
}
