/**
 * The bytes of a client: what is read from its socket and written to it, STARTTLS (RFC 3207), and the end of both.
 *
 * `smtp-server` has a connection of its own for this, which is not used: it is a pipe into a stream of Node.js, and both
 * cost more than the commands that pass through them (README, "Where the time goes").
 *
 * Closes from the list of the package's known gaps: one write per reply (2).
 * Limits: a client that does not read its replies is not read either; one that does not close its side after us is cut
 * off after 5 s.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { LineParser } from './line-parser.ts';
import type { MessageSink } from './transfer.ts';

/** A handshake behind STARTTLS. */
export interface Handshake {
  /** Gives it up, and the connection with it. */
  abandon(): void;
}

/** Begins a handshake as the server; a failed one has ended the connection. */
export type BeginHandshake = (socket: Socket, done: (outcome: TLSSocket | Error) => void) => Handshake;

/** What is told of a client's bytes. Nothing but `failed` and `closed` once our side is closed. */
export interface StreamOwner {
  /** Replies are held back for now. */
  readonly holding: boolean;
  /** Answers a line, without its CR LF; `done` is called once the next may come. */
  command(line: Buffer, done: () => void): void;
  /** There is no end to a line. */
  endless(): void;
  /** The client has closed its side, and all it said has been read. */
  finished(): void;
  /** A handshake was completed. */
  secured(): void;
  failed(error: Error): void;
  /** The socket is gone. */
  closed(): void;
}

/** How long a client may leave its side open after we have closed ours, ms. */
const HALF_CLOSE = 5000;

export class ClientStream {
  /** Our side is closed, or about to be. */
  closing = false;
  /** The TLS layer; null in the clear. */
  tls: TLSSocket | null;
  private readonly owner: StreamOwner;
  private socket: Socket;
  private parser: LineParser;
  /** From STARTTLS to the end of its handshake. */
  private handshake: Handshake | null = null;
  private outgoing = '';
  private flushing = false;
  /** Within a chunk: its replies are written at its end. */
  private reading = false;
  /** A chunk is not read to its end yet. */
  private pending = false;
  /** The client has closed its side. */
  private ended = false;
  /** For the client to close its side. */
  private deadline: NodeJS.Timeout | undefined;

  /** `tls`: the TLS layer of a listener with implicit TLS, which is the socket then. */
  constructor(socket: Socket, tls: TLSSocket | null, owner: StreamOwner) {
    this.socket = socket;
    this.tls = tls;
    this.owner = owner;
    this.parser = this.newParser();
  }

  /** Begins to read. */
  open(): void {
    this.listen(this.socket);
    this.socket.once('close', () => {
      clearTimeout(this.deadline);
      this.owner.closed();
    });
  }

  /** Replies to what came together leave in one write, so a pipelined batch is answered in one packet. */
  write(text: string): void {
    this.outgoing += text;
    if (this.flushing || this.reading) return;
    this.flushing = true;
    process.nextTick(() => this.flushBatch());
  }

  /** Treats what follows as a message, up to its final dot. */
  receive(sink: MessageSink): void {
    this.parser.receive(sink);
  }

  /** Calls `next` once the client has read enough of its replies. */
  whenWritable(next: () => void): void {
    const { socket } = this;
    if (socket.writableNeedDrain && !socket.destroyed) socket.once('drain', next);
    else next();
  }

  /** What the parser still holds came in the clear behind STARTTLS: it is retired with it (RFC 3207 section 4.2). */
  startTls(begin: BeginHandshake): void {
    const { socket } = this;
    this.flush();
    this.parser.close();
    this.parser = this.newParser();
    this.pending = false;
    for (const event of ['data', 'end', 'error', 'drain']) socket.removeAllListeners(event);
    // Whatever happens to it, its TLS layer tells.
    socket.on('error', () => undefined);
    this.handshake = begin(socket, (outcome) => {
      this.handshake = null;
      if (outcome instanceof Error) this.owner.failed(outcome);
      else this.secure(outcome);
    });
  }

  /** Says what is left to say and closes our side; the client has `limit` ms, and 5 s at most, to close its own. */
  close(limit: number): void {
    this.flush();
    const { socket } = this;
    if (!this.handshake && socket.writable) socket.end();
    if (this.closing) return;
    this.closing = true;
    this.parser.close();
    this.handshake?.abandon();
    if (socket.destroyed) return;
    // What still arrives is read and dropped: unread, it would make the kernel reset the connection, and our last reply
    // would be lost with it.
    socket.resume();
    this.deadline = setTimeout(() => socket.destroy(), Math.min(limit, HALF_CLOSE)).unref();
  }

  /** Cuts the client off as soon as our last reply has left. */
  cut(): void {
    this.socket.destroySoon();
  }

  private newParser(): LineParser {
    return new LineParser({
      command: (line, done) => {
        if (this.closing || this.handshake) done();
        else this.owner.command(line, done);
      },
      endless: () => this.owner.endless(),
    });
  }

  private listen(socket: Socket): void {
    socket.on('data', (chunk) => this.read(chunk));
    socket.on('end', () => {
      this.ended = true;
      if (!this.pending) this.owner.finished();
    });
    socket.on('error', (error) => this.owner.failed(error));
  }

  private read(chunk: Buffer): void {
    if (this.closing) return;
    const { parser } = this;
    this.pending = true;
    this.reading = true;
    parser.read(chunk, () => {
      if (parser === this.parser) this.readOn();
    });
    this.reading = false;
    this.flushBatch();
    if (this.pending && !this.closing) this.socket.pause();
  }

  private readOn(): void {
    this.pending = false;
    if (this.ended) this.owner.finished();
    else if (this.socket.isPaused()) this.socket.resume();
  }

  private secure(socket: TLSSocket): void {
    this.socket = socket;
    this.tls = socket;
    this.owner.secured();
    this.listen(socket);
  }

  private flushBatch(): void {
    this.flushing = false;
    if (!this.owner.holding) this.flush();
  }

  private flush(): void {
    const { socket, outgoing } = this;
    this.outgoing = '';
    // While a handshake runs, anything written here would be cleartext in the middle of it.
    if (outgoing !== '' && !this.handshake && socket.writable) socket.write(outgoing, 'latin1');
  }
}
