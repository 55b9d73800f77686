/** `rcptgate harvest`: which clients are denied for guessing recipients, and letting them ask again. */
import {
  type Arguments,
  type Daemon,
  type DaemonCommand,
  EXIT,
  type Terminal,
  usageError,
} from './command.ts';
import { count, printable, span, table } from './table.ts';

/** The guard's state, as the control socket gives it. Times are ms since 1970. */
export interface HarvestStatus {
  readonly now: number;
  readonly limit: number;
  readonly clients: number;
  readonly guesses: number;
  readonly bytes: number;
  readonly denied: ReadonlyArray<{
    readonly client: string;
    readonly since: number;
    readonly until: number;
    readonly refused: number;
  }>;
}

const USAGE = 'rcptgate harvest list\nrcptgate harvest reset CLIENT|--all';

/** Lists, or lets one client or everybody ask again. */
export const harvest: DaemonCommand = async (daemon, args, terminal) => {
  const [verb, client, ...more] = args.positionals;
  const all = args.options.all === true;
  if (verb === 'list' && client === undefined) return list(daemon, args, terminal);
  if (verb === 'reset' && more.length === 0 && (client === undefined) === all) {
    return reset(daemon, args, terminal, client ?? null);
  }
  return usageError(terminal, USAGE);
};

async function list(daemon: Daemon, args: Arguments, terminal: Terminal): Promise<number> {
  const state = (await daemon.get('/v1/harvest')) as HarvestStatus;
  terminal.out(args.json ? JSON.stringify(state, null, 2) : harvestText(state));
  return EXIT.ok;
}

async function reset(
  daemon: Daemon,
  args: Arguments,
  terminal: Terminal,
  client: string | null,
): Promise<number> {
  const answer = (await daemon.post('/v1/harvest/reset', { client })) as {
    readonly problem?: string;
    readonly reset?: readonly string[];
  };
  if (answer.problem !== undefined) return usageError(terminal, answer.problem);
  const { reset: ended = [] } = answer;
  if (args.json) terminal.out(JSON.stringify(answer, null, 2));
  else if (ended.length === 0) {
    terminal.out(client === null ? 'nobody was denied.' : `${printable(client)} was not denied.`);
  } else terminal.out(`${ended.map(printable).join(', ')} may ask again.`);
  return EXIT.ok;
}

/** The guard on one line. */
export function harvestLine({ limit, clients, guesses, denied }: Omit<HarvestStatus, 'now'>): string {
  if (limit === 0) return 'harvest guard: off';
  const watched = `${count(guesses)} unknown recipients from ${count(clients)} clients in the window`;
  return `harvest guard: ${watched}, ${count(denied.length)} clients denied`;
}

/** The guard and every client that is denied. */
export function harvestText(state: HarvestStatus): string {
  const rows = state.denied.map(({ client, since, until, refused }) => [
    printable(client),
    `${span(state.now - since)} ago`,
    `in ${span(until - state.now)}`,
    count(refused),
  ]);
  const memory = `limit ${count(state.limit)}, at most ${count(Math.ceil(state.bytes / 1_048_576))} MB`;
  const head = `${harvestLine(state)} (${memory})`;
  return rows.length === 0 ? head : `${head}\n\n${table([['CLIENT', 'DENIED', 'OVER', 'REFUSED'], ...rows])}`;
}
