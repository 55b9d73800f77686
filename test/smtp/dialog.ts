/** A line-wise SMTP client for tests: it sends what it is told and reads whole replies. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export class Dialog {
  /** Everything received so far. */
  transcript = '';
  private socket: Socket;
  /** Packets it came in, roughly. */
  chunks = 0;
  private buffer = '';
  private waiting: (() => void) | null = null;
  private ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.listen(socket);
  }

  /** Connects, from an address of the loopback network, and unless told otherwise waits for the greeting. */
  static async open(port: number, greet = true, from = '127.0.0.1', host = '127.0.0.1'): Promise<Dialog> {
    const socket = connect({ port, host, localAddress: from, noDelay: true });
    await once(socket, 'connect');
    const dialog = new Dialog(socket);
    if (greet) await dialog.reply();
    return dialog;
  }

  /** Bytes to the server, nothing awaited. */
  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** One command and its reply. */
  async ask(line: string | Buffer): Promise<string> {
    this.send(Buffer.concat([Buffer.from(line), Buffer.from('\r\n')]));
    return this.reply();
  }

  /** Several commands, one at a time. */
  async askAll(...lines: string[]): Promise<string[]> {
    const replies: string[] = [];
    for (const line of lines) replies.push(await this.ask(line));
    return replies;
  }

  /** The next whole reply, its lines joined by "\n"; '' at the end of the connection. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.buffer);
      if (match) {
        this.buffer = this.buffer.slice(match[0].length);
        return match[0].replace(/\r/g, '').trimEnd();
      }
      if (this.ended) return '';
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
  }

  /** Whatever still comes until the server closes. */
  async rest(): Promise<string> {
    while (!this.ended) {
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
      });
    }
    return this.buffer;
  }

  /** Writes, waiting for room; resolves early when the server is gone. */
  async push(bytes: Buffer): Promise<void> {
    if (this.ended || this.socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const proceed = (): void => {
        this.socket.off('drain', proceed);
        this.socket.off('close', proceed);
        resolve();
      };
      this.socket.on('drain', proceed);
      this.socket.on('close', proceed);
    });
  }

  /** Negotiates TLS after a 220. */
  async secure(): Promise<void> {
    this.socket.removeAllListeners();
    const secured = connectTls({ socket: this.socket, rejectUnauthorized: false });
    await once(secured, 'secureConnect');
    this.socket = secured;
    this.listen(secured);
  }

  /** Resets the connection without goodbye. */
  vanish(): void {
    this.socket.resetAndDestroy();
  }

  /** Half-closes. */
  finish(): void {
    this.socket.end();
  }

  pause(): void {
    this.socket.pause();
  }

  close(): void {
    this.socket.destroy();
  }

  private listen(socket: Socket): void {
    const ended = (): void => {
      this.ended = true;
      this.waiting?.();
    };
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      this.chunks += 1;
      this.transcript += text;
      this.buffer += text.replace(/\r\n/g, '\n');
      this.waiting?.();
    });
    socket.on('end', ended);
    socket.on('close', ended);
    socket.on('error', ended);
  }
}
