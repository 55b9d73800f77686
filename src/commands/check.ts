/** `rcptgate check`: the answer to an address and why. */
import { type DaemonCommand, EXIT, usageError } from './command.ts';
import { printable, span, table } from './table.ts';

/** One explained address, as the control socket gives it. */
export interface CheckedAddress {
  readonly address: string;
  readonly normalised: string | null;
  readonly verdict: 'accept' | 'reject' | 'defer';
  readonly reason: string;
  /** The reply RCPT TO would get now. */
  readonly reply: string;
  readonly domain: string | null;
  readonly tenant: string | null;
  readonly nextHop: string | null;
  readonly matched: string | null;
  readonly freshness: string | null;
  /** ms */
  readonly directoryAge: number | null;
  /** What a live lookup said of an address that the directory does not know; null when none is made. */
  readonly lookup?: { readonly outcome: string; readonly ms: number } | null;
  /** Objects in the tenant that hold the address; null when the mirror could not be asked in time. */
  readonly objects: readonly OwningObject[] | null;
  /** When it was asked, ms since 1970. */
  readonly now?: number;
  /** The operator's entry for the address. */
  readonly override?: CheckedOverride | null;
  /** The import that has the address. Times are ms since 1970. */
  readonly imported?: { readonly file: string; readonly importedAt: number } | null;
}

export interface CheckedOverride {
  readonly match: string;
  readonly action: string;
  readonly note: string | null;
  /** Ms since 1970. */
  readonly expires: number | null;
  readonly source: 'file' | 'command';
}

export interface OwningObject {
  readonly kind: string;
  readonly displayName: string | null;
  readonly id: string;
  /** The proxyAddresses entry as Graph wrote it. */
  readonly attribute: string;
}

/** Asks about every address on the command line. */
export const check: DaemonCommand = async (daemon, args, terminal) => {
  if (args.positionals.length === 0) return usageError(terminal, 'rcptgate check needs at least one ADDRESS');
  const results = (await daemon.post('/v1/check', { addresses: args.positionals })) as CheckedAddress[];
  terminal.out(args.json ? JSON.stringify(results, null, 2) : checkText(results));
  const verdicts = new Set(results.map((result) => result.verdict));
  if (verdicts.has('reject')) return EXIT.no;
  return verdicts.has('defer') ? EXIT.unsure : EXIT.ok;
};

/** A block of lines for each address. */
export function checkText(results: readonly CheckedAddress[]): string {
  return results.map(oneAddress).join('\n\n');
}

function oneAddress(result: CheckedAddress): string {
  const rows: string[][] = [
    [printable(result.address), `${result.verdict} (${result.reason})`],
    ['  reply now', result.reply],
    ['  looked up', printable(result.normalised ?? 'nothing: it is not a mailbox address')],
  ];
  if (result.matched !== null && result.matched !== result.normalised) {
    rows.push(['  matched', printable(result.matched)]);
  }
  if (result.domain !== null) rows.push(['  domain', `${result.domain}, tenant ${result.tenant}`]);
  if (result.freshness !== null) rows.push(['  directory', directoryLine(result)]);
  if (result.lookup) rows.push(['  live lookup', lookupLine(result.lookup)]);
  for (const line of objectLines(result.objects)) rows.push(['  held by', line]);
  if (result.override) rows.push(['  override', overrideLine(result.override)]);
  if (result.imported) {
    const age = span((result.now ?? result.imported.importedAt) - result.imported.importedAt);
    rows.push(['  imported', `from ${printable(result.imported.file)}, ${age} ago`]);
  }
  if (result.verdict === 'accept')
    rows.push(['  next hop', result.nextHop ?? 'none: this gateway only answers']);
  return table(rows);
}

function overrideLine({ match, action, note, expires, source }: CheckedOverride): string {
  const place = source === 'file' ? 'in the configuration file' : 'added by command';
  const end = expires === null ? '' : `, until ${new Date(expires).toISOString()}`;
  return `${action} ${printable(match)}, ${place}${end}${note === null ? '' : `: ${printable(note)}`}`;
}

function directoryLine({ freshness, directoryAge }: CheckedAddress): string {
  return directoryAge === null
    ? `${freshness}: never loaded`
    : `${freshness}, synced ${span(directoryAge)} ago`;
}

/** What an outcome means to an operator. */
const LOOKUP: Readonly<Record<string, string>> = {
  found: 'the tenant has it, the directory will soon',
  absent: 'the tenant does not have it',
  timeout: 'Graph did not answer within the deadline',
  'over-budget': 'not made, too many were asked for',
  failed: 'could not tell; rcptgate status and the log (lookup.trouble) say why',
};

function lookupLine({ outcome, ms }: { readonly outcome: string; readonly ms: number }): string {
  return `${outcome} (${Math.round(ms)} ms): ${LOOKUP[outcome] ?? 'not made'}`;
}

function objectLines(objects: readonly OwningObject[] | null): string[] {
  if (objects === null) return ['unknown: the mirror is busy'];
  return objects.map(
    (object) =>
      `${object.kind} "${printable(object.displayName ?? '')}" (${object.id}), ${printable(object.attribute)}`,
  );
}
