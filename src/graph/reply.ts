/**
 * What an HTTP answer of Graph means: a JSON body, or a failure. The rules for spent cursors are wide on purpose: the
 * same expiry has been seen as 410, as 400 `syncStateNotFound` and as 400 `Request_UnsupportedQuery`, and a damaged token
 * as a plain 400; all of them are cured by a full read.
 */
import { failed, type Outcome, retryAfterOf } from './failure.ts';
import type { HttpReply } from './http.ts';
import { isRecord } from './objects.ts';

/** What a request carried: nothing stored, a stored delta token, or a link of the page before. */
export type RequestPosition = 'first' | 'stored-cursor' | 'next-page';

const PAGE_TOKEN = new Set(['directory_expiredpagetoken', 'directorypagetokennotfoundexception']);
const SPENT = new Set(['syncstatenotfound', 'syncstateinvalid', 'resyncrequired']);

/** Reads an answer at `now` (ms since 1970). Status wins over body: a 400 once came with data in it. */
export function readReply(reply: HttpReply, position: RequestPosition, now: number): Outcome<unknown> {
  if (reply.status === 200) return readJson(reply);
  if (reply.status < 400) {
    const message = `Graph answered HTTP ${reply.status} where 200 was expected`;
    return failed('protocol', `http-${reply.status}`, message, PROXY_HINT);
  }
  const { code, message } = readEnvelope(reply);
  const text = `Graph answered HTTP ${reply.status} ${code}: ${message}`;
  const wait = retryAfterOf(reply.headers.get('retry-after'), now);
  if (reply.status === 400 || reply.status === 410) return badRequest(reply.status, code, text, position);
  if (reply.status === 401) return failed('token-refused', code, text, UNAUTHENTICATED_HINT);
  if (reply.status === 403) return failed('forbidden', code, text, FORBIDDEN_HINT);
  if (reply.status === 404)
    return failed(code === 'Request_ResourceNotFound' ? 'not-found' : 'protocol', code, text);
  if (reply.status === 429) return failed('throttled', code, text, 'Graph asks for fewer requests.', wait);
  if (reply.status >= 500) return failed('server', code, text, '', wait);
  return failed('protocol', code, text);
}

const PROXY_HINT =
  'Something between here and Graph answers in its place: check the proxy and the graph base URL.';
const UNAUTHENTICATED_HINT = 'The token was refused. Check that login and graph belong to the same cloud.';
const FORBIDDEN_HINT =
  'Grant the application permissions User.Read.All and Group.Read.All, with admin consent; a new grant can take minutes to work.';

function readJson(reply: HttpReply): Outcome<unknown> {
  const type = reply.headers.get('content-type') ?? 'nothing';
  if (!/^application\/json\b/i.test(type)) {
    return failed('protocol', 'not-json', `Graph answered HTTP 200 with ${type} instead of JSON`, PROXY_HINT);
  }
  try {
    return { ok: true, value: JSON.parse(reply.text) };
  } catch {
    const message = `Graph answered HTTP 200 with broken JSON (${reply.text.length} characters)`;
    return failed('protocol', 'broken-json', message, 'The answer was cut off on its way.');
  }
}

function badRequest(status: number, code: string, text: string, position: RequestPosition) {
  const name = code.toLowerCase();
  if (position === 'next-page') {
    const spent = SPENT.has(name) || (status === 410 && !PAGE_TOKEN.has(name));
    return failed(spent ? 'cursor-spent' : 'page-expired', code, text);
  }
  if (position === 'stored-cursor') return failed('cursor-spent', code, text);
  return failed('protocol', code, text, 'Graph does not understand our request.');
}

/** `{"error":{"code":"…","message":"…"}}`; anything else, an HTML page for instance, yields the status as code. */
function readEnvelope(reply: HttpReply): { code: string; message: string } {
  const unknown = { code: `http-${reply.status}`, message: 'no error in Graph form' };
  try {
    const body: unknown = JSON.parse(reply.text);
    const error = isRecord(body) ? body.error : null;
    if (!isRecord(error)) return unknown;
    const { code, message } = error;
    const name = typeof code === 'string' && code !== '' ? code : unknown.code;
    return { code: name, message: typeof message === 'string' ? message.slice(0, 500) : '' };
  } catch {
    return unknown;
  }
}
