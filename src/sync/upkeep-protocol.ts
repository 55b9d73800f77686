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

export interface UpkeepRequests {
  /** Copies the mirror to `path`; `secrets`: with the sealed credentials. */
  readonly backup: {
    readonly ask: { readonly path: string; readonly secrets: boolean };
    readonly answer: BackupMade;
  };
}
