/** What can go wrong between us and Microsoft, as values: each with what happened and what an operator does about it. */
import { GraphClientError } from '@microsoft/microsoft-graph-client';

/**
 * `credential`: Entra refused who we are; `token-refused`: Graph did; `forbidden`: known, but a permission is missing; `cursor-spent`: the
 * stored delta token no longer works and only a full read helps; `page-expired`: paging broke off and the read must
 * start again; `not-found`: Graph itself says that there is no such object; `protocol`: the answer was not what Graph sends; the others say what they mean.
 */
export type FailureKind =
  | 'aborted'
  | 'network'
  | 'timeout'
  | 'protocol'
  | 'credential'
  | 'token-refused'
  | 'forbidden'
  | 'not-found'
  | 'throttled'
  | 'server'
  | 'cursor-spent'
  | 'page-expired';

export interface GraphFailure {
  readonly kind: FailureKind;
  /** `AADSTS7000215`, Graph's error code, a socket error code, or one of our own in lower case. */
  readonly code: string;
  /** What happened. */
  readonly message: string;
  /** What to do about it; empty when waiting is all there is to do. */
  readonly hint: string;
  /** Wait asked for by the other side, ms; null when it did not say. */
  readonly retryAfter: number | null;
}

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: GraphFailure };

/** A successful outcome. */
export function done<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

/** A failed outcome. */
export function failed(
  kind: FailureKind,
  code: string,
  message: string,
  hint = '',
  retryAfter: number | null = null,
): { readonly ok: false; readonly failure: GraphFailure } {
  return { ok: false, failure: { kind, code, message, hint, retryAfter } };
}

/**
 * Carries a failure through a library. Graph's client passes only its own error class through untouched and rewrites
 * every other error, losing the cause.
 */
export class FailureError extends GraphClientError {
  readonly failure: GraphFailure;

  constructor(failure: GraphFailure) {
    super(failure.message);
    // The parent's constructor resets the prototype to its own.
    Object.setPrototypeOf(this, FailureError.prototype);
    this.failure = failure;
  }
}

/** The wait that a `Retry-After` header asks for, in ms from `now`: seconds, possibly fractional, or a date. */
export function retryAfterOf(header: string | null, now: number): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000;
  return Number.isFinite(wait) && wait >= 0 ? Math.ceil(wait) : null;
}
