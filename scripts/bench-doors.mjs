/**
 * Lookups per second through Postfix's own client (`postmap -q -`), half of the keys unknown: the gateway's socketmap door beside
 * a cdb table of the same addresses and a PostgreSQL table of them. Rounds alternate. CPU is that of the server (the gateway,
 * PostgreSQL with its backends; a cdb has none) and of the client, which for a cdb does all the work.
 *
 *   npm run build && node scripts/bench-doors.mjs [keys per round] [rounds]      (as root; needs postfix, postfix-cdb, postfix-pgsql, postgresql)
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startPracticeTenant } from '../dist/practice/tenant-server.js';
import { startGateway } from './measured/gateway.mjs';
import { freePort, median, treeCpu } from './measured/process.mjs';

const KEYS = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const USERS = 35_000;

const work = mkdtempSync(path.join(os.tmpdir(), 'rcptgate-bench-'));
chmodSync(work, 0o755);
const tenant = await startPracticeTenant({ users: USERS });
const door = await freePort();
const gateway = await startGateway(
  tenant,
  work,
  `[[door]]
protocol = "socketmap"
listen = "127.0.0.1:${door}"
[[export]]
path = "${work}/recipients"
postmap = "cdb"
`,
);
if ((await gateway.run('export', 'write')).code !== 0) throw new Error('the export was not written');
const addresses = exportedAddresses();
const postgres = await startPostgres(addresses);
const keys = path.join(work, 'keys');
writeFileSync(keys, keyList(addresses));

const ways = {
  'socketmap door': { map: `socketmap:inet:127.0.0.1:${door}:recipients`, server: gateway.pid },
  'cdb table': { map: `cdb:${work}/recipients`, server: null },
  'PostgreSQL table': { map: `pgsql:${work}/pgsql.cf`, server: postgres.pid },
};
const results = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, way] of Object.entries(ways)) results[name].push(await measure(way));
}
report();
await gateway.stop();
postgres.stop();
await tenant.close();
rmSync(work, { recursive: true, force: true });

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
  const before = server === null ? 0 : treeCpu(server);
  const started = performance.now();
  const command = `TIMEFORMAT='%U %S'; time postmap -q - '${map}' <'${keys}' | wc -l`;
  const { stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
  const ms = performance.now() - started;
  // A backend that has ended is counted with its parent a moment later.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const seconds = server === null ? 0 : treeCpu(server) - before;
  const [user = 0, system = 0] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return {
    found: Number(stdout),
    rate: KEYS / (ms / 1000),
    server: (seconds * 1e6) / KEYS,
    client: ((user + system) * 1e6) / KEYS,
  };
}

function report() {
  const of = (name, key) => median(results[name].map((each) => each[key]));
  const base = of('cdb table', 'rate');
  const rows = Object.keys(ways).map((name) => ({
    way: name,
    'lookups/s': Math.round(of(name, 'rate')),
    'ratio to cdb': (of(name, 'rate') / base).toFixed(2),
    'server µs CPU/lookup': of(name, 'server').toFixed(1),
    'client µs CPU/lookup': of(name, 'client').toFixed(1),
    found: of(name, 'found'),
  }));
  console.log(`${addresses.length} addresses, ${KEYS} keys a round, medians of ${ROUNDS} interleaved rounds`);
  console.table(rows);
}
