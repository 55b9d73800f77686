/** `rcptgate status`: the state of the daemon. */
import { type NextHopStatus, nextHopHealth } from '../core/next-hop-status.ts';
import { type DaemonCommand, EXIT } from './command.ts';
import { type HarvestStatus, harvestLine } from './harvest.ts';
import { type RoundState, troubleLines } from './sync.ts';
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
  readonly nextHops?: readonly NextHopStatus[];
  readonly harvest?: Omit<HarvestStatus, 'now'>;
  /** Absent or empty when one thread answers. */
  readonly workers?: ReadonlyArray<{
    readonly worker: number;
    readonly connections: number;
    readonly restarts: number;
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
  /** What is held, as it can be approved. */
  readonly plan?: PlanState | null;
  readonly domains: readonly string[];
  readonly lastRound: RoundState | null;
  readonly nextRun: number | null;
  /** It has an application and a credential; absent when nobody can tell. */
  readonly setUp?: boolean;
  /** null or absent when the mirror cannot be used. */
  readonly credential?: CredentialState | null;
  /** Verified domains that another tenant claims too. */
  readonly sharedDomains?: ReadonlyArray<{ readonly domain: string; readonly tenants: readonly string[] }>;
  /** Why the mirror cannot be used; null when it can. */
  readonly trouble: string | null;
  /** What was imported from Exchange; null when nothing was. */
  readonly imported?: {
    readonly file: string;
    readonly importedAt: number;
    readonly addresses: number;
  } | null;
}

/** The credential in use, and what is wrong with the one in its file. */
export interface CredentialState {
  readonly use: {
    readonly kind: string;
    readonly source: keyof typeof SOURCES;
    readonly expires: number | null;
  } | null;
  readonly proven: boolean;
  readonly trouble: { readonly code: string; readonly message: string; readonly hint: string } | null;
}

interface PlanState {
  readonly hash: string;
  readonly since: number;
  readonly addresses: number;
  readonly why: Readonly<Record<string, number>>;
  readonly top: readonly string[];
}

const WHY: Readonly<Record<string, string>> = {
  'empty-listing': 'nobody would be left',
  count: 'more would go in one round than max_removals',
  share: 'a larger share would go in one round than max_removal_share',
  'recent-mail': 'received mail lately, and Graph did not confirm that it is gone',
};

/** Shows the state; exit code 0 only when every directory is fresh. */
export const status: DaemonCommand = async (daemon, args, terminal) => {
  const state = (await daemon.get('/v1/status')) as GatewayStatus;
  terminal.out(args.json ? JSON.stringify(state, null, 2) : statusText(state));
  return state.tenants.every((tenant) => tenant.freshness === 'fresh') ? EXIT.ok : EXIT.no;
};

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
    ...workerLines(status),
    ...(status.harvest ? [harvestLine(status.harvest)] : []),
    '',
    ...nextHopLines(status),
    table([
      ['TENANT', 'DIRECTORY', 'SYNCED', 'ADDRESSES', 'IN GRACE', 'HELD', 'LAST ROUND', 'NEXT ROUND'],
      ...tenants,
    ]),
    ...status.tenants.flatMap((each) => [
      ...(each.trouble === null ? [] : [`  ${each.tenant}: ${printable(each.trouble)}`]),
      ...credentialLines(each, status.now),
      ...planLines(each, status.now),
      ...(each.sharedDomains ?? []).map(sharedLine(each)),
      ...troubleLines(each.lastRound),
      ...importLines(each, status.now),
    ]),
  ].join('\n');
}

function nextHopLines({ nextHops = [], now }: GatewayStatus): string[] {
  if (nextHops.length === 0) return [];
  const ago = (at: number | null): string => (at === null ? '-' : `${span(now - at)} ago`);
  const rows = nextHops.map((each) => [
    each.nextHop,
    nextHopHealth(each),
    count(each.connections),
    ago(each.lastSuccess),
    ago(each.lastTrouble?.at ?? null),
  ]);
  const troubles = nextHops.flatMap(({ nextHop, lastTrouble, ...each }) =>
    lastTrouble && nextHopHealth({ lastTrouble, ...each }) === 'trouble'
      ? [`  ${nextHop}: ${lastTrouble.stage}: ${printable(lastTrouble.error)}`]
      : [],
  );
  return [table([['NEXT HOP', 'STATE', 'IN USE', 'LAST ANSWER', 'LAST TROUBLE'], ...rows]), ...troubles, ''];
}

function workerLines({ workers = [] }: GatewayStatus): string[] {
  if (workers.length === 0) return [];
  const rows = workers.map((each) => [String(each.worker), count(each.connections), count(each.restarts)]);
  return ['', table([['WORKER', 'CONNECTIONS', 'RESTARTS'], ...rows])];
}

/** The domain's answers come from the tenant that the configuration names, whoever else claims it. */
function sharedLine({ tenant }: TenantState) {
  return ({ domain, tenants }: { readonly domain: string; readonly tenants: readonly string[] }): string => {
    const others = tenants.filter((other) => other !== tenant).join(', ');
    return `  ${tenant}: ${printable(domain)} is verified in ${others} too`;
  };
}

/** An import has its own freshness: it says yes at any age, so an operator has to see how old it is. */
function importLines({ tenant, imported }: TenantState, now: number): string[] {
  if (!imported) return [];
  const { file, importedAt, addresses } = imported;
  const age = span(now - importedAt);
  return [`  ${tenant}: ${count(addresses)} addresses imported from ${printable(file)}, ${age} ago`];
}

/** Nothing for a tenant whose credential was never looked at. */
function credentialLines({ tenant, credential, setUp }: TenantState, now: number): string[] {
  if (setUp === false) return [`  ${tenant}: not set up: run rcptgate console-link, and open the link`];
  if (!credential) return [];
  const { use, proven, trouble } = credential;
  const lines: string[] = [];
  if (use !== null) {
    const state = proven ? SOURCES[use.source] : 'not proven yet';
    lines.push(`  ${tenant}: ${use.kind} ${state}${expiryText(use.expires, now)}`);
  }
  if (trouble !== null) {
    lines.push(`  ${tenant}: ${printable(trouble.code)}: ${printable(trouble.message)}`);
    if (trouble.hint !== '') lines.push(`  what to do: ${trouble.hint}`);
  }
  return lines;
}

const SOURCES = {
  file: 'from its file works',
  console: 'entered in the console works',
  kept: 'kept from before is used, because its file cannot be',
} as const;

function expiryText(expires: number | null, now: number): string {
  if (expires === null) return '';
  if (expires <= now) return `; it ended ${span(now - expires)} ago`;
  return `; it ends in ${span(expires - now)}`;
}

/** What is held of a tenant, why, and what to do about it. */
function planLines({ tenant, plan }: TenantState, now: number): string[] {
  if (!plan) return [];
  const more = plan.addresses > plan.top.length ? ` and ${count(plan.addresses - plan.top.length)} more` : '';
  return [
    `  ${tenant}: ${count(plan.addresses)} removals are held for ${span(now - plan.since)}, plan ${plan.hash}`,
    ...Object.entries(plan.why).map(([why, addresses]) => `    ${count(addresses)}: ${WHY[why] ?? why}`),
    `    ${plan.top.map(printable).join(', ')}${more}`,
    `    when they are really gone: rcptgate sync approve ${plan.hash} --tenant ${tenant}`,
  ];
}
