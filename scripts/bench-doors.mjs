/**
 * Lookups per second through Postfix's own client (`postmap -q -`), half of the keys unknown: the gateway's socketmap door beside
 * a cdb table of the same addresses and a PostgreSQL table of them. Rounds alternate. CPU is that of the server (the gateway,
 * PostgreSQL with its backends; a cdb has none) and of the client, which for a cdb does all the work.
 *
 *   npm run build && node scripts/bench-doors.mjs [keys per round] [rounds]      (as root; needs postfix, postfix-cdb, postfix-pgsql, postgresql)
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPracticeTenant } from '../dist/practice/tenant-server.js';

const KEYS = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const USERS = 35_000;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** Clock ticks of /proc are 10 ms on every Linux that Node runs on. */
const TICK_MS = 10;

const work = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-bench-'));
chmodSync(work, 0o755);
const tenant = await startPracticeTenant({ users: USERS });
const gateway = await startGateway();
const addresses = exportedAddresses();
const postgres = await startPostgres(addresses);
const keys = path.join(work, 'keys');
writeFileSync(keys, keyList(addresses));

const ways = {
  'socketmap door': { map: `socketmap:inet:127.0.0.1:${gateway.door}:recipients`, server: gateway.child.pid },
  'cdb table': { map: `cdb:${work}/recipients`, server: null },
  'PostgreSQL table': { map: `pgsql:${work}/pgsql.cf`, server: postgres.pid },
};
const results = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, way] of Object.entries(ways)) results[name].push(await measure(way));
}
report();
gateway.child.kill('SIGTERM');
await once(gateway.child, 'close');
postgres.stop();
await tenant.close();
rmSync(work, { recursive: true, force: true });

async function startGateway() {
  const door = await freePort();
  const config = path.join(work, 'rcptgate.toml');
  writeFileSync(path.join(work, 'secret'), tenant.secret);
  writeFileSync(path.join(work, 'ca.pem'), tenant.caPem);
  writeFileSync(
    config,
    `state_dir = "${work}"
ca_file = "${work}/ca.pem"
[[smtp]]
listen = "127.0.0.1:0"
mode = "verify"
[lookup]
enabled = false
[[door]]
protocol = "socketmap"
listen = "127.0.0.1:${door}"
[[export]]
path = "${work}/recipients"
postmap = "cdb"
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
  // Not spawnSync: the practice tenant answers from this process.
  const run = async (...args) => {
    const command = spawn(process.execPath, [MAIN, ...args, '--config', config], { stdio: 'ignore' });
    const [code] = await once(command, 'close');
    return code;
  };
  while ((await run('sync')) !== 0) if (child.exitCode !== null) throw new Error('the gateway ended');
  if ((await run('export', 'write')) !== 0) throw new Error('the export was not written');
  return { child, door };
}

function exportedAddresses() {
  const lines = readFileSync(path.join(work, 'recipients'), 'utf8').split('\n');
  return lines
    .filter((line) => line.endsWith(' OK') && !line.startsWith('#'))
    .map((line) => line.slice(0, -3));
}

/** Every other key is unknown; none is asked for twice in a row, so nobody's last answer helps. */
function keyList(known) {
  const line = (n) => (n % 2 === 0 ? known[(n * 7) % known.length] : `guess${n}@contoso.example`);
  return `${Array.from({ length: KEYS }, (_, n) => line(n)).join('\n')}\n`;
}

async function startPostgres(known) {
  const bin = execFileSync('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | tail -1'], {
    encoding: 'utf8',
  }).trim();
  const data = path.join(work, 'postgres');
  mkdirSync(data);
  execFileSync('chown', ['postgres', data]);
  const port = await freePort();
  const as = (command) =>
    execFileSync('runuser', ['-u', 'postgres', '--', 'sh', '-c', command], {
      cwd: data,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  as(`${bin}/initdb -A trust -D ${data}/db`);
  as(`${bin}/pg_ctl -w -D ${data}/db -l ${data}/log -o "-h 127.0.0.1 -p ${port} -k ${data}" start`);
  const sql = path.join(work, 'table.sql');
  const rows = known.map((address) => address.replaceAll('\\', '\\\\')).join('\n');
  writeFileSync(
    sql,
    `create table recipients (address text primary key);\ncopy recipients from stdin;\n${rows}\n\\.\nanalyze recipients;\n`,
  );
  as(`${bin}/psql -q -h 127.0.0.1 -p ${port} -d postgres -f ${sql}`);
  writeFileSync(
    path.join(work, 'pgsql.cf'),
    `hosts = 127.0.0.1:${port}\nuser = postgres\npassword = none\ndbname = postgres\nquery = SELECT 'known' FROM recipients WHERE address = '%s'\n`,
  );
  const pid = Number(readFileSync(path.join(data, 'db', 'postmaster.pid'), 'utf8').split('\n')[0]);
  return { pid, stop: () => as(`${bin}/pg_ctl -m fast -D ${data}/db stop`) };
}

/** One round: the rate by the clock, the CPU of both sides per lookup, and how many were found. */
async function measure({ map, server }) {
  const before = server === null ? 0 : treeCpuMs(server);
  const started = performance.now();
  const command = `TIMEFORMAT='%U %S'; time postmap -q - '${map}' <'${keys}' | wc -l`;
  const { stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
  const ms = performance.now() - started;
  // A backend that has ended is counted with its parent a moment later.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const serverMs = server === null ? 0 : treeCpuMs(server) - before;
  const [user = 0, system = 0] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return {
    found: Number(stdout),
    rate: KEYS / (ms / 1000),
    server: (serverMs * 1000) / KEYS,
    client: ((user + system) * 1e6) / KEYS,
  };
}

/** CPU time of a process, of those that have ended below it, and of its living children. */
function treeCpuMs(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS;
  return children.reduce((sum, child) => sum + treeCpuMs(child), own);
}

function report() {
  const median = (name, key) => {
    const values = results[name].map((each) => each[key]).sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)];
  };
  const base = median('cdb table', 'rate');
  const rows = Object.keys(ways).map((name) => ({
    way: name,
    'lookups/s': Math.round(median(name, 'rate')),
    'ratio to cdb': (median(name, 'rate') / base).toFixed(2),
    'server µs CPU/lookup': median(name, 'server').toFixed(1),
    'client µs CPU/lookup': median(name, 'client').toFixed(1),
    found: median(name, 'found'),
  }));
  console.log(`${addresses.length} addresses, ${KEYS} keys a round, medians of ${ROUNDS} interleaved rounds`);
  console.table(rows);
}

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
