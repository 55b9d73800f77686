/** `rcptgate domain`: the accepted domains as they are in force, or what is answered for one and why. */
import { type DaemonCommand, EXIT, usageError } from './command.ts';
import { printable, table } from './table.ts';

/** A domain in force. */
export interface DomainState {
  readonly name: string;
  readonly tenant: string;
  readonly policy: 'enforce' | 'observe' | 'open';
  readonly subaddressing: boolean;
  readonly subdomains: boolean;
  readonly nextHop: string | null;
  readonly freshness: string;
}

/** `list`, or a name; exit code 0. A name that is not accepted is 1, because its mail is refused. */
export const domain: DaemonCommand = async (daemon, args, terminal) => {
  const [asked = 'list', ...rest] = args.positionals;
  if (rest.length > 0) return usageError(terminal, 'usage: rcptgate domain [list | NAME]');
  const all = (await daemon.get('/v1/domains')) as DomainState[];
  const shown = asked === 'list' ? all : all.filter((each) => covers(each, asked.toLowerCase()));
  if (args.json) terminal.out(JSON.stringify(shown, null, 2));
  else if (shown.length === 0)
    terminal.out(`${printable(asked)} is not accepted: 554 5.7.1 for every recipient`);
  else terminal.out(asked === 'list' ? listText(shown) : shown.map(oneText).join('\n\n'));
  return shown.length > 0 ? EXIT.ok : EXIT.no;
};

function covers({ name, subdomains }: DomainState, asked: string): boolean {
  return name === asked || (subdomains && asked.endsWith(`.${name}`));
}

function listText(domains: readonly DomainState[]): string {
  return table([
    ['DOMAIN', 'POLICY', 'DIRECTORY', 'NEXT HOP', 'TENANT'],
    ...domains.map((each) => [
      `${printable(each.name)}${each.subdomains ? ' and below' : ''}`,
      each.policy,
      each.freshness,
      printable(each.nextHop ?? '-'),
      each.tenant,
    ]),
  ]);
}

const UNKNOWN: Readonly<Record<DomainState['policy'], string>> = {
  open: 'accepted: the next hop decides alone',
  observe: 'accepted and logged (observed-unknown): the next hop decides; see rcptgate discrepancies',
  enforce: 'refused with 550 5.1.1',
};

function oneText(state: DomainState): string {
  const { name, tenant, policy, subaddressing, subdomains, nextHop, freshness } = state;
  const unknown = policy === 'enforce' && freshness !== 'fresh' ? ENFORCE_NOW[freshness] : UNKNOWN[policy];
  return [
    `${printable(name)}${subdomains ? ' and its subdomains' : ''}: ${policy}, of tenant ${tenant}, whose directory is ${freshness}`,
    '  known recipients: accepted',
    `  user+tag@: ${subaddressing ? 'accepted when user@ is known' : 'an address like any other'}`,
    `  unknown recipients: ${unknown}`,
    `  accepted mail goes to: ${printable(nextHop ?? 'nowhere; it is for verify listeners and doors')}`,
  ].join('\n');
}

const ENFORCE_NOW: Readonly<Record<string, string>> = {
  stale: 'deferred with 451 now, because the directory is stale; refused with 550 5.1.1 when it is fresh',
  empty: 'deferred with 451 now, because the tenant was never read; refused with 550 5.1.1 when it is fresh',
};
