/**
 * The connection under a session: whether the client is let in, its greeting, its time, STARTTLS and the end of it.
 *
 * Closes from the list of the known gaps of `smtp-server`: the 100 ms greeting (1), enhanced codes fixed per reply code (3)
 * and handlers that throw (14); those of time are in session-clock.ts, that of writing in client-stream.ts.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Admission } from './admission.ts';
import { type AccessLists, claimedClient, type Identity, isTrusted, mayClaim } from './client.ts';
import { type BeginHandshake, ClientStream, type StreamOwner } from './client-stream.ts';
import { sent } from './mail-report.ts';
import { greetingReply, REPLY, type Reply, replyWire, withReference } from './reply.ts';
import { Session, type SessionEdge, type SessionSettings, type Wire } from './session.ts';
import { type ClockOwner, MIN_PROGRESS, SessionClock } from './session-clock.ts';
import { sessionId } from './session-id.ts';
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
  readonly handshake: BeginHandshake;
  /** The socket is closed. */
  closed(): void;
}

/** Ordinary ways of a client to leave. */
const QUIET_ERRORS = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

export class GatewayConnection implements Wire, ClockOwner, StreamOwner {
  readonly id = sessionId();
  identity: Identity;
  /** Whether the client is exempt from waiting and from the harvest guard. */
  trusted: boolean;
  readonly mayClaim: boolean;
  private readonly parts: ConnectionParts;
  private readonly stream: ClientStream;
  private readonly dialog: Session;
  private readonly clock: SessionClock;
  /** Greeted: what the client says is answered. */
  private ready = false;
  private tlsVersion: string | null = null;
  /** undefined before anybody asked. */
  private certificate: string | null | undefined;

  /** `secured`: the TLS layer of a listener with implicit TLS, which is the socket then. */
  constructor(socket: Socket, secured: TLSSocket | null, parts: ConnectionParts) {
    this.parts = parts;
    this.identity = parts.identity;
    this.trusted = isTrusted(parts.admission.rules, this.identity);
    this.mayClaim = mayClaim(parts.admission.rules, this.identity);
    this.stream = new ClientStream(socket, secured, this);
    this.dialog = new Session(parts.settings, parts.edge, this);
    this.clock = new SessionClock(this);
  }

  /** Greets the client, or turns it away. */
  open(): void {
    const { settings, admission, connections } = this.parts;
    this.stream.open();
    this.clock.start(settings.sessionTimeout, settings.commandTimeout);
    const refused = admission.refusal(this.identity, connections());
    // Gap 1: the package has everybody wait 100 ms. Strangers may be made to wait, to see whether they talk first.
    const wait = this.trusted ? 0 : settings.greetingDelay;
    if (refused) this.turnAway(refused.reply, refused.reported);
    else if (wait === 0) this.greet();
    else setTimeout(() => this.greet(), wait).unref();
  }

  get client(): Identity['client'] {
    return this.identity.client;
  }

  get answering(): boolean {
    return this.dialog.mail.answering;
  }

  /** What was said before the first answer of a next hop leaves with it: whoever pipelines waits for that one. */
  get holding(): boolean {
    return this.dialog.mail.silent;
  }

  idle(): void {
    this.turnAway(REPLY.idle);
  }

  over(): void {
    this.turnAway(REPLY.sessionOver);
  }

  endless(): void {
    this.turnAway(REPLY.tooManyErrors);
  }

  /** What the client is still owed is the last it hears. */
  finished(): void {
    this.dialog.mail.settled(() => this.close());
  }

  /** The session goes on as that of another client; false when that client is turned away. */
  claim(claimed: ClaimedClient): boolean {
    const { admission } = this.parts;
    this.identity = claimedClient(this.identity, claimed);
    this.trusted = isTrusted(admission.rules, this.identity);
    const refused = admission.clientRefusal(this.identity);
    if (refused) this.turnAway(refused.reply, refused.reported);
    return refused === null;
  }

  command(line: Buffer, next: () => void): void {
    if (!this.ready) {
      this.turnAway(REPLY.tooSoon);
      next();
      return;
    }
    const done = this.clock.owe(() => this.stream.whenWritable(next));
    try {
      this.dialog.command(line, done);
    } catch (error) {
      this.dialog.fault(error);
      done();
    }
  }

  reply(reply: Reply): void {
    this.stream.write(replyWire(reply));
    if (reply.code === 421) this.close();
  }

  tls(): string | null {
    const { tls } = this.stream;
    if (tls) this.tlsVersion ??= tls.getProtocol() ?? 'TLS';
    return this.tlsVersion;
  }

  tlsClient(): string | null {
    const { tls } = this.stream;
    if (!tls) return null;
    if (this.certificate === undefined) this.certificate = verifiedClient(tls);
    return this.certificate;
  }

  startTls(done: () => void): void {
    this.stream.startTls(this.parts.handshake);
    done();
  }

  /** What the client said in the clear is forgotten (RFC 3207 section 4.2). */
  secured(): void {
    this.dialog.restart();
  }

  /** Passes a message on; each 16 KB that the client sends in time give it time for the next. */
  receive(sink: MessageSink): void {
    const { settings } = this.parts;
    this.clock.allow(settings.dataTimeout);
    let progress = 0;
    this.stream.receive({
      take: (chunk, done) => {
        let left: Buffer | null = null;
        progress += chunk.length;
        const enough = progress >= MIN_PROGRESS;
        if (enough) progress = 0;
        const proceed = this.clock.owe(() => {
          if (left !== null) this.clock.allow(settings.commandTimeout);
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
    this.stream.cut();
  }

  /** Refuses the whole session, at any moment. */
  turnAway(reply: Reply, reported = false): void {
    if (this.stream.closing) return;
    const { edge } = this.parts;
    const ref = edge.reference();
    const worded = withReference(reply, ref);
    if (!reported) {
      edge.events.sessionRefused({ ...this.dialog.facts(), reply: sent(worded), ref, command: null });
    }
    this.reply(worded);
    this.close();
  }

  close(): void {
    this.retire();
    this.stream.close(this.parts.settings.commandTimeout);
  }

  closed(): void {
    this.retire();
    this.parts.closed();
  }

  failed(error: Error & { code?: string | undefined; meta?: unknown }): void {
    const { events } = this.parts.edge;
    // `smtp-server` adds `meta` to what ends a handshake. Whoever is cut off in one was told already.
    if (error.meta) {
      if (!this.stream.closing) events.listenerTrouble({ stage: 'tls', error, client: this.client });
    } else if (!QUIET_ERRORS.has(error.code ?? '')) {
      events.listenerTrouble({ stage: 'client', error, client: this.client });
    }
    this.close();
  }

  private greet(): void {
    if (this.stream.closing) return;
    this.ready = true;
    this.reply(greetingReply(this.parts.settings.hostname));
  }

  private retire(): void {
    this.clock.stop();
    this.dialog.mail.abandon();
  }
}
