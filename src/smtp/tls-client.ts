/** Who a client is by its certificate, in the words of a log line. */
import type { TLSSocket } from 'node:tls';
import { certificateNames } from './tls-context.ts';

/**
 * The first name of the certificate that a client proved to have, and its SHA-256 fingerprint; null when it showed none,
 * or one that the listener's authorities did not sign. A resumed session carries the certificate of the one before.
 */
export function verifiedClient(socket: TLSSocket): string | null {
  if (!socket.authorized) return null;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return null;
  const [name = ''] = certificateNames(certificate.toString());
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return `${name} sha256:${fingerprint}`.trim();
}
