/** What a new import would do to the one before it, and whether it may. */
import { domainOf, normaliseAddress } from './address.ts';
import { type Policy, policyFor } from './policy.ts';

/** Imported addresses with their type in Exchange. */
export type ImportedTypes = ReadonlyMap<string, string>;

/** One line of the preview. */
export interface ImportRow {
  readonly type: string;
  readonly added: number;
  readonly gone: number;
  readonly unchanged: number;
}

export interface ImportPlan {
  /** By type, in alphabetical order. */
  readonly rows: readonly ImportRow[];
  readonly before: number;
  readonly after: number;
  readonly gone: number;
  /** Some of the addresses that come and that go, at most {@link SAMPLE} each. */
  readonly samples: { readonly added: readonly string[]; readonly gone: readonly string[] };
  /** Why it needs the operator's word; null when it may replace the old one. */
  readonly hold: 'empty' | 'much-smaller' | null;
}

/** Addresses of a sample. */
export const SAMPLE = 10;

/** So many addresses may go without a question, whatever the share. */
const FEW = 2;
/** Beyond them, this share of the old import. */
const SHARE = 0.2;

/** No client can ask for more: RFC 5321 section 4.5.3.1, in characters. */
const LONGEST = 320;

/**
 * Compares an import with the one before it. One that loses more than a fifth of it, or all of it, is most likely an
 * export that was filtered or cut short, in the spirit of the guard of sync rounds.
 */
export function planImport(before: ImportedTypes, after: ImportedTypes): ImportPlan {
  const rows = new Map<string, { added: number; gone: number; unchanged: number }>();
  const count = (type: string, what: 'added' | 'gone' | 'unchanged'): void => {
    const row = rows.get(type) ?? { added: 0, gone: 0, unchanged: 0 };
    row[what] += 1;
    rows.set(type, row);
  };
  let gone = 0;
  const samples = { added: [] as string[], gone: [] as string[] };
  const sample = (address: string, what: 'added' | 'gone'): void => {
    if (samples[what].length < SAMPLE) samples[what].push(address);
  };
  for (const [address, type] of after) {
    const known = before.has(address);
    count(type, known ? 'unchanged' : 'added');
    if (!known) sample(address, 'added');
  }
  for (const [address, type] of before) {
    if (after.has(address)) continue;
    count(type, 'gone');
    sample(address, 'gone');
    gone += 1;
  }
  const muchSmaller = gone > Math.max(FEW, before.size * SHARE);
  return {
    rows: [...rows]
      .map(([type, row]) => ({ type, ...row }))
      .sort((one, two) => (one.type < two.type ? -1 : 1)),
    before: before.size,
    after: after.size,
    gone,
    samples,
    hold: after.size === 0 ? 'empty' : muchSmaller ? 'much-smaller' : null,
  };
}

/** The addresses of an import that count, and the others by domain. */
export interface SiftedImport {
  readonly accepted: ImportedTypes;
  /** Addresses in domains that are not accepted ones of the tenant. */
  readonly foreign: Readonly<Record<string, number>>;
}

/** Sorts imported addresses out: only accepted domains of the tenant are answered for. */
export function siftImport(
  lines: Iterable<readonly [address: string, type: string]>,
  tenant: string,
  domains: Pick<Policy, 'domains'>,
): SiftedImport {
  const accepted = new Map<string, string>();
  const foreign = new Map<string, number>();
  for (const [text, type] of lines) {
    const address = normaliseAddress(text);
    if (address === null || address.length > LONGEST) continue;
    const domain = domainOf(address);
    if (policyFor(domains, domain)?.tenant !== tenant) foreign.set(domain, (foreign.get(domain) ?? 0) + 1);
    else if (!accepted.has(address)) accepted.set(address, type);
  }
  return { accepted, foreign: Object.fromEntries(foreign) };
}

/** An import as it travels to the daemon: `type TAB address` a line, so that nothing large is parsed while answering. */
export function encodeImport(addresses: ImportedTypes): string {
  return [...addresses].map(([address, type]) => `${type}\t${address}\n`).join('');
}

/** Characters encoded at a time. */
const PIECE = 1 << 20;

/** {@link encodeImport} in UTF-8, without holding all of its text at a time. */
export function encodeImportBytes(addresses: ImportedTypes): Uint8Array {
  const encoder = new TextEncoder();
  const pieces: Uint8Array[] = [];
  let text = '';
  for (const [address, type] of addresses) {
    text += `${type}\t${address}\n`;
    if (text.length < PIECE) continue;
    pieces.push(encoder.encode(text));
    text = '';
  }
  pieces.push(encoder.encode(text));
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The lines of {@link encodeImport}; what is no such line is left out. */
export function* decodeImport(text: string): Generator<readonly [address: string, type: string]> {
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf('\n', from);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(from, end);
    const tab = line.indexOf('\t');
    if (tab > 0) yield [line.slice(tab + 1), line.slice(0, tab)];
    from = end + 1;
  }
}
