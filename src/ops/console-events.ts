/** The events of the console: whether it can be reached, and who comes and goes. */
import type { Logger } from 'pino';
import type { DoneBy } from './operator-events.ts';

/** Who came in or went. */
export interface Came extends DoneBy {
  /** `link` or `microsoft`. */
  readonly how: string;
  readonly role: string;
}

/** Who did not come in. */
export interface TurnedAway {
  readonly from: string;
  readonly how: string;
  readonly why: string;
  /** Whom Microsoft Entra ID named; null when it named nobody, or it was not proven. */
  readonly account: { readonly tenant: string; readonly object: string } | null;
}

/** The functions, for `createEvents`. None of them throws. */
export function consoleEvents(logger: Logger) {
  return {
    consoleListen: (address: string, url: string) => logger.info({ event: 'console.listen', address, url }),
    consoleTrouble: (error: string) => logger.warn({ event: 'console.trouble', error }),
    /** `until` in ms since 1970. */
    consoleLink: ({ who, from }: DoneBy, until: number) =>
      logger.info({ event: 'console.link', who, from, until: new Date(until).toISOString() }),
    consoleSignIn: ({ who, from, how, role }: Came) =>
      logger.info({ event: 'console.sign_in', how, role, from, who }),
    consoleRefused: ({ from, how, why, account }: TurnedAway) =>
      logger.warn({
        event: 'console.sign_in_refused',
        how,
        why,
        from,
        tenant: account?.tenant ?? null,
        object: account?.object ?? null,
      }),
    consoleSignOut: ({ who, from }: DoneBy) => logger.info({ event: 'console.sign_out', from, who }),
    consoleFault: (path: string, error: string) => logger.error({ event: 'console.fault', path, error }),
    /** Somebody was remembered, or (role null) forgotten. */
    consoleAccess: (
      { who, from }: DoneBy,
      account: { readonly tenant: string; readonly object: string },
      role: string | null,
    ) => {
      const { tenant, object } = account;
      logger.info({ event: 'console.access', who, from, remembered: role !== null, role, tenant, object });
    },
  };
}
