/** The events of setting up and renewing the application of a tenant: who did what, never the credential itself. */
import type { Logger } from 'pino';
import type { DoneBy } from './operator-events.ts';

/** An application as it is told; `hint` is left out on purpose. */
export interface ApplicationEvent {
  readonly tenant: string;
  readonly applicationId: string | null;
  /** `secret`, `certificate` or `assertion`. */
  readonly kind: string | null;
}

/** What became of an admin consent, as far as the console saw it. `asked`: a link was made. */
export interface ConsentEvent {
  /** The link is for somebody without access to the console. */
  readonly shared: boolean;
  readonly outcome: 'asked' | 'declined';
  /** Why Microsoft says that it was declined. */
  readonly code?: string;
}

interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** The functions, for `createEvents`. None of them throws. */
export function applicationEvents(logger: Logger) {
  return {
    /** `generated`: the certificate was made by the gateway. */
    applicationSave: (by: DoneBy, application: ApplicationEvent, generated: boolean) =>
      logger.info({ event: 'application.save', ...fields(by, application), generated }),
    applicationDiscard: (by: DoneBy, tenant: string) =>
      logger.info({ event: 'application.discard', who: by.who, from: by.from, tenant }),
    applicationAuthenticate: (by: DoneBy, application: ApplicationEvent, error: Trouble | null) =>
      logger[error === null ? 'info' : 'warn']({
        event: 'application.authenticate',
        ...fields(by, application),
        ...(error === null ? {} : { error }),
      }),
    applicationConsent: (by: DoneBy, tenant: string, consent: ConsentEvent) =>
      logger[consent.outcome === 'declined' ? 'warn' : 'info']({
        event: 'application.consent',
        who: by.who,
        from: by.from,
        tenant,
        ...consent,
      }),
    applicationConnect: (by: DoneBy, tenant: string, outcome: string, error: Trouble | null) =>
      logger[error === null ? 'info' : 'warn']({
        event: 'application.connect',
        who: by.who,
        from: by.from,
        tenant,
        outcome,
        ...(error === null ? {} : { error }),
      }),
    applicationAdopt: (by: DoneBy, application: ApplicationEvent, organization: string) =>
      logger.info({ event: 'application.adopt', ...fields(by, application), organization }),
  };
}

function fields({ who, from }: DoneBy, { tenant, applicationId, kind }: ApplicationEvent): object {
  return { who, from, tenant, application: applicationId, kind };
}
