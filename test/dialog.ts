/** A client that speaks SMTP line by line, for dialogs with a listener. */
import { once } from 'node:events';
import net from 'node:net';

export interface Dialog extends AsyncDisposable {
  /** Sends a line and returns the whole reply, lines joined by `\n`. */
  ask(line: string): Promise<string>;
  /** The next reply without sending anything. */
  reply(): Promise<string>;
  /** Sends bytes as they are. */
  send(bytes: string | Buffer): void;
  readonly socket: net.Socket;
}

/** Connects, `from` another local address if given, and reads the greeting, which is the first reply. */
export async function dialog(
  port: number,
  host = '127.0.0.1',
  from?: string,
): Promise<Dialog & { readonly greeting: string }> {
  const socket = net.connect({
    port,
    host,
    noDelay: true,
    ...(from === undefined ? {} : { localAddress: from }),
  });
  await once(socket, 'connect');
  const replies: string[] = [];
  const waiting: Array<(reply: string) => void> = [];
  let pending = '';
  let lines: string[] = [];
  const deliver = (reply: string): void => {
    const taker = waiting.shift();
    if (taker) taker(reply);
    else replies.push(reply);
  };
  socket.on('data', (chunk: Buffer) => {
    pending += chunk.toString('latin1');
    for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
      const line = pending.slice(0, end);
      pending = pending.slice(end + 2);
      lines.push(line);
      if (line[3] === '-') continue;
      deliver(lines.join('\n'));
      lines = [];
    }
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    for (const taker of waiting.splice(0)) taker('closed');
  });
  const reply = (): Promise<string> => {
    const ready = replies.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (socket.destroyed) return Promise.resolve('closed');
    return new Promise((resolve) => waiting.push(resolve));
  };
  const greeting = await reply();
  return {
    greeting,
    socket,
    reply,
    send: (bytes) => socket.write(bytes),
    ask: (line) => {
      socket.write(`${line}\r\n`);
      return reply();
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
      if (!socket.closed) await once(socket, 'close');
    },
  };
}
