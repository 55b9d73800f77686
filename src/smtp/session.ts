/**
 * One SMTP session: RFC 5321, with PIPELINING (RFC 2920), SIZE, 8BITMIME, SMTPUTF8, ENHANCEDSTATUSCODES and
 * STARTTLS, and DSN and XCLIENT where they are offered. It knows lines and replies, not sockets. AUTH is not offered,
 * BDAT neither.
 *
 * Closes gaps of `smtp-server`: bare CR is white space (7), no limit of errors (22), joke commands (25).
 *
 * Limits: 20 protocol errors, then 421; refused recipients do not count.
 */
import { offerFor } from './capabilities.ts';
import type { Identity } from './client.ts';
import { argumentOf, isHttp, lineProblem, verbOf } from './command-line.ts';
import type { SessionFacts } from './events.ts';
import { Mail } from './mail.ts';
import type { MailEdge, MailSettings } from './mail-edge.ts';
import { sent } from './mail-report.ts';
import { greetingReply, heloReply, REPLY, type Reply, withReference } from './reply.ts';
import type { ClientCertificate } from './tls-context.ts';
import type { MessageSink } from './transfer.ts';
import { type ClaimedClient, parseXclient, XCLIENT_ATTRIBUTES } from './xclient.ts';

/** Protocol errors after which a session is closed. */
export const MAX_ERRORS = 20;

/** The connection under a session. */
export interface Wire {
  readonly id: string;
  readonly identity: Identity;
  readonly trusted: boolean;
  /** Whether this client may say for whom it speaks. */
  readonly mayClaim: boolean;
  /** Goes on for another client; false when that one was turned away. */
  claim(claimed: ClaimedClient): boolean;
  /** Refuses the whole session; `reported` when somebody has told the log already. */
  turnAway(reply: Reply, reported?: boolean): void;
  /** Protocol version once the connection is secure. */
  tls(): string | null;
  /** The verified client certificate, for the log; null without one. */
  tlsClient(): string | null;
  reply(reply: Reply): void;
  close(): void;
  startTls(done: () => void): void;
  receive(sink: MessageSink): void;
}

export interface SessionSettings extends MailSettings {
  readonly startTls: boolean;
  /** No mail in the clear: the listener wants to see a client certificate first. */
  readonly clientCertificate?: ClientCertificate;
}

export interface SessionEdge extends MailEdge {
  /** Every next hop this listener may relay to. */
  nextHops(): readonly string[];
}

type Command = (session: Session, line: Buffer, done: () => void) => void;

/** A command that is answered before it returns. */
const answered =
  (run: (session: Session, argument: string) => void): Command =>
  (session, line, done) => {
    run(session, argumentOf(line));
    done();
  };

const COMMANDS = new Map<string, Command>([
  ['EHLO', answered((session, argument) => session.hello(argument, true))],
  ['HELO', answered((session, argument) => session.hello(argument, false))],
  [
    'MAIL',
    (session, line, done) => {
      if (session.mayMail()) session.mail.mail(line);
      done();
    },
  ],
  ['RCPT', (session, line, done) => (session.greeted('RCPT') ? session.mail.rcpt(line, done) : done())],
  ['DATA', (session, line, done) => session.data(argumentOf(line), done)],
  ['RSET', answered((session, argument) => session.plain(argument, 'RSET', REPLY.reset))],
  ['NOOP', answered((session) => session.send(REPLY.nothing))],
  ['QUIT', answered((session, argument) => session.quit(argument))],
  ['VRFY', answered((session, argument) => session.verify(argument))],
  ['EXPN', answered((session) => session.refuse(REPLY.notImplemented, 'EXPN'))],
  ['AUTH', answered((session) => session.refuse(REPLY.notImplemented, 'AUTH'))],
  ['BDAT', answered((session) => session.refuse(REPLY.notImplemented, 'BDAT'))],
  ['HELP', answered((session) => session.send(REPLY.help))],
  ['XCLIENT', answered((session, argument) => session.xclient(argument))],
  ['STARTTLS', (session, line, done) => session.startTls(argumentOf(line), done)],
]);

export class Session {
  readonly mail: Mail;
  /** No new transaction: the gateway is stopping. */
  draining = false;
  /** What the client called itself; null before EHLO or HELO. */
  helo: string | null = null;
  /** Whether it said EHLO. */
  esmtp = false;
  /** Whether its EHLO was offered DSN. */
  dsn = false;
  private readonly settings: SessionSettings;
  private readonly edge: SessionEdge;
  private readonly wire: Wire;
  private errors = 0;

  constructor(settings: SessionSettings, edge: SessionEdge, wire: Wire) {
    this.settings = settings;
    this.edge = edge;
    this.wire = wire;
    this.mail = new Mail(settings, edge, this);
  }

  /** Answers one command line, without its CR LF. `done` is called once the next may come. */
  command(line: Buffer, done: () => void): void {
    const broken = lineProblem(line);
    const verb = verbOf(line);
    if (this.mail.answering && (verb !== 'RCPT' || broken)) {
      if (verb === 'DATA' && !broken) this.mail.dataAhead();
      this.mail.settled(() => this.command(line, done));
      return;
    }
    const command = COMMANDS.get(verb);
    if (this.draining && !this.mail.open && verb !== 'QUIT') this.refuse(REPLY.shuttingDown, verb);
    else if (broken) this.refuse(broken, null);
    else if (!command) this.refuse(isHttp(line) ? REPLY.notSmtp : REPLY.unknownCommand, null);
    else {
      command(this, line, done);
      return;
    }
    done();
  }

