/** One door: a listening socket for one lookup protocol. Replies leave in the order of their requests. */
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import type { Answer, Ask, Dialect, DoorProtocol, Question } from './answer.ts';
import { policyDelegation } from './policy.ts';
import { socketmap } from './socketmap.ts';

/** Where a door is: a TCP address, a Unix socket with the mode of its file, or a descriptor that listens already. */
export type DoorAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string; readonly mode: number }
  | { readonly fd: number };

export interface DoorOptions {
  readonly protocol: DoorProtocol;
  readonly address: DoorAddress;
  readonly maxConnections: number;
  /** Ms without a complete request after which a connection is closed. */
  readonly idle: number;
}

/** What a door reports. */
export interface DoorTrouble {
  readonly door: DoorProtocol;
  readonly stage: 'listener' | 'connections' | 'protocol';
  readonly error: string;
}

export interface Door extends AsyncDisposable {
  readonly protocol: DoorProtocol;
  /** `host:port`, or `unix:` and the path. */
  address(): string;
  connections(): number;
  /** Takes no more connections and lets what was asked be answered for at most `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/**
 * Opens a door; it answers when the promise resolves.
 * @throws Error when the address cannot be listened on.
 */
export async function openDoor(
  options: DoorOptions,
  ask: Ask,
  trouble: (trouble: DoorTrouble) => void,
): Promise<Door> {
  const { protocol, address } = options;
  const open = new Set<Conversation>();
  let opened = 0;
  const tell = (stage: DoorTrouble['stage'], error: string): void =>
    trouble({ door: protocol, stage, error });
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    if (open.size >= options.maxConnections) {
      tell('connections', `more than ${options.maxConnections} connections; one was closed unanswered`);
      socket.destroy();
      return;
    }
    opened += 1;
    const dialect = dialectOf(protocol, `${protocol}-${opened}`);
    const conversation = converse(
      socket,
      dialect,
      (question) => ask(question, protocol),
      options.idle,
      (error) => tell('protocol', error),
    );
    open.add(conversation);
    socket.once('close', () => open.delete(conversation));
  });
  await listen(server, address);
  server.on('error', (error) => tell('listener', error.message));
  const close = (graceMs: number): Promise<void> => closeServer(server, open, graceMs);
  return {
    protocol,
    address: () => addressText(server.address()),
    connections: () => open.size,
    close,
    [Symbol.asyncDispose]: () => close(0),
  };
}

function dialectOf(protocol: DoorProtocol, session: string): Dialect<unknown> {
  return (protocol === 'policy' ? policyDelegation() : socketmap(session)) as Dialect<unknown>;
}

/** Connections that wait to be accepted on an inherited socket, whose own number Node.js would lower. */
const BACKLOG = 1024;

async function listen(server: net.Server, address: DoorAddress): Promise<void> {
  if ('path' in address) {
    // A socket that a daemon left behind when it was killed; whoever is alive holds the control socket.
    if (existsSync(address.path) && lstatSync(address.path).isSocket()) unlinkSync(address.path);
    server.listen(address.path);
  } else if ('fd' in address) {
    server.listen({ fd: address.fd }, BACKLOG);
  } else {
    server.listen(address.port, address.host);
  }
  await once(server, 'listening');
  if ('path' in address) chmodSync(address.path, address.mode);
}

interface Conversation {
  /** Closes once everything asked so far is answered. */
  end(): void;
  readonly socket: net.Socket;
}

/**
 * Serves one connection, without a promise for what is answered at once. Nothing more is read while a lookup is waited for
 * or the client does not read its replies.
 */
function converse<Request>(
  socket: net.Socket,
  dialect: Dialect<Request>,
  ask: (question: Question) => ReturnType<Ask>,
  idle: number,
  broken: (problem: string) => void,
): Conversation {
  const queue: Request[] = [];
  const replies: Uint8Array[] = [];
  let problem: string | null = null;
  let ending = false;
  let waiting = false;
  const timer = setTimeout(() => socket.destroy(), idle).unref();

  const flush = (): void => {
    if (replies.length === 0) return;
    if (socket.writable && !socket.write(Buffer.concat(replies))) socket.pause();
    replies.length = 0;
  };
  const wait = (answer: Promise<Answer>): void => {
    waiting = true;
    // What is already known does not wait for a lookup.
    flush();
    socket.pause();
    const reply = (told: Answer): void => {
      waiting = false;
      replies.push(dialect.reply(told));
      if (!socket.writableNeedDrain) socket.resume();
      answerAll();
    };
    answer.then(reply).catch(() => socket.destroy());
  };
  const answerAll = (): void => {
    for (let request = queue.shift(); request !== undefined; request = queue.shift()) {
      const question = dialect.question(request);
      const answer = question === null ? null : ask(question);
      if (answer instanceof Promise) {
        wait(answer);
        return;
      }
      replies.push(dialect.reply(answer));
    }
    flush();
    if (problem !== null) {
      broken(problem);
      socket.destroy();
    } else if (ending) {
      socket.end();
    }
  };
  const take = (bytes: Uint8Array): void => {
    const read = dialect.read(bytes);
    problem = read.problem;
    if (read.requests.length > 0) timer.refresh();
    queue.push(...read.requests);
    if (!waiting) answerAll();
  };
  const end = (): void => {
    ending = true;
    if (!waiting) answerAll();
  };
  socket.on('data', take);
  socket.on('end', end);
  socket.on('drain', () => {
    if (!waiting) socket.resume();
  });
  // A client that resets its connection has asked nothing that could still be answered.
  socket.on('error', () => socket.destroy());
  socket.once('close', () => clearTimeout(timer));
  return { socket, end };
}

async function closeServer(
  server: net.Server,
  open: ReadonlySet<Conversation>,
  graceMs: number,
): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, 'close');
  server.close();
  for (const conversation of open) conversation.end();
  const timer = setTimeout(() => {
    for (const { socket } of open) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}

function addressText(address: net.AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return `unix:${address ?? ''}`;
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${host}:${address.port}`;
}
