/**
 * Single requests to Graph. The graph client builds the URL and adds the token; its last middleware is ours and the raw
 * response comes back, because what the library makes of one (an HTML page is a success, a cause is lost) cannot be
 * trusted with a directory. Its retry handler is left out: it sleeps through a stop signal, tries again at once, without
 * end, when Retry-After cannot be read, and leaves 500, 502 and broken connections alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AuthenticationHandler,
  Client,
  type Context,
  type Middleware,
  ResponseType,
} from '@microsoft/microsoft-graph-client';
import { FailureError, failed, type GraphFailure, type Outcome } from './failure.ts';
import type { Http } from './http.ts';
import { type RequestPosition, readReply } from './reply.ts';
import type { Tokens } from './tokens.ts';

/** What a request needs of a token source. */
export type TokenSource = Pick<Tokens, 'get' | 'forget'>;

export interface RequestSettings {
  /** Base URL, https. */
  readonly graph: string;
  /** How often a request is tried again after a passing fault; default 2. */
  readonly retries?: number;
  /** First wait between tries, ms; doubles with each; default 1000. */
  readonly retryDelay?: number;
}

/** GET of a path or an absolute link of Graph, to parsed JSON. */
export type Get = (url: string, position: RequestPosition, signal?: AbortSignal) => Promise<Outcome<unknown>>;

/** Longer waits than this (ms) are not sat out here: they are remembered, and the next round keeps them. */
const LONGEST_WAIT = 10_000;

/** Opens the requests of one tenant. A refused token is renewed once; a passing fault is tried again. */
export function openRequests(settings: RequestSettings, http: Http, tokens: TokenSource): Get {
  const client = openClient(settings.graph, http, tokens);
  const renewing: Get = async (url, position, signal) => {
    const outcome = await request(client, url, position, signal);
    if (outcome.ok) return outcome;
    const { kind } = outcome.failure;
    // A permission granted since the token was made is only in the next token.
    if (kind === 'token-refused' || kind === 'forbidden') tokens.forget();
    return kind === 'token-refused' && !signal?.aborted ? request(client, url, position, signal) : outcome;
  };
  return async (url, position, signal) => {
    for (let attempt = 0; ; attempt++) {
      const outcome = await renewing(url, position, signal);
      const wait = outcome.ok ? null : waitBefore(outcome.failure, attempt, settings);
      if (wait === null || signal?.aborted) return outcome;
      await sleep(wait, undefined, signal ? { signal } : {}).catch(() => {});
    }
  };
}

/** How long to wait (ms) before trying again after `attempt` (from 0) failed; null to leave it to the next round. */
export function waitBefore(
  failure: GraphFailure,
  attempt: number,
  settings: Pick<RequestSettings, 'retries' | 'retryDelay'>,
): number | null {
  const { retries = 2, retryDelay = 1000 } = settings;
  const passing = failure.kind === 'network' || failure.kind === 'server' || failure.kind === 'throttled';
  if (attempt >= retries || !passing) return null;
  const wait = failure.retryAfter ?? retryDelay * 2 ** attempt;
  return wait <= LONGEST_WAIT ? wait : null;
}

function openClient(graph: string, http: Http, tokens: TokenSource): Client {
  const base = new URL(graph);
  const authentication = new AuthenticationHandler({
    async getAccessToken() {
      const token = await tokens.get();
      if (!token.ok) throw new FailureError(token.failure);
      return token.value.value;
    },
  });
  return Client.initWithMiddleware({
    baseUrl: `${base.origin}/`,
    defaultVersion: 'v1.0',
    // The host name without its port: with it, the client would silently leave out the token.
    customHosts: new Set([base.hostname]),
    middleware: [authentication, new PlainFetch(http)],
  });
}

async function request(
  client: Client,
  url: string,
  position: RequestPosition,
  signal?: AbortSignal,
): Promise<Outcome<unknown>> {
  try {
    const prepared = client.api(url).responseType(ResponseType.RAW);
    if (signal) prepared.option('signal', signal);
    const response: Response = await prepared.get();
    const { status, headers } = response;
    return readReply({ status, headers, text: await response.text() }, position, Date.now());
  } catch (error) {
    if (error instanceof FailureError) return { ok: false, failure: error.failure };
    return failed('protocol', 'graph-client', error instanceof Error ? error.message : String(error));
  }
}

/** The last middleware: our HTTP instead of the global fetch. */
class PlainFetch implements Middleware {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /** Part of the interface; this one is the last. */
  setNext(): void {}

  async execute(context: Context): Promise<void> {
    const url = typeof context.request === 'string' ? context.request : String(context.request.url);
    const headers = Object.fromEntries(new Headers(context.options?.headers as Record<string, string>));
    const signal = context.options?.signal ?? undefined;
    const outcome = await this.#http.request(url, { method: 'GET', headers, signal });
    if (!outcome.ok) throw new FailureError(outcome.failure);
    const { status, text } = outcome.value;
    const bodiless = status === 204 || status === 205 || status === 304;
    context.response = new Response(bodiless ? null : text, { status, headers: outcome.value.headers });
  }
}
