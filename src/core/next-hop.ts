/**
 * What `next_hop` may say: an address, several in order of preference, or the MX records of a domain. Pure.
 *
 * The normal form is one string, which names the next hop everywhere (verdicts, log, connections kept):
 * `host:25`, `[2001:db8::1]:25`, `a.example:25,b.example:25`, `mx:contoso.example` or `mx:contoso.example:2525`.
 */

export interface HopHost {
  readonly host: string;
  readonly port: number;
}

export type NextHopRoute =
  | { readonly kind: 'hosts'; readonly hosts: readonly HopHost[] }
  | { readonly kind: 'mx'; readonly domain: string; readonly port: number };

/** The port of SMTP between servers. */
const SMTP_PORT = 25;
/** Hosts of one list; more than anybody fails over to. */
const MAX_HOSTS = 8;
const HOST = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/;

/** Reads the text of a next hop; null when it is none. */
export function parseNextHop(text: string): NextHopRoute | null {
  if (/^mx:/i.test(text)) {
    const found = hostOf(text.slice(3));
    if (!found || text.includes('[') || /^[\d.]+$/.test(found.host)) return null;
    return { kind: 'mx', domain: found.host.toLowerCase(), port: found.port };
  }
  const hosts = text.split(',').map((part) => hostOf(part.trim()));
  if (hosts.length > MAX_HOSTS) return null;
  const good = hosts.filter((host) => host !== null);
  return good.length === hosts.length ? { kind: 'hosts', hosts: good } : null;
}

/** The normal form of a next hop. */
export function nextHopText(route: NextHopRoute): string {
  if (route.kind === 'mx') {
    return `mx:${route.domain}${route.port === SMTP_PORT ? '' : `:${route.port}`}`;
  }
  return route.hosts.map(hostPortText).join(',');
}

/** `host:port`, an IPv6 address in brackets. */
export function hostPortText({ host, port }: HopHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function hostOf(text: string): HopHost | null {
  const match = HOST.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? SMTP_PORT : Number(match[3]);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}
