/**
 * Counts of verdicts on their way into Prometheus' counter. Its way from labels to a number costs as much as a look into the
 * directory, so answers are counted in plain numbers and added up when somebody asks.
 */

interface Count {
  readonly verdict: string;
  readonly reason: string;
  readonly tenant: string;
  by: number;
}

/** What the counts go to. */
export interface VerdictCounter {
  inc(
    labels: { readonly verdict: string; readonly reason: string; readonly tenant: string },
    by: number,
  ): void;
}

export class VerdictTally {
  /** By reason, of which there are few; each has a count for every tenant. */
  private readonly counts = new Map<string, Count[]>();

  count(verdict: string, reason: string, tenant: string): void {
    const counts = this.counts.get(reason) ?? [];
    if (counts.length === 0) this.counts.set(reason, counts);
    for (const each of counts) {
      if (each.tenant !== tenant || each.verdict !== verdict) continue;
      each.by += 1;
      return;
    }
    counts.push({ verdict, reason, tenant, by: 1 });
  }

  /** Adds to `counter` what was counted since the last time. */
  settle(counter: VerdictCounter): void {
    for (const counts of this.counts.values()) {
      for (const each of counts) {
        const { verdict, reason, tenant, by } = each;
        each.by = 0;
        if (by > 0) counter.inc({ verdict, reason, tenant }, by);
      }
    }
  }
}
