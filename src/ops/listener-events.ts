/** Events of listeners beside their sessions: certificates, failed handshakes, a configuration that was read again. */
import type { Logger } from 'pino';
import type { Metrics } from './metrics.ts';

/** A certificate as the log tells it. */
export interface CertificateEvent {
  readonly listener: string;
  readonly names: readonly string[];
  /** Ms since 1970. */
  readonly notAfter: number;
  /** SHA-256, hexadecimal. */
  readonly fingerprint: string;
}

export interface CertificateTrouble {
  readonly listener: string;
  readonly key: string;
  readonly file: string;
  readonly problem: string;
  /** What is presented meanwhile: the certificate from before, or none, so that TLS is not offered. */
  readonly inUse: 'previous' | 'none';
}

/** A fault below the sessions. `stage` `tls`: a handshake. */
export interface ListenerTrouble {
  readonly stage: string;
  readonly error: unknown;
  readonly client: { readonly address: string } | null;
}

/** A worker thread that ended. */
export interface WorkerTrouble {
  readonly worker: number;
  /** Ms until it is started again. */
  readonly restartMs: number;
  readonly error: string;
}

export interface ConfigReload {
  readonly applied: readonly string[];
  readonly restart: readonly string[];
}

/** Days before its end from which a certificate is warned of. Automatic renewal has happened by then. */
const WARN_DAYS = 14;
const DAY_MS = 86_400_000;

export function listenerEvents(logger: Logger, metrics: Metrics) {
  return {
    certificateUse: (certificate: CertificateEvent) => {
      const { listener, names, notAfter, fingerprint } = certificate;
      metrics.certificateExpiry.set({ listener, name: names[0] ?? '' }, notAfter / 1000);
      const not_after = new Date(notAfter).toISOString();
      logger.info({ event: 'certificate.use', listener, names, not_after, fingerprint });
    },
    certificateTrouble: ({ listener, key, file, problem, inUse }: CertificateTrouble) =>
      logger.error({ event: 'certificate.trouble', listener, key, file, in_use: inUse, problem }),
    /** Says so when the end is near, or past. */
    certificateExpiry: ({ listener, names, notAfter }: CertificateEvent, now: number) => {
      const days = Math.floor((notAfter - now) / DAY_MS);
      if (days >= WARN_DAYS) return;
      const not_after = new Date(notAfter).toISOString();
      logger.warn({ event: 'certificate.expiry', listener, names, days, not_after });
    },
    listenerOpen: (address: string, mode: string, tls: boolean) =>
      logger.info({ event: 'listener.open', address, mode, tls }),
    listenerTrouble: ({ stage, error, client }: ListenerTrouble) => {
      const fields = { client: client?.address ?? null, error: text(error) };
      if (stage !== 'tls') {
        logger.error({ event: 'listener.trouble', stage, ...fields });
        return;
      }
      // Handshakes fail all day on a listener that the internet can reach; it is no fault of ours.
      metrics.tlsFailures.inc();
      logger.warn({ event: 'tls.failure', ...fields });
    },
    workerTrouble: ({ worker, restartMs, error }: WorkerTrouble) => {
      metrics.workerRestarts.inc();
      logger.error({ event: 'worker.trouble', worker, restart_ms: restartMs, error });
    },
    workerStuck: (worker: number) =>
      logger.error({
        event: 'worker.stuck',
        worker,
        problem: 'it hangs and cannot be ended; restart rcptgate. The service manager is asked to',
      }),
    configReload: ({ applied, restart }: ConfigReload) =>
      logger[restart.length > 0 ? 'warn' : 'info']({ event: 'config.reload', applied, restart }),
    configRefuse: (problems: ReadonlyArray<{ readonly key: string; readonly problem: string }>) =>
      logger.error({ event: 'config.refuse', problems }),
  };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
