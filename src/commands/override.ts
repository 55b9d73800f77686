/** `rcptgate override`: the operator's own word on addresses, beside the configuration file and effective at once. */
import type { OverrideName, ReviewedOverride } from '../core/override-review.ts';
import {
  type Arguments,
  type Daemon,
  type DaemonCommand,
  EXIT,
  type Terminal,
  usageError,
} from './command.ts';
import { printable, table } from './table.ts';

type Added =
  | { readonly ok: true; readonly override: ReviewedOverride; readonly replaced: object | null }
  | {
      readonly ok: false;
      readonly problems: ReadonlyArray<{ readonly key: string; readonly problem: string }>;
    };

interface Removed {
  readonly match: string;
  readonly removed: object | null;
  /** The configuration file has an entry with this match. */
  readonly inFile: boolean;
}

const USAGE = `rcptgate override list
rcptgate override add MATCH allow|deny [--text TEXT] [--note NOTE] [--expires DATE|DURATION]
rcptgate override remove MATCH`;

/** Lists, adds or removes overrides. */
export const override: DaemonCommand = async (daemon, args, terminal) => {
  const [verb, match, action, ...more] = args.positionals;
  if (verb === 'list' && match === undefined) return list(daemon, args, terminal);
  if (verb === 'remove' && match !== undefined && action === undefined) return remove(daemon, args, terminal);
  if (verb === 'add' && action !== undefined && more.length === 0) return add(daemon, args, terminal);
  return usageError(terminal, USAGE);
};

async function list(daemon: Daemon, args: Arguments, terminal: Terminal): Promise<number> {
  const entries = (await daemon.get('/v1/overrides')) as ReviewedOverride[];
  terminal.out(args.json ? JSON.stringify(entries, null, 2) : overridesText(entries));
  return EXIT.ok;
}

async function add(daemon: Daemon, args: Arguments, terminal: Terminal): Promise<number> {
  const [, match, action] = args.positionals;
  const { text, note, expires } = args.options;
  const added = (await daemon.post('/v1/overrides', { match, action, text, note, expires })) as Added;
  if (args.json) terminal.out(JSON.stringify(added, null, 2));
  else if (added.ok) {
    terminal.out(overridesText([added.override]));
    terminal.out(`${added.replaced ? 'replaced' : 'added'}; it answers from now on.`);
  }
  if (added.ok) return EXIT.ok;
  const lines = added.problems.map(({ key, problem }) => `  ${key}: ${problem}`);
  terminal.err(`the override cannot be used:\n${lines.join('\n')}`);
  return EXIT.usage;
}

async function remove(daemon: Daemon, args: Arguments, terminal: Terminal): Promise<number> {
  const [, text] = args.positionals;
  const answer = (await daemon.post('/v1/overrides/remove', { match: text })) as Removed;
  const { match, removed, inFile } = answer;
  if (args.json) terminal.out(JSON.stringify(answer, null, 2));
  else if (removed) terminal.out(`${printable(match)} is removed.`);
  if (inFile)
    terminal.err(`${printable(match)} stands in the configuration file too and has to be removed there.`);
  else if (!removed)
    terminal.err(`no override has the match ${printable(match)}; see rcptgate override list.`);
  return removed && !inFile ? EXIT.ok : EXIT.no;
}

/** A table of entries, and below it why some of them decide less than they say. */
export function overridesText(entries: readonly ReviewedOverride[]): string {
  if (entries.length === 0) return 'no overrides';
  const rows = entries.map((entry) => [
    printable(entry.match),
    entry.action,
    entry.source,
    entry.state,
    entry.expires === null ? '-' : new Date(entry.expires).toISOString(),
    printable(entry.note ?? ''),
  ]);
  return [
    table([['MATCH', 'ACTION', 'FROM', 'STATE', 'UNTIL', 'NOTE'], ...rows]),
    ...entries.flatMap(remarks),
  ].join('\n');
}

/** Exceptions named for one entry; a domain may have hundreds. */
const NAMED = 5;

function remarks({ match, state, shadowedBy, exceptions }: ReviewedOverride): string[] {
  const line = (text: string): string => `  ${printable(match)}: ${text}`;
  if (state === 'foreign') return [line('never asked for: no [[domain]] covers it')];
  if (shadowedBy) return [line(`never decides: ${nameOf(shadowedBy)} comes first`)];
  if (exceptions.length === 0) return [];
  const more = exceptions.length > NAMED ? ` and ${exceptions.length - NAMED} more` : '';
  return [line(`except ${exceptions.slice(0, NAMED).map(nameOf).join(', ')}${more}`)];
}

function nameOf({ match, source }: OverrideName): string {
  return `${printable(match)} (${source})`;
}
