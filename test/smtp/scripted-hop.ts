/** A next hop that misbehaves on request: it takes mail as RFC 5321 says, except where its script says otherwise. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';

/** What to do instead of the ordinary answer: reply text, or something ruder. */
export type Act =
  | string
  | { readonly do: 'hang' | 'reset' | 'close' | 'half-close' | 'garbage'; readonly text?: undefined }
  | { readonly do: 'reply-and-close'; readonly text: string };

export interface Script {
  readonly greeting?: Act;
  readonly ehlo?: Act;
  readonly starttls?: Act;
  readonly mail?: Act;
  readonly rcpt?: Act | ((path: string, nth: number) => Act | null);
  readonly data?: Act;
  /** Instead of taking the message: after its first bytes. */
  readonly body?: Act;
  readonly message?: Act;
  /** Extra EHLO keywords instead of the usual ones. */
  readonly keywords?: readonly string[];
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Sent in the clear in one piece with the go-ahead for TLS. */
  readonly injected?: string;
  /** How many connections follow the script; later ones behave. */
  readonly times?: number;
  /** Reads nothing of the message until {@link ScriptedHop.resume} is called. */
  readonly stall?: boolean;
}

export interface Delivered {
  readonly from: string;
  readonly to: readonly string[];
  /** Wire form, with stuffing, without the final dot. */
  readonly wire: Buffer;
}

export const KEYWORDS = ['PIPELINING', 'SIZE 50000000', '8BITMIME', 'SMTPUTF8'];
/** Commands with one answer. */
const SIMPLE: Readonly<Record<string, string>> = {
  HELO: '250 hop.example',
  RSET: '250 2.0.0 reset',
  XCLI: '220 hop.example ESMTP',
  XFOR: '250 2.0.0 noted',
};
const END = Buffer.from('\r\n.\r\n');

export class ScriptedHop {
  readonly delivered: Delivered[] = [];
  readonly commands: string[] = [];
  /** What came before the message in one piece, so roughly in one packet. */
  readonly flights: string[] = [];
  /** Handshakes done, and how many of them resumed a session. */
  readonly handshakes = { done: 0, resumed: 0 };
  connections = 0;
  readonly open = new Set<HopSession>();
  /** Whether some session has fallen silent on purpose. */
  stalled = false;
  private readonly server: Server;
  private secureContext: SecureContext | null = null;
  private watchers: Array<() => void> = [];

  private constructor(script: Script) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.connections += 1;
      const scripted = this.connections <= (script.times ?? Number.POSITIVE_INFINITY);
      const plain: Script = {
        ...(script.tls ? { tls: script.tls } : {}),
        ...(script.keywords ? { keywords: script.keywords } : {}),
      };
      const session = new HopSession(this, socket, scripted ? script : plain);
      this.open.add(session);
      this.changed();
    });
  }

  static async start(script: Script = {}): Promise<ScriptedHop> {
    const hop = new ScriptedHop(script);
    hop.server.listen(0, '127.0.0.1');
    await once(hop.server, 'listening');
    onTestFinished(() => hop.stop());
    return hop;
  }

  get name(): string {
    const address = this.server.address();
    return `127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`;
  }

  /** One for all connections: it holds the ticket keys. */
  context(tls: { readonly key: string; readonly cert: string }): SecureContext {
    this.secureContext ??= createSecureContext(tls);
    return this.secureContext;
  }

  stop(): void {
    this.server.close();
    for (const session of this.open) session.destroy();
  }

  resume(): void {
    for (const session of this.open) session.resume();
  }

  changed(): void {
    for (const wake of this.watchers.splice(0)) wake();
  }

  async until(seen: () => boolean): Promise<void> {
    while (!seen()) await new Promise<void>((resolve) => this.watchers.push(resolve));
  }
}

class HopSession {
  private readonly hop: ScriptedHop;
  private readonly script: Script;
  private socket: Socket;
  private input = Buffer.alloc(0);
  private readonly parts: Buffer[] = [];
  private inMessage = false;
  private mute = false;
  /** Overrides the answer to the next commands. */
  rude: () => Act | null = () => null;
  private from = '';
  private to: string[] = [];
  private asked = 0;
  private secure = false;

  constructor(hop: ScriptedHop, socket: Socket, script: Script) {
    this.hop = hop;
    this.script = script;
    this.socket = socket;
    this.listen(socket);
    this.act(script.greeting ?? '220 hop.example ESMTP');
  }

  destroy(): void {
    this.socket.destroy();
  }

  resume(): void {
    this.socket.resume();
  }

