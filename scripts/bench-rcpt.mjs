/**
 * RCPT checks per second over one pipelined connection: the gateway (verify mode, half of the recipients unknown, its
 * rejection log on) beside a fixed-reply server on Node's `net`, which is what Node can do at most. Rounds alternate.
 *
 *   npm run build && node scripts/bench-rcpt.mjs [recipients per round] [rounds]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPracticeTenant } from '../dist/practice/tenant-server.js';

const TOTAL = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const BATCH = 50;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** Clock ticks of /proc are 10 ms on every Linux that Node runs on. */
const TICK_MS = 10;

const LIMIT_SERVER = `
const net = require('node:net');
net.createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.write('220 limit\\r\\n');
  socket.on('data', (chunk) => {
    let reply = '';
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) reply += '250 2.1.5 Recipient OK\\r\\n';
    socket.write(reply, 'latin1');
  });
}).listen(0, '127.0.0.1', function () { process.stdout.write(this.address().port + '\\n'); });
`;

const work = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-bench-'));
const tenant = await startPracticeTenant({ users: 5000 });
const gateway = await startGateway();
const limit = await startLimit();
const recipients = [...tenant.directory.recipientAddresses()].filter((each) =>
  each.endsWith('@contoso.example'),
);

const results = { gateway: [], limit: [] };
for (let round = 0; round < ROUNDS; round++) {
  results.limit.push(await measure(limit));
  results.gateway.push(await measure(gateway));
}
report();
gateway.child.kill('SIGTERM');
limit.child.kill('SIGTERM');
await Promise.all([once(gateway.child, 'close'), once(limit.child, 'close')]);
await tenant.close();
rmSync(work, { recursive: true, force: true });

async function startGateway() {
  const port = await freePort();
  const config = path.join(work, 'rcptgate.toml');
  writeFileSync(path.join(work, 'secret'), tenant.secret);
  writeFileSync(path.join(work, 'ca.pem'), tenant.caPem);
  writeFileSync(
    config,
    `state_dir = "${work}"
ca_file = "${work}/ca.pem"
[[smtp]]
listen = "127.0.0.1:${port}"
mode = "verify"
[lookup]
enabled = false
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = "${work}/secret"
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
`,
  );
  const log = openSync(path.join(work, 'log'), 'w');
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], {
    stdio: ['ignore', log, 'inherit'],
  });
  for (;;) {
    const sync = spawn(process.execPath, [MAIN, 'sync', '--config', config], { stdio: 'ignore' });
    const [code] = await once(sync, 'close');
    if (code === 0) return { child, port };
    if (child.exitCode !== null) throw new Error('the gateway ended');
  }
}

async function startLimit() {
  const child = spawn(process.execPath, ['-e', LIMIT_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = await once(child.stdout, 'data');
  return { child, port: Number(text) };
}

/** One round: rate by the clock, and by the CPU time of the server. */
async function measure({ child, port }) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const replies = lineCounter(socket);
  await replies(1);
  socket.write('HELO bench\r\nMAIL FROM:<>\r\n');
  await replies(2);
  const batches = Math.ceil(TOTAL / BATCH);
  const cpuBefore = cpuMs(child.pid);
  const started = performance.now();
  for (let batch = 0; batch < batches; batch++) {
    let text = '';
    for (let index = 0; index < BATCH; index++) {
      const known = recipients[(batch * BATCH + index) % recipients.length];
      text += index % 2 ? `RCPT TO:<x${batch}.${index}@contoso.example>\r\n` : `RCPT TO:<${known}>\r\n`;
    }
    socket.write(batch % 30 === 29 ? `${text}RSET\r\nMAIL FROM:<>\r\n` : text);
    await replies(batch % 30 === 29 ? BATCH + 2 : BATCH);
  }
  const ms = performance.now() - started;
  const cpu = cpuMs(child.pid) - cpuBefore;
  socket.destroy();
  return { rate: (batches * BATCH) / (ms / 1000), perCpuSecond: (batches * BATCH) / (cpu / 1000) };
}

function lineCounter(socket) {
  let seen = 0;
  let wanted = 0;
  let resolve = () => {};
  socket.on('data', (chunk) => {
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen++;
    if (seen >= wanted) resolve();
  });
  return (count) =>
    new Promise((done) => {
      wanted += count;
      resolve = done;
      if (seen >= wanted) done();
    });
}

function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function report() {
  const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  const row = (name) => ({
    rate: Math.round(median(results[name].map(({ rate }) => rate))),
    perCpuSecond: Math.round(median(results[name].map(({ perCpuSecond }) => perCpuSecond))),
  });
  const rows = { limit: row('limit'), gateway: row('gateway') };
  console.log(`${TOTAL} recipients in batches of ${BATCH} over one connection, median of ${ROUNDS} rounds`);
  console.log('server                        RCPT/s   RCPT per CPU second');
  console.log(`fixed replies on node:net  ${pad(rows.limit.rate)}  ${pad(rows.limit.perCpuSecond)}`);
  console.log(`rcptgate, verify           ${pad(rows.gateway.rate)}  ${pad(rows.gateway.perCpuSecond)}`);
  console.log(`ratio                      ${(rows.gateway.rate / rows.limit.rate).toFixed(2).padStart(9)}`);
  console.log(JSON.stringify(rows));
}

function pad(value) {
  return value.toLocaleString('en-US').padStart(9);
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
