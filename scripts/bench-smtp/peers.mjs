/**
 * The mail servers that bench-smtp compares with: Postfix and Haraka installed, Exim unpacked beside them. Each gets the same
 * addresses, its limits raised out of the way, its log of rejections as it is out of the box, and nothing else.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, listens } from '../measured/process.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = path.join(ROOT, 'node_modules', '.cache', 'rcptgate');
const HARAKA = 'Haraka@3.3.4';

/** Installs what is missing, and says what it does. Needs root. */
export function install(wanted, say) {
  const packages = [
    'gcc',
    'libssl-dev',
    'openssl',
    ...(wanted.has('postfix') ? ['postfix', 'postfix-cdb'] : []),
  ];
  const missing = packages.filter((name) => {
    try {
      return !execFileSync('dpkg-query', ['-W', '-f', '$' + '{Status}', name], {
        stdio: ['ignore', 'pipe', 'ignore'],
      }).includes('install ok');
    } catch {
      return true;
    }
  });
  if (missing.length > 0) {
    say(`apt-get install ${missing.join(' ')}`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env,
    });
  }
  if (wanted.has('exim')) {
    say(`Exim into ${path.join(CACHE, 'exim')} (.ci/exim-root)`);
    execFileSync(path.join(ROOT, '.ci/exim-root'), [path.join(CACHE, 'exim')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  if (wanted.has('haraka') && !existsSync(path.join(CACHE, 'haraka', 'node_modules', 'Haraka'))) {
    say(`npm install ${HARAKA} into ${path.join(CACHE, 'haraka')}`);
    mkdirSync(path.join(CACHE, 'haraka'), { recursive: true });
    writeFileSync(path.join(CACHE, 'haraka', 'package.json'), '{"private":true}');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--omit=optional', HARAKA], {
      cwd: path.join(CACHE, 'haraka'),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
}

/** Postfix with cdb; the second port passes mail through smtpd_proxy_filter to `sink`. */
export async function startPostfix({ work, domains, addresses, tls, sink, pin }) {
  const folder = path.join(work, 'postfix');
  const config = path.join(folder, 'config');
  for (const name of ['', 'config', 'queue', 'data']) mkdirSync(path.join(folder, name), { recursive: true });
  chmodSync(folder, 0o755);
  chownSync(path.join(folder, 'data'), Number(execFileSync('id', ['-u', 'postfix'])), 0);
  writeFileSync(path.join(folder, 'known'), addresses.map((address) => `${address} OK\n`).join(''));
  const [port, proxyPort] = [await freePort(), await freePort()];
  const main = {
    compatibility_level: '3.6',
    queue_directory: path.join(folder, 'queue'),
    data_directory: path.join(folder, 'data'),
    maillog_file: path.join(folder, 'maillog'),
    maillog_file_prefixes: folder,
    myhostname: 'postfix.example',
    mydestination: '',
    mynetworks: '192.0.2.1/32',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    alias_maps: '',
    local_recipient_maps: '',
    relay_domains: domains.join(' '),
    relay_recipient_maps: `cdb:${path.join(folder, 'known')}`,
    smtpd_peername_lookup: 'no',
    smtpd_recipient_restrictions: 'reject_unauth_destination',
    smtpd_error_sleep_time: '0',
    smtpd_soft_error_limit: '1000000000',
    smtpd_hard_error_limit: '1000000000',
    smtpd_junk_command_limit: '1000000000',
    smtpd_recipient_limit: '1000000',
    smtpd_recipient_overshoot_limit: '1000000',
    smtpd_client_connection_count_limit: '0',
    message_size_limit: '0',
    default_process_limit: '1000',
    smtpd_tls_security_level: 'may',
    smtpd_tls_cert_file: tls.cert,
    smtpd_tls_key_file: tls.key,
  };
  const file = path.join(config, 'main.cf');
  writeFileSync(
    file,
    Object.entries(main)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(''),
  );
  // Postfix waits until main.cf has not been written to for two seconds.
  utimesSync(file, new Date(0), new Date(0));
  const smtpd = (at) => `127.0.0.1:${at} inet n - n - - smtpd`;
  writeFileSync(
    path.join(config, 'master.cf'),
    `${smtpd(port)}
${smtpd(proxyPort)} -o smtpd_proxy_filter=127.0.0.1:${sink}
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
`,
  );
  execFileSync('postmap', ['-c', config, `cdb:${path.join(folder, 'known')}`]);
  execFileSync('taskset', ['-c', pin, 'postfix', '-c', config, 'start'], { stdio: 'ignore' });
  await listens(port);
  const pid = Number(readFileSync(path.join(folder, 'queue', 'pid', 'master.pid'), 'utf8'));
  return {
    pid,
    ports: { default: port, relay: proxyPort },
    stop: async () => void execFileSync('postfix', ['-c', config, 'stop'], { stdio: 'ignore' }),
  };
}

/** Exim with cdb, one process for each connection as always. */
export async function startExim({ domains, addresses, tls, pin }) {
  const root = path.join(CACHE, 'exim');
  const folder = path.join(root, 'run', `bench-${process.pid}`);
  const inside = path.join('/run', path.basename(folder));
  mkdirSync(path.join(folder, 'spool'), { recursive: true });
  chmodSync(folder, 0o755);
  chownSync(path.join(folder, 'spool'), 9999, 9999);
  for (const name of ['cert', 'key']) {
    copyFileSync(tls[name], path.join(folder, `${name}.pem`));
    chownSync(path.join(folder, `${name}.pem`), 0, 9999);
    chmodSync(path.join(folder, `${name}.pem`), 0o640);
  }
  writeFileSync(path.join(folder, 'known.cdb'), cdb(addresses.map((address) => [address, 'yes'])));
  writeFileSync(
    path.join(folder, 'exim.conf'),
    `primary_hostname = exim.example
spool_directory = ${inside}/spool
log_file_path = ${inside}/spool/%slog
pid_file_path = ${inside}/spool/exim.pid
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = ${inside}/cert.pem
tls_privatekey = ${inside}/key.pem
tls_resumption_hosts = *
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 1000000000
smtp_accept_max_nonmail = 1000000000
smtp_connect_backlog = 4096
recipients_max = 1000000
acl_smtp_rcpt = recipients
begin acl
recipients:
  accept domains = ${domains.join(' : ')}
         condition = \${lookup{\${lc:$local_part@$domain}}cdb{${inside}/known.cdb}{yes}{no}}
  deny message = 5.1.1 No such recipient here
`,
    { mode: 0o644 },
  );
  const port = await freePort();
  const args = [
    '-c',
    pin,
    'chroot',
    root,
    '/usr/sbin/exim4',
    '-C',
    path.join(inside, 'exim.conf'),
    '-bdf',
    '-oX',
    `127.0.0.1.${port}`,
  ];
  const child = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  await listens(port);
  return { pid: child.pid, ports: { default: port }, stop: () => ended(child) };
}

/** Haraka in one process, with the addresses in a Set. */
export async function startHaraka({ work, domains, addressFile, tls, pin }) {
  const folder = path.join(work, 'haraka');
  for (const name of ['config', 'plugins']) mkdirSync(path.join(folder, name), { recursive: true });
  const port = await freePort();
  const put = (name, text) => writeFileSync(path.join(folder, name), text);
  put('config/smtp.ini', `listen=127.0.0.1:${port}\nnodes=0\n`);
  // Its own defaults are looked for in the folder of the installation, not here.
  const defaults = path.join(CACHE, 'haraka', 'node_modules', 'Haraka', 'config', 'connection.ini');
  put('config/connection.ini', readFileSync(defaults, 'utf8'));
  put('config/plugins', 'tls\nrecipients\n');
  put('config/tls.ini', `key=${tls.key}\ncert=${tls.cert}\n`);
  put('config/me', 'haraka.example\n');
  put('config/host_list', `${domains.join('\n')}\n`);
  put(
    'plugins/recipients.js',
    `const known = new Set(require('node:fs').readFileSync(${JSON.stringify(addressFile)}, 'utf8').split('\\n'));
exports.register = function () { this.register_hook('rcpt', 'check'); };
exports.check = function (next, connection, params) {
  const { address } = params[0];
  const text = typeof address === 'function' ? params[0].address() : address;
  if (known.has(text.toLowerCase())) return next(OK);
  next(DENY, '5.1.1 No such recipient here');
};
`,
  );
  const main = path.join(CACHE, 'haraka', 'node_modules', 'Haraka', 'bin', 'haraka');
  const child = spawn('taskset', ['-c', pin, process.execPath, main, '-c', folder], {
    stdio: ['ignore', 'ignore', 'ignore'],
    cwd: folder,
  });
  await listens(port);
  return { pid: child.pid, ports: { default: port }, stop: () => ended(child) };
}

/** Ends a child that we started. */
export function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('close', resolve);
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5000).unref();
  });
}