  private listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.hop.open.delete(this);
      this.hop.changed();
    });
  }

  private receive(chunk: Buffer): void {
    if (this.inMessage && this.script.body === undefined && !this.mayEnd(chunk)) return;
    if (!this.inMessage) this.hop.flights.push(chunk.toString('latin1'));
    this.input = Buffer.concat([this.input, ...this.parts.splice(0), chunk]);
    while (!this.mute && (this.inMessage ? this.readMessage() : this.readCommand()));
  }

  /** Large messages are joined once, not with every chunk. */
  private mayEnd(chunk: Buffer): boolean {
    const tail = Buffer.concat([this.parts.at(-1)?.subarray(-4) ?? this.input.subarray(-4), chunk]);
    if (tail.length < 10 || tail.includes(END)) return true;
    this.parts.push(chunk);
    return false;
  }

  private readCommand(): boolean {
    const end = this.input.indexOf('\r\n');
    if (end < 0) return false;
    const line = this.input.toString('utf8', 0, end);
    this.input = this.input.subarray(end + 2);
    this.hop.commands.push(line);
    const rude = this.rude();
    if (rude) this.act(rude);
    else this.command(line);
    this.hop.changed();
    return true;
  }

  private command(line: string): void {
    const verb = line.slice(0, 4).toUpperCase();
    const { script } = this;
    if (verb === 'EHLO') this.act(script.ehlo ?? this.ehlo());
    else if (verb === 'STAR') this.startTls();
    else if (verb === 'MAIL') {
      this.from = line;
      this.to = [];
      this.act(script.mail ?? '250 2.1.0 sender fine');
    } else if (verb === 'RCPT') this.rcpt(line);
    else if (verb === 'DATA') {
      this.inMessage = script.data === undefined;
      this.act(script.data ?? '354 go ahead');
      if (this.inMessage && script.stall) this.socket.pause();
    } else if (verb in SIMPLE) this.act(SIMPLE[verb] ?? '');
    else if (verb === 'QUIT') {
      this.socket.end('221 2.0.0 bye\r\n');
    } else this.act('500 5.5.1 what');
  }

  private ehlo(): string {
    const keywords = [...(this.script.keywords ?? KEYWORDS)];
    if (this.script.tls && !this.secure) keywords.push('STARTTLS');
    return ['hop.example', ...keywords]
      .map((text, index) => `250${index === keywords.length ? ' ' : '-'}${text}`)
      .join('\r\n');
  }

  private startTls(): void {
    const { tls, starttls, injected } = this.script;
    this.act(starttls ?? `220 2.0.0 go${injected === undefined ? '' : `\r\n${injected.trimEnd()}`}`);
    if (!tls || starttls !== undefined) return;
    this.socket.removeAllListeners('data');
    this.socket.removeAllListeners('end');
    const secured = new TLSSocket(this.socket, { isServer: true, secureContext: this.hop.context(tls) });
    secured.once('secure', () => {
      this.hop.handshakes.done += 1;
      if (secured.isSessionReused()) this.hop.handshakes.resumed += 1;
    });
    this.secure = true;
    this.socket = secured;
    this.listen(secured);
  }

  private rcpt(line: string): void {
    const path = /<(.*)>/.exec(line)?.[1] ?? '';
    this.asked += 1;
    const { rcpt } = this.script;
    const act = (typeof rcpt === 'function' ? rcpt(path, this.asked) : rcpt) ?? '250 2.1.5 recipient fine';
    if (typeof act === 'string' && act.startsWith('2')) this.to.push(path);
    this.act(act);
  }

  private readMessage(): boolean {
    const { body, message } = this.script;
    if (body !== undefined && this.input.length > 0) {
      this.mute = true;
      this.act(body);
      return false;
    }
    const empty = this.input.subarray(0, 3).equals(END.subarray(2));
    const end = empty ? -2 : this.input.indexOf(END);
    if (!empty && end < 0) return false;
    const wire = Buffer.from(this.input.subarray(0, end + 2));
    this.input = this.input.subarray(end + END.length);
    this.inMessage = false;
    const act = message ?? '250 2.6.0 queued as 42';
    const said = typeof act === 'string' ? act : (act.text ?? '');
    if (said.startsWith('2')) this.hop.delivered.push({ from: this.from, to: this.to, wire });
    this.act(act);
    this.hop.changed();
    return true;
  }

  private hang(): void {
    this.mute = true;
    this.hop.stalled = true;
    this.hop.changed();
  }

  private act(act: Act): void {
    if (typeof act === 'string') this.socket.write(`${act}\r\n`);
    else if (act.do === 'hang') this.hang();
    else if (act.do === 'reset') this.socket.resetAndDestroy();
    else if (act.do === 'close') this.socket.destroy();
    else if (act.do === 'half-close') this.socket.end();
    else if (act.do === 'garbage') this.socket.write('\u0000\u0001 nonsense\r\n'.repeat(3));
    else if (act.text) this.socket.end(`${act.text}\r\n`);
  }
}
