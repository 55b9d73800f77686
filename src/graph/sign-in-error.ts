/**
 * What a failed token request means. MSAL rewrites errors in several ways (a discovery fault loses its cause, an HTML
 * page its status, a throttled call even its message), so the last HTTP exchange is looked at first.
 */
import { aadstsIn, explain } from '../core/aadsts.ts';
import { failed, type GraphFailure, type Outcome, retryAfterOf } from './failure.ts';
import type { HttpReply } from './http.ts';

/** The fields of MSAL's errors that are used; `errorNo` is a number at run time, whatever its type says. */
interface SignInError {
  readonly errorCode?: unknown;
  readonly errorNo?: unknown;
  readonly errorMessage?: unknown;
  readonly message?: unknown;
}

/** The OAuth errors that pass by themselves. */
const PASSING = new Set(['temporarily_unavailable', 'server_error']);

/** Classifies an error of MSAL. `last` is the last HTTP exchange of the attempt, null when none was made. */
export function signInFailure(error: unknown, last: Outcome<HttpReply> | null, now: number): GraphFailure {
  if (last && !last.ok) return { ...last.failure, message: `sign-in: ${last.failure.message}` };
  const fields: SignInError =
    typeof error === 'object' && error !== null ? error : { message: String(error) };
  const text = textOf(fields);
  const code = numberOf(fields.errorNo) ?? aadstsIn(text) ?? numberOf(fields.errorCode);
  const status = last?.ok ? last.value.status : null;
  const wait = last?.ok ? retryAfterOf(last.value.headers.get('retry-after'), now) : null;
  if (isPassing(status, fields, code)) return passing(status, code, wait);
  if (code === null && status !== null && !looksJson(last)) return notEntra(status);
  if (code === null) return unexplained(fields, text);
  const { means, fix } = explain(code);
  return failed(
    'credential',
    `AADSTS${code}`,
    `Entra ID refused the sign-in: ${means.en} (AADSTS${code})`,
    fix.en,
  ).failure;
}

function isPassing(status: number | null, fields: SignInError, code: number | null): boolean {
  if (status !== null && (status === 429 || status >= 500)) return true;
  return PASSING.has(String(fields.errorCode)) || explain(code).transient === true;
}

function passing(status: number | null, code: number | null, wait: number | null): GraphFailure {
  const name = code === null ? `http-${status}` : `AADSTS${code}`;
  const means = code === null ? `Entra ID answered HTTP ${status}` : `${explain(code).means.en} (${name})`;
  return failed(status === 429 || wait !== null ? 'throttled' : 'server', name, means, '', wait).failure;
}

function notEntra(status: number): GraphFailure {
  const message = `sign-in: HTTP ${status} with something that is not JSON`;
  const hint = 'Something between here and Entra ID answers in its place: check the proxy and login.';
  return failed('protocol', `http-${status}`, message, hint).failure;
}

function unexplained(fields: SignInError, text: string): GraphFailure {
  const code = typeof fields.errorCode === 'string' && fields.errorCode !== '' ? fields.errorCode : 'sign-in';
  const refused = code === 'invalid_client' || code === 'unauthorized_client';
  const hint = refused ? 'Check application_id and the secret.' : 'Check login and the tenant id.';
  return failed(refused ? 'credential' : 'protocol', code, `sign-in failed: ${text}`, hint).failure;
}

function textOf(fields: SignInError): string {
  const text = fields.errorMessage || fields.message;
  return typeof text === 'string' && text !== '' ? text.slice(0, 500) : 'no reason given';
}

function numberOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' ? number : null;
}

function looksJson(last: Outcome<HttpReply> | null): boolean {
  return last?.ok === true && last.value.text.trimStart().startsWith('{');
}
