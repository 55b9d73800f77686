/**
 * Counts the Received fields of a message while it passes: RFC 5321 section 6.3 (loop detection). No I/O.
 *
 * A mail that has gone round in circles has one from every round; the RFC wants a limit of at least 100.
 */

/** Received fields a message may have. */
export const MAX_RECEIVED = 100;
/** The header is not searched for the end of it beyond this many bytes. */
const MAX_HEADER = 1_048_576;

const END = Buffer.from('\r\n\r\n');
const RECEIVED = /\nreceived[ \t]*:/gi;
const BLANK_LINE = '\n\r\n';
/** What has to be seen again with the next piece: an unfinished name, or an unfinished end. */
const OVERLAP = 40;

export class ReceivedCounter {
  /** Received fields so far. */
  count = 0;
  private read = 0;
  private tail = '\n';
  private done = false;

  /** Looks at the next piece of the message. */
  look(piece: Buffer): void {
    if (this.done) return;
    const end = piece.indexOf(END);
    const header = end < 0 ? piece : piece.subarray(0, end + 2);
    const text = this.tail + header.toString('latin1');
    const blank = text.indexOf(BLANK_LINE);
    const ended = end >= 0 || blank >= 0;
    const kept = ended ? '' : unfinished(text);
    const counted = blank >= 0 ? text.slice(0, blank) : text.slice(0, text.length - kept.length);
    this.count += counted.match(RECEIVED)?.length ?? 0;
    this.tail = kept;
    this.read += piece.length;
    this.done = ended || this.read > MAX_HEADER;
  }
}

/** The last, unfinished line with the line feed before it, as far as a field name can reach. */
function unfinished(text: string): string {
  const line = text.lastIndexOf('\n');
  return line < 0 || text.length - line > OVERLAP ? '' : text.slice(line);
}
