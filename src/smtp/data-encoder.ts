/**
 * The message as it goes to the next hop: RFC 5321 section 4.5.2. No I/O: content in, wire bytes out.
 *
 * A bare CR or LF becomes CR LF and is counted, and a dot after any line end is doubled: what arrives further on
 * has exactly one reading, whatever the next hop takes for a line end.
 */

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

export class DataEncoder {
  /** Bare CRs and LFs met so far. */
  bareNewlines = 0;
  private lineStart = true;
  private pendingCr = false;
  private out = Buffer.alloc(0);
  private used = 0;

  /** Wire form of the next piece of content. A CR at its end is held until what follows it is known. */
  encode(content: Buffer): Buffer {
    // Every byte at most doubles ("\n" becomes "\r\n", "." becomes ".."); a held CR adds a line end.
    this.out = Buffer.allocUnsafe(content.length * 2 + 2);
    this.used = 0;
    let nextCr = -1;
    let nextLf = -1;
    for (let at = 0; at < content.length; ) {
      if (this.pendingCr) {
        if (content[at] === LF) at += 1;
        else this.bareNewlines += 1;
        this.endLine();
        continue;
      }
      if (this.lineStart && content[at] === DOT) this.out[this.used++] = DOT;
      if (nextCr < at) nextCr = indexOrEnd(content, CR, at);
      if (nextLf < at) nextLf = indexOrEnd(content, LF, at);
      const end = Math.min(nextCr, nextLf);
      this.used += content.copy(this.out, this.used, at, end);
      if (end > at) this.lineStart = false;
      at = end + 1;
      if (end === content.length) break;
      if (end === nextCr) this.pendingCr = true;
      else {
        this.bareNewlines += 1;
        this.endLine();
      }
    }
    return this.out.subarray(0, this.used);
  }

  /** What ends the message: the rest of an open line, and the final dot. */
  finish(): Buffer {
    return Buffer.from(this.pendingCr || !this.lineStart ? '\r\n.\r\n' : '.\r\n');
  }

  private endLine(): void {
    this.out[this.used++] = CR;
    this.out[this.used++] = LF;
    this.pendingCr = false;
    this.lineStart = true;
  }
}

function indexOrEnd(content: Buffer, byte: number, from: number): number {
  const index = content.indexOf(byte, from);
  return index < 0 ? content.length : index;
}
