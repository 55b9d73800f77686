/** `rcptgate sync`: rounds now, and what they changed. */
import { type DaemonCommand, EXIT } from './command.ts';
import { count, printable } from './table.ts';

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
  readonly error?:
    | { readonly code: string; readonly message: string; readonly hint?: string | null }
    | undefined;
}

type SyncLine =
  | { readonly progress: { readonly stream: string; readonly entries: number } }
  | { readonly reports: readonly RoundState[] }
  | { readonly error: string };

/** Runs a round and shows its progress; exit code 0 only when every round was complete. */
export const sync: DaemonCommand = async (daemon, args, terminal) => {
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
};

/** What a round did, one line a tenant and the trouble below it. */
export function roundsText(rounds: readonly RoundState[]): string {
  return rounds
    .flatMap((round) => [
      `${round.tenant}: ${round.outcome} in ${(round.durationMs / 1000).toFixed(1)} s, ${changesText(round)}`,
      ...troubleLines(round),
    ])
    .join('\n');
}

function changesText({ addresses, added, removed, held }: RoundState): string {
  if (addresses === null) return 'nothing changed';
  const holding = held > 0 ? `, ${count(held)} removals held` : '';
  return `${count(addresses)} addresses (${count(added)} added, ${count(removed)} removed${holding})`;
}

/** What went wrong in a round and what to do, a line each; none when nothing did. */
export function troubleLines(round: RoundState | null): string[] {
  if (!round?.error) return [];
  const { code, message, hint } = round.error;
  const lines = [`  ${round.tenant}: ${printable(code)}: ${printable(message)}`];
  return hint ? [...lines, `  what to do: ${hint}`] : lines;
}
