/**
 * The composition root of `rcptgate practice`: the real gateway between a practice tenant and a practice next hop,
 * all on loopback. It writes an ordinary configuration file and runs what `serve` runs.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Gateway, serve } from './app.ts';
import { printable } from './commands/table.ts';
import { readConfig } from './config/file.ts';
import { problemLines } from './config/problem.ts';
import { controlClient } from './console/control-client.ts';
import { type PracticeMessage, startPracticeNextHop } from './practice/next-hop.ts';
import { type PracticeTenant, startPracticeTenant } from './practice/tenant-server.ts';
import { scheduleProblem } from './sync/schedule.ts';

const HOME = '.practice';

interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

/** `users` are generated on top of the named ones; `smtpPort` and `nextHopPort` are 2525 and 2526 unless given. */
export interface RehearsalOptions {
  /** Unless given, .practice, or with `fromNothing` a folder of its own in it that goes at the end. */
  readonly stateDir?: string | undefined;
  /** The gateway knows the tenant's id and nothing else: the set-up in the console is what is rehearsed. */
  readonly fromNothing?: boolean;
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
  const fromNothing = options.fromNothing ?? false;
  mkdirSync(options.stateDir ?? HOME, { recursive: true, mode: 0o750 });
  // What an earlier rehearsal set up must not be found again.
  const ownFolder = options.stateDir === undefined && fromNothing;
  const stateDir = path.resolve(
    ownFolder ? mkdtempSync(path.join(HOME, 'from-nothing-')) : (options.stateDir ?? HOME),
  );
  try {
    return await run({ ...options, stateDir, fromNothing }, version, terminal);
  } finally {
    if (ownFolder) rmSync(stateDir, { recursive: true, force: true });
  }
}

type Rehearsal = RehearsalOptions & { readonly stateDir: string; readonly fromNothing: boolean };

async function run(rehearsal: Rehearsal, version: string, terminal: Terminal): Promise<number> {
  const { stateDir, fromNothing, users } = rehearsal;
  await using nextHop = await startPracticeNextHop({
    port: rehearsal.nextHopPort ?? 2526,
    onMessage: (message) => terminal.out(messageText(message)),
  });
  const registration = fromNothing ? 'unconsented' : 'consented';
  await using tenant = await startPracticeTenant({ users, stateDir, registration });
  const file = writeConfiguration(rehearsal, tenant, nextHop.port);
  const parsed = readConfig(file, { schedule: scheduleProblem });
  if (!parsed.ok) throw new Error(`${file} cannot be used:\n${problemLines(parsed.problems)}`);
  const { config } = parsed;
  const console = config.console.publicUrl ?? `http://localhost:${config.console.port}`;
  for (const end of ['callback', 'consent']) tenant.application.addRedirectUri(`${console}/oauth/${end}`);
  const shown = path.relative('.', file);
  const guide = async (gateway: Gateway) => {
    if (fromNothing)
      return terminal.out(
        setUpText(gateway, tenant, { link: await linkInto(config.controlSocket), config: shown }),
      );
    // The first round is what makes the directory fresh; before it every answer would be 451.
    for await (const _line of controlClient(config.controlSocket).postLines('/v1/sync', {}));
    terminal.out(guideText(gateway, shown));
  };
  return await serve(config, version, terminal.err, guide);
}

function writeConfiguration(rehearsal: Rehearsal, tenant: PracticeTenant, hopPort: number): string {
  const { stateDir, fromNothing } = rehearsal;
  const file = (name: string, content: string): string => {
    const full = path.join(stateDir, name);
    writeFileSync(full, content, { mode: 0o600 });
    return JSON.stringify(full);
  };
  const credential = (): string =>
    `application_id = "${tenant.applicationId}"\nsecret_file = ${file('secret', tenant.secret)}\n`;
  const toml = `# Written by rcptgate practice at every start.
state_dir = ${JSON.stringify(stateDir)}
ca_file = ${file('ca.pem', tenant.caPem)}
hostname = "gateway.example"
[[smtp]]
listen = "127.0.0.1:${rehearsal.smtpPort ?? 2525}"
mode = "relay"
[[tenant]]
id = "${tenant.tenantId}"
${fromNothing ? '' : credential()}login = "${tenant.login}"
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

/** How long the console's process may take to start, in tries of a fifth of a second. */
const TRIES = 50;

/** A one-time link, or why there is none: the console starts in a process of its own, a little later than the rest. */
async function linkInto(controlSocket: string): Promise<string> {
  for (let left = TRIES; ; left--) {
    const answer = (await controlClient(controlSocket).post('/v1/console/link', {})) as {
      readonly url?: string;
      readonly problem?: string;
    };
    if (answer.url !== undefined) return answer.url;
    if (left === 0) return `there is none: ${answer.problem}`;
    await sleep(200);
  }
}

function setUpText(
  gateway: Gateway,
  tenant: PracticeTenant,
  { link, config }: { readonly link: string; readonly config: string },
): string {
  return `
rcptgate runs and knows nothing of its tenant but the id: ${gateway.listeners.join(', ')} answers 451.
Set the tenant up in a browser, as you would the real one. The application is registered; what the portal showed:

  application id   ${tenant.applicationId}
  secret value     ${tenant.secret}
  secret id        ${tenant.application.secrets[0]?.keyId} (not the value: try it)

  The portal is ${tenant.login}/portal: more secrets, certificates, a manifest to paste, app roles to give.

  1. Open the console by this link, which is good once and for ten minutes
     ${link}
     another one: node dist/main.js console-link --config ${config}
  2. Type the application id and the secret in, then Save, Authenticate, Connect. The browser does not know the practice
     tenant's certificate: go on all the same. Pick Gwen Global, who may consent (the others may not: try one).
  3. When the import is finished, alice@contoso.example is answered 250
     ${dialogText(gateway, 'alice@contoso.example')}

Ctrl-C stops it.
`;
}

function guideText(gateway: Gateway, config: string): string {
  const listener = gateway.listeners[0];
  return `
rcptgate is ready: ${gateway.listeners.join(', ')} checks recipients of the practice tenant contoso.example.
What it accepts goes to a practice next hop, which shows it here. Try, in another terminal:

  a known recipient (250), an alias (a.smith@), a shared mailbox (info@), a group (sales@)
    ${dialogText(gateway, 'alice@contoso.example')}
  an unknown recipient (550 5.1.1)
    ${dialogText(gateway, 'nobody@contoso.example')}
  a whole message
    swaks --server ${listener} --from me@sender.example --to alice@contoso.example
  why an address is answered as it is, and the state of everything
    node dist/main.js check alice+news@contoso.example nobody@contoso.example --config ${config}
    node dist/main.js status --config ${config}
  the console, in a browser (this prints a link)
    node dist/main.js console-link --config ${config}

Ctrl-C stops it.
`;
}

function dialogText(gateway: Gateway, to: string): string {
  const [host, port] = (gateway.listeners[0] ?? '').split(':');
  return `printf 'EHLO me\\r\\nMAIL FROM:<me@sender.example>\\r\\nRCPT TO:<${to}>\\r\\nQUIT\\r\\n' | nc ${host} ${port}`;
}

function messageText(message: PracticeMessage): string {
  const head = message.bytes.toString('utf8', 0, 16_384).split(/\r?\n\r?\n/, 1)[0] ?? '';
  const subject = /^subject:\s*(.*)$/im.exec(head)?.[1] ?? '(no subject)';
  const to = message.to.map(printable).join(', ');
  return `next hop: message from <${printable(message.from)}> to ${to}, ${message.bytes.length} bytes: ${printable(subject)}`;
}
