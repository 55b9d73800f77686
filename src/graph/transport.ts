/** Broken connections in words: what broke between here, a proxy and Microsoft, and what to do about it. */
import { failed } from './failure.ts';

const OUT_OF_DATE =
  'By the clock of this machine the certificate is out of date. Check the clock first (NTP).';

/** The causes of a refused TLS connection, by Node's (OpenSSL's) code. */
const TLS_HINTS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: OUT_OF_DATE,
  CERT_NOT_YET_VALID: OUT_OF_DATE,
  ERR_TLS_CERT_ALTNAME_INVALID:
    'The TLS certificate is for another name: check login and graph, and what DNS and the proxy lead to.',
  ERR_SSL_WRONG_VERSION_NUMBER: 'What answers there does not speak TLS: check login, graph and proxy.',
};

/** Certificates that nobody we trust has signed. */
const UNTRUSTED = /CERT|SIGNATURE|ISSUER|SELF_SIGNED/;

/** `host:port` of the proxy for `url`'s kind (https), without its password; null when none is configured. */
export function outboundProxy(configured: string | null, env: NodeJS.ProcessEnv): string | null {
  const proxy = configured ?? (env.https_proxy || env.HTTPS_PROXY || null);
  if (proxy === null) return null;
  return URL.canParse(proxy) && new URL(proxy).host !== '' ? new URL(proxy).host : 'in HTTPS_PROXY';
}

/** The client's own limits, which are as long as ours and sometimes end first. */
export function isClientTimeout(error: unknown): boolean {
  return ['UND_ERR_BODY_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT'].includes(codeOf(causeOf(error)));
}

/** The failure behind an error of `fetch`, whose own message says nothing; `proxy` as {@link outboundProxy} names it. */
export function transportFailure(host: string, error: unknown, proxy: string | null) {
  const cause = causeOf(error);
  const refusal = /Proxy response \((\d{3})\)/.exec(messageOf(cause))?.[1];
  if (refusal !== undefined && proxy !== null) return proxyRefusal(host, proxy, refusal);
  const code = codeOf(cause);
  const message = `no connection to ${host}: ${messageOf(cause)}`;
  return failed('network', code, message, hintFor(code, proxy));
}

function proxyRefusal(host: string, proxy: string, status: string) {
  const message = `no connection to ${host}: the proxy ${proxy} answered ${status}`;
  const hint =
    status === '407'
      ? 'The proxy wants a user name and password: proxy = "http://user:password@host:port".'
      : `Allow CONNECT to ${host} on the proxy.`;
  return failed('network', `proxy-${status}`, message, hint);
}

function hintFor(code: string, proxy: string | null): string {
  const tls = TLS_HINTS[code];
  if (tls !== undefined) return tls;
  if (UNTRUSTED.test(code)) {
    return 'The TLS certificate is not trusted. If a proxy inspects TLS, name its CA in ca_file.';
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'The name could not be resolved. Check DNS.';
  if (proxy !== null) return `Check that the proxy ${proxy} works, or correct proxy or HTTPS_PROXY.`;
  return 'Check that outbound HTTPS (port 443) is open, or set proxy in the configuration.';
}

function causeOf(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  return cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors[0] : cause;
}

function codeOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  return typeof code === 'string' ? code : 'network';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
