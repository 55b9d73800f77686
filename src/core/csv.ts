/**
 * CSV by RFC 4180, fed in pieces of any size: fields separated by `,`, `;` or a tab (whichever the first line has most
 * of), quoted fields with doubled quotes, separators and line breaks in them, lines that end with CR, LF or both.
 *
 * Looser than the RFC: a quote inside an unquoted field is itself, empty lines are skipped, and a first line that begins
 * with `#TYPE`, as Export-Csv writes it, is too. Stricter than most readers: text behind a closing quote and a quote that
 * never closes are faults, because what follows them would be read shifted.
 */

export interface CsvRecord {
  /** Line on which it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

export interface CsvFault {
  /** From 1. */
  readonly line: number;
  /** Character within the line, from 1. */
  readonly column: number;
  readonly problem: string;
}

/** Where the reader stands within a field. */
type State = 'start' | 'plain' | 'quoted' | 'closed';

const SEPARATORS = [',', ';', '\t'];
/** A first line is looked for in this many characters at most. */
const LONGEST_HEAD = 65_536;
/** The characters that need a look of their own, within quotes and outside. */
const QUOTED_STOP = /["\r\n]/g;
const PLAIN_STOP = /["\r\n,;\t]/g;

/** Reads one file. After a fault nothing more comes. */
export class CsvReader {
  fault: CsvFault | null = null;
  #separator = '';
  /** Text held back until the first line is whole, by which the separator is chosen. */
  #head: string | null = '';
  #state: State = 'start';
  #field = '';
  #fields: string[] = [];
  #line = 1;
  #column = 1;
  #recordLine = 1;
  #quoteAt = { line: 1, column: 1 };
  #afterReturn = false;

  /** The records that `text` completes. */
  push(text: string): readonly CsvRecord[] {
    if (this.#head === null) return this.#read(text);
    this.#head += text;
    const waiting = firstLine(this.#head, false) === null && this.#head.length < LONGEST_HEAD;
    return waiting ? [] : this.#start();
  }

  /** The last record, when the file does not end with a line break. */
  end(): readonly CsvRecord[] {
    const records = this.#head === null ? [] : [...this.#start()];
    if (this.fault) return records;
    if (this.#state === 'quoted') {
      this.fault = { ...this.#quoteAt, problem: 'a quoted field begins here and never ends' };
      return records;
    }
    const last = this.#endRecord();
    return last ? [...records, last] : records;
  }

  #start(): readonly CsvRecord[] {
    const text = this.#head ?? '';
    this.#head = null;
    this.#separator = separatorOf(firstLine(text, true) ?? '');
    const type = /^#TYPE\b[^\r\n]*(?:\r\n|\r|\n)?/i.exec(text);
    if (type) this.#line = this.#recordLine = 2;
    return this.#read(text.slice(type?.[0].length ?? 0));
  }

  #read(text: string): readonly CsvRecord[] {
    const records: CsvRecord[] = [];
    for (let at = this.#skip(text, 0); at < text.length && !this.fault; at = this.#skip(text, at + 1)) {
      const char = text[at] as string;
      const record = this.#take(char);
      if (record) records.push(record);
      this.#move(char);
    }
    return records;
  }

  /** Takes the ordinary characters from `at` on at once. Returns where they end. */
  #skip(text: string, at: number): number {
    if (this.#state === 'closed') return at;
    const stop = this.#state === 'quoted' ? QUOTED_STOP : PLAIN_STOP;
    stop.lastIndex = at;
    const end = stop.exec(text)?.index ?? text.length;
    if (end <= at) return at;
    this.#field += text.slice(at, end);
    this.#column += end - at;
    this.#afterReturn = false;
    if (this.#state === 'start') this.#state = 'plain';
    return end;
  }

  #take(char: string): CsvRecord | null {
    if (this.#state === 'quoted') {
      if (char === '"') this.#state = 'closed';
      else this.#field += char;
      return null;
    }
    if (char === '"') return this.#quote();
    if (char === this.#separator) return this.#endField();
    if (char === '\n' || char === '\r') return this.#endLine(char);
    if (this.#state === 'closed')
      return this.#fail('a separator or a line end must follow the closing quote');
    this.#field += char;
    this.#state = 'plain';
    return null;
  }

  #quote(): null {
    if (this.#state === 'start') {
      this.#state = 'quoted';
      this.#quoteAt = { line: this.#line, column: this.#column };
      return null;
    }
    this.#field += '"';
    // A second quote inside a quoted field stands for one, and the field goes on.
    if (this.#state === 'closed') this.#state = 'quoted';
    return null;
  }

  #endField(): null {
    this.#fields.push(this.#field);
    this.#field = '';
    this.#state = 'start';
    return null;
  }

  #endLine(char: string): CsvRecord | null {
    const secondHalf = char === '\n' && this.#afterReturn;
    return secondHalf ? null : this.#endRecord();
  }

  #endRecord(): CsvRecord | null {
    const empty = this.#state === 'start' && this.#fields.length === 0;
    this.#endField();
    const record = empty ? null : { line: this.#recordLine, fields: this.#fields };
    this.#fields = [];
    return record;
  }

  /** Keeps count of lines and columns; CR LF is one line end. */
  #move(char: string): void {
    const secondHalf = char === '\n' && this.#afterReturn;
    this.#afterReturn = char === '\r';
    if (char !== '\n' && char !== '\r') {
      this.#column += 1;
      return;
    }
    if (!secondHalf) this.#line += 1;
    this.#column = 1;
    if (this.#state === 'start' && this.#fields.length === 0) this.#recordLine = this.#line;
  }

  #fail(problem: string): null {
    this.fault = { line: this.#line, column: this.#column, problem };
    return null;
  }
}

/** The line that names the columns, without the `#TYPE` line above it; null when it is not whole yet. */
function firstLine(text: string, whole: boolean): string | null {
  const lines = /^(?:#TYPE\b[^\r\n]*(?:\r\n|\r(?!$)|\n))?(?:[\r\n]*)([^\r\n]+)([\r\n])?/i.exec(text);
  if (!lines) return whole ? text : null;
  return whole || (lines[2] !== undefined && !isTypeLine(lines[1] ?? '')) ? (lines[1] ?? '') : null;
}

function isTypeLine(line: string): boolean {
  return /^#TYPE\b/i.test(line);
}

function separatorOf(header: string): string {
  const counts = SEPARATORS.map((separator) => header.split(separator).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))] ?? ',';
}
