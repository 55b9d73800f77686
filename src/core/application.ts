/** The application of a tenant as it is entered in the console: plain values without any secret. */
import type { CloudName } from './cloud.ts';

/** Something that went wrong, for a person. */
export interface Problem {
  readonly code: string;
  /** What happened. */
  readonly message: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
}

/** What came of trying a credential: the application permissions in its token, or what went wrong. */
export type Trial = { readonly at: number } & (
  | { readonly ok: true; readonly roles: readonly string[] }
  | { readonly ok: false; readonly problem: Problem }
);

/** What is known of an entered application. Times in ms since 1970. */
export interface ApplicationSettings {
  /** Another one for each credential that was entered. */
  readonly entry: string;
  readonly applicationId: string;
  /** null: the one of the configuration. */
  readonly cloud: CloudName | null;
  readonly kind: 'secret' | 'certificate';
  /** First characters of the secret, as the portal shows them too; null for a certificate. */
  readonly hint: string | null;
  /** The secret has the form of a secret's id. */
  readonly looksLikeId: boolean;
  /** End of the credential; null when nobody said. */
  readonly expires: number | null;
  /** Who says so: the person who entered it, the certificate, or the application's registration. */
  readonly expiresFrom: 'typed' | 'certificate' | 'registration' | null;
  /** The certificate (PEM), which is public. */
  readonly certificate: string | null;
  /** Its key was made here and has never left. */
  readonly generated: boolean;
  readonly savedAt: number;
  readonly savedBy: string;
  readonly trial: Trial | null;
  /** When the proof succeeded; null while it is pending. */
  readonly provenAt: number | null;
  /** The organisation's name as Graph gave it at the proof. */
  readonly organization: string | null;
}

/** A credential as it is entered. `keep`: the one that was entered before, with other settings. */
export type EnteredCredential =
  | { readonly kind: 'secret'; readonly secret: string }
  | {
      readonly kind: 'certificate';
      readonly certificate: string;
      readonly key: string;
      readonly passphrase: string | null;
    }
  | { readonly kind: 'generate' }
  | { readonly kind: 'keep' };

/** An application as it is entered. */
export interface EnteredApplication {
  readonly tenant: string;
  readonly applicationId: string;
  readonly cloud: CloudName | null;
  /** End of the secret as typed, ms since 1970; null when not said. */
  readonly expires: number | null;
  readonly credential: EnteredCredential;
  readonly who: string;
}

/** A tenant's application as it stands. */
export interface ApplicationState {
  readonly tenant: string;
  /** The configuration names the credential; nothing can be entered then. */
  readonly file: {
    readonly applicationId: string;
    readonly kind: string;
    readonly files: readonly string[];
    /** End of the credential in use; null when unknown. */
    readonly expires: number | null;
  } | null;
  /** The base URLs that would be used now, and whether the configuration fixes them. */
  readonly login: string;
  readonly graph: string;
  readonly cloudFixed: boolean;
  readonly used: ApplicationSettings | null;
  readonly pending: ApplicationSettings | null;
  /** What came of trying the credential in the file. */
  readonly trial: Trial | null;
}

/** What saving, trying or proving came to. */
export type ApplicationAnswer =
  | { readonly ok: true; readonly state: ApplicationState }
  | { readonly ok: false; readonly problem: Problem; readonly state: ApplicationState };

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text has the form of a GUID, in any case. */
export function isGuid(text: string): boolean {
  return GUID.test(text);
}

/** Characters of a secret that are shown; Entra's own lists show as many. */
const HINT_LENGTH = 3;

/** The first characters of a secret, so that a person can tell which it is; none of one that is too short to spare them. */
export function hintOf(secret: string): string {
  return secret.length >= 4 * HINT_LENGTH ? secret.slice(0, HINT_LENGTH) : '';
}
