/**
 * What the console's trouble costs the SMTP side: RCPT latency while it is idle, flooded with requests, sent uploads of
 * 100 MB, and killed again and again. An idle phase before and after shows the noise, and the same against a server that
 * is not ours shows what the lack of CPUs alone costs.
 *
 *   npm run build && node scripts/bench-console.mjs [seconds per phase] [rounds]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startGateway } from './measured/gateway.mjs';
import { freePort } from './measured/process.mjs';

const SECONDS = Number(process.argv[2] ?? 20);
const ROUNDS = Number(process.argv[3] ?? 2);
const USERS = 20_000;
/** Connections that ask one recipient at a time, and how long each waits in between, ms. */
const CONNECTIONS = 4;
const PAUSE = 3;
const file = (name) => fileURLToPath(new URL(name, import.meta.url));

const work = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-bench-'));
const practice = fork(file('bench-directory-tenant.mjs'), [String(USERS)]);
const [tenant] = await once(practice, 'message');
practice.send({ want: 'addresses' });
const [recipients] = await once(practice, 'message');
const consolePort = await freePort();
const consoleUrl = `http://127.0.0.1:${consolePort}`;
const gateway = await startGateway(tenant, work, `[console]\nlisten = "127.0.0.1:${consolePort}"\n`);

const results = new Map();
for (let round = 0; round < ROUNDS; round++) {
  await phase('idle', async () => null);
  for (const kind of ['flood', 'upload']) {
    await phase(`${kind}, not at us`, () => throwElsewhere(kind));
    await phase(kind, () => throwAt(kind));
  }
  await phase('killed', killAgain);
  await phase('idle again', async () => null);
}
report();
await gateway.stop();
practice.disconnect();
rmSync(work, { recursive: true, force: true });

/** Measures while the trouble lasts; it begins a moment before. */
async function phase(name, trouble) {
  const happened = trouble();
  await sleep(500);
  const measured = await measure(SECONDS - 1);
  const result = results.get(name) ?? { times: [], rates: [], happened: [] };
  result.times.push(...measured.times);
  result.rates.push(measured.rate);
  result.happened.push(await happened);
  results.set(name, result);
  await consoleReady();
  await sleep(1000);
}

async function throwAt(kind) {
  const flood = fork(file('bench-console-flood.mjs'));
  flood.send({ kind, ...(await enter()), tenant: tenant.tenantId, seconds: SECONDS });
  const [counts] = await once(flood, 'message');
  return counts;
}

/** The same against a server that is not ours: what the lack of CPUs alone costs. */
async function throwElsewhere(kind) {
  const standIn = fork(file('bench-console-flood.mjs'));
  standIn.send({ kind: 'stand-in' });
  const [port] = await once(standIn, 'message');
  const flood = fork(file('bench-console-flood.mjs'));
  flood.send({ kind, url: `http://127.0.0.1:${port}`, cookie: '', csrf: '', tenant: '', seconds: SECONDS });
  const [counts] = await once(flood, 'message');
  standIn.disconnect();
  return counts;
}

/** kill -9 as soon as it listens, for as long as the phase lasts. */
async function killAgain() {
  const until = performance.now() + SECONDS * 1000;
  let killed = 0;
  while (performance.now() < until) {
    const pid = childOf(gateway.pid);
    if (pid !== null) {
      process.kill(pid, 'SIGKILL');
      killed += 1;
    }
    await sleep(500);
  }
  return { killed };
}

/** Half of the recipients are known. Latency of each answer in ms, and answers per second. */
async function measure(seconds) {
  const until = performance.now() + seconds * 1000;
  const started = performance.now();
  const times = (
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, each) => ask(each, until)))
  ).flat();
  return { times, rate: times.length / ((performance.now() - started) / 1000) };
}

