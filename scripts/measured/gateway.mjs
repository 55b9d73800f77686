/** The built gateway on a practice tenant, for scripts that measure it: configured, started, and asked by its commands. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './process.mjs';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/**
 * Starts a gateway whose files are all in `folder`, with one `verify` listener, and waits for its first round. `more`: TOML of
 * further tables. Its log goes to a file, because a pipe would make the reader part of what is measured.
 */
export async function startGateway(tenant, folder, more) {
  const port = await freePort();
  const config = path.join(folder, 'rcptgate.toml');
  writeFileSync(path.join(folder, 'secret'), tenant.secret);
  writeFileSync(path.join(folder, 'ca.pem'), tenant.caPem);
  writeFileSync(
    config,
    `state_dir = "${folder}"
ca_file = "${folder}/ca.pem"
[[smtp]]
listen = "127.0.0.1:${port}"
mode = "verify"
[lookup]
enabled = false
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = "${folder}/secret"
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
${more}`,
  );
  const log = openSync(path.join(folder, 'log'), 'w');
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], {
    stdio: ['ignore', log, 'inherit'],
  });
  const ended = once(child, 'close');
  /** A command, not waited for synchronously: the practice tenant may answer from this process. */
  const run = async (...args) => {
    const command = spawn(process.execPath, [MAIN, ...args, '--config', config], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let out = '';
    command.stdout.on('data', (text) => {
      out += text;
    });
    const [code] = await once(command, 'close');
    return { code, out: out.trim() };
  };
  while ((await run('sync')).code !== 0)
    if (child.exitCode !== null) throw new Error(`the gateway ended; its log is ${folder}/log`);
  return {
    port,
    pid: child.pid,
    run,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
