/** An Exim of a test's own, in its root folder: it accepts no recipient before it asked the gateway (a callout). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { freePort } from '../daemon.ts';
import { eventually } from './eventually.ts';
import { EXIM_ROOT, programPath } from './programs.ts';

/** Callout options by the sender whose recipients they are used for. */
export type Callouts = Readonly<Record<string, string>>;

export interface Exim extends AsyncDisposable {
  readonly port: number;
}

/** Exim's own user, as `.ci/exim-root` made it. */
const EXIM_USER = 9999;

/** What its configuration says of a recipient. */
export interface EximRules {
  /** Lines of the ACL for RCPT. */
  readonly acl: string;
  readonly routers: string;
}

/** Starts one that asks `127.0.0.1:gatewayPort`; disposing ends it and removes its folder. */
export function startExim(gatewayPort: number, callouts: Callouts): Promise<Exim> {
  const acl = Object.entries(callouts).map(
    ([sender, options]) => `
  deny senders = ${sender}
       !verify = recipient/${options}`,
  );
  const routers = `gateway:
  driver = manualroute
  domains = contoso.example
  transport = remote_smtp
  route_list = * 127.0.0.1::${gatewayPort} byname
  self = send
`;
  return startEximWith({ acl: acl.join('\n'), routers });
}

/** Starts one with rules of the test's own; disposing ends it and removes its folder. */
export async function startEximWith(rules: EximRules): Promise<Exim> {
  const folder = mkdtempSync(path.join(EXIM_ROOT, 'run', 'test-'));
  chmodSync(folder, 0o755);
  const spool = path.join(folder, 'spool');
  mkdirSync(spool);
  chownSync(spool, EXIM_USER, EXIM_USER);
  const inside = path.join('/run', path.basename(folder));
  writeFileSync(path.join(folder, 'exim.conf'), configuration(inside, rules), {
    mode: 0o644,
  });
  const port = await freePort();
  const exim = ['/usr/sbin/exim4', '-C', path.join(inside, 'exim.conf')];
  // In the foreground, so that its end is ours to see.
  const args = [EXIM_ROOT, ...exim, '-bdf', '-oX', `127.0.0.1.${port}`];
  const child = spawn(programPath('chroot'), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const ended = once(child, 'close');
  await eventually('Exim listens', () => {
    if (child.exitCode !== null) throw new Error(`Exim ended with ${child.exitCode}: ${stderr}`);
    return listens(port);
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configuration(folder: string, { acl, routers }: EximRules): string {
  return `
primary_hostname = exim.example
spool_directory = ${folder}/spool
log_file_path = ${folder}/spool/%slog
pid_file_path = ${folder}/spool/exim.pid
keep_environment =
add_environment = PATH=/usr/sbin
host_lookup =
dns_ipv4_lookup = *
tls_advertise_hosts =
acl_smtp_rcpt = recipients

begin acl
recipients:
${acl}
  accept domains = contoso.example

begin routers
${routers}
begin transports
remote_smtp:
  driver = smtp
  allow_localhost
  hosts_try_dane =
`;
}

async function listens(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
