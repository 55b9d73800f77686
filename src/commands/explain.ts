/** `rcptgate explain`: what a reference in a bounce was about, or what happened to an address, and what would be answered now. */
import { referenceNumber, referenceText } from '../core/reference.ts';
import type { Page, ReferenceEntry, RegretRow, RejectionRow } from '../core/rejection.ts';
import { type CheckedAddress, checkText } from './check.ts';
import { type Daemon, type DaemonCommand, EXIT, usageError } from './command.ts';
import { regretsText, rejectionsText, timeText } from './rejections.ts';
import { count, printable, span, table } from './table.ts';

/** What is known of a reference or an address. */
export interface Explanation {
  readonly asked: string;
  /** The answers with this reference; null when an address was asked for. */
  readonly entries: readonly ReferenceEntry[] | null;
  /** The last answers about this address; null when a reference was asked for. */
  readonly rows: readonly RejectionRow[] | null;
  readonly regrets: readonly RegretRow[];
  /** What would be answered now; null when there is no recipient to ask for. */
  readonly check: CheckedAddress | null;
}

/** Exit code as of `check`, by what would be answered now; 1 when nothing is known of a reference. */
export const explain: DaemonCommand = async (daemon, args, terminal) => {
  const [asked, ...rest] = args.positionals;
  if (asked === undefined || rest.length > 0)
    return usageError(terminal, 'rcptgate explain needs one REF or ADDRESS');
  const reference = referenceIn(asked);
  const found =
    reference === null ? await explainAddress(daemon, asked) : await explainReference(daemon, reference);
  terminal.out(args.json ? JSON.stringify(found, null, 2) : explanationText(found, Date.now()));
  if (found.entries?.length === 0) return EXIT.no;
  if (found.check === null || found.check.verdict === 'accept') return EXIT.ok;
  return found.check.verdict === 'reject' ? EXIT.no : EXIT.unsure;
};

/** The reference in `7F3K2Q`, `ref 7F3K2Q` or `[ref 7F3K2Q]`, however it was typed; null when it is something else. */
export function referenceIn(text: string): string | null {
  const bare = text.trim().replace(/^\[?(?:ref\s+)?([^\s\]]+)\]?$/i, '$1');
  const number = referenceNumber(bare);
  return number === null ? null : referenceText(number);
}

async function explainReference(daemon: Daemon, reference: string): Promise<Explanation> {
  const { entries } = (await daemon.get(`/v1/references/${reference}`)) as { entries: ReferenceEntry[] };
  const rcpt = entries.find(({ row }) => row.rcpt !== null)?.row.rcpt ?? null;
  const check = rcpt === null ? null : await checkNow(daemon, rcpt);
  return { asked: reference, entries, rows: null, regrets: [], check };
}

async function explainAddress(daemon: Daemon, address: string): Promise<Explanation> {
  const query = new URLSearchParams({ recipient: address, limit: '10' });
  const { rows } = (await daemon.get(`/v1/rejections?${query}`)) as Page<RejectionRow>;
  const { rows: regrets } = (await daemon.get(`/v1/regrets?${query}`)) as Page<RegretRow>;
  return { asked: address, entries: null, rows, regrets, check: await checkNow(daemon, address) };
}

async function checkNow(daemon: Daemon, address: string): Promise<CheckedAddress | null> {
  const [checked] = (await daemon.post('/v1/check', { addresses: [address] })) as CheckedAddress[];
  return checked ?? null;
}

/** Past and present, a block each; `now` is in ms since 1970. */
export function explanationText({ asked, entries, rows, regrets, check }: Explanation, now: number): string {
  const past =
    entries === null
      ? [rows?.length ? rejectionsText(rows) : `nothing about ${printable(asked)} is in the rejection log.`]
      : entries.map((entry) => entryText(asked, entry, now));
  if (entries?.length === 0) {
    past.push(
      `there is no answer with the reference ${asked} in the rejection log: it is too old, or mistyped.`,
    );
  }
  return [
    ...past,
    ...(regrets.length > 0 ? [regretsText(regrets)] : []),
    ...(check ? [`now:\n${checkText([check])}`] : []),
  ].join('\n\n');
}

function entryText(reference: string, { at, row }: ReferenceEntry, now: number): string {
  const client = row.client === row.realClient ? '' : ` (through ${printable(row.client)})`;
  const lines: string[][] = [
    [`reference ${reference}`, `${timeText(at)}, ${span(now - at)} ago`],
    ['  answer', `${row.code}, ${row.verdict} (${row.reason})`],
    ['  recipient', printable(row.rcpt ?? '-')],
    ['  sender', `<${printable(row.mailFrom ?? '')}>`],
    [
      '  client',
      `${printable(row.realClient)}${client}, helo ${printable(row.helo ?? '-')}, ${row.tls ?? 'no TLS'}`,
    ],
    ['  session', `${row.session}, ${row.source}`],
  ];
  if (row.domain !== null) lines.push(['  domain', `${row.domain}, tenant ${row.tenant}`]);
  if (row.directoryAge !== null) lines.push(['  directory', `synced ${span(row.directoryAge)} before`]);
  if (row.detail !== null) lines.push(['  in words', printable(row.detail)]);
  if (row.count > 1) {
    const times = `${count(row.count)} times from ${timeText(row.firstAt)} to ${timeText(row.lastAt)}`;
    lines.push(['  repeated', `${times}; sender, helo and session are of the last`]);
  }
  if (row.regretted) lines.push(['  regret', 'the address was found in the directory later']);
  return table(lines);
}
