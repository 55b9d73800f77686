/**
 * What `Get-Recipient | Export-Csv` of Exchange writes: which recipients, of which type, with which addresses.
 *
 * UTF-8 with or without a byte order mark, UTF-16 of either byte order with one. Columns by name, in any case and order:
 * `PrimarySmtpAddress` and `EmailAddresses` (one of them is needed), `RecipientTypeDetails`, and `DisplayName`, `Name` or
 * `Identity` to name a row in a message. `EmailAddresses` holds entries with a prefix (`SMTP:` primary, `smtp:` alias,
 * `X500:` and others that are no mail addresses) separated by spaces, `,` `;` `|` or line breaks, or as PowerShell prints
 * a list, `{…, …}`. A list that PowerShell cut short, or gave as the name of its type, is a fault: addresses are missing.
 */
import { normaliseAddress } from './address.ts';
import { type CsvFault, CsvReader, type CsvRecord } from './csv.ts';

/** A readable file. */
export interface ExchangeExport {
  /** Type (`RecipientTypeDetails`, or `recipient` without that column) by normalised address; the first row wins. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Rows of recipients. */
  readonly rows: number;
  /** Rows without any SMTP address. */
  readonly addressless: number;
  /** Addresses that cannot be one, and where the first stands. */
  readonly unusable: number;
  readonly firstUnusable: string | null;
  /** What the file lacks without being unreadable. */
  readonly warnings: readonly string[];
}

/** `problem` names the place and says what to do; the caller names the file. */
export type ReadExport =
  | { readonly ok: true; readonly export: ExchangeExport }
  | { readonly ok: false; readonly problem: string };

interface Columns {
  readonly count: number;
  readonly primary: number;
  readonly list: number;
  readonly type: number;
  readonly labels: readonly number[];
}

const AGAIN = 'Export again with the command in the README';

/** Reads one export, fed in pieces of any size. */
export class ExchangeExportReader {
  readonly #csv = new CsvReader();
  readonly #addresses = new Map<string, string>();
  #head: Uint8Array = new Uint8Array(0);
  #decoder: InstanceType<typeof TextDecoder> | null = null;
  #columns: Columns | null = null;
  #rows = 0;
  #addressless = 0;
  #unusable = 0;
  #firstUnusable: string | null = null;
  #problem: string | null = null;

  /** Different addresses read so far. */
  get size(): number {
    return this.#addresses.size;
  }

