/** What `rcptgate status` and `rcptgate sync` print. */
import { count, printable, span, table } from './table.ts';

/** The daemon's state, as the control socket gives it. Times are ms since 1970. */
export interface GatewayStatus {
  readonly version: string;
  readonly startedAt: number;
  readonly now: number;
  readonly listeners: ReadonlyArray<{
    readonly address: string;
    readonly mode: string;
    readonly connections: number;
  }>;
  readonly tenants: readonly TenantState[];
}

export interface TenantState {
  readonly tenant: string;
  readonly freshness: string;
  readonly syncedAt: number | null;
  readonly addresses: number;
  readonly departed: number;
  /** Addresses whose removal is held back. */
  readonly held: number;
  readonly domains: readonly string[];
  readonly lastRound: RoundState | null;
  readonly nextRun: number | null;
  /** Why the mirror cannot be used; null when it can. */
  readonly trouble: string | null;
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
  readonly error?:
    | { readonly code: string; readonly message: string; readonly hint?: string | null }
    | undefined;
}

/** The whole state on one screen. */
export function statusText(status: GatewayStatus): string {
  const listeners = status.listeners.map((each) => [each.address, each.mode, count(each.connections)]);
  const tenants = status.tenants.map((each) => [
    each.tenant,
    each.freshness,
    each.syncedAt === null ? 'never' : `${span(status.now - each.syncedAt)} ago`,
    count(each.addresses),
    count(each.departed),
    count(each.held),
    each.lastRound?.outcome ?? '-',
    each.nextRun === null ? '-' : `in ${span(each.nextRun - status.now)}`,
  ]);
  return [
    `rcptgate ${status.version}, running for ${span(status.now - status.startedAt)}`,
    '',
    table([['LISTENER', 'MODE', 'CONNECTIONS'], ...listeners]),
    '',
    table([
      ['TENANT', 'DIRECTORY', 'SYNCED', 'ADDRESSES', 'IN GRACE', 'HELD', 'LAST ROUND', 'NEXT ROUND'],
      ...tenants,
    ]),
    ...status.tenants.flatMap((each) => [
      ...(each.trouble === null ? [] : [`  ${each.tenant}: ${printable(each.trouble)}`]),
      ...troubleLines(each.lastRound),
    ]),
  ].join('\n');
}

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

function troubleLines(round: RoundState | null): string[] {
  if (!round?.error) return [];
  const { code, message, hint } = round.error;
  const lines = [`  ${round.tenant}: ${printable(code)}: ${printable(message)}`];
  return hint ? [...lines, `  what to do: ${hint}`] : lines;
}
