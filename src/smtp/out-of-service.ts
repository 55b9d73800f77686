/**
 * SMTP (RFC 5321) while the gateway cannot work: a server that defers everything, so that a port which somebody else
 * holds open for us is answered and no client waits at the greeting. EHLO offers nothing; MAIL, RCPT and DATA get
 * 451 4.3.5; nobody is refused and no message is taken. Limits: 512 octets a line, 50 commands, two minutes a session,
 * 1,000 sessions.
 */
import net from 'node:net';

const MOST_SESSIONS = 1000;
const SESSION_TIME = 120_000;
const LONGEST_LINE = 512;
const MOST_COMMANDS = 50;
/** Connections that wait to be accepted. */
const BACKLOG = 4096;

const DEFERRED = '451 4.3.5 This server is not configured at the moment, try again later';
const CLOSING = '421 4.3.2 This server is not available, try again later';

/** The reply to one command line, without its line end. `last`: the connection closes after it. */
export function replyOutOfService(
  line: string,
  hostname: string,
): { readonly text: string; readonly last: boolean } {
  const verb = /^[A-Za-z]*/.exec(line)?.[0].toUpperCase() ?? '';
  const more = (text: string) => ({ text, last: false });
  if (verb === 'QUIT') return { text: '221 2.0.0 Bye', last: true };
  if (verb === 'EHLO' || verb === 'HELO') return more(`250 ${hostname}`);
  if (verb === 'NOOP' || verb === 'RSET') return more('250 2.0.0 OK');
  return more(DEFERRED);
}

/** Serves an inherited listening descriptor. Closing it gives the descriptor up and ends every session. */
export async function openOutOfService(fd: number, hostname: string): Promise<AsyncDisposable> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // A client that goes away loses nothing.
    socket.on('error', () => socket.destroy());
    if (open.size > MOST_SESSIONS) socket.end(`${CLOSING}\r\n`);
    else converse(socket, hostname);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ fd }, BACKLOG, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function converse(socket: net.Socket, hostname: string): void {
  let partial = '';
  let commands = 0;
  socket.setTimeout(SESSION_TIME, () => socket.destroy());
  const timer = setTimeout(() => socket.end(`${CLOSING}\r\n`), SESSION_TIME).unref();
  socket.once('close', () => clearTimeout(timer));
  socket.write(`220 ${hostname} ESMTP\r\n`);
  socket.setEncoding('latin1').on('data', (text: string) => {
    const lines = (partial + text).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) {
      commands += 1;
      const { text: reply, last } = replyOutOfService(line, hostname);
      if (last || commands >= MOST_COMMANDS) {
        socket.removeAllListeners('data').end(`${last ? reply : CLOSING}\r\n`);
        return;
      }
      socket.write(`${reply}\r\n`);
    }
    if (partial.length > LONGEST_LINE) socket.removeAllListeners('data').end(`${CLOSING}\r\n`);
  });
}
