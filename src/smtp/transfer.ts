/**
 * One message on its way through: from the client to the next hop, holding no more than a chunk.
 *
 * When something goes wrong before the final dot the next hop is cut off, so it delivers nothing, and the rest of
 * the client's message is read and dropped until it can be answered. Yes is only said when the next hop said it.
 */
import { DataScanner } from './data-scanner.ts';
import { MAX_RECEIVED, ReceivedCounter } from './hop-count.ts';
import type { HopTransaction, Relayed } from './hop-transaction.ts';
import { REPLY, type Reply } from './reply.ts';

/** How far past the size limit a message is read before the connection is closed (gap 10 of `smtp-server`). */
export const OVERSIZE_ALLOWANCE = 65_536;
const FINAL_DOT = Buffer.from('.\r\n');

/** Takes the bytes of a message as they arrive. Each call waits for `done` before the next. */
export interface MessageSink {
  /** `done` gets what follows the end of the message, or null while it has not ended. */
  take(chunk: Buffer, done: (rest: Buffer | null) => void): void;
}

export interface TransferLimits {
  readonly maxMessageSize: number;
  readonly bareNewlines: 'normalise' | 'reject';
}

/** What became of the message. */
export interface TransferOutcome extends Relayed {
  readonly bytes: number;
  /** The final dot was sent and no answer came: the next hop may have the message. */
  readonly duplicatePossible: boolean;
  /** The client must be cut off: it goes on sending far beyond the limit. */
  readonly cut: boolean;
}

export class Transfer implements MessageSink {
  private readonly hop: HopTransaction;
  private readonly limits: TransferLimits;
  private readonly settle: (outcome: TransferOutcome) => void;
  private readonly scanner = new DataScanner();
  private readonly received = new ReceivedCounter();
  /** Our own header until the first bytes of the message take it along. */
  private header: Buffer | null;
  private failure: Relayed | null = null;
  private dotSent = false;
  private settled = false;

  /** `header` goes before the message; `settle` is called once, unless the transfer is abandoned. */
  constructor(
    hop: HopTransaction,
    header: string,
    limits: TransferLimits,
    settle: (outcome: TransferOutcome) => void,
  ) {
    this.hop = hop;
    this.limits = limits;
    this.settle = settle;
    this.header = Buffer.from(header);
  }

  /** Bytes of the message so far, and whether the next hop has all of them. */
  get progress(): { readonly bytes: number; readonly duplicatePossible: boolean } {
    return { bytes: this.scanner.bytes, duplicatePossible: this.dotSent };
  }

  take(chunk: Buffer, done: (rest: Buffer | null) => void): void {
    const { wire, rest } = this.scanner.scan(chunk);
    this.check(wire);
    if (this.hop.interrupted) this.carryOut(this.afterInterruption(rest), rest, done);
    else if (rest !== null) this.carryOut(this.conclude(wire), rest, done);
    else if (this.failure !== null || this.hop.write(this.withHeader(wire))) done(null);
    else this.carryOut(this.hop.drained(), rest, done);
  }

  /** What is wrong with the message itself, as far as it has come. */
  private check(wire: readonly Buffer[]): void {
    if (this.failure) return;
    for (const piece of wire) this.received.look(piece);
    const { maxMessageSize, bareNewlines } = this.limits;
    if (this.scanner.bytes > maxMessageSize) this.refuse(REPLY.tooBig);
    else if (this.scanner.bareNewlines > 0 && bareNewlines === 'reject') this.refuse(REPLY.bareNewline);
    else if (this.received.count > MAX_RECEIVED) this.refuse(REPLY.tooManyHops);
  }

  private withHeader(wire: readonly Buffer[]): readonly Buffer[] {
    if (this.header === null) return wire;
    const all = [this.header, ...wire];
    this.header = null;
    return all;
  }

  /** The next hop has answered or is gone, or we cut it off: the rest of the message is read to be answered. */
  private async afterInterruption(rest: Buffer | null): Promise<void> {
    this.failure ??= await this.hop.interruption();
    if (rest !== null) this.finish(this.failure ?? worded(REPLY.internalError), false);
    else if (this.scanner.bytes > this.limits.maxMessageSize + OVERSIZE_ALLOWANCE) {
      this.finish(worded(REPLY.tooBig), true);
    }
  }

  private async conclude(wire: readonly Buffer[]): Promise<void> {
    if (this.failure) return this.finish(this.failure, false);
    this.dotSent = true;
    this.hop.write([...this.withHeader(wire), FINAL_DOT]);
    const outcome = await this.hop.outcome();
    this.dotSent = !outcome.positive && outcome.nextHopReply === null;
    this.finish(outcome, false);
  }

  /** A fault of our own is a 451, and never leaves the client without an answer. */
  private carryOut(work: Promise<void>, rest: Buffer | null, done: (rest: Buffer | null) => void): void {
    const caught = work.catch(() => {
      this.refuse(REPLY.internalError);
      this.finish(worded(REPLY.internalError), false);
    });
    void caught.then(() => done(rest));
  }

  /** Refuses the message for its own sake; the next hop must not see its end. */
  private refuse(reply: Reply): void {
    this.failure = worded(reply);
    this.hop.abort('message refused');
  }

  private finish(relayed: Relayed, cut: boolean): void {
    if (this.settled) return;
    this.settled = true;
    const { bytes } = this.scanner;
    const { positive, reply, nextHopReply } = relayed;
    this.settle({ positive, reply, nextHopReply, bytes, duplicatePossible: this.dotSent, cut });
  }
}

function worded(reply: Reply): Relayed {
  return { positive: false, reply, nextHopReply: null };
}