  facts(): SessionFacts {
    const { id, identity } = this.wire;
    const { client, peer, name } = identity;
    return {
      session: id,
      mode: this.settings.mode,
      client,
      peer,
      name,
      helo: this.helo,
      tls: this.wire.tls(),
      tlsClient: this.wire.tlsClient(),
    };
  }

  send(reply: Reply): void {
    this.wire.reply(reply);
  }

  refuse(reply: Reply, command: string | null): void {
    if (isProtocolError(reply)) this.errors += 1;
    const worded = this.errors > MAX_ERRORS ? REPLY.tooManyErrors : reply;
    const ref = this.edge.reference();
    const referenced = withReference(worded, ref);
    this.wire.reply(referenced);
    this.edge.events.sessionRefused({ ...this.facts(), reply: sent(referenced), ref, command });
    if (worded.code === 421) this.close();
  }

  fault(error: unknown): void {
    this.edge.events.listenerTrouble({ stage: 'session', error, client: this.wire.identity.client });
    this.wire.reply(withReference(REPLY.internalError, this.edge.reference()));
  }

  receive(sink: MessageSink): void {
    this.wire.receive(sink);
  }

  close(): void {
    this.mail.abandon();
    this.wire.close();
  }

  /** Forgets everything the client said: what it said in the clear must not count under TLS (RFC 3207 4.2). */
  restart(): void {
    this.helo = null;
    this.esmtp = false;
    this.dsn = false;
    this.mail.reset();
  }

  get watched(): string | null {
    return this.wire.trusted ? null : this.wire.identity.client.address;
  }

  turnAway(reply: Reply, reported: boolean): void {
    this.wire.turnAway(reply, reported);
  }

  /** Whether the client has introduced itself; it is told when not. */
  greeted(command: string): boolean {
    if (this.helo === null) this.refuse(REPLY.greetFirst, command);
    return this.helo !== null;
  }

  /** Where client certificates are required, a client that has not shown one has no business in the clear. */
  mayMail(): boolean {
    if (!this.greeted('MAIL')) return false;
    const bare = this.settings.clientCertificate === 'require' && this.wire.tls() === null;
    if (bare) this.refuse(REPLY.startTlsFirst, 'MAIL');
    return !bare;
  }

  hello(name: string, extended: boolean): void {
    if (!/^[!-~\u0080-\u00ff]{1,255}$/.test(name)) {
      this.refuse(REPLY.noArgument, extended ? 'EHLO' : 'HELO');
      return;
    }
    this.mail.reset();
    // What a relay told of its client is not undone by how it introduces itself (Postfix's XCLIENT_README).
    this.helo = this.wire.identity.helo ?? name;
    this.esmtp = this.wire.identity.esmtp ?? extended;
    this.dsn = false;
    this.wire.reply(heloReply(this.settings.hostname, extended ? this.keywords() : []));
  }

  data(argument: string, done: () => void): void {
    if (argument === '' && this.greeted('DATA')) {
      this.mail.data(done);
      return;
    }
    if (argument !== '') this.refuse(REPLY.unexpectedArgument, 'DATA');
    done();
  }

  plain(argument: string, command: string, reply: Reply): void {
    if (argument !== '') {
      this.refuse(REPLY.unexpectedArgument, command);
      return;
    }
    this.mail.reset();
    this.wire.reply(reply);
  }

  verify(argument: string): void {
    if (argument === '') this.refuse(REPLY.noArgument, 'VRFY');
    else this.wire.reply(REPLY.verify);
  }

  /** The session starts again for the client that a relay names; it has to say EHLO again. */
  xclient(argument: string): void {
    const claimed = this.wire.mayClaim ? parseXclient(argument) : null;
    if (!this.wire.mayClaim) this.refuse(REPLY.xclientDenied, 'XCLIENT');
    else if (this.mail.open) this.refuse(REPLY.inTransaction, 'XCLIENT');
    else if (claimed === null) this.refuse(REPLY.noArgument, 'XCLIENT');
    else {
      this.restart();
      if (this.wire.claim(claimed)) this.wire.reply(greetingReply(this.settings.hostname));
    }
  }

  quit(argument: string): void {
    this.plain(argument, 'QUIT', REPLY.goodbye);
    if (argument === '') this.close();
  }

  startTls(argument: string, done: () => void): void {
    const problem = this.startTlsProblem(argument);
    if (problem) {
      this.refuse(problem, 'STARTTLS');
      done();
      return;
    }
    this.wire.reply(REPLY.startTls);
    this.wire.startTls(done);
  }

  private startTlsProblem(argument: string): Reply | null {
    if (!this.settings.startTls) return REPLY.notImplemented;
    if (this.wire.tls() !== null) return REPLY.alreadySecure;
    return argument === '' ? null : REPLY.unexpectedArgument;
  }

  private keywords(): string[] {
    const { relay } = this.edge;
    const hops = relay ? this.edge.nextHops().map((hop) => relay.capabilities(hop)) : [];
    const offer = offerFor(hops, this.settings.maxMessageSize);
    const keywords = ['PIPELINING', `SIZE ${offer.size}`, 'ENHANCEDSTATUSCODES'];
    if (offer.eightBitMime) keywords.push('8BITMIME');
    if (offer.smtpUtf8) keywords.push('SMTPUTF8');
    if (offer.dsn) keywords.push('DSN');
    if (this.settings.startTls && this.wire.tls() === null) keywords.push('STARTTLS');
    if (this.wire.mayClaim) keywords.push(`XCLIENT ${XCLIENT_ATTRIBUTES}`);
    this.dsn = offer.dsn;
    return keywords;
  }
}

/** A syntax or sequence error; a sender or message that is refused is nothing a client can help. */
function isProtocolError(reply: Reply): boolean {
  const { code } = reply;
  return (code >= 500 && code <= 504) || code === 555 || reply === REPLY.xclientDenied;
}
