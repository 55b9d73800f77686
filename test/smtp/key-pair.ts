/** Certificates for tests, made on the spot by the practice authority. */
import { createAuthority, createServerIdentity } from '../../src/practice/certificate.ts';

const authority = createAuthority();

/** PEM of the authority behind every pair. */
export const AUTHORITY = authority.certPem;

/** A certificate for one name or IPv4 address, with its key. */
export function keyPairFor(name: string): { key: string; cert: string } {
  const isAddress = /^[\d.]+$/.test(name);
  const names = { dns: isAddress ? [] : [name], ipv4: isAddress ? [name] : [] };
  const { certPem, keyPem } = createServerIdentity(authority, names);
  return { key: keyPem, cert: certPem };
}
