/** What the main thread may ask about the mirror's file. */

/** What is in a copy of the mirror. Times in ms since 1970. */
export interface BackupMade {
  readonly bytes: number;
  readonly schema: number;
  readonly tenants: ReadonlyArray<{
    readonly tenant: string;
    readonly addresses: number;
    readonly syncedAt: number | null;
  }>;
  readonly overrides: number;
  readonly secrets: boolean;
}

/** What a change of the master key came to. */
export interface KeyRotated {
  /** The file of the key that everything is sealed under now. */
  readonly path: string;
  /** It is a new one, made here; otherwise systemd hands it over. */
  readonly made: boolean;
  /** Credentials that were sealed anew, and those that were under this key already. */
  readonly resealed: number;
  readonly already: number;
  /** Credentials that no key here opens; they are as they were. */
  readonly unopened: ReadonlyArray<{ readonly tenant: string; readonly place: string; readonly why: string }>;
  /** Files with keys that nothing needs any more. */
  readonly spare: readonly string[];
}

export interface UpkeepRequests {
  /** Seals everything anew: under a new key, or the one that systemd hands over. */
  readonly rotateKey: { readonly ask: null; readonly answer: KeyRotated };
  /** Copies the mirror to `path`; `secrets`: with the sealed credentials. */
  readonly backup: {
    readonly ask: { readonly path: string; readonly secrets: boolean };
    readonly answer: BackupMade;
  };
}
