/**
 * The listening side: a subclass of the server of `smtp-server` that opens our connections and nothing else. Its
 * reverse lookup is off (it would cost every session a DNS round trip), and so are its TLS contexts, whose fallback is
 * a built-in certificate with a public key.
 */
import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions, TLSError } from 'smtp-server/lib/smtp-connection.js';
import { Admission } from './admission.ts';
import { Census, type CensusSlots } from './census.ts';
import { connectedClient } from './client.ts';
import type { Handshake } from './client-stream.ts';
import { type ConnectionSettings, GatewayConnection } from './connection.ts';
import { HEADER_TIME, proxiedConnection } from './proxied-socket.ts';
import { REPLY, replyWire } from './reply.ts';
import type { SessionEdge } from './session.ts';
import { type ContextFor, type TlsMaterial, type TlsPolicy, tlsContexts } from './tls-context.ts';

export type { KeyPair } from './tls-context.ts';

/** How a listener uses TLS. */
export interface ServerTls extends TlsPolicy {
  /** `implicit`: from the first byte on (RFC 8314 section 3). */
  readonly mode: 'starttls' | 'implicit';
}

export class GatewayServer extends SMTPServer {
  readonly admission: Admission;
  private readonly settings: ConnectionSettings;
  private readonly edge: SessionEdge;
  private readonly tls: ServerTls;
  private readonly census: Census | null;
  /** Every session with a socket, those included that only wait for the client to close its side. */
  readonly open = new Set<GatewayConnection>();
  /** null while there is no certificate: STARTTLS is not offered then, and an implicit handshake fails. */
  private contexts: ContextFor | null;
  private stopping = false;
  /** The last connection is gone. */
  private emptied = (): void => undefined;

  /** @throws Error when a key does not belong to its certificate. */
  constructor(
    settings: Omit<ConnectionSettings, 'startTls'>,
    tls: ServerTls,
    material: TlsMaterial | null,
    edge: SessionEdge,
    census: CensusSlots | null = null,
  ) {
    const contexts = material && tlsContexts(material, tls);
    super({
      name: settings.hostname,
      disableReverseLookup: true,
      disabledCommands: ['AUTH'],
      hideENHANCEDSTATUSCODES: false,
      logger: false,
      // A client that has said everything may close its side and still read the answers.
      allowHalfOpen: true,
      secure: tls.mode === 'implicit',
      requestCert: tls.clientCertificate !== 'off',
      rejectUnauthorized: tls.clientCertificate === 'require',
      // For an implicit handshake only; every other timer is ours.
      socketTimeout: settings.commandTimeout,
      maxClients: settings.maxConnections,
    });
    const offered = (): boolean => tls.mode === 'starttls' && this.contexts !== null;
    this.settings = {
      ...settings,
      get startTls() {
        return offered();
      },
    };
    this.edge = edge;
    this.tls = tls;
    this.census = census && new Census(census);
    this.contexts = contexts;
    this.present();
    this.admission = new Admission(settings, edge.harvest);
    // Gap 15: without a listener an 'error', such as garbage after STARTTLS, ends the process.
    this.on('error', (error: Error & { meta?: { stage?: string; remoteAddress?: string } }) => {
      const address = error.meta?.remoteAddress;
      const client = address === undefined ? null : { address, port: 0 };
      edge.events.listenerTrouble({ stage: error.meta ? 'tls' : 'listener', error, client });
    });
  }

  /** Opens one of our connections; those of the package are not used. */
  override connect(socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null): void {
    // The peer can be gone between accept and here; a socket without a peer has no session.
    if (socket.destroyed) return;
    // Accepted a moment before the stop: told like everybody else, so that it tries again at once.
    if (this.stopping) {
      socket.on('error', () => undefined);
      socket.end(replyWire(REPLY.shuttingDown), () => socket.destroy());
      return;
    }
    const identity = connectedClient(peerOf(socket), proxiedBy(options));
    const { admission, settings, edge } = this;
    const secured = this.tls.mode === 'implicit' ? (socket as TLSSocket) : null;
    const connection = new GatewayConnection(socket, secured, {
      settings,
      edge,
      admission,
      identity,
      connections: () => this.connectionCount,
      handshake: (plain, done) => this.handshake(plain, done),
      closed: () => {
        this.open.delete(connection);
        leave();
        this.census?.leave();
        if (this.open.size === 0) this.emptied();
      },
    });
    const leave = admission.enter(identity);
    this.census?.enter();
    this.open.add(connection);
    connection.open();
  }

  /** Open connections, of all threads that share the listener. */
  get connectionCount(): number {
    return this.census?.total() ?? this.open.size;
  }

