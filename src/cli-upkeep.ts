/** The commands for looking after a gateway, for the table in cli.ts: tenants, domains, reports, backups, completion. */
import { backup } from './commands/backup.ts';
import { type Arguments, type DaemonCommand, EXIT, type Terminal, usageError } from './commands/command.ts';
import { type Completed, completionScript, SHELLS } from './commands/completion.ts';
import { domain } from './commands/domain.ts';
import { report } from './commands/report.ts';
import { rotateKey } from './commands/rotate-key.ts';
import { count, printable, span } from './commands/table.ts';
import { tenant } from './commands/tenant.ts';
import type { Config } from './config/config.ts';

/** How cli.ts gives a command its configuration or its daemon. */
export interface Given {
  withConfig(file: string, terminal: Terminal, use: (config: Config) => Promise<number>): Promise<number>;
  withDaemon(args: Arguments, terminal: Terminal, command: DaemonCommand): Promise<number>;
  commands(): readonly Completed[];
}

/** Commands that ask the daemon, and those that need none. */
export function upkeepCommands({ withConfig, withDaemon, commands }: Given) {
  return {
    tenant: {
      usage: 'rcptgate tenant [list | ID] [--json] [--config FILE]',
      summary: 'show tenants: set up or not, freshness, credential; or everything about one',
      help: 'ID may be the beginning of one. Asks the daemon. Exit code: 0 when all that are shown are set up and fresh, 1 otherwise.',
      options: {},
      run: (args: Arguments, terminal: Terminal) => withDaemon(args, terminal, tenant),
    },
    domain: {
      usage: 'rcptgate domain [list | NAME] [--json] [--config FILE]',
      summary: 'show the accepted domains as they are in force; or what is answered for one, and why',
      help: 'Asks the daemon. Exit code: 0, or 1 when mail for NAME is not accepted.',
      options: {},
      run: (args: Arguments, terminal: Terminal) => withDaemon(args, terminal, domain),
    },
    report: {
      usage: 'rcptgate report [--since 24h] [--html] [--json] [--config FILE]',
      summary:
        'summarise a day: what was refused, who was bounced and exists now, rounds, credentials, what needs a hand',
      help: `--html prints the body of a mail. From cron: rcptgate report --html | mail -a 'Content-Type: text/html' -s rcptgate you@…
Asks the daemon. Exit code: 0 when nothing needs attention, 1 otherwise.`,
      options: { since: 'string', html: 'boolean' },
      run: (args: Arguments, terminal: Terminal) => withDaemon(args, terminal, report),
    },
    backup: {
      usage: 'rcptgate backup FILE [--with-secrets] [--json] [--config FILE]',
      summary:
        'copy the mirror into FILE while the daemon works: overrides, imports, applications, directory',
      help: `Credentials are left out unless --with-secrets, and are sealed with the master key then, which is not in it. Asks the daemon;
FILE is written by this command. Exit code: 0 written, 1 not.`,
      options: { 'with-secrets': 'boolean' },
      run: (args: Arguments, terminal: Terminal) => withDaemon(args, terminal, backup),
    },
    restore: {
      usage: 'rcptgate restore FILE [--json] [--config FILE]',
      summary: 'put a backup into the place of the mirror, while the daemon is stopped',
      help: 'The mirror before it is kept as mirror.sqlite.before-restore. Needs the daemon not to run. Exit code: 0 restored, 1 refused.',
      options: {},
      run: (args: Arguments, terminal: Terminal) =>
        withConfig(args.config, terminal, (config) => restore(args, config, terminal)),
    },
    'rotate-key': {
      usage: 'rcptgate rotate-key [--json] [--config FILE]',
      summary: 'seal every stored credential anew under a new master key',
      help: `The new key takes the place of master.key in state_dir; an interrupted run loses nothing, and the next one finishes it. Where systemd
hands the key over, everything is sealed under that one instead. Asks the daemon. Exit code: 0 done, 1 not, or a credential could not be
opened.`,
      options: {},
      run: (args: Arguments, terminal: Terminal) => withDaemon(args, terminal, rotateKey),
    },
    completion: {
      usage: 'rcptgate completion bash|zsh|fish',
      summary: 'print a script that completes commands and options',
      help: 'Needs neither daemon nor configuration. Exit code: 0.',
      options: {},
      run: async ({ positionals }: Arguments, terminal: Terminal) => {
        const shell = SHELLS.find((each) => each === positionals[0]);
        if (!shell || positionals.length > 1)
          return usageError(terminal, 'usage: rcptgate completion bash|zsh|fish');
        terminal.out(completionScript(shell, commands()));
        return EXIT.ok;
      },
    },
  } as const;
}

async function restore(args: Arguments, config: Config, terminal: Terminal): Promise<number> {
  const [file, ...rest] = args.positionals;
  if (file === undefined || rest.length > 0) return usageError(terminal, 'usage: rcptgate restore FILE');
  const { restoreMirror } = await import('./restore.ts');
  const { content, before } = await restoreMirror(file, config);
  if (args.json) {
    terminal.out(JSON.stringify({ file, ...content, before }, null, 2));
    return EXIT.ok;
  }
  const now = Date.now();
  const lines = content.tenants.map(
    ({ tenant: id, addresses, syncedAt }) =>
      `  ${id}: ${count(addresses)} addresses, ${syncedAt === null ? 'never read to the end' : `as of ${span(now - syncedAt)} ago`}`,
  );
  terminal.out(
    [
      `Restored ${printable(file)} (schema ${content.schema}, ${count(content.overrides)} overrides by command):`,
      ...lines,
      ...(before === null ? [] : [`The mirror before is ${before}.`]),
      ...(content.secrets
        ? []
        : ['Credentials from the console are not in it: enter them again (rcptgate console-link).']),
    ].join('\n'),
  );
  return EXIT.ok;
}
