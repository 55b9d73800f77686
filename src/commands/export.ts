/** `rcptgate export`: every accepted recipient as a list, or the configured files written now. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type DaemonCommand, EXIT, usageError } from './command.ts';
import { count, printable } from './table.ts';

interface Gap {
  readonly match: string;
  readonly problem: string;
}

interface Written {
  readonly kind: 'written' | 'unchanged' | 'refused' | 'failed';
  readonly path: string;
  readonly entries?: number;
  readonly before?: number | null;
  readonly problem?: string;
}

/** `export` writes a list to standard output or to `--output`; `export write [PATH]` the configured files. */
export const exportRecipients: DaemonCommand = async (daemon, args, terminal) => {
  const [verb, file, ...rest] = args.positionals;
  if (rest.length > 0 || (verb !== undefined && verb !== 'write')) {
    return usageError(terminal, 'rcptgate export takes options only, or: write [PATH]');
  }
  if (verb === 'write') {
    const asked = { path: file ?? null, force: args.options.force === true };
    const written = (await daemon.post('/v1/export/write', asked)) as Written[];
    terminal.out(args.json ? JSON.stringify(written, null, 2) : writtenText(written, file));
    return written.length > 0 && written.every(({ kind }) => isGood(kind)) ? EXIT.ok : EXIT.no;
  }
  const gaps = (await daemon.get('/v1/export/gaps')) as Gap[];
  for (const { match, problem } of gaps) terminal.err(`not in the list: ${printable(match)}: ${problem}`);
  const format = args.json ? 'json' : (args.options.format ?? 'postfix');
  const bytes = Readable.from(daemon.postBytes('/v1/export', { format }));
  const output = args.options.output;
  if (typeof output === 'string') await replaceFile(output, bytes);
  else await pipeline(bytes, process.stdout, { end: false });
  return EXIT.ok;
};

/** A reader of the file sees the old list or the new one, never a part. */
async function replaceFile(path: string, bytes: Readable): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    await pipeline(bytes, createWriteStream(aside, { flags: 'wx' }));
    await rename(aside, path);
  } finally {
    await rm(aside, { force: true });
  }
}

/** A line for each file. */
export function writtenText(written: readonly Written[], asked: string | undefined): string {
  if (written.length === 0) {
    return asked === undefined
      ? 'The configuration has no [[export]].'
      : `The configuration has no [[export]] with the path ${printable(asked)}.`;
  }
  return written.map(lineOf).join('\n');
}

function lineOf({ kind, path, entries, before, problem }: Written): string {
  if (!isGood(kind)) return `${printable(path)}: not written: ${problem ?? kind}`;
  const had = before === null || before === undefined ? '' : `, before ${count(before)}`;
  return `${printable(path)}: ${kind}, ${count(entries ?? 0)} entries${had}`;
}

function isGood(kind: Written['kind']): boolean {
  return kind === 'written' || kind === 'unchanged';
}
