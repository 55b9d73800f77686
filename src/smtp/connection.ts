/**
 * The connection under a session: a subclass of the connection of `smtp-server`, which keeps its socket, its
 * STARTTLS upgrade and its way of closing, while every command is ours.
 *
 * Closes from the list of the package's known gaps: the 100 ms greeting (1), one write per reply (2), enhanced codes
 * fixed per reply code (3), a timer that any byte resets (11) or that never ends while we wait (12), callbacks that
 * answer twice (13) and handlers that throw (14).
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SMTPServer } from 'smtp-server';
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { LineParser } from './line-parser.ts';
import { sent } from './mail-report.ts';
import { greetingReply, REPLY, type Reply, replyWire, withReference } from './reply.ts';
import { Session, type SessionEdge, type SessionSettings, type Wire } from './session.ts';
import type { MessageSink } from './transfer.ts';

export interface ConnectionSettings extends SessionSettings {
  readonly maxConnections: number;
  readonly greetingDelay: number;
  readonly commandTimeout: number;
  readonly dataTimeout: number;
  readonly sessionTimeout: number;
}

/** Ordinary ways of a client to leave. */
const QUIET_ERRORS = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

export class GatewayConnection extends SMTPConnection implements Wire {
  readonly client: { readonly address: string; readonly port: number };
  private readonly settings: ConnectionSettings;
  private readonly edge: SessionEdge;
  private readonly dialog: Session;
  /** Replies of this turn, not written yet. */
  private outgoing = '';
  private flushing = false;
  private tlsVersion: string | null = null;
  /** We owe the client something; while we do, its timers stand still. */
  private owing = false;
  private expired = false;
  private idleTimer: NodeJS.Timeout | undefined;
  private idleLimit = 0;
  private sessionTimer: NodeJS.Timeout | undefined;

  constructor(
    server: SMTPServer,
    socket: Socket,
    options: SMTPConnectionOptions | null | undefined,
    settings: ConnectionSettings,
    edge: SessionEdge,
  ) {
    super(server, socket, options);
    this.settings = settings;
    this.edge = edge;
    this.client = { address: this.remoteAddress, port: this.remotePort };
    this.dialog = new Session(settings, edge, this);
  }

  override init(): void {
    this.sessionTimer = setTimeout(() => this.expire(), this.settings.sessionTimeout).unref();
    this.allow(this.settings.commandTimeout);
    this._setListeners(() => {
      if (this._server.connections.size > this.settings.maxConnections)
        this.turnAway(REPLY.tooManyConnections);
      else if (this.settings.greetingDelay === 0) this.connectionReady();
      else setTimeout(() => this.connectionReady(), this.settings.greetingDelay).unref();
    });
  }

  override _sendGreeting(): void {
    this.reply(greetingReply(this.settings.hostname));
  }

  /** Called by the package's constructor: our own fields are not there yet. */
  override _createParser(): LineParser {
    const parser = new LineParser();
    parser.oncommand = (line, done) => this._onCommand(line, done);
    parser.on('error', () => this.turnAway(REPLY.tooManyErrors));
    // The client has closed its side, and every command it sent before has been answered.
    parser.once('finish', () => {
      if (parser === this._parser && !this._upgrading) this.dialog.mail.settled(() => this.close());
    });
    return parser;
  }

  override _onCommand(line: Buffer, next: () => void = () => undefined): void {
    // What came in the clear behind STARTTLS is dropped without an answer (RFC 3207 section 4.2).
    if (this._upgrading || this._closing) {
      next();
      return;
    }
    if (!this._ready) {
      this.turnAway(REPLY.tooSoon);
      next();
      return;
    }
    const done = this.owe(() => this._whenWritable(next));
    try {
      this.dialog.command(line, done);
    } catch (error) {
      this.dialog.fault(error);
      done();
    }
  }

  /** Replies of one turn of the event loop leave in one write, so a pipelined batch is answered in one packet. */
  reply(reply: Reply): void {
    if (!this.flushing) process.nextTick(() => this.flushBatch());
    this.flushing = true;
    this.outgoing += replyWire(reply);
    if (reply.code === 421) this.close();
  }