  push(bytes: Uint8Array): void {
    if (this.#problem !== null) return;
    if (this.#decoder) {
      this.#text(this.#decoder.decode(bytes, { stream: true }));
      return;
    }
    this.#head = concat(this.#head, bytes);
    // The longest mark that tells formats apart has four bytes.
    if (this.#head.length >= 4) this.#open();
  }

  end(): ReadExport {
    if (!this.#decoder && this.#problem === null) this.#open();
    if (this.#decoder && this.#problem === null) {
      this.#text(this.#decoder.decode());
      this.#records(this.#csv.end());
      this.#finish();
    }
    if (this.#problem !== null) return { ok: false, problem: this.#problem };
    return {
      ok: true,
      export: {
        addresses: this.#addresses,
        rows: this.#rows,
        addressless: this.#addressless,
        unusable: this.#unusable,
        firstUnusable: this.#firstUnusable,
        warnings: this.#columns ? warningsFor(this.#columns) : [],
      },
    };
  }

  #open(): void {
    const format = formatOf(this.#head);
    if (!format.ok) this.#problem = format.problem;
    else {
      this.#decoder = new TextDecoder(format.encoding);
      this.#text(this.#decoder.decode(this.#head, { stream: true }));
    }
  }

  #text(text: string): void {
    if (text.includes('\0')) {
      const hint = 'or it is UTF-16 without a byte order mark. Export with -Encoding UTF8';
      this.#problem = `the file holds zero bytes: it is not a CSV file, ${hint}`;
      return;
    }
    this.#records(this.#csv.push(text));
  }

  #records(records: readonly CsvRecord[]): void {
    for (const record of records) {
      if (this.#problem !== null) return;
      if (this.#columns) this.#row(record, this.#columns);
      else this.#header(record);
    }
    const { fault } = this.#csv;
    if (fault && this.#problem === null) this.#problem = faultText(fault);
  }

  #header({ line, fields }: CsvRecord): void {
    const columns = columnsOf(fields);
    if (columns.primary >= 0 || columns.list >= 0) {
      this.#columns = columns;
      return;
    }
    const found = fields.map((name) => `"${name.trim().slice(0, 40)}"`).slice(0, 12);
    this.#problem = `line ${line}: there is no column PrimarySmtpAddress or EmailAddresses (found: ${found.join(', ')}). ${AGAIN}`;
  }

  #row(record: CsvRecord, columns: Columns): void {
    const { line, fields } = record;
    if (fields.length !== columns.count) {
      this.#problem = `line ${line}: it has ${fields.length} fields, and the header has ${columns.count}. ${AGAIN}`;
      return;
    }
    const list = fields[columns.list]?.trim() ?? '';
    const fault = listFault(list);
    if (fault !== null) {
      this.#problem = `line ${line}, column EmailAddresses${labelOf(fields, columns)}: ${fault}`;
      return;
    }
    this.#rows += 1;
    const primary = (fields[columns.primary] ?? '').trim().replace(/^smtp:/i, '');
    const texts = [...(primary === '' ? [] : [primary]), ...smtpEntries(list)];
    if (texts.length === 0) this.#addressless += 1;
    const type = typeName(fields[columns.type]);
    for (const text of texts) this.#address(text, type, line);
  }

  #address(text: string, type: string, line: number): void {
    const address = normaliseAddress(text);
    if (address === null) {
      this.#unusable += 1;
      this.#firstUnusable ??= `line ${line}: "${text.slice(0, 80)}"`;
    } else if (!this.#addresses.has(address)) this.#addresses.set(address, type);
  }

  #finish(): void {
    if (this.#problem !== null) return;
    if (!this.#columns) this.#problem = `the file is empty. ${AGAIN}`;
    else if (this.#addresses.size === 0) {
      this.#problem = `none of its ${this.#rows} rows has an address. ${AGAIN}`;
    }
  }
}

type Format =
  | { readonly ok: true; readonly encoding: string }
  | { readonly ok: false; readonly problem: string };

/** The encoding that the first bytes tell, or which other kind of file this is. */
function formatOf(head: Uint8Array): Format {
  const starts = (...bytes: number[]): boolean => bytes.every((byte, index) => head[index] === byte);
  if (starts(0x50, 0x4b, 0x03, 0x04) || starts(0xd0, 0xcf, 0x11, 0xe0)) {
    const problem = 'this is an Excel workbook. Save it as "CSV UTF-8", or export with Export-Csv';
    return { ok: false, problem };
  }
  if (starts(0xff, 0xfe)) return { ok: true, encoding: 'utf-16le' };
  return { ok: true, encoding: starts(0xfe, 0xff) ? 'utf-16be' : 'utf-8' };
}

function columnsOf(fields: readonly string[]): Columns {
  const names = fields.map((name) => name.trim().toLowerCase());
  return {
    count: fields.length,
    primary: names.indexOf('primarysmtpaddress'),
    list: names.indexOf('emailaddresses'),
    type: names.indexOf('recipienttypedetails'),
    labels: ['displayname', 'name', 'identity'].map((name) => names.indexOf(name)),
  };
}

function warningsFor({ primary, list, type }: Columns): string[] {
  const lacking = (index: number, name: string, without: string): string[] =>
    index >= 0 ? [] : [`there is no column ${name}: ${without}`];
  return [
    ...lacking(list, 'EmailAddresses', 'aliases are not in this import'),
    ...lacking(primary, 'PrimarySmtpAddress', 'addresses come from EmailAddresses alone'),
    ...lacking(type, 'RecipientTypeDetails', 'everything counts as "recipient"'),
  ];
}

/** Why a list is not the whole list; null when it may be. */
function listFault(list: string): string | null {
  if (/(?:…|\.\.\.)\s*\}?$/.test(list)) {
    return 'PowerShell cut the list short. Set $FormatEnumerationLimit = -1, or join the list as the README shows';
  }
  if (/^(?:System|Microsoft|Deserialized)\.[\w.`[\]+]+$/.test(list)) {
    return `it holds the name of a type (${list.slice(0, 60)}) instead of addresses. Join the list as the README shows`;
  }
  return null;
}

/** An entry: a prefix, and a value that may have a quoted local part. */
const ENTRY = /(?:^|[\s,;|])([A-Za-z][A-Za-z0-9.-]*):("(?:[^"\\]|\\.)*"@[^\s,;|]+|[^\s,;|]*)/g;

/**
 * The SMTP addresses of a list. Without any prefix in the list every item with an `@` is one; with prefixes nothing else
 * is, because what stands between may be the rest of an X500 name, which has spaces.
 */
function smtpEntries(list: string): string[] {
  const bare = list.startsWith('{') && list.endsWith('}') ? list.slice(1, -1) : list;
  const entries = [...bare.matchAll(ENTRY)];
  if (entries.length === 0) return bare.split(/[\s,;|]+/).filter((item) => item.includes('@'));
  return entries.flatMap(([, prefix, value]) => (prefix?.toLowerCase() === 'smtp' && value ? [value] : []));
}

/** A type as it may stand in tables and in the mirror. */
function typeName(text: string | undefined): string {
  return (
    (text ?? '')
      .replace(/[^\w -]/g, '')
      .trim()
      .slice(0, 60) || 'recipient'
  );
}

function labelOf(fields: readonly string[], { labels }: Columns): string {
  const label = labels.map((index) => fields[index]?.trim() ?? '').find((text) => text !== '');
  return label === undefined ? '' : ` of "${label.slice(0, 60)}"`;
}

function faultText({ line, column, problem }: CsvFault): string {
  return `line ${line}, character ${column}: ${problem}. ${AGAIN}`;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
