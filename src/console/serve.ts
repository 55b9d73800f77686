/** The console's HTTP server, inside its own process. A port that is taken is told and tried again. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { assembleConsole } from './assemble.ts';
import type { ConsoleMessage, ConsoleSettings } from './ipc.ts';
import { clientAddress, networks } from './site/client-address.ts';
import { daemonAt } from './site/daemon.ts';
import { paced } from './site/pacing.ts';
import { sectionsOf } from './site/sections.ts';
import { shared } from './site/sharing.ts';

/** Ms between attempts to listen. */
const LISTEN_AGAIN = 5_000;
/** Connections at a time; a browser uses six. */
const MOST_CONNECTIONS = 200;
/** Ms for the headers of a request, and for all of it: the largest upload over a slow line. */
const HEADERS_TIME = 10_000;
const REQUEST_TIME = 180_000;
/** How often these are looked at; Node's own 30 s would let slow clients hold their connections that long. */
const CHECK_INTERVAL = 5_000;

/** Connections that wait to be accepted on an inherited socket. */
const BACKLOG = 511;
/** The descriptor behind standard input, output, error and the channel. */
const INHERITED = 4;

/** Starts the console. It ends with its process. */
export function serveConsole(settings: ConsoleSettings, tell: (message: ConsoleMessage) => void): void {
  // Under which names it answers depends on where it listens, which an inherited socket knows by itself.
  let assembled: ReturnType<typeof siteFor> | null = null;
  const site = () => {
    assembled ??= siteFor(settings, addressOf(server, settings), tell);
    return assembled;
  };
  const server = createAdaptorServer({
    fetch: (request, env) => site().fetch(request, env),
    serverOptions: { connectionsCheckingInterval: CHECK_INTERVAL },
  }) as Server;
  server.headersTimeout = HEADERS_TIME;
  server.requestTimeout = REQUEST_TIME;
  server.maxConnections = MOST_CONNECTIONS;
  const listen = () =>
    settings.inherited
      ? server.listen({ fd: INHERITED }, BACKLOG)
      : server.listen(settings.port, settings.host);
  server.on('listening', () => tell({ kind: 'listening', ...addressOf(server, settings) }));
  server.on('error', (error) => {
    tell({ kind: 'trouble', message: error.message });
    if (!server.listening) setTimeout(listen, LISTEN_AGAIN);
  });
  listen();
}

/** Where it listens, port 0 for a Unix socket. */
function addressOf(server: Server, { inherited, host, port }: ConsoleSettings) {
  if (!inherited) return { host, port };
  const address = server.address();
  if (address === null || typeof address === 'string') return { host: 'localhost', port: 0 };
  const bound: AddressInfo = address;
  return { host: bound.address, port: bound.port };
}

function siteFor(
  settings: ConsoleSettings,
  address: { readonly host: string; readonly port: number },
  tell: (message: ConsoleMessage) => void,
) {
  const isTrusted = networks(settings.trustedProxies);
  const { app } = assembleConsole({
    settings: { ...settings, ...address },
    daemon: shared(paced(daemonAt(settings.controlSocket, settings.token))),
    sections: sectionsOf,
    tell: (news) => tell({ kind: 'news', news }),
    clientAddress(context: Context<{ Bindings: HttpBindings }>) {
      const peer = context.env.incoming.socket.remoteAddress ?? '';
      return clientAddress(peer, context.req.header('x-forwarded-for'), isTrusted);
    },
    now: Date.now,
  });
  return app;
}