/** A constant database (https://cr.yp.to/cdb/cdb.txt) of string pairs. */
function cdb(pairs) {
  const tables = Array.from({ length: 256 }, () => []);
  const records = [];
  let position = 2048;
  for (const [key, value] of pairs) {
    const [k, v] = [Buffer.from(key), Buffer.from(value)];
    const head = Buffer.alloc(8);
    head.writeUInt32LE(k.length, 0);
    head.writeUInt32LE(v.length, 4);
    records.push(head, k, v);
    let hash = 5381;
    for (const byte of k) hash = (((hash << 5) + hash) ^ byte) >>> 0;
    tables[hash & 255].push([hash, position]);
    position += 8 + k.length + v.length;
  }
  const index = Buffer.alloc(2048);
  const slots = tables.map((entries, number) => {
    const count = entries.length * 2;
    index.writeUInt32LE(position, number * 8);
    index.writeUInt32LE(count, number * 8 + 4);
    const table = Buffer.alloc(count * 8);
    for (const [hash, at] of entries) {
      let slot = (hash >>> 8) % count;
      while (table.readUInt32LE(slot * 8 + 4) !== 0) slot = (slot + 1) % count;
      table.writeUInt32LE(hash, slot * 8);
      table.writeUInt32LE(at, slot * 8 + 4);
    }
    position += table.length;
    return table;
  });
  return Buffer.concat([index, ...records, ...slots]);
}
