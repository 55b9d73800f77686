/** `rcptgate discrepancies`: where the next hop and the directory differ, and which domains can be enforced. */
import type {
  DiscrepancyKind,
  DomainReconciliation,
  JudgedDiscrepancy,
  Readiness,
} from '../core/reconciliation.ts';
import { type DaemonCommand, EXIT, usageError } from './command.ts';
import { count, printable, span, table } from './table.ts';

/** Shows the discrepancies; exit code 0 only when the next hop accepts nobody that we refuse, or would. */
export const discrepancies: DaemonCommand = async (daemon, args, terminal) => {
  const { domain } = args.options;
  const all = (await daemon.get('/v1/discrepancies')) as DomainReconciliation[];
  const shown = all.filter((each) => domain === undefined || each.domain === domain);
  if (shown.length === 0) return usageError(terminal, `there is no domain ${String(domain)}`);
  terminal.out(args.json ? JSON.stringify(shown, null, 2) : discrepanciesText(shown, Date.now()));
  return shown.some(({ discrepancies: found }) => openOf(found, 'hop-accepted').length > 0)
    ? EXIT.no
    : EXIT.ok;
};

/** One block a domain; `now` is in ms since 1970. */
export function discrepanciesText(domains: readonly DomainReconciliation[], now: number): string {
  return domains.map((domain) => oneDomain(domain, now)).join('\n\n');
}

function oneDomain({ domain, policy, readiness, discrepancies: found }: DomainReconciliation, now: number) {
  const settled = found.filter((each) => each.settled).length;
  return [
    `${domain} (${policy})${readiness === null ? '' : `: ${readinessText(readiness)}`}`,
    ...section('we would reject, the next hop accepted', openOf(found, 'hop-accepted'), now),
    ...section('we accept, the next hop rejected', openOf(found, 'hop-rejected'), now),
    ...(settled === 0 ? [] : [`  ${count(settled)} more were learnt, allowed or refused since`]),
    ...(found.length === 0 ? ['  no discrepancies'] : []),
  ].join('\n');
}

function readinessText({ ready, why }: Readiness): string {
  return `${ready ? 'ready to enforce' : 'not ready'}, ${why}`;
}

function openOf(found: readonly JudgedDiscrepancy[], kind: DiscrepancyKind): JudgedDiscrepancy[] {
  return found.filter((each) => each.kind === kind && !each.settled);
}

/** Rows of one section; the rest is in the JSON. */
const SHOWN = 50;

function section(heading: string, found: readonly JudgedDiscrepancy[], now: number): string[] {
  if (found.length === 0) return [];
  const rows = [...found].sort((a, b) => b.count - a.count).slice(0, SHOWN);
  const lines = table([
    ['ADDRESS', 'COUNT', 'FIRST', 'LAST', 'SENDERS', 'NEXT HOP SAID'],
    ...rows.map((each) => [
      printable(each.address),
      count(each.count),
      `${span(now - each.firstAt)} ago`,
      `${span(now - each.lastAt)} ago`,
      printable(each.senders.map((sender) => `<${sender}>`).join(' ')),
      printable(each.reply ?? ''),
    ]),
  ]);
  const more = found.length > SHOWN ? [`    and ${count(found.length - SHOWN)} more`] : [];
  return [`  ${heading}:`, ...lines.split('\n').map((line) => `    ${line}`), ...more];
}
