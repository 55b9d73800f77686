/**
 * A flood of refusals in the log: so many lines a second are written as they are, and the rest of that second is told in
 * sums. Nothing is left out: lines and the counts of `rcpt.aggregate` add up to every refused recipient.
 */

/** What refusals are added up by. */
export interface RefusalKind {
  readonly answer: string;
  readonly verdict: string;
  readonly reason: string;
  readonly code: number;
  readonly domain: string | null;
  readonly tenant: string | null;
  readonly source: string;
  /** null: several, more than are told one by one. */
  readonly realClient: string | null;
}

export interface Flood {
  /** Whether this refusal gets a line of its own; otherwise it was added up. */
  passes(kind: RefusalKind): boolean;
  /** Tells what was added up so far. */
  flush(): void;
}

/** Sums a second that are kept apart by client; the others share one for each reason. */
const MOST_SUMS = 100;
/** Ms. */
const WINDOW = 1000;

/** `limit`: lines a second, 0 for all. `tell` hears each sum. `now` in ms, of a clock that is never set back. */
export function openFlood(
  limit: number,
  tell: (kind: RefusalKind, count: number) => void,
  now: () => number = () => performance.now(),
): Flood {
  let until = 0;
  let lines = 0;
  let sums = new Map<string, { readonly kind: RefusalKind; count: number }>();
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer) clearTimeout(timer);
    timer = null;
    const told = sums;
    sums = new Map();
    for (const { kind, count } of told.values()) tell(kind, count);
  };
  const add = (kind: RefusalKind): void => {
    const key = Object.values(kind).join(' ');
    const sum = sums.get(key);
    if (sum) sum.count += 1;
    else if (sums.size < MOST_SUMS || kind.realClient === null) sums.set(key, { kind, count: 1 });
    else add({ ...kind, domain: null, tenant: null, realClient: null });
    if (timer) return;
    timer = setTimeout(flush, WINDOW);
    timer.unref();
  };
  return {
    passes(kind) {
      if (limit === 0) return true;
      const at = now();
      if (at >= until) {
        if (sums.size > 0) flush();
        until = at + WINDOW;
        lines = 0;
      }
      lines += 1;
      if (lines <= limit) return true;
      add(kind);
      return false;
    },
    flush,
  };
}
