/** What the practice tenant was asked: the last requests in full, and how many there were of each route. */

export interface PracticeRequest {
  readonly method: string;
  /** Path with its query. */
  readonly path: string;
  /** `users/delta`, `token` and so on. */
  readonly route: string;
  /** Status sent; 0 when the connection was left silent or reset. */
  readonly status: number;
  /** ms since 1970. */
  readonly at: number;
}

export interface RequestRecord {
  /** The last requests, oldest first. */
  readonly requests: PracticeRequest[];
  /** Requests of every route since the start. */
  readonly counts: ReadonlyMap<string, number>;
  add(request: PracticeRequest): void;
}

const KEPT = 10_000;

/** An empty record; it forgets the oldest requests in blocks, which is cheaper than one at a time. */
export function requestRecord(): RequestRecord {
  const requests: PracticeRequest[] = [];
  const counts = new Map<string, number>();
  return {
    requests,
    counts,
    add(request) {
      requests.push(request);
      if (requests.length > KEPT * 1.1) requests.splice(0, requests.length - KEPT);
      counts.set(request.route, (counts.get(request.route) ?? 0) + 1);
    },
  };
}
