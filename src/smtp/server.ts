/**
 * The listening side: a subclass of the server of `smtp-server` that opens our connections and nothing else. Its
 * reverse lookup is off (it would cost every session a DNS round trip) and so is its built-in certificate.
 */
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { type ConnectionSettings, GatewayConnection } from './connection.ts';
import type { SessionEdge } from './session.ts';

/** A certificate chain and its key, PEM. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

export class GatewayServer extends SMTPServer {
  private readonly settings: ConnectionSettings;
  private readonly edge: SessionEdge;
  /** Every session with a socket, those included that only wait for the client to close its side. */
  private readonly open = new Set<GatewayConnection>();
  private stopping = false;

  constructor(settings: ConnectionSettings, tls: KeyPair | null, edge: SessionEdge) {
    if (tls) validateKeyPair(tls);
    super({
      name: settings.hostname,
      disableReverseLookup: true,
      disabledCommands: ['AUTH', ...(tls ? [] : ['STARTTLS'])],
      hideENHANCEDSTATUSCODES: false,
      logger: false,
      // A client that has said everything may close its side and still read the answers.
      allowHalfOpen: true,
      minVersion: 'TLSv1.2',
      ...(tls ? { key: tls.key, cert: tls.cert } : {}),
    });
    this.settings = settings;
    this.edge = edge;
    // Gap 15: without a listener an 'error', such as garbage after STARTTLS, ends the process.
    this.on('error', (error: unknown) =>
      edge.events.listenerTrouble({ stage: 'listener', error, client: null }),
    );
  }

  override connect(socket: Socket, options?: SMTPConnectionOptions | null): void {
    // The peer can be gone between accept and here; a socket without a peer has no session.
    if (socket.destroyed || this.stopping) {
      socket.destroy();
      return;
    }
    const connection = new GatewayConnection(this, socket, options, this.settings, this.edge);
    this.connections.add(connection);
    this.open.add(connection);
    socket.once('close', () => this.open.delete(connection));
    connection.on('error', (error: unknown) =>
      this.edge.events.listenerTrouble({ stage: 'client', error, client: connection.client }),
    );
    connection.init();
  }

  /** Greets at once: there is nothing to wait for. */
  override onConnect(_session: unknown, callback: (error?: Error | null) => void): void {
    callback();
  }

  override onSecure(_socket: unknown, _session: unknown, callback: (error?: Error | null) => void): void {
    callback();
  }

  /**
   * Uses another certificate from the next handshake on. Gap 17: the package drops the old one before it knows
   * whether the new one is any good.
   * @throws Error when the key does not belong to the certificate; the old one stays in use.
   */
  replaceKeyPair(tls: KeyPair): void {
    validateKeyPair(tls);
    this.updateSecureContext({ key: tls.key, cert: tls.cert });
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
        clearTimeout(cut);
        resolve();
      });
      for (const connection of this.open) connection.drain();
    });
  }
}

function validateKeyPair({ key, cert }: KeyPair): void {
  createSecureContext({ key, cert });
}
