/**
 * Reads the replies of a next hop: RFC 5321 section 4.2.1. No I/O: bytes in, replies out.
 *
 * Limits: 2,048 octets a line (the RFC says 512), 128 lines a reply. Anything that is not a reply is an error for
 * good, because what follows it can no longer be matched to a command.
 */
import type { HopReply } from './next-hop.ts';

const MAX_LINE = 2048;
const MAX_LINES = 128;
const LINE = /^([2-5][0-9]{2})(?:([ -])(.*))?$/s;

export class ReplyReader {
  private partial = '';
  private code = 0;
  private lines: string[] = [];
  private problem: string | null = null;

  /** The replies completed by `chunk`, and what is wrong with it if it is no SMTP. */
  read(chunk: Uint8Array): { readonly replies: readonly HopReply[]; readonly problem: string | null } {
    const replies: HopReply[] = [];
    if (this.problem !== null) return { replies, problem: this.problem };
    const text = this.partial + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    let from = 0;
    for (let end = text.indexOf('\n'); end >= 0 && !this.problem; end = text.indexOf('\n', from)) {
      this.line(text.slice(from, end).replace(/\r$/, ''), replies);
      from = end + 1;
    }
    this.partial = text.slice(from);
    if (this.partial.length > MAX_LINE) this.problem ??= 'reply line too long';
    return { replies, problem: this.problem };
  }

  /** Whether a reply has begun that is not complete. */
  get unfinished(): boolean {
    return this.partial !== '' || this.lines.length > 0;
  }

  private line(line: string, replies: HopReply[]): void {
    const match = line.length > MAX_LINE ? null : LINE.exec(line);
    const code = Number(match?.[1] ?? 0);
    if (!match || (this.lines.length > 0 && code !== this.code)) {
      this.problem = 'not an SMTP reply';
      return;
    }
    this.code = code;
    this.lines.push(match[3] ?? '');
    if (this.lines.length > MAX_LINES) this.problem = 'reply of too many lines';
    else if (match[2] !== '-') {
      replies.push({ code, lines: this.lines });
      this.lines = [];
    }
  }
}
