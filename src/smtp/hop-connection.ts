/**
 * One outbound SMTP connection: commands out, answers in, each with its time limit. The first trouble is final: the
 * socket is destroyed and every later question gets the same trouble, so a half-known session is never used again.
 */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, rootCertificates, type TLSSocket } from 'node:tls';
import { type Capabilities, NO_CAPABILITIES } from './capabilities.ts';
import { type HopAnswer, type HopReply, type HopTrouble, type Stage, splitNextHop } from './next-hop.ts';
import type { HopFailure } from './reply.ts';
import { ReplyReader } from './reply-reader.ts';

export class HopConnection {
  readonly nextHop: string;
  /** What it said to the last EHLO. */
  capabilities: Capabilities = NO_CAPABILITIES;
  /** Whether it already served a transaction: if it is dead now, a fresh one may not be. */
  reused = false;
  private socket: Socket;
  private reader = new ReplyReader();
  private inbox: HopReply[] = [];
  private failed: HopTrouble | null = null;
  private stage: Stage = 'connect';
  private opened = false;
  private wake: () => void = nothing;
  private unbind: () => void = nothing;

  /** Starts connecting; ask {@link ready} for the outcome. */
  constructor(nextHop: string) {
    this.nextHop = nextHop;
    this.socket = connectTcp({ ...splitNextHop(nextHop), noDelay: true });
    this.socket.once('connect', () => this.markOpen());
    this.listen(this.socket);
  }

  /** The first thing that went wrong; null while nothing has. */
  get trouble(): HopTrouble | null {
    return this.failed;
  }

  /** Whether the next hop has spoken without being asked, or not to the end. */
  get spoke(): boolean {
    return this.inbox.length > 0 || this.reader.unfinished;
  }

  /** Destroys the connection when `signal` fires; replaces the signal of the last user. */
  bind(signal: AbortSignal | null): void {
    this.unbind();
    this.unbind = nothing;
    if (!signal) return;
    const abort = (): void => this.destroy('abandoned by the client');
    signal.addEventListener('abort', abort, { once: true });
    this.unbind = () => signal.removeEventListener('abort', abort);
    if (signal.aborted) abort();
  }

  /** Waits until the connection is up; null when it is. */
  async ready(timeout: number): Promise<HopTrouble | null> {
    await this.until('connect', timeout, () => this.opened);
    return this.failed;
  }

  /** Sends a command line and waits for its answer. */
  command(line: string, stage: Stage, timeout: number): Promise<HopAnswer> {
    if (this.spoke && !this.failed) this.fail('garbage', stage, 'reply without a command');
    if (!this.failed) this.socket.write(`${line}\r\n`);
    return this.reply(stage, timeout);
  }

  /** Waits for the next answer. One that came before the end of the connection still counts. */
  async reply(stage: Stage, timeout: number): Promise<HopAnswer> {
    await this.until(stage, timeout, () => this.inbox.length > 0);
    const reply = this.inbox.shift();
    if (reply) return { ok: true, reply };
    return { ok: false, trouble: this.failed ?? this.troubleOf('closed', stage, 'no answer') };
  }

  /** Writes message bytes; false when the next hop is slower than we are and {@link drained} should be awaited. */
  write(bytes: Buffer): boolean {
    return this.failed !== null || this.socket.write(bytes);
  }

  /** Waits until the next hop has taken what was written, has answered early, or is gone. */
  async drained(timeout: number): Promise<void> {
    await this.until('body', timeout, () => this.inbox.length > 0 || !this.socket.writableNeedDrain);
  }

  /**
   * Negotiates TLS on the open connection; null when it is secure. Whatever came before the handshake is
   * forgotten: it was not protected (RFC 3207 section 4.2 and the injection known by it).
   */
  async secure(verify: boolean, ca: string | undefined, timeout: number): Promise<HopTrouble | null> {
    const { host } = splitNextHop(this.nextHop);
    this.stage = 'starttls';
    this.socket.removeAllListeners('data');
    this.socket.removeAllListeners('end');
    this.socket.removeAllListeners('close');
    this.reader = new ReplyReader();
    this.inbox = [];
    this.opened = false;
    const secured: TLSSocket = connectTls({
      socket: this.socket,
      host,
      ...(isIP(host) ? {} : { servername: host }),
      rejectUnauthorized: verify,
      minVersion: 'TLSv1.2',
      ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
    });
    this.socket = secured;
    secured.once('secureConnect', () => this.markOpen());
    this.listen(secured);
    await this.until('starttls', timeout, () => this.opened);
    return this.failed;
  }

  /** Says goodbye without waiting for the answer. */
  quit(): void {
    if (this.failed) return;
    this.socket.end('QUIT\r\n');
    this.destroyLater();
  }

  /** Cuts the connection. A message whose final dot was not sent is thus never delivered. */
  destroy(why: string): void {
    this.fail('closed', this.stage, why);
  }

  private destroyLater(): void {
    const socket = this.socket;
    setTimeout(() => socket.destroy(), 2000).unref();
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
    this.inbox.push(...replies);
    if (problem !== null) this.fail('garbage', this.stage, problem);
    this.wake();
  }

  private async until(stage: Stage, timeout: number, ready: () => boolean): Promise<void> {
    this.stage = stage;
    if (this.failed || ready()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.fail('timeout', stage, `no answer in ${timeout} ms`), timeout);
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
    this.failed = this.troubleOf(failure, stage, error);
    this.socket.destroy();
    this.wake();
  }

  private troubleOf(failure: HopFailure, stage: Stage, error: string): HopTrouble {
    return { failure, stage, nextHop: this.nextHop, error };
  }
}

function nothing(): void {}
