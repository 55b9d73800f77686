/** Waits for the PROXY header of a new connection and leaves what follows it unread on the socket. */
import type { Socket } from 'node:net';
import { type ProxiedClient, readProxyHeader } from './proxy-header.ts';

/** How long a proxy has for its header, ms. The specification wants at least 3 s, for a lost packet. */
export const HEADER_TIME = 10_000;

/** `client`: null when the header names none. `problem`: null when nothing came at all, as in a TCP health check. */
export type ProxiedConnection =
  | { readonly ok: true; readonly client: ProxiedClient | null }
  | { readonly ok: false; readonly problem: string | null };

/** Resolves once the header is whole or cannot come any more. Never rejects. */
export function proxiedConnection(socket: Socket, limit: number): Promise<ProxiedConnection> {
  let seen = Buffer.alloc(0);
  return new Promise((resolve) => {
    const finish = (outcome: ProxiedConnection): void => {
      clearTimeout(timer);
      for (const event of ['end', 'close', 'error']) socket.removeListener(event, ended);
      socket.removeListener('readable', read);
      resolve(outcome);
    };
    const fail = (problem: string): void =>
      finish({ ok: false, problem: seen.length === 0 && socket.readableEnded ? null : problem });
    const ended = (): void => fail('the connection ended before its PROXY header was complete');
    const judge = (chunk: Buffer): boolean => {
      seen = Buffer.concat([seen, chunk]);
      const header = readProxyHeader(seen);
      if (header.state === 'incomplete') return false;
      if (header.state === 'invalid') fail(`not a PROXY header: ${header.problem}`);
      else {
        const rest = seen.subarray(header.length);
        if (rest.length > 0) socket.unshift(rest);
        finish({ ok: true, client: header.client });
      }
      return true;
    };
    const read = (): void => {
      for (let decided = false; !decided; ) {
        const chunk = socket.read() as Buffer | null;
        if (chunk === null) return;
        decided = judge(chunk);
      }
    };
    const timer = setTimeout(() => fail(`no PROXY header within ${limit} ms`), limit);
    timer.unref();
    socket.on('readable', read);
    for (const event of ['end', 'close', 'error']) socket.once(event, ended);
  });
}
