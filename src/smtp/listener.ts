/** Opens one SMTP listener and closes it without losing a message. */
import { once } from 'node:events';
import type { HarvestGate } from './admission.ts';
import type { CensusSlots } from './census.ts';
import type { AccessLists } from './client.ts';
import { guardedEvents, type ListenerMode, type SmtpEvents } from './events.ts';
import type { CheckEdge } from './recipient-check.ts';
import type { Relay } from './relay.ts';
import { GatewayServer, type ServerTls } from './server.ts';
import type { SessionEdge } from './session.ts';
import type { ClientCertificate, TlsMaterial, TlsVersion } from './tls-context.ts';

/** Times are in ms, sizes in bytes. */
export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** A descriptor to listen on instead of host and port; it is closed with the listener. */
  readonly fd?: number;
  /** Counters of open connections when several threads share the listener; without it there is one thread. */
  readonly census?: CensusSlots;
  /** `relay` passes accepted mail on; `verify` only answers recipient checks. */
  readonly mode: ListenerMode;
  /** Our name in the greeting, in EHLO and in Received. */
  readonly hostname: string;
  /** Without it STARTTLS is not offered, until `replaceCertificate` brings one. */
  readonly tls: TlsMaterial | null;
  /** `implicit`: TLS from the first byte on. Default: `starttls`. */
  readonly tlsMode?: 'starttls' | 'implicit';
  /** Default: TLSv1.2. */
  readonly tlsMinVersion?: TlsVersion;
  /** `require` refuses a handshake without a certificate that the listener's authorities signed. Default: `off`. */
  readonly clientCertificate?: ClientCertificate;
  readonly maxRecipients: number;
  readonly maxMessageSize: number;
  /** Who may connect, and what each may do. */
  readonly access: AccessLists;
  readonly maxConnections: number;
  /** Of one client; trusted ones are not counted. 0 for no limit. */
  readonly maxConnectionsPerClient: number;
  /** For a whole command line, from the reply to the one before. */
  readonly commandTimeout: number;
  /** For the next piece of a message. */
  readonly dataTimeout: number;
  readonly sessionTimeout: number;
  /** Pause before the greeting, in which a client that talks is turned away; 0 for none. Trusted clients have none. */
  readonly greetingDelay: number;
  readonly bareNewlines: 'normalise' | 'reject';
  /** Grace of a disposal. */
  readonly closeTimeout: number;
}

/** What a listener needs from the gateway. */
export interface SmtpEdge extends CheckEdge {
  /** Required in relay mode. */
  readonly relay: Relay | null;
  /** Turns clients away that guess recipients; without it nobody is watched. */
  readonly harvest?: HarvestGate | null;
  /** Every next hop that `check` may name; their capabilities decide what EHLO offers. */
  nextHops(): readonly string[];
  /** A fresh reference of six characters for a reply. */
  reference(): string;
  readonly events: SmtpEvents;
}

export interface SmtpListener extends AsyncDisposable {
  address(): { readonly host: string; readonly port: number };
  connections(): number;
  /**
   * Uses other certificates from the next handshake on; open sessions go on with theirs.
   * @throws Error when a pair does not match; the ones before stay in use.
   */
  replaceCertificate(tls: TlsMaterial): void;
  /** Whether there is a certificate to present. */
  certified(): boolean;
  /** Stops accepting, lets open transactions finish for `graceMs`, then cuts what is left with a 421. */
  close(graceMs: number): Promise<void>;
}

/** Connections that wait to be accepted, as far as the kernel allows (net.core.somaxconn). */
const BACKLOG = 4096;

/**
 * Opens a listener; it answers when the promise resolves.
 * @throws Error when the address cannot be used, the key pair does not match, or relay mode has no relay.
 */
export async function openListener(options: ListenerOptions, edge: SmtpEdge): Promise<SmtpListener> {
  if (options.mode === 'relay' && !edge.relay) throw new Error('relay mode needs a relay');
  const gateway: SessionEdge = {
    check: (mailbox) => edge.check(mailbox),
    lookup: edge.lookup ?? null,
    relay: options.mode === 'relay' ? edge.relay : null,
    harvest: edge.harvest ?? null,
    nextHops: () => edge.nextHops(),
    reference: () => edge.reference(),
    events: guardedEvents(edge.events),
  };
  const server = new GatewayServer(options, serverTls(options), options.tls, gateway, options.census ?? null);
  // For a descriptor Node.js reads the length of the queue from the second argument only.
  if (options.fd === undefined)
    server.server.listen({ host: options.host, port: options.port, backlog: BACKLOG });
  else server.server.listen({ fd: options.fd }, BACKLOG);
  // Rejects with the error when the address cannot be used.
  await once(server.server, 'listening');
  let closed: Promise<void> | null = null;
  const close = (graceMs: number): Promise<void> => {
    closed ??= server.stop(graceMs);
    return closed;
  };
  return {
    address: () => addressOf(server),
    connections: () => server.open.size,
    replaceCertificate: (tls) => server.replaceTls(tls),
    certified: () => server.certified,
    close,
    [Symbol.asyncDispose]: () => close(options.closeTimeout),
  };
}

function serverTls(options: ListenerOptions): ServerTls {
  const { host, port, tlsMode = 'starttls', tlsMinVersion = 'TLSv1.2', clientCertificate = 'off' } = options;
  const listener = `${tlsMode} ${clientCertificate} ${host}:${port}`;
  return { mode: tlsMode, minVersion: tlsMinVersion, clientCertificate, listener };
}

function addressOf(server: GatewayServer): { host: string; port: number } {
  const address = server.server.address();
  if (address === null || typeof address === 'string') return { host: '', port: 0 };
  return { host: address.address, port: address.port };
}
