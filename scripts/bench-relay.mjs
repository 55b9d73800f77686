/**
 * Messages through the gateway to a fast sink, per second of the server's CPU time: the real daemon in relay mode, with its
 * log, beside a pass-through on Node's `net` that understands nothing, which is what Node can do at most. Ten clients
 * pipeline MAIL, RCPT and DATA. Server, sink and clients are processes of their own; rounds alternate; medians.
 *
 *   npm run build && node scripts/bench-relay.mjs [--rounds 5] [--small 20000] [--large 800] [--prof FOLDER]
 *
 * The last line is the table as JSON. `--prof` keeps a CPU profile of the daemon.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startPracticeTenant } from '../dist/practice/tenant-server.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    small: { type: 'string', default: '20000' },
    large: { type: 'string', default: '800' },
    prof: { type: 'string' },
  },
});
const ROUNDS = Number(values.rounds);
const LOADS = [
  { name: '10 KB', size: 10_000, messages: Number(values.small) },
  { name: '1 MB', size: 1_000_000, messages: Number(values.large) },
];
const CLIENTS = 10;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** Clock ticks of /proc are 10 ms on every Linux that Node runs on. */
const TICK_MS = 10;

/** Takes every message and keeps nothing; counts what it took. */
const SINK = `
const net = require('node:net');
const END = Buffer.from('\\r\\n.\\r\\n');
let taken = 0;
net.createServer({ noDelay: true }, (socket) => {
  let data = false, tail = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.write('220 sink ESMTP\\r\\n');
  socket.on('data', (chunk) => {
    let at = 0, reply = '';
    while (at < chunk.length) {
      if (data) {
        const seam = Buffer.concat([tail, chunk.subarray(at, at + 4)]).indexOf(END);
        const end = seam >= 0 ? at + seam - tail.length : chunk.indexOf(END, at);
        if (end < -4 || (seam < 0 && end < 0)) {
          tail = Buffer.concat([tail, chunk.subarray(Math.max(at, chunk.length - 4))]).subarray(-4);
          break;
        }
        at = end + 5; data = false; tail = Buffer.alloc(0); taken++;
        reply += '250 2.0.0 taken\\r\\n';
        continue;
      }
      const end = chunk.indexOf(10, at);
      if (end < 0) break;
      const verb = chunk.latin1Slice(at, at + 4);
      at = end + 1;
      if (verb === 'DATA') { data = true; reply += '354 go\\r\\n'; }
      else if (verb === 'EHLO') reply += '250-sink\\r\\n250-PIPELINING\\r\\n250-8BITMIME\\r\\n250 SIZE 0\\r\\n';
      else if (verb === 'QUIT') reply += '221 2.0.0 bye\\r\\n';
      else reply += '250 2.0.0 ok\\r\\n';
    }
    if (reply !== '') socket.write(reply, 'latin1');
  });
}).listen(0, '127.0.0.1', function () { process.stdout.write(this.address().port + '\\n'); });
process.on('SIGTERM', () => { process.stdout.write(taken + '\\n', () => process.exit(0)); });
`;

/** A connection in, a connection out, bytes both ways. */
const PASS_THROUGH = `
const net = require('node:net');
net.createServer({ noDelay: true }, (inbound) => {
  const outbound = net.connect({ port: Number(process.argv[1]), host: '127.0.0.1', noDelay: true });
  inbound.on('error', () => {}); outbound.on('error', () => {});
  inbound.pipe(outbound); outbound.pipe(inbound);
}).listen(0, '127.0.0.1', function () { process.stdout.write(this.address().port + '\\n'); });
`;

/** Sends its share of the messages over one connection and ends with the number that was acknowledged. */
const LOAD = `
const net = require('node:net');
const [port, messages, size, clients] = process.argv.slice(1).map(Number);
const line = 'abcdefghij'.repeat(7) + 'xyz12\\r\\n';
const body = Buffer.from('Subject: bench\\r\\n\\r\\n' + line.repeat(Math.ceil(size / line.length)) + '.\\r\\n');
let acknowledged = 0, running = clients, left = messages;
function client() {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  let waiting = 1, then = hello, pending = '';
  function hello() { waiting = 1; then = next; socket.write('EHLO bench\\r\\n'); }
  function next() {
    if (left-- <= 0) { socket.end('QUIT\\r\\n'); if (--running === 0) process.stdout.write(acknowledged + '\\n'); return; }
    waiting = 3; then = data;
    socket.write('MAIL FROM:<sender@x.example>\\r\\nRCPT TO:<' + process.env.RCPT + '>\\r\\nDATA\\r\\n');
  }
  function data(code) { if (code !== '354') throw new Error('DATA: ' + code); waiting = 1; then = done; socket.write(body); }
  function done(code) { if (code === '250') acknowledged++; next(); }
  socket.on('data', (chunk) => {
    pending += chunk.latin1Slice();
    for (let end = pending.indexOf('\\r\\n'); end >= 0; end = pending.indexOf('\\r\\n')) {
      const text = pending.slice(0, end);
      pending = pending.slice(end + 2);
      if (text[3] !== '-' && --waiting === 0) then(text.slice(0, 3));
    }
  });
}
for (let n = 0; n < clients; n++) client();
`;