  /** STARTTLS, done as the package does implicit TLS. */
  private handshake(plain: Socket, done: (outcome: TLSSocket | Error) => void): Handshake {
    if (plain.destroyed) return { abandon: () => undefined };
    this._pendingSockets.set(plain, plain);
    this._upgrade(plain, (error, secured) => {
      this._pendingSockets.delete(plain);
      if (error) plain.destroy();
      done(error ?? (secured as TLSSocket));
    });
    // The session has a clock of its own, which tells the client and the log.
    this._pendingSockets.get(plain)?.setTimeout(0);
    // From below, the end of a socket would tear down the TLS layer in mid-handshake.
    return { abandon: () => void this._pendingSockets.get(plain)?.destroy() };
  }

  /** The package's own list of proxies is not used. */
  override _expectsProxyHeader(socket: Socket): boolean {
    return this.admission.expectsHeader(socket.remoteAddress ?? '');
  }

  /**
   * Gap 24: the package refuses version 2 and reads version 1 loosely. A header is awaited from listed proxies and from
   * nobody else; what a stranger calls a header is an unknown command to a listener without proxies, and never read by one
   * with them.
   */
  override _handleProxy(socket: Socket, accepted: Parameters<SMTPServer['_handleProxy']>[1]): void {
    if (!this._expectsProxyHeader(socket)) {
      accepted(null);
      return;
    }
    const peer = peerOf(socket);
    const limit = Math.min(HEADER_TIME, this.settings.commandTimeout);
    void proxiedConnection(socket, limit).then((connection) => {
      if (connection.ok) {
        const { client } = connection;
        accepted(
          null,
          client ? { id: '', remoteAddress: client.address, remotePort: client.port } : undefined,
        );
        return;
      }
      const { problem } = connection;
      const error = new Error(problem ?? 'the proxy only looked whether we listen');
      if (problem !== null) this.edge.events.listenerTrouble({ stage: 'client', error, client: peer });
      socket.on('error', () => undefined);
      socket.destroy();
      accepted(error);
    });
  }

  /** Greets at once: there is nothing to wait for. */
  override onConnect(_session: unknown, callback: (error?: Error | null) => void): void {
    callback();
  }

  override onSecure(_socket: unknown, _session: unknown, callback: (error?: Error | null) => void): void {
    callback();
  }

  /** The package's own contexts, which would present its built-in certificate, are never made. */
  override updateSecureContext(): void {}

  override _resolveSNI(name: string, callback: (error: Error | null, context?: SecureContext) => void): void {
    callback(null, this.contexts?.(name.toLowerCase()));
  }

  /** Whether there is a certificate to present. */
  get certified(): boolean {
    return this.contexts !== null;
  }

  /** A TLS layer over a socket that is gone already (a stop can be faster than the package) ends the process. */
  override _upgrade(socket: Socket, callback: (error: TLSError | null, secured?: TLSSocket) => void): void {
    if (!socket.destroyed) super._upgrade(socket, callback);
  }

  /**
   * Uses other certificates from the next handshake on. Gap 17: the package drops the old ones before it knows
   * whether the new ones are any good.
   * @throws Error when a key does not belong to its certificate; the old ones stay in use.
   */
  replaceTls(material: TlsMaterial): void {
    this.contexts = tlsContexts(material, this.tls);
    this.present();
  }

  /**
   * Stops accepting and resolves once the last session is gone. Gap 23: the package lets idle sessions hear
   * nothing, and cuts a message that waits for its final answer.
   */
  stop(graceMs: number): Promise<void> {
    this.stopping = true;
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        for (const connection of this.open) connection.cut();
      }, graceMs);
      this.server.close(() => {
        this.emptied = () => {
          clearTimeout(cut);
          resolve();
        };
        if (this.open.size === 0) this.emptied();
      });
      for (const connection of this.open) connection.drain();
      // Those that wait for a PROXY header, or are in an implicit handshake, have no session yet.
      for (const socket of this._pendingSockets.values()) socket.destroy();
    });
  }

  /** The package takes the context of a handshake without a server name from here. */
  private present(): void {
    this.secureContext = new Map();
    if (this.contexts) this.secureContext.set('*', this.contexts(''));
  }
}

function peerOf(socket: Socket): { address: string; port: number } {
  return { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
}

/** What the PROXY header said, as {@link GatewayServer._handleProxy} hands it on. */
function proxiedBy(
  options: SMTPConnectionOptions | null | undefined,
): { address: string; port: number } | null {
  const address = options?.remoteAddress;
  return address === undefined ? null : { address, port: options?.remotePort ?? 0 };
}
