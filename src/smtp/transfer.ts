/**
 * One message on its way through: from the client's decoded bytes to the next hop, holding no more than a chunk.
 *
 * When something goes wrong before the final dot the next hop is cut off, so it delivers nothing, and the rest of
 * the client's message is read and dropped until it can be answered. Yes is only said when the next hop said it.
 */
import { DataEncoder } from './data-encoder.ts';
import type { HopTransaction, Relayed } from './hop-transaction.ts';
import { REPLY, type Reply } from './reply.ts';

/** How far past the size limit a message is read before the connection is closed (gap 10 of `smtp-server`). */
export const OVERSIZE_ALLOWANCE = 65_536;

/** Takes the content of a message as it arrives. Each call waits for `done` before the next. */
export interface MessageSink {
  write(content: Buffer, done: () => void): void;
  end(done: () => void): void;
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
  private readonly encoder = new DataEncoder();
  private bytes = 0;
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
    hop.write(this.encoder.encode(Buffer.from(header)));
  }

  /** Bytes of the message so far, and whether the next hop has all of them. */
  get progress(): { readonly bytes: number; readonly duplicatePossible: boolean } {
    return { bytes: this.bytes, duplicatePossible: this.dotSent };
  }

  write(content: Buffer, done: () => void): void {
    this.bytes += content.length;
    if (this.bytes > this.limits.maxMessageSize) this.refuse(REPLY.tooBig);
    if (this.bytes > this.limits.maxMessageSize + OVERSIZE_ALLOWANCE) this.finish(worded(REPLY.tooBig), true);
    const room = this.failure !== null || this.forward(content);
    if (room && (this.failure !== null || !this.hop.interrupted)) done();
    else this.carryOut(this.pause(room), done);
  }

  end(done: () => void): void {
    this.carryOut(this.conclude(), done);
  }

  /** Passes content on; false when the next hop needs time to take it. */
  private forward(content: Buffer): boolean {
    const encoded = this.encoder.encode(content);
    if (this.encoder.bareNewlines === 0 || this.limits.bareNewlines === 'normalise') {
      return this.hop.write(encoded);
    }
    this.refuse(REPLY.bareNewline);
    return true;
  }

  private async pause(room: boolean): Promise<void> {
    if (!room) await this.hop.drained();
    this.failure ??= await this.hop.interruption();
  }

  private async conclude(): Promise<void> {
    this.failure ??= await this.hop.interruption();
    if (this.failure) return this.finish(this.failure, false);
    this.dotSent = true;
    this.hop.write(this.encoder.finish());
    const outcome = await this.hop.outcome();
    this.dotSent = !outcome.positive && outcome.nextHopReply === null;
    this.finish(outcome, false);
  }

  /** A fault of our own is a 451, and never leaves the client without an answer. */
  private carryOut(work: Promise<void>, done: () => void): void {
    const caught = work.catch(() => {
      this.refuse(REPLY.internalError);
      this.finish(worded(REPLY.internalError), false);
    });
    void caught.then(done);
  }

  /** Refuses the message for its own sake; the next hop must not see its end. */
  private refuse(reply: Reply): void {
    this.failure = worded(reply);
    this.hop.abort('message refused');
  }

  private finish(relayed: Relayed, cut: boolean): void {
    if (this.settled) return;
    this.settled = true;
    this.settle({ ...relayed, bytes: this.bytes, duplicatePossible: this.dotSent, cut });
  }
}

function worded(reply: Reply): Relayed {
  return { positive: false, reply, nextHopReply: null };
}
