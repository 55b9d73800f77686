/** `rcptgate sync`: rounds now and what they changed or would change, and the approval of what is held. */
import { type DaemonCommand, EXIT, usageError } from './command.ts';
import { count, printable } from './table.ts';

/** What a dry run would have done; addresses are samples. */
interface PreviewState {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly held: readonly string[];
  readonly why: string | null;
}

export interface RoundState {
  readonly tenant: string;
  readonly outcome: string;
  readonly startedAt: number;
  readonly durationMs: number;
  /** null when nothing was committed. */
  readonly addresses: number | null;
  readonly added: number;
  readonly removed: number;
  readonly held: number;
  /** Only of a dry run; null when it failed. */
  readonly preview?: PreviewState | null | undefined;
  readonly error?:
    | { readonly code: string; readonly message: string; readonly hint?: string | null }
    | undefined;
}

interface RoundProgressState {
  readonly tenant: string;
  readonly stream: string;
  readonly pages: number;
  readonly entries: number;
}

type SyncLine =
  | { readonly progress: RoundProgressState }
  | { readonly reports: readonly RoundState[] }
  | { readonly error: string };

/** Runs a round and shows its progress, or approves a plan; exit code 0 only when every round was complete. */
export const sync: DaemonCommand = async (daemon, args, terminal) =>
  args.positionals.length > 0 ? approve(daemon, args, terminal) : runRounds(daemon, args, terminal);

const runRounds: DaemonCommand = async (daemon, args, terminal) => {
  const asked = { tenant: args.options.tenant ?? null, dry_run: args.options['dry-run'] === true };
  for await (const line of daemon.postLines('/v1/sync', asked)) {
    const step = line as SyncLine;
    if ('error' in step) throw new Error(step.error);
    if ('reports' in step) {
      terminal.progress?.('');
      terminal.out(args.json ? JSON.stringify(step.reports, null, 2) : roundsText(step.reports));
      return step.reports.every((round) => round.outcome === 'ok') ? EXIT.ok : EXIT.no;
    }
    const { tenant, stream, pages, entries } = step.progress;
    terminal.progress?.(`${tenant} ${stream}: ${count(entries)} read, ${count(pages)} pages`);
  }
  throw new Error('the daemon closed the connection before the round ended');
};

/** Applies the held plan with this hash and no other. */
const approve: DaemonCommand = async (daemon, args, terminal) => {
  const [action, hash, ...rest] = args.positionals;
  if (action !== 'approve' || hash === undefined || rest.length > 0 || args.options['dry-run']) {
    return usageError(terminal, 'usage: rcptgate sync approve HASH [--tenant ID]');
  }
  const answer = (await daemon.post('/v1/sync/approve', { hash, tenant: args.options.tenant ?? null })) as
    | { readonly ok: true; readonly tenant: string; readonly addresses: number }
    | { readonly ok: false; readonly message: string };
  if (args.json) terminal.out(JSON.stringify(answer, null, 2));
  else if (answer.ok)
    terminal.out(`${answer.tenant}: ${count(answer.addresses)} addresses begin their grace period`);
  else terminal.err(answer.message);
  return answer.ok ? EXIT.ok : EXIT.no;
};

/** What a round did, one line a tenant and the trouble below it. */
export function roundsText(rounds: readonly RoundState[]): string {
  return rounds
    .flatMap((round) => [
      `${round.tenant}: ${round.preview === undefined ? '' : 'dry run, '}${round.outcome} in ${(round.durationMs / 1000).toFixed(1)} s, ${changesText(round)}`,
      ...previewLines(round),
      ...troubleLines(round),
    ])
    .join('\n');
}

function changesText({ addresses, added, removed, held }: RoundState): string {
  if (addresses === null) return 'nothing changed';
  const holding = held > 0 ? `, ${count(held)} removals held` : '';
  return `${count(addresses)} addresses (${count(added)} added, ${count(removed)} removed${holding})`;
}

/** The samples of a dry run; nothing of them has happened. */
function previewLines({ preview, added, removed, held }: RoundState): string[] {
  if (!preview) return [];
  const lines = [
    sample('would be added', preview.added, added),
    sample('would begin its grace period', preview.removed, removed),
    sample(`would be held (${preview.why})`, preview.held, held),
  ];
  return [...lines.flat(), '  nothing was changed'];
}

function sample(what: string, addresses: readonly string[], all: number): string[] {
  const more = all > addresses.length ? [`  ... and ${count(all - addresses.length)} more ${what}`] : [];
  return [...addresses.map((address) => `  ${printable(address)} ${what}`), ...more];
}

/** What went wrong in a round and what to do, a line each; none when nothing did. */
export function troubleLines(round: RoundState | null): string[] {
  if (!round?.error) return [];
  const { code, message, hint } = round.error;
  const lines = [`  ${round.tenant}: ${printable(code)}: ${printable(message)}`];
  return hint ? [...lines, `  what to do: ${hint}`] : lines;
}
