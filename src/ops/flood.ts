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
  let sums = openSums();
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    if (timer) clearTimeout(timer);
    timer = null;
    const told = sums.all;
    sums = openSums();
    for (const { kind, count } of told) tell(kind, count);
  };
  const add = (kind: RefusalKind): void => {
    sums.add(kind);
    if (timer) return;
    timer = setTimeout(flush, WINDOW);
    timer.unref();
  };
  return {
    passes(kind) {
      if (limit === 0) return true;
      const at = now();
      if (at >= until) {
        if (sums.all.length > 0) flush();
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

interface Sum {
  readonly kind: RefusalKind;
  count: number;
}

/** Sums of one second, found by client, so that no key has to be worded for each refusal. */
function openSums() {
  const all: Sum[] = [];
  const ofClient = new Map<string | null, Sum[]>();
  const begin = (kind: RefusalKind): void => {
    const sum = { kind, count: 1 };
    all.push(sum);
    const others = ofClient.get(kind.realClient);
    if (others) others.push(sum);
    else ofClient.set(kind.realClient, [sum]);
  };
  return {
    all: all as readonly Sum[],
    add(kind: RefusalKind): void {
      const own = ofClient.get(kind.realClient)?.find((sum) => isSame(sum.kind, kind));
      if (own) own.count += 1;
      else if (all.length < MOST_SUMS) begin(kind);
      else {
        const shared = ofClient.get(null)?.find((sum) => isShared(sum.kind) && isAlike(sum.kind, kind));
        if (shared) shared.count += 1;
        else begin({ ...kind, domain: null, tenant: null, realClient: null });
      }
    },
  };
}

function isShared({ domain, tenant }: RefusalKind): boolean {
  return domain === null && tenant === null;
}

function isSame(one: RefusalKind, other: RefusalKind): boolean {
  return one.domain === other.domain && one.tenant === other.tenant && isAlike(one, other);
}

/** The same, but for whom and where. */
function isAlike(one: RefusalKind, other: RefusalKind): boolean {
  const { answer, verdict, reason, code, source } = one;
  return (
    code === other.code &&
    reason === other.reason &&
    answer === other.answer &&
    verdict === other.verdict &&
    source === other.source
  );
}
