/** `rcptgate tenant`: one line a tenant, or everything about one: state, freshness, credential, what to do. */
import { type DaemonCommand, EXIT, usageError } from './command.ts';
import type { CredentialState, GatewayStatus, TenantState } from './status.ts';
import { troubleLines } from './sync.ts';
import { count, printable, span, table } from './table.ts';

/** `list`, or the id (or its beginning) of one; exit code 0 only when all that are shown are set up and fresh. */
export const tenant: DaemonCommand = async (daemon, args, terminal) => {
  const [asked = 'list', ...rest] = args.positionals;
  if (rest.length > 0) return usageError(terminal, 'usage: rcptgate tenant [list | ID]');
  const { now, tenants } = (await daemon.get('/v1/status')) as GatewayStatus;
  const shown = tenants.filter((each) => asked === 'list' || each.tenant.startsWith(asked.toLowerCase()));
  if (shown.length === 0) return usageError(terminal, `there is no tenant ${printable(asked)}`);
  if (args.json) terminal.out(JSON.stringify(shown, null, 2));
  else
    terminal.out(
      asked === 'list' ? listText(shown, now) : shown.map((each) => oneText(each, now)).join('\n\n'),
    );
  return shown.every((each) => stateOf(each) === 'fresh') ? EXIT.ok : EXIT.no;
};

/** `not set up` comes before everything else, because nothing else can be right then. */
function stateOf({ setUp, trouble, freshness }: TenantState): string {
  if (trouble !== null) return 'trouble';
  return setUp === false ? 'not set up' : freshness;
}

function listText(tenants: readonly TenantState[], now: number): string {
  return table([
    ['TENANT', 'STATE', 'SYNCED', 'ADDRESSES', 'CREDENTIAL', 'DOMAINS'],
    ...tenants.map((each) => [
      each.tenant,
      stateOf(each),
      each.syncedAt === null ? 'never' : `${span(now - each.syncedAt)} ago`,
      count(each.addresses),
      credentialText(each.credential, now),
      each.domains.map(printable).join(' '),
    ]),
  ]);
}

/** The credential in a few words. */
export function credentialText(credential: CredentialState | null | undefined, now: number): string {
  if (!credential?.use) return 'none';
  const { kind, source, expires } = credential.use;
  const end = expires === null ? '' : expires <= now ? ', ended' : `, ${span(expires - now)} left`;
  const trouble = credential.trouble === null ? '' : ', trouble';
  return `${kind} (${source})${end}${trouble}`;
}

function oneText(state: TenantState, now: number): string {
  const { trouble, credential, lastRound } = state;
  const problem = credential?.trouble ?? null;
  return [
    `${state.tenant}: ${stateOf(state)}`,
    `  domains: ${state.domains.map(printable).join(' ')}`,
    `  ${count(state.addresses)} addresses, ${count(state.departed)} in grace, ${count(state.held)} held`,
    `  last complete round: ${state.syncedAt === null ? 'never' : `${span(now - state.syncedAt)} ago`}; next: ${state.nextRun === null ? 'none' : `in ${span(state.nextRun - now)}`}`,
    `  credential: ${credentialText(credential, now)}`,
    ...(trouble === null ? [] : [`  ${printable(trouble)}`]),
    ...(state.setUp === false ? ['  what to do: rcptgate console-link, and open the link'] : []),
    ...(problem === null ? [] : [`  ${printable(problem.code)}: ${printable(problem.message)}`]),
    ...(problem === null || problem.hint === '' ? [] : [`  what to do: ${problem.hint}`]),
    ...troubleLines(lastRound),
  ].join('\n');
}
