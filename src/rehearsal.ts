/**
 * The composition root of `rcptgate practice`: the real gateway between a practice tenant and a practice next hop,
 * all on loopback. It writes an ordinary configuration file and runs what `serve` runs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Gateway, serve } from './app.ts';
import { printable } from './commands/table.ts';
import { readConfig } from './config/file.ts';
import { problemLines } from './config/problem.ts';
import { controlClient } from './console/control-client.ts';
import { type PracticeMessage, startPracticeNextHop } from './practice/next-hop.ts';
import { type PracticeTenant, startPracticeTenant } from './practice/tenant-server.ts';
import { scheduleProblem } from './sync/schedule.ts';

interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

/** `users` are generated on top of the named ones; `smtpPort` and `nextHopPort` are 2525 and 2526 unless given. */
export interface RehearsalOptions {
  readonly stateDir: string;
  readonly users: number;
  readonly smtpPort?: number;
  readonly nextHopPort?: number;
}

/** Runs until SIGTERM or SIGINT. Returns the exit code. */
export async function rehearse(
  options: RehearsalOptions,
  version: string,
  terminal: Terminal,
): Promise<number> {
  const stateDir = path.resolve(options.stateDir);
  mkdirSync(stateDir, { recursive: true, mode: 0o750 });
  const nextHopPort = options.nextHopPort ?? 2526;
  await using nextHop = await startPracticeNextHop({
    port: nextHopPort,
    onMessage: (message) => terminal.out(messageText(message)),
  });
  await using tenant = await startPracticeTenant({ users: options.users, stateDir });
  const file = writeConfiguration(stateDir, tenant, options.smtpPort ?? 2525, nextHop.port);
  const parsed = readConfig(file, { schedule: scheduleProblem });
  if (!parsed.ok) throw new Error(`${file} cannot be used:\n${problemLines(parsed.problems)}`);
  const { config } = parsed;
  const guide = async (gateway: Gateway) => {
    // The first round is what makes the directory fresh; before it every answer would be 451.
    for await (const _line of controlClient(config.controlSocket).postLines('/v1/sync', {}));
    terminal.out(guideText(gateway, path.relative('.', file)));
  };
  return await serve(config, version, terminal.err, guide);
}

function writeConfiguration(
  stateDir: string,
  tenant: PracticeTenant,
  smtpPort: number,
  hopPort: number,
): string {
  const file = (name: string, content: string): string => {
    const full = path.join(stateDir, name);
    writeFileSync(full, content, { mode: 0o600 });
    return JSON.stringify(full);
  };
  const toml = `# Written by rcptgate practice at every start.
state_dir = ${JSON.stringify(stateDir)}
ca_file = ${file('ca.pem', tenant.caPem)}
hostname = "gateway.example"
[[smtp]]
listen = "127.0.0.1:${smtpPort}"
mode = "relay"
[[tenant]]
id = "${tenant.tenantId}"
application_id = "${tenant.applicationId}"
secret_file = ${file('secret', tenant.secret)}
login = "${tenant.login}"
graph = "${tenant.graph}"
[[domain]]
name = "contoso.example"
policy = "enforce"
next_hop = "127.0.0.1:${hopPort}"
[[domain]]
name = "bücher.example"
policy = "enforce"
next_hop = "127.0.0.1:${hopPort}"
`;
  file('rcptgate.toml', toml);
  return path.join(stateDir, 'rcptgate.toml');
}

function guideText(gateway: Gateway, config: string): string {
  const [host, port] = (gateway.listeners[0] ?? '').split(':');
  const dialog = (to: string) =>
    `printf 'EHLO me\\r\\nMAIL FROM:<me@sender.example>\\r\\nRCPT TO:<${to}>\\r\\nQUIT\\r\\n' | nc ${host} ${port}`;
  return `
rcptgate is ready: ${gateway.listeners.join(', ')} checks recipients of the practice tenant contoso.example.
What it accepts goes to a practice next hop, which shows it here. Try, in another terminal:

  a known recipient (250), an alias (a.smith@), a shared mailbox (info@), a group (sales@)
    ${dialog('alice@contoso.example')}
  an unknown recipient (550 5.1.1)
    ${dialog('nobody@contoso.example')}
  a whole message
    swaks --server ${host}:${port} --from me@sender.example --to alice@contoso.example
  why an address is answered as it is, and the state of everything
    node dist/main.js check alice+news@contoso.example nobody@contoso.example --config ${config}
    node dist/main.js status --config ${config}

Ctrl-C stops it.
`;
}

function messageText(message: PracticeMessage): string {
  const head = message.bytes.toString('utf8', 0, 16_384).split(/\r?\n\r?\n/, 1)[0] ?? '';
  const subject = /^subject:\s*(.*)$/im.exec(head)?.[1] ?? '(no subject)';
  const to = message.to.map(printable).join(', ');
  return `next hop: message from <${printable(message.from)}> to ${to}, ${message.bytes.length} bytes: ${printable(subject)}`;
}
