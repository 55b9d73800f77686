/**
 * The certificates that listeners present: read from their files, judged whole, and replaced while sessions go on. Files
 * that cannot be used are told, and what was presented before is presented further.
 */
import { randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { SmtpConfig } from './config/config.ts';
import { listenText } from './config/listen.ts';
import { authoritiesProblem } from './core/authorities.ts';
import type { CertificateEvent, CertificateTrouble } from './ops/listener-events.ts';
import { certificateNames, type KeyPair, keyPairProblem, type TlsMaterial } from './smtp/tls-context.ts';

export interface CertificateEvents {
  certificateUse(certificate: CertificateEvent): void;
  certificateTrouble(trouble: CertificateTrouble): void;
  certificateExpiry(certificate: CertificateEvent, now: number): void;
}

/** What can present certificates. */
export interface Presenter {
  replaceCertificate(tls: TlsMaterial): void;
}

export interface Certificates extends Disposable {
  /** Reads the files of a listener for the first time; null when it has none, or they cannot be used (told). */
  first(smtp: SmtpConfig): TlsMaterial | null;
  /** Reads every file again and replaces what can be. The lists are in the order of the configuration. */
  reload(smtp: readonly SmtpConfig[]): void;
  /** Names who presents the certificates that are read from now on. */
  presentedBy(smtp: () => readonly SmtpConfig[], presenters: readonly Presenter[]): void;
}

/**
 * How long tickets are sealed with the same keys, and files are trusted not to have changed without a signal, ms. Whoever
 * learns a ticket key can read the sessions that were resumed with it.
 */
const RENEWAL = 12 * 3_600_000;

export function keepCertificates(events: CertificateEvents): Certificates {
  const presented = new Map<string, string>();
  let current: () => readonly SmtpConfig[] = () => [];
  let presenters: readonly Presenter[] = [];
  const read = (smtp: SmtpConfig): TlsMaterial | null => {
    const listener = listenText(smtp);
    const found = readTls(smtp);
    if (found === null) return null;
    if (!found.ok) {
      const inUse = presented.has(listener) ? 'previous' : 'none';
      events.certificateTrouble({ listener, ...found.fault, inUse });
      return null;
    }
    const certificates = pairsOf(found.material).map(({ cert }) => describe(listener, cert));
    const fingerprints = certificates.map(({ fingerprint }) => fingerprint).join();
    if (presented.get(listener) !== fingerprints)
      for (const each of certificates) events.certificateUse(each);
    for (const each of certificates) events.certificateExpiry(each, Date.now());
    presented.set(listener, fingerprints);
    return found.material;
  };
  const reload = (all: readonly SmtpConfig[]): void => {
    for (const [index, smtp] of all.entries()) {
      const material = read(smtp);
      if (material) presenters[index]?.replaceCertificate(material);
    }
  };
  const timer = setInterval(() => reload(current()), RENEWAL);
  timer.unref();
  return {
    first: read,
    reload,
    presentedBy(smtp, by) {
      current = smtp;
      presenters = by;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

type Fault = Pick<CertificateTrouble, 'key' | 'file' | 'problem'>;
type TlsRead =
  | { readonly ok: true; readonly material: TlsMaterial }
  | { readonly ok: false; readonly fault: Fault };

/** Reads and judges the files of one listener, with fresh ticket keys. Null when it has none. */
export function readTls({ tlsFiles, tls }: SmtpConfig): TlsRead | null {
  if (tls.mode === 'off' || tlsFiles === null) return null;
  try {
    const pair = readPair(tlsFiles, { cert: 'tls_cert', key: 'tls_key' });
    const named = tls.certificates.map((files, index) => {
      const at = `certificate[${index}]`;
      return { ...readPair(files, { cert: `${at}.cert`, key: `${at}.key` }), names: files.names };
    });
    const clientCa = tls.clientCa === null ? null : readAuthority(tls.clientCa);
    return { ok: true, material: { ...pair, named, clientCa, ticketKeys: randomBytes(48) } };
  } catch (error) {
    if (error instanceof UnusableFile) return { ok: false, fault: error.fault };
    throw error;
  }
}

class UnusableFile extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.problem);
    this.fault = fault;
  }
}

function readPair(files: KeyPair, keys: KeyPair): KeyPair {
  const cert = readText(keys.cert, files.cert);
  const pair = { cert, key: readText(keys.key, files.key) };
  const problem = keyPairProblem(pair);
  if (problem === null) return pair;
  const at = problem.startsWith('the certificate') ? 'cert' : 'key';
  throw new UnusableFile({ key: keys[at], file: files[at], problem });
}

function readAuthority(file: string): string {
  const pem = readText('client_ca', file);
  const problem = authoritiesProblem(pem);
  if (problem !== null) throw new UnusableFile({ key: 'client_ca', file, problem });
  return pem;
}

function readText(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnusableFile({ key, file, problem: `cannot be read: ${reason}` });
  }
}

function pairsOf(material: TlsMaterial): readonly KeyPair[] {
  return [material, ...(material.named ?? [])];
}

function describe(listener: string, cert: string): CertificateEvent {
  const { validTo, fingerprint256 } = new X509Certificate(cert);
  const fingerprint = fingerprint256.replaceAll(':', '').toLowerCase();
  return { listener, names: certificateNames(cert), notAfter: Date.parse(validTo), fingerprint };
}
