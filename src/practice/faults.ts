/** Faults: replies that go wrong once, a few times or always, in every way that Graph and Entra ID are known to. */

/** How a `Retry-After` is written; `absent` leaves it out, anything else is sent as it is. */
export type RetryAfter = 'absent' | 'http-date' | (string & {});

export type Fault =
  /** The error envelope with any status; codes default to what Graph sends with that status. */
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly code?: string;
      readonly retryAfter?: RetryAfter;
    }
  /** 401 as for an access token past its lifetime. */
  | { readonly kind: 'expired-token' }
  /** 403 as for a missing role. */
  | { readonly kind: 'forbidden' }
  /** 429 with the throttling headers; `Retry-After` is 10 unless given. */
  | { readonly kind: 'throttled'; readonly retryAfter?: RetryAfter }
  /** A proxy's or portal's HTML page, with any status. */
  | { readonly kind: 'html'; readonly status: number; readonly retryAfter?: RetryAfter }
  /** 204 without a body. */
  | { readonly kind: 'no-content' }
  /** `{}` with any status. */
  | { readonly kind: 'empty-object'; readonly status?: number }
  /** A complete HTTP reply whose JSON stops half-way. */
  | { readonly kind: 'truncated' }
  /** The connection closes half-way through the body. */
  | { readonly kind: 'cut' }
  /** Headers and half the body, then silence for as long as the client waits. */
  | { readonly kind: 'stalled' }
  /** Not a byte, for as long as the client waits. */
  | { readonly kind: 'silent' }
  /** The right reply, its first byte late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** The connection is reset before anything is sent. */
  | { readonly kind: 'reset' }
  /** A redirect to elsewhere. */
  | { readonly kind: 'redirect'; readonly location: string }
  /** A page whose link leads to another host. */
  | { readonly kind: 'foreign-link'; readonly origin?: string }
  /** A page with a nextLink and a deltaLink. */
  | { readonly kind: 'both-links' }
  /** A page without any link. */
  | { readonly kind: 'neither-link' }
  /** A page without `value`. */
  | { readonly kind: 'missing-value' }
  /** A page whose nextLink is the request's own URL. */
  | { readonly kind: 'link-loop' }
  /** 400 as for a page token that is no longer known. */
  | { readonly kind: 'page-token'; readonly code?: string }
  /** An error status over the right body (issue microsoft-graph-docs 4052). */
  | { readonly kind: 'status-over-data'; readonly status: number }
  /** A token endpoint error, by its AADSTS code. */
  | { readonly kind: 'aadsts'; readonly code: number; readonly retryAfter?: RetryAfter };

/** Which requests go wrong. */
export interface FaultOrder {
  /** Tested against the route (`users/delta`, `token`) and against the path with its query. */
  readonly match: RegExp;
  readonly fault: Fault;
  /** How often; once unless given, `Infinity` for ever. */
  readonly times?: number;
  /** How many matching requests go right first. */
  readonly skip?: number;
  /** Only this page of a list or delta round, counted from 1. */
  readonly page?: number;
}

/** A request as faults see it. */
export interface FaultSubject {
  readonly route: string;
  readonly path: string;
  readonly page: number | undefined;
}

export interface FaultQueue {
  add(order: FaultOrder): void;
  clear(): void;
  /** The fault of this request, if one is due; it counts as used. */
  take(subject: FaultSubject): Fault | undefined;
}

/** An empty queue; the first order that matches and is due wins. */
export function faultQueue(): FaultQueue {
  let orders: Array<{ order: FaultOrder; skip: number; times: number }> = [];
  return {
    add(order) {
      orders.push({ order, skip: order.skip ?? 0, times: order.times ?? 1 });
    },
    clear() {
      orders = [];
    },
    take(subject) {
      for (const entry of orders) {
        if (entry.times <= 0 || !matches(entry.order, subject)) continue;
        if (entry.skip-- > 0) continue;
        entry.times--;
        return entry.order.fault;
      }
      return undefined;
    },
  };
}

function matches({ match, page }: FaultOrder, subject: FaultSubject): boolean {
  if (page !== undefined && page !== subject.page) return false;
  // A global expression remembers where it stopped, which would make every second test fail.
  match.lastIndex = 0;
  if (match.test(subject.route)) return true;
  match.lastIndex = 0;
  return match.test(subject.path);
}
