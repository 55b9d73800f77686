/** The real daemon for scripts that make its life hard: started, asked, measured from /proc. Linux. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../measured/process.mjs';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Starts a gateway in `relay` mode whose state is in `folder`; its configuration is in `files`, its log goes to `logFile`. */
export async function startGateway({ tenant, hop, folder, files, logFile, env = {}, more = '' }) {
  const [port, watch] = [await freePort(), await freePort()];
  const file = (name) => path.join(files, name);
  writeFileSync(file('ca.pem'), tenant.caPem);
  writeFileSync(file('secret'), tenant.secret);
  writeFileSync(
    file('rcptgate.toml'),
    `state_dir = "${folder}"
control_socket = "${file('control.sock')}"
ca_file = "${file('ca.pem')}"
hostname = "gateway.example"
[console]
enabled = false
[log]
file = "${logFile}"
stdout = false
[metrics]
listen = "127.0.0.1:${watch}"
[lookup]
enabled = false
[harvest]
limit = 0
[[smtp]]
listen = "127.0.0.1:${port}"
max_connections = 10000
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = "${file('secret')}"
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
next_hop = "127.0.0.1:${hop.port}"
${more}`,
  );
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', file('rcptgate.toml')], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'close');
  const text = (what) => fetch(`http://127.0.0.1:${watch}${what}`).then((answer) => answer.text());
  const gateway = {
    port,
    pid: child.pid,
    /** Answers of 451 that a script counts: they are in the rejection log, too. */
    deferred: 0,
    /** The sum of a metric over the labels that match. */
    async metric(name, labels = '') {
      const lines = (await text('/metrics')).split('\n');
      const found = lines.filter(
        (line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? '') && line.includes(labels),
      );
      return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    },
    ready: async () => (await fetch(`http://127.0.0.1:${watch}/readyz`)).status,
    /** MB. */
    rss: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024,
    async run(...args) {
      const command = spawn(process.execPath, [MAIN, ...args, '--config', file('rcptgate.toml')], {
        stdio: 'ignore',
      });
      const [code] = await once(command, 'close');
      return code;
    },
    async end() {
      child.kill('SIGTERM');
      await ended;
    },
  };
  await until('the daemon answers', () =>
    text('/healthz').then(
      () => true,
      () => false,
    ),
  );
  return gateway;
}

/** Waits until `check` is true. */
export async function until(what, check, ms = 30_000) {
  const end = performance.now() + ms;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`gave up waiting: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A dialog that asks one line at a time. */
export async function openSession(port) {
  const socket = net.connect(port, '127.0.0.1');
  let text = '';
  let wake = () => undefined;
  const gone = () => {
    text += '000 connection lost\r\n';
    wake();
  };
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
    wake();
  });
  socket.on('error', () => undefined).on('close', gone);
  const reply = async () => {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*(\d{3})[^-][^\n]*\n/.exec(text);
      if (match) {
        text = text.slice(match[0].length);
        return Number(match[1]);
      }
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  };
  const ask = (line) => {
    socket.write(`${line}\r\n`);
    return reply();
  };
  await reply();
  await ask('EHLO client.example');
  return { ask, close: () => socket.destroy() };
}

/** One message to one recipient; the last code. */
export async function sendMessage(port, to = 'alice@contoso.example') {
  const session = await openSession(port);
  try {
    await session.ask('MAIL FROM:<me@sender.example>');
    const rcpt = await session.ask(`RCPT TO:<${to}>`);
    if (rcpt !== 250) return rcpt;
    await session.ask('DATA');
    return await session.ask('Subject: x\r\n\r\nbody\r\n.');
  } finally {
    session.close();
  }
}

/** What would be said to an address. */
export async function askRecipient(port, address) {
  const session = await openSession(port);
  await session.ask('MAIL FROM:<>');
  const code = await session.ask(`RCPT TO:<${address}>`);
  session.close();
  return code;
}
