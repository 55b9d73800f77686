/** `rcptgate coverage`: which recipients the gateway knows of, and which it is known not to. */
import type { Coverage, CoverageRow, CoveredDomain, Gap } from '../core/coverage.ts';
import { type DaemonCommand, EXIT } from './command.ts';
import { count, printable, span, table } from './table.ts';

/** Shows the coverage; exit code 0 only when nothing named is missing from an enforced domain. */
export const coverage: DaemonCommand = async (daemon, args, terminal) => {
  const tenants = (await daemon.get('/v1/coverage')) as Coverage[];
  terminal.out(args.json ? JSON.stringify(tenants, null, 2) : coverageText(tenants, Date.now()));
  return tenants.some(({ gaps }) => gaps.some(({ enforced }) => enforced)) ? EXIT.no : EXIT.ok;
};

/** One block a tenant; `now` is in ms since 1970. */
export function coverageText(tenants: readonly Coverage[], now: number): string {
  return tenants.map((tenant) => oneTenant(tenant, now)).join('\n\n');
}

function oneTenant({ tenant, syncedAt, origin, kinds, domains, gaps }: Coverage, now: number): string {
  const read = syncedAt === null ? 'never read completely' : `read ${span(now - syncedAt)} ago`;
  const imported = origin
    ? `, ${printable(origin.file)} imported ${span(now - origin.importedAt)} ago`
    : ', nothing imported from Exchange';
  return [
    `tenant ${tenant}: ${read}${imported}`,
    '',
    table([['KIND', 'OBJECTS', 'ADDRESSES', 'FROM', ''], ...kinds.map(kindRow)]),
    '',
    table([
      ['DOMAIN', 'POLICY', 'VERIFIED', 'USERS', 'GROUPS', 'CONTACTS', 'IMPORTED', 'OVERRIDES'],
      ...domains.map(domainRow),
    ]),
    '',
    ...gapLines(
      'missing from enforced domains',
      gaps.filter(({ enforced }) => enforced),
    ),
    ...gapLines(
      'also worth knowing',
      gaps.filter(({ enforced }) => !enforced),
    ),
    ...policyLines(domains),
    ...(gaps.some(({ enforced }) => enforced)
      ? []
      : ['nothing that has a name is missing from an enforced domain.']),
  ].join('\n');
}

/** What a kind stands for, where its name does not say it. */
const REMARKS: Readonly<Record<string, string>> = {
  user: 'shared, room and equipment mailboxes are users too; Graph does not tell them apart',
  guest: 'left out: their addresses belong to others',
  'security-group': 'left out: not mail-enabled',
};

function kindRow({ kind, objects, addresses, source }: CoverageRow): string[] {
  const from = source === 'graph' ? 'Microsoft Graph' : 'import';
  return [
    printable(kind),
    objects === null ? '-' : count(objects),
    count(addresses),
    from,
    REMARKS[kind] ?? '',
  ];
}

function domainRow({ name, policy, verified, ...counts }: CoveredDomain): string[] {
  const { users, groups, contacts, imported, overrides } = counts;
  const amounts = [users, groups, contacts, imported, overrides].map(count);
  return [name, policy ?? 'not configured', verified ? 'yes' : 'no', ...amounts];
}

function gapLines(heading: string, gaps: readonly Gap[]): string[] {
  if (gaps.length === 0) return [];
  return [
    `${heading}:`,
    ...gaps.flatMap(({ missing, remedy }) => [`  ${printable(missing)}`, `    ${remedy}`]),
  ];
}

function policyLines(domains: readonly CoveredDomain[]): string[] {
  const named = (mode: string): string =>
    domains
      .filter(({ policy }) => policy === mode)
      .map(({ name }) => name)
      .join(', ');
  const observed = named('observe');
  const open = named('open');
  return [
    ...(observed === '' ? [] : [`observed, unknown recipients are accepted and logged: ${observed}`]),
    ...(open === '' ? [] : [`open, nobody is refused: ${open}`]),
  ];
}
