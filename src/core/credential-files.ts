/** Where a tenant's one credential is: the files alone. What is in them never crosses between threads. */
export type CredentialFiles =
  /** `expires`: when the operator says the secret ends, ms since 1970; null when not said. */
  | { readonly kind: 'secret'; readonly secretFile: string; readonly expires: number | null }
  | {
      readonly kind: 'certificate';
      readonly certificateFile: string;
      readonly keyFile: string;
      readonly keyPassphraseFile: string | null;
    }
  | { readonly kind: 'assertion'; readonly assertionFile: string };
