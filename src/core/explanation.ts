/** What an error code means and what to do about it, in every language of the console; log and status use English. */

/** A text in each language of the console. */
export interface Text {
  readonly en: string;
  readonly ja: string;
}

export interface Explanation {
  /** Goes on after "Entra ID refused the sign-in:". */
  readonly means: Text;
  readonly fix: Text;
  /** It goes away by itself. */
  readonly transient?: true;
}
