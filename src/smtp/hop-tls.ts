/**
 * TLS towards next hops: one context for all connections, because reading the authorities costs more than a
 * handshake, and the last session of each host, because a resumed handshake costs a fraction of a full one
 * (RFC 8446 section 2.2, RFC 5077).
 */
import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import { connect, createSecureContext, rootCertificates, type SecureContext, type TLSSocket } from 'node:tls';
import { type Endpoint, endpointKey } from './next-hop.ts';

/** `opportunistic`: when offered, unverified; `required`: or nothing; `verified`: with name and chain checked. */
export type HopTls = 'off' | 'opportunistic' | 'required' | 'verified';

/** Hosts whose session is remembered. */
const MAX_SESSIONS = 1000;

export class HopTlsClient {
  private readonly ca: string | undefined;
  private context: SecureContext | null = null;
  private readonly sessions = new Map<string, Buffer>();

  /** `ca`: PEM of further authorities to trust. */
  constructor(ca: string | undefined) {
    this.ca = ca;
  }

  /** Begins a handshake on `socket`. A session that was not verified is never resumed for one that has to be. */
  secure(socket: Socket, endpoint: Endpoint, verify: boolean): TLSSocket {
    this.context ??= createSecureContext({
      minVersion: 'TLSv1.2',
      ...(this.ca === undefined ? {} : { ca: [...rootCertificates, this.ca] }),
    });
    const key = `${verify ? 'verified' : 'any'} ${endpoint.name} ${endpointKey(endpoint)}`;
    const session = this.sessions.get(key);
    const secured = connect({
      socket,
      host: endpoint.name,
      ...(isIP(endpoint.name) ? {} : { servername: endpoint.name }),
      rejectUnauthorized: verify,
      secureContext: this.context,
      ...(session === undefined ? {} : { session }),
    });
    secured.on('session', (fresh: Buffer) => this.remember(key, fresh));
    // Whatever was wrong with the handshake may have been the session.
    secured.once('error', () => this.sessions.delete(key));
    return secured;
  }

  private remember(key: string, session: Buffer): void {
    this.sessions.delete(key);
    this.sessions.set(key, session);
    const [oldest] = this.sessions.keys();
    if (this.sessions.size > MAX_SESSIONS && oldest !== undefined) this.sessions.delete(oldest);
  }
}
