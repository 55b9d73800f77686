/**
 * The one way out to Microsoft: `fetch` of undici 7 on its own dispatcher, so that an extra CA and a proxy work the same
 * on Node 20 to 26 and no global state is touched. Every body is read to its end (an unread one would pin its
 * socket), redirects are not followed (a token API must not redirect), and every request has a deadline.
 */
import { readFileSync } from 'node:fs';
import * as tls from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent, fetch, ProxyAgent } from 'undici';
import { authoritiesProblem } from '../core/authorities.ts';
import { done, failed, type Outcome } from './failure.ts';
import { isClientTimeout, outboundProxy, transportFailure } from './transport.ts';

export interface HttpSettings {
  /** PEM file with certificate authorities to trust besides the built-in ones. */
  readonly caFile: string | null;
  /** `http://proxy:3128`; null means HTTPS_PROXY and NO_PROXY of the environment. */
  readonly proxy: string | null;
  /** Deadline of a whole request, body included, in ms. */
  readonly timeout: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Http extends AsyncDisposable {
  /** One request. Any HTTP status is a success here; what it means is decided by the caller. */
  request(url: string, request: HttpRequest): Promise<Outcome<HttpReply>>;
}

/** A page holds at most a few hundred objects; anything larger than this is not an answer. Bytes. */
const MAX_BODY = 64 * 1024 * 1024;

/** Opens the way out. The CA file is read at the first request, so that a missing one is a failure with words. */
export function openHttp(settings: HttpSettings): Http {
  let dispatcher: Dispatcher | null = null;
  return {
    async request(url, request) {
      try {
        dispatcher ??= openDispatcher(settings);
      } catch (error) {
        const hint = 'Check ca_file and proxy in the configuration.';
        const reason = error instanceof Error ? error.message : String(error);
        return failed('network', 'outbound-settings', `outbound HTTPS: ${reason}`, hint);
      }
      const proxy = outboundProxy(settings.proxy, process.env);
      return exchange(dispatcher, url, request, settings.timeout, proxy);
    },
    async [Symbol.asyncDispose]() {
      await dispatcher?.destroy();
    },
  };
}

function openDispatcher(settings: HttpSettings): Dispatcher {
  const ca = settings.caFile === null ? null : trustedWith(readFileSync(settings.caFile, 'utf8'));
  const limits = {
    maxResponseSize: MAX_BODY,
    bodyTimeout: settings.timeout,
    headersTimeout: settings.timeout,
  };
  const trust = ca === null ? {} : { ca };
  const connect = { ...trust, timeout: settings.timeout };
  const tunnel = { ...limits, connect, requestTls: trust, proxyTls: trust };
  if (settings.proxy !== null) return new ProxyAgent({ ...tunnel, uri: settings.proxy });
  const env = process.env;
  if (env.HTTPS_PROXY || env.https_proxy) return new EnvHttpProxyAgent(tunnel);
  return new Agent({ ...limits, connect });
}

/** `ca` replaces the defaults in Node, so they are named again; the system's extra ones where Node can tell them. */
function trustedWith(pem: string): string[] {
  const problem = authoritiesProblem(pem);
  if (problem !== null) throw new Error(`ca_file ${problem}`);
  const defaults =
    'getCACertificates' in tls ? (tls.getCACertificates as () => string[])() : tls.rootCertificates;
  return [...defaults, pem];
}

async function exchange(
  dispatcher: Dispatcher,
  url: string,
  request: HttpRequest,
  timeout: number,
  proxy: string | null,
): Promise<Outcome<HttpReply>> {
  const { host } = new URL(url);
  // AbortSignal.any() keeps every composite alive on Node 20 while the long-lived stop signal lives.
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort();
  }, timeout);
  request.signal?.addEventListener('abort', stop);
  if (request.signal?.aborted) stop();
  try {
    const { method, headers, body = null } = request;
    const options = {
      method,
      headers,
      body,
      dispatcher,
      signal: controller.signal,
      redirect: 'manual',
    } as const;
    const response = await fetch(url, options);
    const text = await response.text();
    return done({ status: response.status, headers: new Headers([...response.headers]), text });
  } catch (error) {
    if (request.signal?.aborted) {
      return failed('aborted', 'aborted', `request to ${host} was abandoned because we are stopping`);
    }
    if (late || isClientTimeout(error))
      return failed('timeout', 'timeout', `${host} did not finish its answer within ${timeout} ms`);
    return transportFailure(host, error, proxy);
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', stop);
  }
}
