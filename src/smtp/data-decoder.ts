/**
 * The message as it comes from the wire: RFC 5321 section 4.5.2 (transparency). No I/O: bytes in, content out.
 *
 * Only CR LF "." CR LF ends a message, and a leading dot is taken away only after CR LF. Every looser reading lets
 * somebody hide a second message inside the first. Runs are copied, not bytes.
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const DOT_LINE = Buffer.from('\r\n.');

/** Where the last byte left the decoder. A dot, or a dot and CR, at the start of a line are held back. */
type Position = 'in-line' | 'after-cr' | 'line-start' | 'dot' | 'dot-cr';

/** What one chunk brought. `rest` is what follows the end of the message; null while it has not ended. */
export interface Decoded {
  readonly content: Buffer;
  readonly rest: Buffer | null;
}

export class DataDecoder {
  private position: Position = 'line-start';
  private content = Buffer.alloc(0);
  private used = 0;

  /** Decodes the next chunk. After a result with `rest` the decoder is spent. */
  decode(chunk: Buffer): Decoded {
    this.content = Buffer.allocUnsafe(chunk.length + 1);
    this.used = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.position === 'in-line') at = this.run(chunk, at);
      else if (this.position !== 'dot-cr') at += this.boundary(chunk[at] ?? 0) ? 1 : 0;
      else if (chunk[at] === LF) return { content: this.taken(), rest: chunk.subarray(at + 1) };
      else {
        this.emit(CR);
        this.position = 'after-cr';
      }
    }
    return { content: this.taken(), rest: null };
  }

  /** Copies up to and into the next line that starts with a dot, or the whole rest. */
  private run(chunk: Buffer, from: number): number {
    const dotLine = chunk.indexOf(DOT_LINE, from);
    const end = dotLine < 0 ? chunk.length : dotLine + 2;
    this.used += chunk.copy(this.content, this.used, from, end);
    this.position = dotLine < 0 ? tailOf(chunk, from) : 'dot';
    return dotLine < 0 ? end : end + 1;
  }

  private emit(byte: number): void {
    this.content[this.used++] = byte;
  }

  private taken(): Buffer {
    return this.content.subarray(0, this.used);
  }

  /** Moves on over a byte that matters at a line boundary; false when it is the content of a line. */
  private boundary(byte: number): boolean {
    const before = this.position;
    this.position = 'in-line';
    if (before === 'after-cr' && byte === LF) this.position = 'line-start';
    else if (before === 'after-cr' && byte === CR) this.position = 'after-cr';
    else if (before === 'line-start' && byte === DOT) this.position = 'dot';
    else if (before === 'dot' && byte === CR) this.position = 'dot-cr';
    if (this.position === 'line-start' || this.position === 'after-cr') this.emit(byte);
    return this.position !== 'in-line';
  }
}

function tailOf(chunk: Buffer, from: number): Position {
  const last = chunk[chunk.length - 1];
  if (last === CR) return 'after-cr';
  return last === LF && chunk.length - 2 >= from && chunk[chunk.length - 2] === CR ? 'line-start' : 'in-line';
}
