/** The rule for a file of certificate authorities: PEM, one certificate or several, each of them readable. */
import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g;

/** What is wrong with the text of such a file, to follow its name in a sentence; null when it can be used. */
export function authoritiesProblem(pem: string): string | null {
  const blocks = pem.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) return 'holds no PEM certificate';
  const damaged = blocks.findIndex((block) => !isReadable(block));
  return damaged === -1 ? null : `cannot be used: certificate ${damaged + 1} of ${blocks.length} is damaged`;
}

function isReadable(block: string): boolean {
  try {
    return new X509Certificate(block).raw.length > 0;
  } catch {
    return false;
  }
}
