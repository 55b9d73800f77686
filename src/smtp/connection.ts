/**
 * The connection under a session: a subclass of the connection of `smtp-server`, which keeps its socket, its
 * STARTTLS upgrade and its way of closing, while every command is ours.
 *
 * Closes from the list of the package's known gaps: the 100 ms greeting (1), one write per reply (2), enhanced codes
 * fixed per reply code (3) and handlers that throw (14); those of time are in session-clock.ts.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SMTPServer } from 'smtp-server';
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import type { Admission } from './admission.ts';
import { type AccessLists, claimedClient, type Identity, isTrusted, mayClaim } from './client.ts';
import { LineParser } from './line-parser.ts';
import { sent } from './mail-report.ts';
import { greetingReply, REPLY, type Reply, replyWire, withReference } from './reply.ts';
import { Session, type SessionEdge, type SessionSettings, type Wire } from './session.ts';
import { type ClockOwner, MIN_PROGRESS, SessionClock } from './session-clock.ts';
import { verifiedClient } from './tls-client.ts';
import type { MessageSink } from './transfer.ts';
import type { ClaimedClient } from './xclient.ts';

export interface ConnectionSettings extends SessionSettings {
  readonly access: AccessLists;
  readonly maxConnections: number;
  readonly maxConnectionsPerClient: number;
  readonly greetingDelay: number;
  readonly commandTimeout: number;
  readonly dataTimeout: number;
  readonly sessionTimeout: number;
}

/** What a server gives to each of its connections. */
export interface ConnectionParts {
  readonly settings: ConnectionSettings;
  readonly edge: SessionEdge;
  readonly admission: Admission;
  readonly identity: Identity;
  /** Connections of the listener, this one included. */
  connections(): number;
}

/** Ordinary ways of a client to leave. */
const QUIET_ERRORS = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

export class GatewayConnection extends SMTPConnection implements Wire, ClockOwner {
  identity: Identity;
  /** Whether the client is exempt from waiting and from the harvest guard. */
  trusted: boolean;
  readonly mayClaim: boolean;
  private readonly admission: Admission;
  private readonly connections: () => number;
  private readonly settings: ConnectionSettings;
  private readonly edge: SessionEdge;
  private readonly dialog: Session;
  /** Replies of this turn, not written yet. */
  private outgoing = '';
  private flushing = false;
  private tlsVersion: string | null = null;
  /** undefined before anybody asked. */
  private certificate: string | null | undefined;
  private readonly clock: SessionClock;

  constructor(
    server: SMTPServer,
    socket: Socket,
    options: SMTPConnectionOptions | null | undefined,
    { settings, edge, admission, identity, connections }: ConnectionParts,
  ) {
    super(server, socket, options);
    this.settings = settings;
    this.edge = edge;
    this.admission = admission;
    this.connections = connections;
    this.identity = identity;
    this.trusted = isTrusted(admission.rules, identity);
    this.mayClaim = mayClaim(admission.rules, identity);
    this.dialog = new Session(settings, edge, this);
    this.clock = new SessionClock(this);
  }

  /** The package's way here makes an object of every fact of the session, for handlers that nobody has. */
  override connectionReady(next?: () => void): void {
    if (this._closing || this._closed) return;
    this._resetSession();
    this._ready = true;
    this._sendGreeting();
    next?.();
  }

  get answering(): boolean {
    return this.dialog.mail.answering;
  }

  idle(): void {
    this.turnAway(REPLY.idle);
  }

  over(): void {
    this.turnAway(REPLY.sessionOver);
  }

  override init(): void {
    this.clock.start(this.settings.sessionTimeout, this.settings.commandTimeout);
    this._setListeners(() => {
      const refused = this.admission.refusal(this.identity, this.connections());
      // Gap 1: the package has everybody wait 100 ms. Strangers may be made to wait, to see whether they talk first.
      const wait = this.trusted ? 0 : this.settings.greetingDelay;
      if (refused) this.turnAway(refused.reply, refused.reported);
      else if (wait === 0) this.connectionReady();
      else setTimeout(() => this.connectionReady(), wait).unref();
    });
  }

  get client(): Identity['client'] {
    return this.identity.client;
  }

  /** The session goes on as that of another client; false when that client is turned away. */
  claim(claimed: ClaimedClient): boolean {
    this.identity = claimedClient(this.identity, claimed);
    this.trusted = isTrusted(this.admission.rules, this.identity);
    const refused = this.admission.clientRefusal(this.identity);
    if (refused) this.turnAway(refused.reply, refused.reported);
    return refused === null;
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
    const done = this.clock.owe(() => this._whenWritable(next));
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

  tlsClient(): string | null {
    if (!this.secure) return null;
    if (this.certificate === undefined) this.certificate = verifiedClient(this._socket as TLSSocket);
    return this.certificate;
  }

  startTls(done: () => void): void {
    this.flush();
    this.upgrade(done);
  }

  /** Passes a message on; each 16 KB that the client sends in time give it time for the next. */
  receive(sink: MessageSink): void {
    const parser = this._parser as LineParser | false;
    if (!parser) return;
    this.clock.allow(this.settings.dataTimeout);
    let progress = 0;
    parser.receive({
      take: (chunk, done) => {
        let left: Buffer | null = null;
        progress += chunk.length;
        const enough = progress >= MIN_PROGRESS;
        if (enough) progress = 0;
        const proceed = this.clock.owe(() => {
          if (left !== null) this.clock.allow(this.settings.commandTimeout);
          done(left);
          // A stopping gateway does not wait for what this client might want next.
          if (left !== null && this.dialog.draining && !this.dialog.mail.open) {
            this.turnAway(REPLY.shuttingDown);
          }
        }, enough);
        sink.take(chunk, (rest) => {
          left = rest;
          proceed();
        });
      },
    });
  }

  /** Stopping: a session without transaction is told to go, another may finish its own. */
  drain(): void {
    if (!this.dialog.mail.open && !this.clock.owing) this.turnAway(REPLY.shuttingDown);
    this.dialog.draining = true;
  }

  /** The end of the grace: whatever was not answered is left for the client to send again. */
  cut(): void {
    this.turnAway(REPLY.shuttingDown);
    this._socket.destroySoon();
  }

  /** Refuses the whole session, at any moment. */
  turnAway(reply: Reply, reported = false): void {
    if (this._closing || this._closed) return;
    const ref = this.edge.reference();
    const worded = withReference(reply, ref);
    if (!reported) {
      this.edge.events.sessionRefused({ ...this.dialog.facts(), reply: sent(worded), ref, command: null });
    }
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

  override _onError(error: Error & { code?: string | undefined; meta?: unknown }): void {
    // The package adds `meta` to what ends a handshake. Whoever is cut off in one was told already.
    if (error.meta) {
      if (!this._closing) this.edge.events.listenerTrouble({ stage: 'tls', error, client: this.client });
    } else if (!QUIET_ERRORS.has(error.code ?? '')) {
      this.edge.events.listenerTrouble({ stage: 'client', error, client: this.client });
    }
    this.close();
  }

  /** Called by the package when TLS is up, and before the greeting. What it keeps of a session itself, nobody reads. */
  override _resetSession(): void {
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
    this.clock.stop();
    this.dialog.mail.abandon();
  }
}
