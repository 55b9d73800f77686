/**
 * The message from wire to wire: RFC 5321 section 4.5.2 (transparency). No I/O: the client's bytes in, the next hop's
 * bytes out.
 *
 * Only CR LF "." CR LF ends a message. Because its lines are stuffed on both sides, what is in order is passed on as it
 * came, without a copy; what is not is mended: a bare CR or LF becomes CR LF and is counted, a dot behind it is
 * doubled, and a dot that stands for nothing is taken away. What arrives further on has exactly one reading, whatever
 * the next hop takes for a line end. Bytes that could be the beginning of the end are held back, never more than two.
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const CRLF = Buffer.from('\r\n');
const ONE_DOT = Buffer.from('.');
const TWO_DOTS = Buffer.from('..');
/** One copy is cheaper than many small writes; somebody might mend every line. */
const MAX_PIECES = 32;

/**
 * Where the last byte left the scanner. `cr`, `dot` and `dot-cr` hold back a CR, a dot at the start of a line, and that
 * dot with a CR behind it. `after-bare` is a line start of our making: nobody un-stuffs a dot there.
 */
type Position = 'in-line' | 'cr' | 'line-start' | 'dot' | 'dot-cr' | 'after-bare';

/** What one chunk brought. `rest` is what follows the final dot; null while the message has not ended. */
export interface Scanned {
  /** In order; views of the chunk wherever it could stay as it is. Without the final dot. */
  readonly wire: readonly Buffer[];
  readonly rest: Buffer | null;
}

export class DataScanner {
  /** Bare CRs and LFs met so far. */
  bareNewlines = 0;
  /** Octets of content so far, as RFC 1870 counts them: without what stuffing adds. */
  bytes = 0;
  private position: Position = 'line-start';
  private wire: Buffer[] = [];
  private chunk: Buffer = CRLF;
  private words = wordsOf(CRLF);
  /** Where the part of the chunk begins that was not passed on yet. */
  private from = 0;
  private dots = 0;
  private rest: Buffer | null = null;

  /** Scans the next chunk. After a result with `rest` the scanner is spent. */
  scan(chunk: Buffer): Scanned {
    this.wire = [];
    this.chunk = chunk;
    this.words = wordsOf(chunk);
    this.from = 0;
    this.dots = 0;
    let at = 0;
    while (at < chunk.length && this.rest === null) at = this.step(at);
    this.pass(this.rest === null ? at : this.from);
    this.bytes += at - this.dots;
    if (this.rest !== null) this.bytes -= 3;
    const wire = this.wire.length > MAX_PIECES ? [Buffer.concat(this.wire)] : this.wire;
    return { wire, rest: this.rest };
  }

  private step(at: number): number {
    switch (this.position) {
      case 'in-line':
        return this.line(at);
      case 'line-start':
        return this.chunk[at] === DOT ? this.dot(at) : this.line(at);
      case 'after-bare':
        if (this.chunk[at] === DOT) this.wire.push(ONE_DOT);
        return this.line(at);
      case 'cr':
        return this.afterCr(at);
      case 'dot':
        return this.afterDot(at);
      case 'dot-cr':
        return this.afterDotCr(at);
    }
  }

  /** From anywhere in a line to the start of the next. */
  private line(from: number): number {
    const { chunk } = this;
    const at = nextBreak(chunk, this.words, from);
    this.position = 'in-line';
    if (at === chunk.length) return at;
    if (chunk[at] === LF) return this.bare(at);
    if (at + 1 === chunk.length) return this.hold(at, 'cr');
    if (chunk[at + 1] !== LF) return this.bare(at);
    this.position = 'line-start';
    return at + 2;
  }

  /** A dot at the start of a line: of the content (stuffed), the end, or nothing. */
  private dot(at: number): number {
    const { chunk } = this;
    if (at + 1 === chunk.length) return this.hold(at, 'dot');
    if (chunk[at + 1] === CR && at + 2 === chunk.length) return this.hold(at, 'dot-cr');
    if (chunk[at + 1] === CR && chunk[at + 2] === LF) return this.end(at, at + 3);
    this.dots += 1;
    this.position = 'in-line';
    if (chunk[at + 1] === DOT) return at + 2;
    this.pass(at);
    this.from = at + 1;
    return at + 1;
  }

  private afterCr(at: number): number {
    this.wire.push(CRLF);
    if (this.chunk[at] !== LF) {
      this.bareNewlines += 1;
      this.position = 'after-bare';
      return at;
    }
    this.position = 'line-start';
    this.from = at + 1;
    return at + 1;
  }

  private afterDot(at: number): number {
    const { chunk } = this;
    if (chunk[at] === CR && at + 1 === chunk.length) return this.hold(at, 'dot-cr');
    if (chunk[at] === CR && chunk[at + 1] === LF) return this.end(at, at + 2);
    this.dots += 1;
    this.position = 'in-line';
    if (chunk[at] !== DOT) return at;
    this.wire.push(TWO_DOTS);
    this.from = at + 1;
    return at + 1;
  }

  private afterDotCr(at: number): number {
    if (this.chunk[at] === LF) return this.end(at, at + 1);
    this.dots += 1;
    this.wire.push(CRLF);
    this.bareNewlines += 1;
    this.position = 'after-bare';
    return at;
  }

  private bare(at: number): number {
    this.pass(at);
    this.wire.push(CRLF);
    this.bareNewlines += 1;
    this.position = 'after-bare';
    this.from = at + 1;
    return at + 1;
  }

  /** Keeps what begins at `at` for the next chunk: it is known by the position. */
  private hold(at: number, position: Position): number {
    this.pass(at);
    this.position = position;
    this.from = this.chunk.length;
    return this.chunk.length;
  }

  private end(at: number, next: number): number {
    this.pass(at);
    this.from = next;
    this.rest = this.chunk.subarray(next);
    return next;
  }

  private pass(to: number): void {
    if (to > this.from) this.wire.push(this.chunk.subarray(this.from, to));
  }
}

/** The bytes of a chunk, and the same bytes as words from the first that is aligned. */
interface Words {
  readonly words: Int32Array;
  /** Bytes before the first aligned word. */
  readonly lead: number;
}

function wordsOf(bytes: Buffer): Words {
  const lead = Math.min(-bytes.byteOffset & 3, bytes.length);
  const count = (bytes.length - lead) >> 2;
  return { lead, words: new Int32Array(bytes.buffer, count > 0 ? bytes.byteOffset + lead : 0, count) };
}

/**
 * Position of the next CR or LF, or the end. Four bytes at a time: a word without a byte below 14 has neither. A native
 * search for each would cost two calls a line.
 */
function nextBreak(bytes: Buffer, { words, lead }: Words, from: number): number {
  const aligned = from <= lead ? lead : from + (-(from - lead) & 3);
  const early = breakWithin(bytes, from, Math.min(aligned, bytes.length));
  if (early >= 0) return early;
  const count = words.length;
  for (let word = (aligned - lead) >> 2; word < count; word++) {
    const four = words[word] as number;
    if (((four - 0x0e0e0e0e) & ~four & 0x80808080) === 0) continue;
    const at = lead + (word << 2);
    const found = breakWithin(bytes, at, at + 4);
    if (found >= 0) return found;
  }
  const late = breakWithin(bytes, Math.max(from, lead + (count << 2)), bytes.length);
  return late >= 0 ? late : bytes.length;
}

function breakWithin(bytes: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === LF || byte === CR) return at;
  }
  return -1;
}
