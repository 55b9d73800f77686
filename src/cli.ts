/** The command table. Small commands ask the running daemon over its control socket. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Config } from './config/config.ts';
import { DEFAULT_CONFIG_FILE, readConfig, unreadableFiles } from './config/file.ts';
import { problemLines } from './config/problem.ts';
import { type ControlClient, controlClient, DaemonUnreachable } from './console/control-client.ts';
import { type CheckedAddress, checkText } from './commands/check.ts';
import { type GatewayStatus, type RoundState, roundsText, statusText } from './commands/status.ts';
import { scheduleProblem } from './sync/schedule.ts';

/** Exit codes, the same for every command; the README has the table. */
export const EXIT = { ok: 0, no: 1, usage: 2, unreachable: 3, unsure: 4 } as const;

/** Where a command writes; one call is one line or block. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Standard output is a terminal: progress may be drawn. */
  readonly terminal: boolean;
}

interface Arguments {
  readonly positionals: readonly string[];
  readonly config: string;
  readonly json: boolean;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

interface Command {
  readonly usage: string;
  readonly summary: string;
  /** Further lines of `--help`. */
  readonly help: string;
  readonly options: Readonly<Record<string, 'string' | 'boolean'>>;
  run(args: Arguments, terminal: Terminal): Promise<number>;
}

/** Every command, in the order of `--help`. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    usage: 'rcptgate serve [--config FILE]',
    summary: 'run the gateway in the foreground',
    help: 'Logs JSON lines to standard output. SIGTERM or SIGINT lets running transfers finish; a second one does not.',
    options: {},
    run: async ({ config }, terminal) =>
      withConfig(config, terminal, async (loaded) => {
        const { serve } = await import('./app.ts');
        return serve(loaded, version(), terminal.err);
      }),
  },
  check: {
    usage: 'rcptgate check ADDRESS… [--json] [--config FILE]',
    summary: 'show what RCPT TO would be answered now, and why',
    help: 'Exit code: 0 all accepted, 1 at least one rejected, 4 none rejected but at least one deferred.',
    options: {},
    run: (args, terminal) => withDaemon(args, terminal, (daemon) => check(daemon, args, terminal)),
  },
  sync: {
    usage: 'rcptgate sync [--tenant ID] [--json] [--config FILE]',
    summary: 'run a sync round now and show what it changed',
    help: 'Exit code: 0 when every round was complete, 1 otherwise.',
    options: { tenant: 'string' },
    run: (args, terminal) => withDaemon(args, terminal, (daemon) => sync(daemon, args, terminal)),
  },
  status: {
    usage: 'rcptgate status [--json] [--config FILE]',
    summary: 'show listeners, directories and the last rounds',
    help: 'Exit code: 0 when every directory is fresh, 1 otherwise.',
    options: {},
    run: (args, terminal) => withDaemon(args, terminal, (daemon) => status(daemon, args, terminal)),
  },
  config: {
    usage: 'rcptgate config check [--config FILE]',
    summary: 'check a configuration file and list every problem',
    help: 'Exit code: 0 when the daemon would start with it, 2 otherwise.',
    options: {},
    run: async (args, terminal) => configCheck(args, terminal),
  },
  practice: {
    usage: 'rcptgate practice [--state DIR] [--users N]',
    summary: 'run the gateway against a local practice tenant and next hop',
    help: 'Nothing leaves this machine. State, configuration and certificates go to DIR (default: .practice).',
    options: { state: 'string', users: 'string' },
    run: async ({ options }, terminal) => {
      const { rehearse } = await import('./rehearsal.ts');
      const users = Number(options.users ?? 0);
      if (!Number.isSafeInteger(users) || users < 0) return usageError(terminal, '--users needs a number');
      return rehearse({ stateDir: String(options.state ?? '.practice'), users }, version(), terminal);
    },
  },
};

/** Runs one command line and returns the exit code. Never throws for a fault of the user or of the daemon. */
export async function runCommand(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name = '', ...rest] = argv;
  if (name === '--version') return say(terminal, `rcptgate ${version()}`);
  if (name === '' || name === '--help' || name === 'help') return say(terminal, overview());
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return usageError(terminal, `unknown command "${name}"\n\n${overview()}`);
  if (rest.includes('--help'))
    return say(terminal, `${command.usage}\n\n${command.summary}.\n${command.help}`);
  try {
    return await command.run(readArguments(command, rest), terminal);
  } catch (error) {
    return explain(error, command, terminal);
  }
}

