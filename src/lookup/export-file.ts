/** One file of a standing export: written aside, compared with the one before it, put in its place by a rename. */
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, open, rename, rm, stat } from 'node:fs/promises';
import readline from 'node:readline';
import { promisify } from 'node:util';
import { countsAsEntry, type ExportFormat, exportWriting } from '../core/export-format.ts';
import { type ExportEntry, exportRefusal } from '../core/standing-export.ts';

export interface ExportTarget {
  readonly path: string;
  readonly format: ExportFormat;
  /** Table type that postmap(1) makes of the file (`cdb`, `lmdb`, `hash`); null for none. */
  readonly postmap: string | null;
  /** Percent of its entries that a file may lose at once. */
  readonly maxShrink: number;
  /** Bits of the file's mode. */
  readonly mode: number;
}

export type ExportOutcome =
  | {
      readonly kind: 'written';
      readonly path: string;
      readonly entries: number;
      readonly before: number | null;
    }
  /** The file has these entries already. */
  | { readonly kind: 'unchanged'; readonly path: string; readonly entries: number }
  | { readonly kind: 'refused'; readonly path: string; readonly problem: string };

/** Entries between two writes to the file. */
const BLOCK = 4096;

/**
 * Writes a target. With `force` a much smaller file is written too, an empty one never. `made` is ms since 1970.
 * @throws Error of the file system or of postmap; the file before it is then still there.
 */
export async function writeExport(
  target: ExportTarget,
  entries: Iterable<ExportEntry>,
  made: number,
  force = false,
): Promise<ExportOutcome> {
  const { path, format } = target;
  const aside = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const { count, digest } = await writeEntries(aside, format, entries, made);
    const before = await countEntries(path, format);
    const problem = exportRefusal(before?.count ?? null, count, force ? 100 : target.maxShrink);
    if (problem !== null) return { kind: 'refused', path, problem };
    const same = before?.digest === digest;
    if (!same) {
      await chmod(aside, target.mode);
      await rename(aside, path);
    }
    // A table that could not be made last time is made now, though its text is the same.
    if (target.postmap !== null && (await isBehind(path, target.postmap)))
      await postmap(target.postmap, path);
    return same
      ? { kind: 'unchanged', path, entries: count }
      : { kind: 'written', path, entries: count, before: before?.count ?? null };
  } finally {
    await rm(aside, { force: true });
  }
}

interface Counted {
  readonly count: number;
  /** Of the entries alone: a file that differs in its date only is the same. */
  readonly digest: string;
}

async function writeEntries(
  path: string,
  format: ExportFormat,
  entries: Iterable<ExportEntry>,
  made: number,
): Promise<Counted> {
  const { head, entry, tail } = exportWriting(format, made);
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  try {
    let text = head;
    let count = 0;
    for (const each of entries) {
      const written = entry(each, count === 0);
      count += 1;
      for (const line of written.split('\n')) if (countsAsEntry(format, line)) hash.update(`${bare(line)}\n`);
      text += written;
      if (count % BLOCK !== 0) continue;
      await file.appendFile(text);
      text = '';
    }
    await file.appendFile(text + tail);
    await file.sync();
    return { count, digest: hash.digest('hex') };
  } finally {
    await file.close();
  }
}

/** The entries of the file that is there; null when there is none. */
async function countEntries(path: string, format: ExportFormat): Promise<Counted | null> {
  if (!existsSync(path)) return null;
  const hash = createHash('sha256');
  let count = 0;
  for await (const line of readline.createInterface({ input: createReadStream(path) })) {
    if (!countsAsEntry(format, line)) continue;
    count += 1;
    hash.update(`${bare(line)}\n`);
  }
  return { count, digest: hash.digest('hex') };
}

/** A line of JSON without the comma that joins it to the next. */
function bare(line: string): string {
  return line.endsWith('},') ? line.slice(0, -1) : line;
}

/** Whether the table that postmap(1) makes of a text is missing or older than it. */
async function isBehind(path: string, type: string): Promise<boolean> {
  const suffix = type === 'hash' || type === 'btree' ? 'db' : type;
  const [text, table] = await Promise.all([stat(path), stat(`${path}.${suffix}`).catch(() => null)]);
  return table === null || table.mtimeMs < text.mtimeMs;
}

async function postmap(type: string, path: string): Promise<void> {
  try {
    await promisify(execFile)('postmap', [`${type}:${path}`], { timeout: 300_000 });
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    throw new Error(`postmap ${type}:${path} failed: ${stderr.trim() || message}`, { cause: error });
  }
}
