/**
 * The inbound byte stream: command lines, and between them messages. Stands where `smtp-server` has its parser, and is no
 * stream of Node.js: one costs more than the lines that pass through it.
 *
 * Closes from the list of its known gaps: LF alone ends no line (7), bare LF is not un-stuffed after (19), dots do
 * not cost a turn of the event loop each (18), a message sent before its 354 does not hang (20), an unterminated
 * last line is not executed (21).
 * Limits: a line is cut at 1,001 octets, so that it is refused as too long; 64 KB without line end is an error.
 */
import { MAX_COMMAND_LINE } from './command.ts';
import type { MessageSink } from './transfer.ts';

const LF = 0x0a;
const CR = 0x0d;
const MAX_UNTERMINATED = 65_536;
/** Pipelined commands answered before other connections get their turn. */
const COMMANDS_PER_TURN = 100;
const NOTHING = Buffer.alloc(0);

/** Whom a parser reads for. */
export interface LineReader {
  /** Answers a line, without its CR LF; `done` is called once the next may come. */
  command(line: Buffer, done: () => void): void;
  /** There is no end to a line. */
  endless(): void;
}

export class LineParser {
  private readonly reader: LineReader;
  private closed = false;
  private partial: Buffer = NOTHING;
  private unterminated = 0;
  /** The last byte before this chunk, while a line is not complete. */
  private last = 0;
  /** Within a line that was refused for a bare LF. */
  private refused = false;
  private message: MessageSink | null = null;

  constructor(reader: LineReader) {
    this.reader = reader;
  }

  /** Treats what follows as a message, up to its final dot. */
  receive(sink: MessageSink): void {
    this.message = sink;
  }

  /** Nothing is read any more, neither of what comes nor of what has come. */
  close(): void {
    this.closed = true;
  }

  /** Reads a chunk; `next` is called once the next may come, perhaps before this returns. */
  read(chunk: Buffer, next: () => void): void {
    if (this.closed || chunk.length === 0) next();
    else if (this.message) this.readMessage(chunk, next);
    else this.readCommands(chunk, next);
  }

  private readMessage(chunk: Buffer, next: () => void): void {
    const message = this.message;
    if (!message) {
      next();
      return;
    }
    message.take(chunk, (rest) => {
      if (rest === null) {
        next();
        return;
      }
      this.message = null;
      this.read(rest, next);
    });
  }

  /** Hands out the lines of a chunk one by one; each must be answered before the next is read. */
  private readCommands(chunk: Buffer, next: () => void): void {
    let at = 0;
    let running = false;
    let answered = true;
    let commands = 0;
    const proceed = (): void => {
      answered = true;
      if (running) return;
      running = true;
      while (answered) {
        const end = this.endOfLine(chunk, at);
        if (end < 0) {
          this.finish(chunk, at, next);
          break;
        }
        const line = this.plainLine(chunk, at, end) ?? this.lineOf(chunk.subarray(at, end));
        at = end + 1;
        if (line === null) continue;
        answered = false;
        this.reader.command(line, proceed);
        commands += 1;
        if (answered && commands % COMMANDS_PER_TURN === 0) {
          answered = false;
          setImmediate(proceed);
        }
      }
      running = false;
    };
    proceed();
  }

  /** Where the line that begins at `at` ends; -1 when it does not, or is not to be read as one. */
  private endOfLine(chunk: Buffer, at: number): number {
    return this.closed || this.message ? -1 : lineEnd(chunk, at);
  }

  /** The chunk holds no further line for now: whoever reads on is told. */
  private finish(chunk: Buffer, at: number, next: () => void): void {
    if (this.closed) next();
    else if (this.message) this.read(chunk.subarray(at), next);
    else {
      if (!this.keep(chunk.subarray(at))) this.reader.endless();
      next();
    }
  }

  /** Keeps a partial line for the next chunk, no more of it than shows that it is too long; false when it has no end. */
  private keep(piece: Buffer): boolean {
    this.unterminated += piece.length;
    if (this.unterminated > MAX_UNTERMINATED) return false;
    if (piece.length === 0) return true;
    this.last = piece.at(-1) ?? this.last;
    const room = Math.max(0, MAX_COMMAND_LINE + 2 - this.partial.length);
    if (room > 0) this.partial = Buffer.concat([this.partial, piece.subarray(0, room)]);
    return true;
  }

  /** A line that is whole in its chunk, short enough and in order, as nearly all are; null for any other. */
  private plainLine(chunk: Buffer, at: number, end: number): Buffer | null {
    if (this.unterminated > 0 || this.refused || end === at || chunk[end - 1] !== CR) return null;
    return end - at > MAX_COMMAND_LINE ? null : chunk.subarray(at, end - 1);
  }

  /**
   * A whole line without its CR LF. One with a bare LF keeps it, to be refused for it, and what follows up to the next CR LF
   * is null: whoever counts lines by CR LF must count as many replies.
   */
  private lineOf(tail: Buffer): Buffer | null {
    const refused = this.refused;
    this.refused = (tail.at(-1) ?? this.last) !== CR;
    this.last = 0;
    const cut = this.unterminated > this.partial.length;
    const line = this.partial.length > 0 ? Buffer.concat([this.partial, tail]) : tail;
    this.partial = NOTHING;
    this.unterminated = 0;
    if (refused) return null;
    if (cut || line.length > MAX_COMMAND_LINE + 1) return line.subarray(0, MAX_COMMAND_LINE + 1);
    if (line.at(-1) === CR) return line.subarray(0, -1);
    return Buffer.concat([line, Buffer.of(LF)]);
  }
}

/** Where the next LF is, -1 without one. Lines are short: a call of `indexOf` costs more than looking. */
function lineEnd(chunk: Buffer, from: number): number {
  const near = Math.min(chunk.length, from + 128);
  for (let at = from; at < near; at += 1) if (chunk[at] === LF) return at;
  return near === chunk.length ? -1 : chunk.indexOf(LF, near);
}
