/** `rcptgate import`: recipients that Exchange knows and Microsoft Graph does not show. */
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { type ExchangeExport, ExchangeExportReader, type ReadExport } from '../core/exchange-export.ts';
import { encodeImport, type ImportPlan } from '../core/import-plan.ts';
import {
  type Arguments,
  type Daemon,
  type DaemonCommand,
  EXIT,
  type Terminal,
  usageError,
} from './command.ts';
import { count, printable, table } from './table.ts';

/** What the daemon did with a list. */
export type ImportResult =
  | { readonly ok: false; readonly problem: string }
  | {
      readonly ok: true;
      readonly tenant: string;
      readonly dryRun: boolean;
      readonly applied: boolean;
      readonly plan: ImportPlan;
      /** Addresses left out, by domain. */
      readonly foreign: Readonly<Record<string, number>>;
    };

/** Reads the file here, so that the daemon neither opens it nor parses it while it answers. */
export const importFile: DaemonCommand = async (daemon, args, terminal) => {
  const [file, ...more] = args.positionals;
  const removal = args.options.remove === true;
  if (removal ? file !== undefined : file === undefined || more.length > 0) {
    return usageError(terminal, 'rcptgate import needs one FILE, or --remove alone');
  }
  if (file === undefined) return removeImport(daemon, args, terminal);
  const read = await readExport(file);
  if (!read.ok) {
    terminal.err(`${file}: ${printable(read.problem)}`);
    return EXIT.no;
  }
  const force = args.options.force === true;
  const result = await send(daemon, args, basename(file), force, encodeImport(read.export.addresses));
  if (!result.ok) {
    terminal.err(printable(result.problem));
    return EXIT.no;
  }
  const { addresses, ...counts } = read.export;
  const all = { file, ...counts, addresses: addresses.size, ...result };
  terminal.out(args.json ? JSON.stringify(all, null, 2) : importText(file, read.export, result));
  return result.plan.hold === null || result.applied ? EXIT.ok : EXIT.no;
};

async function removeImport(daemon: Daemon, args: Arguments, terminal: Terminal): Promise<number> {
  const result = await send(daemon, args, '(removed)', true, '');
  if (!result.ok) {
    terminal.err(printable(result.problem));
    return EXIT.no;
  }
  const { applied, plan } = result;
  const text = `${count(plan.gone)} imported addresses ${applied ? 'are gone' : 'would go: nothing was changed'}.`;
  terminal.out(args.json ? JSON.stringify(result, null, 2) : text);
  return EXIT.ok;
}

async function send(
  daemon: Daemon,
  { options }: Arguments,
  file: string,
  force: boolean,
  list: string,
): Promise<ImportResult> {
  const query = new URLSearchParams({
    file,
    dry_run: options['dry-run'] ? '1' : '',
    force: force ? '1' : '',
  });
  if (typeof options.tenant === 'string') query.set('tenant', options.tenant);
  return (await daemon.post(`/v1/import?${query}`, new TextEncoder().encode(list))) as ImportResult;
}

async function readExport(file: string): Promise<ReadExport> {
  const reader = new ExchangeExportReader();
  try {
    for await (const chunk of createReadStream(file)) reader.push(chunk as Buffer);
  } catch (error) {
    return {
      ok: false,
      problem: `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  return reader.end();
}

/** What is in the file, what it changes, what was left out and what became of it. */
export function importText(
  file: string,
  read: ExchangeExport,
  result: Extract<ImportResult, { readonly ok: true }>,
): string {
  const { plan } = result;
  const rows = plan.rows.map(({ type, ...row }) => [type, ...amounts(row)]);
  const totals = { added: plan.after - (plan.before - plan.gone), gone: plan.gone };
  const last = ['all', ...amounts({ ...totals, unchanged: plan.before - plan.gone })];
  return [
    ...fileLines(file, read),
    '',
    table([['TYPE', 'ADDED', 'GONE', 'UNCHANGED'], ...rows, last]),
    ...foreignLines(result.foreign),
    '',
    outcome(result),
  ].join('\n');
}

function amounts({ added, gone, unchanged }: { added: number; gone: number; unchanged: number }): string[] {
  return [count(added), count(gone), count(unchanged)];
}

function fileLines(file: string, read: ExchangeExport): string[] {
  const { rows, addresses, addressless, unusable, firstUnusable, warnings } = read;
  const without = addressless > 0 ? `, ${count(addressless)} rows without any` : '';
  const lines = [
    `${printable(file)}: ${count(rows)} recipients, ${count(addresses.size)} addresses${without}`,
  ];
  if (unusable > 0) {
    lines.push(`  ${count(unusable)} cannot be an address, the first in ${printable(firstUnusable ?? '')}`);
  }
  return [...lines, ...warnings.map((warning) => `  ${warning}`)];
}

/** Domains named; the rest is a number. */
const NAMED = 5;

function foreignLines(foreign: Readonly<Record<string, number>>): string[] {
  const domains = Object.entries(foreign).sort(([, one], [, two]) => two - one);
  if (domains.length === 0) return [];
  const all = domains.reduce((sum, [, each]) => sum + each, 0);
  const named = domains.slice(0, NAMED).map(([domain, each]) => `${printable(domain)} ${count(each)}`);
  const more = domains.length > NAMED ? ` and ${count(domains.length - NAMED)} more domains` : '';
  return [`left out, not in an accepted domain of the tenant: ${count(all)} (${named.join(', ')}${more})`];
}

function outcome({ plan, applied, dryRun }: Extract<ImportResult, { readonly ok: true }>): string {
  if (applied) return `imported: ${count(plan.after)} addresses answer from now on.`;
  const held =
    plan.hold === 'empty'
      ? 'it has no address in an accepted domain of the tenant'
      : `${count(plan.gone)} of ${count(plan.before)} addresses of the import before would go`;
  if (plan.hold === null) return 'dry run: nothing was changed.';
  return `${dryRun ? 'dry run: it would be held' : 'held, nothing was changed'}: ${held}. With --force it replaces it all the same.`;
}
