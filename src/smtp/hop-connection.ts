/**
 * One outbound SMTP connection: commands out, answers in, in order and each with its time limit. Commands of one turn
 * of the event loop leave in one packet. The first trouble is final: the socket is destroyed and every later question
 * gets the same trouble, so a half-known session is never used again.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Capabilities, NO_CAPABILITIES } from './capabilities.ts';
import type { HopTlsClient } from './hop-tls.ts';
import {
  type Cut,
  type Endpoint,
  endpointKey,
  type HopAnswer,
  type HopReply,
  type HopTrouble,
  type Stage,
} from './next-hop.ts';
import type { HopFailure } from './reply.ts';
import { ReplyReader } from './reply-reader.ts';

/** An answer that is waited for. */
interface Expected {
  readonly stage: Stage;
  readonly timeout: number;
  answer(answer: HopAnswer): void;
}

export class HopConnection {
  readonly nextHop: string;
  readonly endpoint: Endpoint;
  /** What it said to the last EHLO. */
  capabilities: Capabilities = NO_CAPABILITIES;
  /** Transactions it has served: if it is dead after some, a fresh one may not be. */
  served = 0;
  /** The client it was last told about by XCLIENT; '' for none. */
  forwarded = '';
  /** On the steady clock, ms. */
  readonly since = performance.now();
  /** Called once when the connection is no longer in use. */
  ended: () => void = nothing;
  private socket: Socket;
  private reader = new ReplyReader();
  /** Answers that came before anybody asked. */
  private inbox: HopReply[] = [];
  private expected: Expected[] = [];
  private failed: HopTrouble | null = null;
  private stage: Stage = 'connect';
  private opened = false;
  /** Commands of this turn, not written yet. */
  private outgoing = '';
  private timer: NodeJS.Timeout | null = null;
  private wake: () => void = nothing;
  private cut: Cut | null = null;

  /** Starts connecting; ask {@link ready} for the outcome. */
  constructor(nextHop: string, endpoint: Endpoint) {
    this.nextHop = nextHop;
    this.endpoint = endpoint;
    this.socket = connectTcp({ host: endpoint.address, port: endpoint.port, noDelay: true });
    this.socket.once('connect', () => this.markOpen());
    this.listen(this.socket);
  }

  /** The first thing that went wrong; null while nothing has. */
  get trouble(): HopTrouble | null {
    return this.failed;
  }

  /** Whether the next hop has spoken without being asked, or not to the end. */
  get spoke(): boolean {
    return this.inbox.length > 0 || (this.expected.length === 0 && this.reader.unfinished);
  }

  /** Whether TLS is on; and then whether its handshake was a resumed one. */
  get tls(): { readonly resumed: boolean } | null {
    return 'isSessionReused' in this.socket
      ? { resumed: (this.socket as TLSSocket).isSessionReused() }
      : null;
  }

  /** Lets `cut` destroy the connection, in place of the cut before; null: nobody does. */
  bind(cut: Cut | null): void {
    this.cut?.arm(null);
    this.cut = cut;
    cut?.arm(() => this.destroy('abandoned by the client'));
  }

  /** Waits until the connection is up; null when it is. */
  async ready(timeout: number): Promise<HopTrouble | null> {
    await this.until('connect', timeout, () => this.opened);
    return this.failed;
  }

  /** Sends a command line and waits for its answer; several may be sent before the first is answered. */
  command(line: string, stage: Stage, timeout: number): Promise<HopAnswer> {
    if (this.spoke && !this.failed) this.fail('garbage', stage, 'reply without a command');
    if (this.outgoing === '') process.nextTick(() => this.flush());
    this.outgoing += `${line}\r\n`;
    return this.reply(stage, timeout);
  }

  /** Waits for the next answer. One that came before the end of the connection still counts. */
  reply(stage: Stage, timeout: number): Promise<HopAnswer> {
    const reply = this.inbox.shift();
    if (reply) return Promise.resolve({ ok: true, reply });
    if (this.failed) return Promise.resolve({ ok: false, trouble: this.failed });
    return new Promise((answer) => {
      this.expected.push({ stage, timeout, answer });
      if (this.expected.length === 1) this.watchHead();
    });
  }

  /** Writes message bytes; false when the next hop is slower than we are and {@link drained} should be awaited. */
  write(pieces: readonly Buffer[]): boolean {
    if (this.failed) return true;
    this.flush();
    const [only] = pieces;
    if (only && pieces.length === 1) return this.socket.write(only);
    let size = 0;
    for (const piece of pieces) size += piece.length;
    // A small message is copied faster than it is written in pieces.
    if (size <= SMALL) return this.socket.write(Buffer.concat(pieces, size));
    this.socket.cork();
    let room = true;
    for (const piece of pieces) room = this.socket.write(piece);
    this.socket.uncork();
    return room;
  }

