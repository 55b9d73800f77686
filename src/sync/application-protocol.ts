/** What the main thread asks the learning thread about the applications of tenants. Secrets cross in this direction only. */
import type {
  ApplicationAnswer,
  ApplicationState,
  EnteredApplication,
  Problem,
} from '../core/application.ts';
import type { CloudName } from '../core/cloud.ts';

/** What a proof came to; `adopted`: another credential is in use from now on. */
export type ProofAnswer =
  | {
      readonly ok: true;
      readonly adopted: boolean;
      /** The organisation's name. */
      readonly organization: string;
      /** Verified domains. */
      readonly domains: number;
      readonly state: ApplicationState;
    }
  | { readonly ok: false; readonly problem: Problem; readonly state: ApplicationState };

/** The tenant of a domain; null when there is none in this cloud. */
export type DomainTenant =
  | { readonly ok: true; readonly tenant: string | null }
  | { readonly ok: false; readonly problem: Problem };

/** What can be asked, with what it is answered by. A tenant that is not configured is refused. */
export interface ApplicationRequests {
  readonly applications: { readonly ask: null; readonly answer: readonly ApplicationState[] };
  /** Keeps what was entered beside what is in use. */
  readonly applicationSave: { readonly ask: EnteredApplication; readonly answer: ApplicationAnswer };
  /** Gets a token with what is pending, or else with what is in use. Changes nothing. */
  readonly applicationTry: { readonly ask: { readonly tenant: string }; readonly answer: ApplicationAnswer };
  /** Proves it, and takes what was pending into use. `patient`: consent was given just now and may need a while. */
  readonly applicationProve: {
    readonly ask: { readonly tenant: string; readonly patient: boolean };
    readonly answer: ProofAnswer;
  };
  /** Forgets what is pending. */
  readonly applicationDiscard: {
    readonly ask: { readonly tenant: string };
    readonly answer: { readonly discarded: boolean; readonly state: ApplicationState };
  };
  readonly domainTenant: {
    readonly ask: { readonly domain: string; readonly cloud: CloudName };
    readonly answer: DomainTenant;
  };
}

export type ApplicationRequestName = keyof ApplicationRequests;