const work = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-bench-'));
const tenant = await startPracticeTenant({ users: 1000 });
const [recipient] = [...tenant.directory.recipientAddresses()].filter((each) =>
  each.endsWith('@contoso.example'),
);
const sink = await startScript(SINK);
const servers = { limit: await startScript(PASS_THROUGH, sink.port), gateway: await startGateway() };
const results = { limit: {}, gateway: {} };
let sent = 0;
for (const load of LOADS) {
  for (const name of Object.keys(servers)) {
    await measure(servers[name], { ...load, messages: Math.ceil(load.messages / 10) });
    results[name][load.name] = [];
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of Object.keys(servers))
      results[name][load.name].push(await measure(servers[name], load));
  }
}
report();
for (const { child } of Object.values(servers)) {
  child.kill('SIGTERM');
  await once(child, 'close');
}
const last = once(sink.child.stdout, 'data');
sink.child.kill('SIGTERM');
const taken = Number((await last)[0]);
if (taken !== sent) throw new Error(`${sent} messages were acknowledged and ${taken} arrived`);
await tenant.close();
rmSync(work, { recursive: true, force: true });

async function startScript(script, ...args) {
  const child = spawn(process.execPath, ['-e', script, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await once(child.stdout, 'data');
  return { child, port: Number(text) };
}

async function startGateway() {
  const port = await freePort();
  const config = path.join(work, 'rcptgate.toml');
  writeFileSync(path.join(work, 'secret'), tenant.secret);
  writeFileSync(path.join(work, 'ca.pem'), tenant.caPem);
  writeFileSync(
    config,
    `state_dir = "${work}"
ca_file = "${work}/ca.pem"
[relay]
max_messages = 10000
[sync]
schedule = "0 0 1 1 *"
[[smtp]]
listen = "127.0.0.1:${port}"
mode = "relay"
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = "${work}/secret"
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
next_hop = "127.0.0.1:${sink.port}"
`,
  );
  const log = openSync(path.join(work, 'log'), 'w');
  const profile = values.prof ? ['--cpu-prof', `--cpu-prof-dir=${values.prof}`] : [];
  const child = spawn(process.execPath, [...profile, MAIN, 'serve', '--config', config], {
    stdio: ['ignore', log, 'inherit'],
  });
  for (;;) {
    const sync = spawn(process.execPath, [MAIN, 'sync', '--config', config], { stdio: 'ignore' });
    const [code] = await once(sync, 'close');
    if (code === 0) return { child, port };
    if (child.exitCode !== null) throw new Error('the gateway ended');
  }
}

async function measure({ child, port }, { messages, size }) {
  const before = cpuMs(child.pid);
  const started = performance.now();
  const env = { ...process.env, RCPT: recipient };
  const args = ['-e', LOAD, port, messages, size, CLIENTS].map(String);
  const load = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const [text] = await once(load.stdout, 'data');
  const ms = performance.now() - started;
  const cpu = cpuMs(child.pid) - before;
  if (Number(text) !== messages)
    throw new Error(`${messages} messages were sent, ${Number(text)} acknowledged`);
  sent += messages;
  await once(load, 'close');
  return { rate: messages / (ms / 1000), perCpuSecond: messages / (cpu / 1000) };
}

function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function report() {
  const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  const rows = {};
  console.log(
    `${CLIENTS} clients, median of ${ROUNDS} rounds; messages per second, and per second of the server's CPU time`,
  );
  console.log('server                        10 KB/s  per CPU s     1 MB/s  per CPU s');
  for (const [name, label] of [
    ['limit', 'pass-through on node:net'],
    ['gateway', 'rcptgate, relay'],
  ]) {
    rows[name] = LOADS.map((load) => ({
      load: load.name,
      rate: Math.round(median(results[name][load.name].map(({ rate }) => rate))),
      perCpuSecond: Math.round(median(results[name][load.name].map(({ perCpuSecond }) => perCpuSecond))),
    }));
    const cells = rows[name].flatMap(({ rate, perCpuSecond }) => [rate, perCpuSecond]);
    console.log(label.padEnd(26) + cells.map((cell) => cell.toLocaleString('en-US').padStart(11)).join(''));
  }
  const ratios = rows.gateway.map(({ perCpuSecond }, n) =>
    (perCpuSecond / rows.limit[n].perCpuSecond).toFixed(2),
  );
  console.log(`ratio per CPU second: ${ratios.join(' at 10 KB, ')} at 1 MB`);
  console.log(JSON.stringify(rows));
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
