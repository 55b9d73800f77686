/** The command table. Small commands ask the running daemon over its control socket. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { upkeepCommands } from './cli-upkeep.ts';
import { check } from './commands/check.ts';
import { type Arguments, type DaemonCommand, EXIT, type Terminal, usageError } from './commands/command.ts';
import { type Completed, WORDS } from './commands/completion.ts';
import { consoleLink } from './commands/console-link.ts';
import { coverage } from './commands/coverage.ts';
import { discrepancies } from './commands/discrepancies.ts';
import { explain as explainAnswer } from './commands/explain.ts';
import { exportRecipients } from './commands/export.ts';
import { harvest } from './commands/harvest.ts';
import { importFile } from './commands/import.ts';
import { override } from './commands/override.ts';
import { rejections } from './commands/rejections.ts';
import { hangUpInstead, reload } from './commands/reload.ts';
import { status } from './commands/status.ts';
import { sync } from './commands/sync.ts';
import type { Config } from './config/config.ts';
import { effective } from './config/effective.ts';
import { DEFAULT_CONFIG_FILE, readConfig, unreadableFiles } from './config/file.ts';
import { problemLines } from './config/problem.ts';
import { controlClient, DaemonUnreachable } from './console/control-client.ts';
import { scheduleProblem } from './sync/schedule.ts';

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
    help: 'Logs JSON lines to standard output. SIGTERM or SIGINT lets running transfers finish; a second one does not.\nSIGHUP reads the configuration and the certificates again.',
    options: {},
    run: async ({ config }, terminal) => {
      const { serveFile } = await import('./service.ts');
      return serveFile(config, version(), terminal.err);
    },
  },
  reload: {
    usage: 'rcptgate reload [--json] [--config FILE]',
    summary: 'have the daemon read its configuration and certificates again',
    help: 'Says what took effect, and what waits for the restart. Exit code: 0 done, 2 the configuration has problems, and nothing changed.',
    options: {},
    run: (args, terminal) => withDaemon(args, terminal, reload).catch(hangUpInstead),
  },
  check: {
    usage: 'rcptgate check ADDRESS… [--json] [--config FILE]',
    summary: 'show what RCPT TO would be answered now, and why',
    help: 'Exit code: 0 all accepted, 1 at least one rejected, 4 none rejected but at least one deferred.',
    options: {},
    run: (args, terminal) => withDaemon(args, terminal, check),
  },
  sync: {
    usage: 'rcptgate sync [--dry-run | approve HASH] [--tenant ID] [--json] [--config FILE]',
    summary: 'run a sync round now and show what it changed; approve removals that are held',
    help: '--dry-run shows what a round would change and changes nothing. approve applies the held plan that status names, and no other.\nExit code: 0 when every round was complete, or the plan was applied; 1 otherwise.',
    options: { tenant: 'string', 'dry-run': 'boolean' },
    run: (args, terminal) => withDaemon(args, terminal, sync),
  },
  status: {
    usage: 'rcptgate status [--json] [--config FILE]',
    summary: 'show listeners, directories and the last rounds',
    help: 'Exit code: 0 when every directory is fresh, 1 otherwise.',
    options: {},
    run: (args, terminal) => withDaemon(args, terminal, status),
  },
  override: {
    usage: 'rcptgate override list | add MATCH allow|deny | remove MATCH [--json] [--config FILE]',
    summary: 'your own word on an address, a pattern with * or a @domain, effective at once',
    help: `add takes --text TEXT (own reply of a deny), --note NOTE and --expires 2027-12-31 (to the end of that day, UTC),
a date and time with zone, or a duration such as 30d. The more specific match wins; between equal ones the
configuration file does. list shows both. Exit code: 0 done, 1 nothing to remove (or it stands in the file), 2 not valid.`,
    options: { text: 'string', note: 'string', expires: 'string' },
    run: (args, terminal) => withDaemon(args, terminal, override),
  },
  harvest: {
    usage: 'rcptgate harvest list | reset CLIENT | reset --all [--json] [--config FILE]',
    summary: 'show the clients that are denied for guessing recipients, or let them ask again',
    help: 'CLIENT is an IP address; an IPv6 client is its /64. Exit code: 0.',
    options: { all: 'boolean' },
    run: (args, terminal) => withDaemon(args, terminal, harvest),
  },
  import: {
    usage: 'rcptgate import FILE|--remove [--tenant ID] [--dry-run] [--force] [--json] [--config FILE]',
    summary: 'import recipients from an Exchange Get-Recipient CSV that Microsoft Graph does not show',
    help: `It replaces the import before it, and --remove takes that away; --dry-run only shows what would change. Losing more than a fifth of it needs
--force. Exit code: 0 imported, or would be; 1 held, or the file cannot be used.`,
    options: { tenant: 'string', 'dry-run': 'boolean', force: 'boolean', remove: 'boolean' },
    run: (args, terminal) => withDaemon(args, terminal, importFile),
  },
  rejections: {
    usage:
      'rcptgate rejections [filters] [--top | --regrets | --csv | --follow] [--limit N] [--json] [--config FILE]',
    summary: 'show what was refused and deferred: as a list, by frequency, or which of it exists now',
    help: `Filters: --since and --until (24h, 7d or 2026-11-22T18:00Z; default 24h), --recipient, --client, --domain, --tenant,
--reason, --verdict reject|defer, --text. A recipient is an address, a part of one, or a pattern with *; a client may
have a * too. --top lists recipients, clients, domains and reasons; --regrets who was rejected and appeared in the
directory later; --csv prints every row; --follow shows what comes. Exit code: 0, also when there is nothing.`,
    options: {
      since: 'string',
      until: 'string',
      recipient: 'string',
      client: 'string',
      domain: 'string',
      tenant: 'string',
      reason: 'string',
      verdict: 'string',
      text: 'string',
      limit: 'string',
      top: 'boolean',
      regrets: 'boolean',
      csv: 'boolean',
      follow: 'boolean',
    },
    run: (args, terminal) => withDaemon(args, terminal, rejections),
  },
  explain: {
    usage: 'rcptgate explain REF|ADDRESS [--json] [--config FILE]',
    summary:
      'show what the reference in a bounce was about, or what happened to an address, and what would be answered now',
    help: `Exit code, by what would be answered now: 0 accepted, 1 rejected, 4 deferred; 1 too when nothing is known of the reference.`,
    options: {},
    run: (args, terminal) => withDaemon(args, terminal, explainAnswer),
  },
  coverage: {
    usage: 'rcptgate coverage [--json] [--config FILE]',
    summary: 'show which recipients are known, by kind and domain, and which are known to be missing',
    help: 'Exit code: 0 when nothing named is missing from a domain with policy enforce, 1 otherwise.',
    options: {},
    run: (args, terminal) => withDaemon(args, terminal, coverage),
  },
  'console-link': {
    usage: 'rcptgate console-link [--json] [--config FILE]',
    summary: 'print a link into the console, good once and for ten minutes',
    help: 'Whoever opens it is an administrator of the gateway. Exit code: 0 printed, 1 the console is switched off or cannot be reached.',
    options: {},
    run: (args, terminal) => withDaemon(args, terminal, consoleLink),
  },
  export: {
    usage:
      'rcptgate export [--format postfix|exim|list|json] [--output FILE] | write [PATH] [--force] [--config FILE]',
    summary: 'list every recipient that is accepted, for an MTA that shall answer without this daemon',
    help: `Goes to standard output, or replaces FILE as a whole. write brings the [[export]] files of the configuration up to date now; --force
also when one would lose more than its max_shrink. What a list cannot say is told on standard error. Exit code: 0 written, 1 not.`,
    options: { format: 'string', output: 'string', force: 'boolean' },
    run: (args, terminal) => withDaemon(args, terminal, exportRecipients),
  },
  discrepancies: {
    usage: 'rcptgate discrepancies [--domain NAME] [--json] [--config FILE]',
    summary: 'show where the next hop and the directory differ, and which domains are ready to enforce',
    help: 'Exit code: 0 when the next hop accepted nobody whom we refuse, or would refuse if the domain were enforced; 1 otherwise.',
    options: { domain: 'string' },
    run: (args, terminal) => withDaemon(args, terminal, discrepancies),
  },
  ...upkeepCommands({ withConfig, withDaemon, commands: completed }),
  config: {
    usage: 'rcptgate config check | show [--config FILE]',
    summary: 'check a configuration file and list every problem, or show what it comes to, defaults included',
    help: 'show prints JSON without secrets. Neither needs the daemon. Exit code: 0 when the daemon would start with it, 2 otherwise.',
    options: {},
    run: async (args, terminal) => configCommand(args, terminal),
  },
  practice: {
    usage: 'rcptgate practice [--from-nothing] [--state DIR] [--users N]',
    summary: 'run the gateway against a local practice tenant and next hop',
    help: `Nothing leaves this machine. State, configuration and certificates go to DIR (default: .practice).
--from-nothing starts with a tenant that is not set up, to rehearse the console's first set-up in a browser.`,
    options: { 'from-nothing': 'boolean', state: 'string', users: 'string' },
    run: async ({ options }, terminal) => {
      const { rehearse } = await import('./rehearsal.ts');
      const users = Number(options.users ?? 0);
      if (!Number.isSafeInteger(users) || users < 0) return usageError(terminal, '--users needs a number');
      const stateDir = options.state === undefined ? undefined : String(options.state);
      return rehearse(
        { stateDir, users, fromNothing: options['from-nothing'] === true },
        version(),
        terminal,
      );
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

function withDaemon(args: Arguments, terminal: Terminal, command: DaemonCommand): Promise<number> {
  return withConfig(args.config, terminal, (config) =>
    command(controlClient(config.controlSocket), args, terminal),
  );
}

function configCommand(args: Arguments, terminal: Terminal): Promise<number> {
  const asked = args.positionals.join(' ');
  if (asked !== 'check' && asked !== 'show')
    return Promise.resolve(usageError(terminal, COMMANDS.config?.usage ?? ''));
  return withConfig(args.config, terminal, async (config) => {
    if (asked === 'show') return say(terminal, JSON.stringify(effective(config), null, 2));
    const warnings = unreadableFiles(config);
    if (warnings.length > 0) terminal.err(`warnings:\n${problemLines(warnings)}`);
    terminal.out(`${args.config} is valid.`);
    return EXIT.ok;
  });
}

/** What the completion of a shell needs: every command with its options, and the words that its usage names. */
function completed(): readonly Completed[] {
  return Object.entries(COMMANDS).map(([name, { usage, summary, options }]) => ({
    name,
    summary,
    options: [...Object.keys(options), 'config', ...(usage.includes('--json') ? ['json'] : []), 'help'],
    words: WORDS[name] ?? [],
  }));
}

function overview(): string {
  const lines = Object.values(COMMANDS).map(({ usage, summary }) => `  ${usage}\n      ${summary}`);
  return `usage:\n${lines.join('\n')}\n\n--help after a command says more. Default FILE: ${DEFAULT_CONFIG_FILE}`;
}

function say(terminal: Terminal, text: string): number {
  terminal.out(text);
  return EXIT.ok;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
