/**
 * A next hop that fails in every way, by chance and by seed: at every command and within the message it may refuse,
 * defer, hang, reset, half-close, babble, be slow or answer something else. It keeps what it takes, and what it took
 * without being able to say so.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { below, seeded } from './seeded.ts';

/** A message as it was taken; `told`: the yes was sent. */
export interface Taken {
  readonly to: readonly string[];
  /** Digest of the message without our own header. */
  readonly digest: string;
  readonly told: boolean;
}

const FAULTS = [
  '421 4.3.2 closing',
  '450 4.2.0 later',
  '451 4.7.1 later',
  '550 5.1.1 no',
  '554 5.7.1 no',
  '503 5.5.1 order',
  '250 2.0.0 sure',
  '354 go',
  '220 hello',
  'garbage',
  'hang',
  'reset',
  'close',
  'half-close',
  'slow',
  'split',
] as const;
type Fault = (typeof FAULTS)[number];

export interface FaultyOptions {
  readonly seed: number;
  /** Share of steps that go wrong. */
  readonly share: number;
  readonly pipelining: boolean;
}

/** Enough to tell messages apart without keeping them. */
export function digestOf(body: string): string {
  return createHash('sha1').update(body, 'latin1').digest('hex');
}

export class FaultyHop {
  /** By the number in the message's X-Id field. */
  readonly taken = new Map<number, Taken[]>();
  connections = 0;
  readonly options: FaultyOptions;
  readonly chance: () => number;
  private readonly open = new Set<Socket>();
  private readonly server: Server;

  constructor(options: FaultyOptions) {
    this.options = options;
    this.chance = seeded(options.seed);
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.connections += 1;
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
      socket.on('error', () => undefined);
      new FaultySession(this, socket).greet();
    });
  }

  /** Listens; `host:port` of it. */
  async listen(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const address = this.server.address();
    return `127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`;
  }

  /** A fault for the next step, or null. */
  fault(): Fault | null {
    if (this.chance() >= this.options.share) return null;
    return FAULTS[below(this.chance, FAULTS.length)] ?? null;
  }

  take(to: readonly string[], body: string, told: boolean): void {
    const own = body.slice(Math.max(0, body.indexOf('X-Id: ')));
    const id = Number(/^X-Id: (\d+)\r\n/.exec(own)?.[1] ?? -1);
    this.taken.set(id, [...(this.taken.get(id) ?? []), { to, digest: digestOf(own), told }]);
  }

  stop(): void {
    this.server.close();
    for (const socket of this.open) socket.destroy();
  }
}

const END = '\r\n.\r\n';

class FaultySession {
  private readonly hop: FaultyHop;
  private readonly socket: Socket;
  private input = '';
  private to: string[] = [];
  private inMail = false;
  private inMessage = false;
  /** Bytes of the message after which it fails; -1: not within the message. */
  private failAt = -1;
  private mute = false;
  /** It fell silent instead of answering. */
  private wordless = false;
  private slow: Promise<void> = Promise.resolve();

  constructor(hop: FaultyHop, socket: Socket) {
    this.hop = hop;
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.input += chunk.toString('latin1');
      while (!this.mute && (this.inMessage ? this.message() : this.command()));
    });
    socket.on('end', () => socket.end());
  }

  greet(): void {
    this.answer('220 faulty.example ESMTP');
  }

  private command(): boolean {
    const end = this.input.indexOf('\r\n');
    if (end < 0) return false;
    const line = this.input.slice(0, end);
    this.input = this.input.slice(end + 2);
    const verb = line.slice(0, 4);
    if (verb === 'EHLO') this.answer(this.keywords());
    else if (verb === 'MAIL') this.inMail = this.answer('250 2.1.0 fine');
    else if (verb === 'RCPT') this.rcpt(line);
    else if (verb === 'DATA') this.data();
    else if (verb === 'QUIT') this.socket.end('221 2.0.0 bye\r\n');
    else if (this.answer('250 2.0.0 fine')) this.reset();
    return true;
  }

  private reset(): void {
    this.inMail = false;
    this.to = [];
  }

  private rcpt(line: string): void {
    if (!this.inMail) this.send('503 5.5.1 MAIL first');
    else if (this.answer('250 2.1.5 fine')) this.to.push(/<(.*)>/.exec(line)?.[1] ?? '');
  }

  private data(): void {
    if (!this.inMail || this.to.length === 0) {
      this.send('554 5.5.1 no recipients');
      return;
    }
    if (!this.answer('354 go')) return;
    this.inMessage = true;
    const { chance, options } = this.hop;
    this.failAt = chance() < options.share ? below(chance, 30_000) : -1;
  }

  private keywords(): string {
    const pipelining = this.hop.options.pipelining ? '250-PIPELINING\r\n' : '';
    return `250-faulty.example\r\n${pipelining}250-8BITMIME\r\n250 SIZE 0`;
  }

  private message(): boolean {
    const end = this.input.indexOf(END);
    if (end < 0 || (this.failAt >= 0 && end > this.failAt)) {
      if (this.failAt >= 0 && this.input.length > this.failAt) this.failWithin();
      return false;
    }
    const body = this.input.slice(0, end + 2);
    this.input = this.input.slice(end + END.length);
    this.inMessage = false;
    const { to } = this;
    this.reset();
    const yes = this.answer('250 2.6.0 taken');
    // It may have taken the message and not be able to say so.
    if (yes || (this.wordless && this.hop.chance() < 0.5)) this.hop.take(to, body, yes);
    return true;
  }

  private failWithin(): void {
    this.mute = true;
    const fault = FAULTS[below(this.hop.chance, FAULTS.length)] ?? 'reset';
    // A yes to half a message would be a lie; only the rest of the message tells it from a late one.
    this.perform(fault.startsWith('2') ? 'reset' : fault);
    this.mute = true;
  }

  /** Says `text`, or does something else; whether what it says amounts to `text`. */
  private answer(text: string): boolean {
    const fault = this.hop.fault();
    if (fault === null) this.send(text);
    else if (fault === 'slow') this.later(text);
    else if (fault === 'split') this.split(text);
    else {
      this.perform(fault);
      return fault[0] === text[0];
    }
    return true;
  }

  private perform(fault: Fault): void {
    if (/^\d/.test(fault)) this.send(fault);
    else {
      this.mute = true;
      this.wordless = true;
      if (fault === 'reset') this.socket.resetAndDestroy();
      else if (fault === 'close') this.socket.destroy();
      else if (fault === 'half-close') this.socket.end();
      else if (fault === 'garbage') this.socket.write('\0\x01 nonsense\r\n'.repeat(3));
    }
    if (fault.startsWith('421')) {
      this.mute = true;
      this.socket.end();
    }
  }

  private send(text: string): void {
    this.slow = this.slow.then(() => void this.socket.write(`${text}\r\n`, 'latin1'));
  }

  private later(text: string): void {
    this.slow = this.slow.then(
      () => new Promise((resolve) => setTimeout(resolve, below(this.hop.chance, 20))),
    );
    this.send(text);
  }

  /** The reply byte by byte. */
  private split(text: string): void {
    for (const byte of `${text}\r\n`) {
      this.slow = this.slow.then(() => new Promise((resolve) => setImmediate(resolve)));
      this.slow = this.slow.then(() => void this.socket.write(byte, 'latin1'));
    }
  }
}