  tls(): string | null {
    if (this.secure) this.tlsVersion ??= (this._socket as TLSSocket).getProtocol() ?? 'TLS';
    return this.tlsVersion;
  }

  startTls(done: () => void): void {
    this.flush();
    this.upgrade(done);
  }

  /** Passes a message on; each piece the client sends in time gives it time for the next. */
  receive(sink: MessageSink): void {
    const parser = this._parser as LineParser | false;
    if (!parser) return;
    this.allow(this.settings.dataTimeout);
    parser.receive({
      take: (chunk, done) => {
        let left: Buffer | null = null;
        const proceed = this.owe(() => {
          if (left !== null) this.allow(this.settings.commandTimeout);
          done(left);
          // A stopping gateway does not wait for what this client might want next.
          if (left !== null && this.dialog.draining && !this.dialog.mail.open) {
            this.turnAway(REPLY.shuttingDown);
          }
        });
        sink.take(chunk, (rest) => {
          left = rest;
          proceed();
        });
      },
    });
  }

  /** Stopping: a session without transaction is told to go, another may finish its own. */
  drain(): void {
    if (!this.dialog.mail.open && !this.owing) this.turnAway(REPLY.shuttingDown);
    this.dialog.draining = true;
  }

  /** The end of the grace: whatever was not answered is left for the client to send again. */
  cut(): void {
    this.turnAway(REPLY.shuttingDown);
    this._socket.destroySoon();
  }

  /** Refuses the whole session, at any moment. */
  turnAway(reply: Reply): void {
    if (this._closing || this._closed) return;
    const ref = this.edge.reference();
    const worded = withReference(reply, ref);
    this.edge.events.sessionRefused({ ...this.dialog.facts(), reply: sent(worded), ref, command: null });
    this.reply(worded);
    this.close();
  }

  override close(): void {
    this.retire();
    this.flush();
    super.close();
  }

  override _onClose(): void {
    this.retire();
    super._onClose();
  }

  override _onError(error: Error & { code?: string | undefined }): void {
    if (!QUIET_ERRORS.has(error.code ?? '')) {
      this.edge.events.listenerTrouble({ stage: 'client', error, client: this.client });
    }
    this.close();
  }

  /** Called by the package when TLS is up and before the greeting. */
  override _resetSession(): void {
    super._resetSession();
    this.dialog.restart();
  }

  /** The package's own idle timer is reset by every byte, which a slow attacker lives on; ours is used instead. */
  override _armTimeout(): void {}

  /** What was said before the first answer of a next hop leaves with it: whoever pipelines waits for that one. */
  private flushBatch(): void {
    this.flushing = false;
    if (!this.dialog.mail.silent) this.flush();
  }

  private flush(): void {
    const socket = this._socket;
    const text = this.outgoing;
    this.outgoing = '';
    // While a handshake runs, anything written here would be cleartext in the middle of it.
    if (text !== '' && !this._upgrading && !socket.destroyed && socket.writable) socket.write(text, 'latin1');
  }

  private retire(): void {
    clearTimeout(this.idleTimer);
    clearTimeout(this.sessionTimer);
    this.dialog.mail.abandon();
  }

  /** Stops the client's clock until the returned function is called, at most once with effect. */
  private owe(next: () => void): () => void {
    let called = false;
    this.owing = true;
    return () => {
      if (called) return;
      called = true;
      this.owing = false;
      if (this.expired) this.turnAway(REPLY.sessionOver);
      else if (!this._closing && !this._closed) this.idleTimer?.refresh();
      next();
    };
  }

  /** Gives the client `limit` ms for each of its next steps. */
  private allow(limit: number): void {
    if (limit === this.idleLimit) return;
    clearTimeout(this.idleTimer);
    this.idleLimit = limit;
    if (!this._closing && !this._closed) this.idleTimer = setTimeout(() => this.idle(), limit).unref();
  }

  private idle(): void {
    if (this.owing || this.dialog.mail.answering) this.idleTimer?.refresh();
    else this.turnAway(REPLY.idle);
  }

  private expire(): void {
    this.expired = true;
    if (!this.owing) this.turnAway(REPLY.sessionOver);
  }
}
