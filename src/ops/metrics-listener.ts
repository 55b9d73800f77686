/** /metrics, /healthz and /readyz over plain HTTP for whoever watches: GET and HEAD, no state, no secret, few connections. */
import http from 'node:http';

/** What is served. */
export interface Watched {
  metrics(): Promise<string>;
  readiness(): { readonly ready: boolean };
}

export interface MetricsListenerEvents {
  listening(address: string): void;
  /** It cannot listen; it is tried again. Told when the reason is new. */
  trouble(error: string): void;
}

const MOST_CONNECTIONS = 32;
/** Before another attempt to listen, ms. */
const RETRY = 15_000;
/** The whole of a request has to arrive within this, ms. */
const PATIENCE = 10_000;
const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/** Listens, or tries again until it can: a port that is taken must not keep mail away. */
export function openMetricsListener(
  { host, port }: { readonly host: string; readonly port: number },
  watched: Watched,
  events: MetricsListenerEvents,
): AsyncDisposable {
  const server = http.createServer(
    { requestTimeout: PATIENCE, headersTimeout: PATIENCE },
    (asked, answer) => {
      respond(asked, watched).then(
        ([status, type, body]) => answer.writeHead(status, { 'content-type': type }).end(body),
        (error: unknown) => answer.writeHead(500).end(error instanceof Error ? error.message : String(error)),
      );
    },
  );
  server.maxConnections = MOST_CONNECTIONS;
  let told: string | null = null;
  let retry: NodeJS.Timeout | null = null;
  const listen = (): void => void server.listen(port, host);
  server.on('listening', () => {
    const address = server.address();
    const bound = typeof address === 'object' && address !== null ? address.port : port;
    events.listening(host.includes(':') ? `[${host}]:${bound}` : `${host}:${bound}`);
  });
  server.on('error', (error) => {
    if (error.message !== told) events.trouble(error.message);
    told = error.message;
    retry = setTimeout(listen, RETRY);
    retry.unref();
  });
  listen();
  return {
    async [Symbol.asyncDispose]() {
      if (retry) clearTimeout(retry);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

type Response = readonly [status: number, type: string, body: string];

async function respond(asked: http.IncomingMessage, watched: Watched): Promise<Response> {
  if (asked.method !== 'GET' && asked.method !== 'HEAD') return [405, 'text/plain', 'GET only\n'];
  const path = asked.url?.split('?')[0];
  if (path === '/metrics') return [200, PROMETHEUS_TEXT, await watched.metrics()];
  if (path === '/healthz') return [200, 'text/plain', 'ok\n'];
  if (path !== '/readyz') return [404, 'text/plain', 'there are /metrics, /healthz and /readyz\n'];
  const readiness = watched.readiness();
  return [readiness.ready ? 200 : 503, 'application/json', `${JSON.stringify(readiness)}\n`];
}
