/** When to warn that a credential ends. */

const DAY = 86_400_000;
/** Days before the end at which a warning is due, falling; 0 is the end itself. */
const WARNINGS = [60, 30, 14, 7, 1, 0] as const;

/** A warning that was given: for which end (ms since 1970), and at how many days. */
export interface ExpiryWarning {
  readonly expires: number;
  readonly days: number;
}

/**
 * The warning that is due at `now` (ms since 1970) for a credential that ends at `expires`, when `last` was the last one
 * given; null when none is. Each is given once, also when the clock moves back; another end starts anew.
 */
export function expiryWarning(
  expires: number,
  now: number,
  last: ExpiryWarning | null,
): ExpiryWarning | null {
  const days = WARNINGS.findLast((each) => expires - now <= each * DAY);
  if (days === undefined) return null;
  return last !== null && last.expires === expires && last.days <= days ? null : { expires, days };
}