  /** Waits until the next hop has taken what was written, has answered early, or is gone. */
  async drained(timeout: number): Promise<void> {
    await this.until('body', timeout, () => this.spoke || !this.socket.writableNeedDrain);
  }

  /**
   * Negotiates TLS on the open connection; null when it is secure. Whatever came before the handshake is
   * forgotten: it was not protected (RFC 3207 section 4.2 and the injection known by it).
   */
  async secure(client: HopTlsClient, verify: boolean, timeout: number): Promise<HopTrouble | null> {
    if (this.failed) return this.failed;
    this.stage = 'starttls';
    for (const event of ['data', 'drain', 'end', 'close', 'error']) this.socket.removeAllListeners(event);
    this.socket.on('error', nothing);
    this.reader = new ReplyReader();
    this.inbox = [];
    this.opened = false;
    const secured = client.secure(this.socket, this.endpoint, verify);
    this.socket = secured;
    secured.once('secureConnect', () => this.markOpen());
    this.listen(secured);
    await this.until('starttls', timeout, () => this.opened);
    return this.failed;
  }

  /** Says goodbye without waiting for the answer; the connection is of no use from then on. */
  quit(): void {
    if (this.failed) return;
    const { socket } = this;
    this.flush();
    this.retire(this.troubleOf('closed', this.stage, 'said goodbye'));
    socket.end('QUIT\r\n');
    setTimeout(() => socket.destroy(), 2000).unref();
  }

  /** Cuts the connection. A message whose final dot was not sent is thus never delivered. */
  destroy(why: string): void {
    this.fail('closed', this.stage, why);
  }

  private flush(): void {
    const text = this.outgoing;
    this.outgoing = '';
    if (text !== '' && !this.failed) this.socket.write(text, 'utf8');
  }

  private listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('drain', () => this.wake());
    socket.on('end', () => this.fail('closed', this.stage, 'connection closed by the next hop'));
    socket.on('error', (error) => this.fail(this.failureNow(), this.stage, error.message));
    socket.on('close', () => this.fail(this.failureNow(), this.stage, 'connection closed'));
  }

  private failureNow(): HopFailure {
    if (this.stage === 'starttls') return 'tls';
    return this.opened ? 'closed' : 'unreachable';
  }

  private markOpen(): void {
    this.opened = true;
    this.wake();
  }

  private receive(chunk: Buffer): void {
    const { replies, problem } = this.reader.read(chunk);
    for (const reply of replies) {
      const head = this.expected.shift();
      if (!head) this.inbox.push(reply);
      else {
        this.watchHead();
        head.answer({ ok: true, reply });
      }
    }
    if (problem !== null) this.fail('garbage', this.stage, problem);
    else if (this.inbox.length > MAX_INBOX) this.fail('garbage', this.stage, 'replies without commands');
    else this.wake();
  }

  /** Gives the answer that is due next its time. */
  private watchHead(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const [head] = this.expected;
    if (!head || this.failed) return;
    const { stage, timeout } = head;
    this.stage = stage;
    this.timer = setTimeout(() => this.fail('timeout', stage, `no answer in ${timeout} ms`), timeout);
  }

  private async until(stage: Stage, timeout: number, ready: () => boolean): Promise<void> {
    this.stage = stage;
    if (this.failed || ready()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.fail('timeout', stage, `no progress in ${timeout} ms`), timeout);
      this.wake = () => {
        if (!this.failed && !ready()) return;
        clearTimeout(timer);
        this.wake = nothing;
        resolve();
      };
    });
  }

  private fail(failure: HopFailure, stage: Stage, error: string): void {
    if (this.failed) return;
    const trouble = this.troubleOf(failure, stage, error);
    this.socket.destroy();
    this.retire(trouble);
  }

  private retire(trouble: HopTrouble): void {
    this.failed = trouble;
    if (this.timer) clearTimeout(this.timer);
    this.ended();
    this.wake();
    for (const { answer } of this.expected.splice(0)) answer({ ok: false, trouble });
  }

  private troubleOf(failure: HopFailure, stage: Stage, error: string): HopTrouble {
    return { failure, stage, nextHop: this.nextHop, address: endpointKey(this.endpoint), error };
  }
}

/** Bytes up to which the pieces of a message are joined. */
const SMALL = 65_536;
/** Answers kept that nobody asked for. */
const MAX_INBOX = 100;

function nothing(): void {}
