/** A small CONNECT proxy on loopback, as companies have one, with or without a password (RFC 9110 section 9.3.6). */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

export interface ConnectProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** What was let through, `host:port` each. */
  readonly passed: string[];
  /** Answer every CONNECT with this status; 200 lets it through. */
  status: number;
}

/** Starts one; with `user` (`name:password`) it wants Basic authentication. */
export async function startConnectProxy(user: string | null = null): Promise<ConnectProxy> {
  const wanted = user === null ? undefined : `Basic ${Buffer.from(user).toString('base64')}`;
  const passed: string[] = [];
  const server = createServer((_request, response) => void response.writeHead(400).end());
  server.on('connect', (request, socket, head) => {
    socket.on('error', () => {});
    const authorised = wanted === undefined || request.headers['proxy-authorization'] === wanted;
    const status = authorised ? proxy.status : 407;
    if (status !== 200) return socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    const target = request.url ?? '';
    passed.push(target);
    const upstream = connect(Number(target.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    return socket;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy: ConnectProxy = {
    host: `127.0.0.1:${port}`,
    passed,
    status: 200,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
  return proxy;
}