function readArguments(command: Command, argv: readonly string[]): Arguments {
  const extra = Object.entries(command.options).map(([key, type]) => [key, { type }] as const);
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      ...Object.fromEntries(extra),
      config: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const { config, json, ...options } = values as Record<string, string | boolean | undefined>;
  return { positionals, config: String(config ?? DEFAULT_CONFIG_FILE), json: json === true, options };
}

function explain(error: unknown, command: Command, terminal: Terminal): number {
  if (error instanceof DaemonUnreachable) {
    terminal.err(error.message);
    return EXIT.unreachable;
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (code.startsWith('ERR_PARSE_ARGS')) return usageError(terminal, `${message}\n${command.usage}`);
  terminal.err(message);
  return EXIT.no;
}

async function withConfig(
  file: string,
  terminal: Terminal,
  use: (config: Config) => Promise<number>,
): Promise<number> {
  const parsed = readConfig(file, { schedule: scheduleProblem });
  if (parsed.ok) return use(parsed.config);
  terminal.err(`${file} cannot be used:\n${problemLines(parsed.problems)}`);
  return EXIT.usage;
}

function withDaemon(
  args: Arguments,
  terminal: Terminal,
  use: (daemon: ControlClient) => Promise<number>,
): Promise<number> {
  return withConfig(args.config, terminal, (config) => use(controlClient(config.controlSocket)));
}

async function check(daemon: ControlClient, args: Arguments, terminal: Terminal): Promise<number> {
  if (args.positionals.length === 0) return usageError(terminal, COMMANDS.check?.usage ?? '');
  const results = (await daemon.post('/v1/check', { addresses: args.positionals })) as CheckedAddress[];
  terminal.out(args.json ? JSON.stringify(results, null, 2) : checkText(results));
  const verdicts = new Set(results.map((result) => result.verdict));
  if (verdicts.has('reject')) return EXIT.no;
  return verdicts.has('defer') ? EXIT.unsure : EXIT.ok;
}

async function status(daemon: ControlClient, args: Arguments, terminal: Terminal): Promise<number> {
  const state = (await daemon.get('/v1/status')) as GatewayStatus;
  terminal.out(args.json ? JSON.stringify(state, null, 2) : statusText(state));
  return state.tenants.every((tenant) => tenant.freshness === 'fresh') ? EXIT.ok : EXIT.no;
}

type SyncLine =
  | { readonly progress: { readonly stream: string; readonly entries: number } }
  | { readonly reports: readonly RoundState[] }
  | { readonly error: string };

async function sync(daemon: ControlClient, args: Arguments, terminal: Terminal): Promise<number> {
  for await (const line of daemon.postLines('/v1/sync', { tenant: args.options.tenant ?? null })) {
    const step = line as SyncLine;
    if ('error' in step) throw new Error(step.error);
    if ('reports' in step) {
      terminal.out(args.json ? JSON.stringify(step.reports, null, 2) : roundsText(step.reports));
      return step.reports.every((round) => round.outcome === 'ok') ? EXIT.ok : EXIT.no;
    }
    if (terminal.terminal && !args.json)
      terminal.err(`  ${step.progress.stream}: ${step.progress.entries} read`);
  }
  throw new Error('the daemon closed the connection before the round ended');
}

function configCheck(args: Arguments, terminal: Terminal): Promise<number> {
  if (args.positionals.join(' ') !== 'check')
    return Promise.resolve(usageError(terminal, COMMANDS.config?.usage ?? ''));
  return withConfig(args.config, terminal, async (config) => {
    const warnings = unreadableFiles(config);
    if (warnings.length > 0) terminal.err(`warnings:\n${problemLines(warnings)}`);
    terminal.out(`${args.config} is valid.`);
    return EXIT.ok;
  });
}

function overview(): string {
  const lines = Object.values(COMMANDS).map(({ usage, summary }) => `  ${usage}\n      ${summary}`);
  return `usage:\n${lines.join('\n')}\n\n--help after a command says more. Default FILE: ${DEFAULT_CONFIG_FILE}`;
}

function say(terminal: Terminal, text: string): number {
  terminal.out(text);
  return EXIT.ok;
}

function usageError(terminal: Terminal, message: string): number {
  terminal.err(message);
  return EXIT.usage;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