async function ask(connection, until) {
  const socket = net.connect({ port: gateway.port, host: '127.0.0.1', noDelay: true });
  const line = lineReader(socket);
  await line();
  for (const text of ['HELO bench', 'MAIL FROM:<>']) {
    socket.write(`${text}\r\n`);
    await line();
  }
  const times = [];
  for (let index = 0; performance.now() < until; index++) {
    const known = recipients[(connection * 977 + index) % recipients.length];
    const rcpt = index % 2 ? `x${connection}.${index}@contoso.example` : known;
    const sent = performance.now();
    socket.write(`RCPT TO:<${rcpt}>\r\n`);
    const reply = await line();
    times.push(performance.now() - sent);
    if (!reply.startsWith(index % 2 ? '550 ' : '250 ')) throw new Error(`${rcpt}: ${reply}`);
    if (index % 900 === 899) {
      socket.write('RSET\r\nMAIL FROM:<>\r\n');
      await line();
      await line();
    }
    await sleep(PAUSE);
  }
  socket.destroy();
  return times;
}

function lineReader(socket) {
  let text = '';
  let wake = () => {};
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
    wake();
  });
  return async () => {
    while (!text.includes('\n')) await new Promise((resolve) => (wake = resolve));
    const end = text.indexOf('\n') + 1;
    const line = text.slice(0, end);
    text = text.slice(end);
    return line;
  };
}

/** Comes in by a one-time link, as an administrator of everything. */
async function enter() {
  const link = new URL((await gateway.run('console-link')).out);
  const cookies = new Map();
  const first = await request('GET', `${link.pathname}${link.search}`, cookies);
  const fields = [...first.body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
  const form = new URLSearchParams(fields.map(([, name, value]) => [name, value]));
  await request('POST', '/enter', cookies, form.toString());
  const page = await request('GET', '/status', cookies);
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.body)?.[1];
  if (csrf === undefined) throw new Error(`nobody could enter the console: ${page.status}`);
  return { url: consoleUrl, cookie: cookieText(cookies), csrf };
}

function cookieText(cookies) {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
}

async function request(method, where, cookies, body) {
  const headers = { cookie: cookieText(cookies), origin: consoleUrl };
  if (body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
  const sent = http.request(new URL(where, consoleUrl), { method, headers, agent: false });
  sent.end(body);
  const [response] = await once(sent, 'response');
  for (const cookie of response.headers['set-cookie'] ?? []) {
    const [name, value] = cookie.split(';')[0].split('=');
    cookies.set(name, value);
  }
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, body: text };
}

async function consoleReady() {
  for (;;) {
    const answer = await request('GET', '/sign-in', new Map()).catch(() => null);
    if (answer?.status === 200) return;
    await sleep(200);
  }
}

/** The console's process, once it is there (Linux). */
function childOf(pid) {
  const found = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(parent) === pid && state !== 'Z';
    } catch {
      return false;
    }
  });
  return found === undefined ? null : Number(found);
}

function report() {
  console.log(
    `${CONNECTIONS} connections, one recipient at a time every ${PAUSE} ms, ${USERS} users, ${ROUNDS} rounds of ${SECONDS} s, ${os.cpus().length} CPUs`,
  );
  console.log('console               RCPT  p50 ms  p99 ms  p99.9 ms  max ms  per second  what happened');
  for (const [name, { times, rates, happened }] of results) {
    times.sort((a, b) => a - b);
    const at = (share) => times[Math.min(times.length - 1, Math.floor(times.length * share))].toFixed(2);
    const rate = rates.reduce((sum, each) => sum + each, 0) / rates.length;
    const columns = [
      name.padEnd(18),
      String(times.length).padStart(7),
      at(0.5).padStart(7),
      at(0.99).padStart(7),
    ];
    columns.push(at(0.999).padStart(9), at(1).padStart(7), rate.toFixed(0).padStart(11));
    const what = happened.filter(Boolean).map((each) => JSON.stringify(each));
    console.log([...columns, what.join(' ')].join(' '));
  }
}
