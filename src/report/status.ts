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
  readonly domains: readonly string[];
  readonly lastRound: RoundState | null;
  readonly nextRunAt: number | null;
}

export interface RoundState {
  readonly tenant: string;
  readonly outcome: string;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly addresses: number;
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
    each.lastRound?.outcome ?? '-',
    each.nextRunAt === null ? '-' : `in ${span(each.nextRunAt - status.now)}`,
  ]);
  return [
    `rcptgate ${status.version}, running for ${span(status.now - status.startedAt)}`,
    '',
    table([['LISTENER', 'MODE', 'CONNECTIONS'], ...listeners]),
    '',
    table([
      ['TENANT', 'DIRECTORY', 'SYNCED', 'ADDRESSES', 'IN GRACE', 'LAST ROUND', 'NEXT ROUND'],
      ...tenants,
    ]),
    ...status.tenants.flatMap((each) => troubleLines(each.lastRound)),
  ].join('\n');
}

/** What a round did, one line a tenant and the trouble below it. */
export function roundsText(rounds: readonly RoundState[]): string {
  return rounds
    .flatMap((round) => [
      `${round.tenant}: ${round.outcome} in ${(round.durationMs / 1000).toFixed(1)} s, ` +
        `${count(round.addresses)} addresses (${count(round.added)} added, ${count(round.removed)} removed` +
        `${round.held > 0 ? `, ${count(round.held)} removals held` : ''})`,
      ...troubleLines(round),
    ])
    .join('\n');
}

function troubleLines(round: RoundState | null): string[] {
  if (!round?.error) return [];
  const { code, message, hint } = round.error;
  const lines = [`  ${round.tenant}: ${printable(code)}: ${printable(message)}`];
  return hint ? [...lines, `  what to do: ${hint}`] : lines;
}
